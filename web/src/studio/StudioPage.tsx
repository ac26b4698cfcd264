/** Drafts: begun, drawn on, handed in, judged, published. */

import { PlusOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import {
  App,
  Button,
  Form,
  Grid,
  Input,
  Modal,
  Segmented,
  Select,
  Table,
  type TableColumnsType,
  Tag,
} from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { createDraft, type DraftState, type DraftSummary, deleteDraft, drafts } from "../api/drafts";
import { packages } from "../api/queries";
import { tr } from "../i18n";
import { moment } from "../model/format";
import { atFields } from "../shell/fields";
import { Failure, Loading, Nothing, sentence } from "../shell/States";
import "../i18n/work";
import "../work/style";

const COLOURS: Record<DraftState, string | undefined> = {
  open: "blue",
  submitted: "gold",
  published: "green",
  rejected: "red",
};

export function DraftTag({ state }: { state: DraftState }) {
  const { t } = useTranslation();
  return <Tag color={COLOURS[state]}>{t(`work.studio.states.${state}`, { defaultValue: state })}</Tag>;
}

type Which = "mine" | "review" | "all";

export function StudioPage() {
  const { t } = useTranslation();
  const { message, modal } = App.useApp();
  const cache = useQueryClient();
  const wide = Grid.useBreakpoint().md ?? true;
  const all = useQuery(drafts);
  const names = useQuery(packages);
  const [which, setWhich] = useState<Which>("all");
  const [making, setMaking] = useState(false);
  if (all.isPending) return <Loading />;
  if (all.isError) return <Failure error={all.error} retry={() => void all.refetch()} />;
  const mine = (one: DraftSummary) => one.mine;
  const shown = all.data.filter((one) =>
    which === "mine" ? mine(one) : which === "review" ? one.state === "submitted" && !mine(one) : true,
  );
  const home = (id: string) => {
    const found = names.data?.items.find((one) => one.id === id);
    return found ? tr(found.title) : id;
  };
  const title = (one: DraftSummary) =>
    one.state === "submitted" || one.state === "published" || !one.mine ? (
      <Link to="/studio/$id/review" params={{ id: one.id }}>
        {one.title}
      </Link>
    ) : (
      <Link to="/studio/$id" params={{ id: one.id }}>
        {one.title}
      </Link>
    );
  const drop = (one: DraftSummary) =>
    modal.confirm({
      title: t("work.studio.deleteSure", { title: one.title }),
      content: t("work.studio.deleteHelp"),
      okText: t("detail.delete"),
      okButtonProps: { danger: true },
      cancelText: t("cancel"),
      onOk: async () => {
        try {
          await deleteDraft(one.id);
          void message.success(t("detail.deleted"));
        } catch (error) {
          void message.error(sentence(error, t));
        }
        void cache.invalidateQueries({ queryKey: ["drafts"] });
      },
    });
  const remove = (one: DraftSummary) =>
    mine(one) &&
    (one.state === "open" || one.state === "rejected") && (
      <Button size="small" onClick={() => drop(one)}>
        {t("detail.delete")}
      </Button>
    );
  const columns: TableColumnsType<DraftSummary> = wide
    ? [
        { title: t("work.studio.columns.title"), render: (_, one) => title(one) },
        { title: t("work.studio.columns.package"), render: (_, one) => home(one.package) },
        { title: t("work.studio.columns.state"), render: (_, one) => <DraftTag state={one.state} /> },
        { title: t("work.studio.columns.author"), render: (_, one) => one.author_name ?? one.author },
        { title: t("work.studio.columns.updated"), render: (_, one) => moment(one.updated_at) },
        { title: t("work.studio.columns.do"), render: (_, one) => remove(one) },
      ]
    : [
        {
          render: (_, one) => (
            <>
              {title(one)} <DraftTag state={one.state} />
              <div className="small muted">
                {[home(one.package), one.author_name ?? one.author, moment(one.updated_at)].join(" · ")}
              </div>
              {remove(one)}
            </>
          ),
        },
      ];
  return (
    <>
      <div className="titled">
        <div>
          <h1>{t("work.studio.title")}</h1>
          <p className="muted">{t("work.studio.lead")}</p>
        </div>
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setMaking(true)}>
          {t("work.studio.newDraft")}
        </Button>
      </div>
      <div className="bar">
        <Segmented<Which>
          aria-label={t("work.studio.which")}
          value={which}
          onChange={setWhich}
          options={(["all", "mine", "review"] as const).map((value) => ({
            value,
            label: t(`work.studio.whiches.${value}`),
          }))}
        />
      </div>
      <Table<DraftSummary>
        rowKey="id"
        size="middle"
        showHeader={wide}
        dataSource={shown}
        columns={columns}
        pagination={shown.length > 20 ? { pageSize: 20 } : false}
        scroll={wide ? { x: "max-content" } : undefined}
        locale={{ emptyText: <Nothing text={t("work.studio.empty")} help={t("work.studio.emptyHelp")} /> }}
      />
      {making && <NewDraft close={() => setMaking(false)} />}
    </>
  );
}

function NewDraft({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const all = useQuery(packages);
  const [form] = Form.useForm<{ package: string; title: string }>();
  const [busy, setBusy] = useState(false);
  const make = async (values: { package: string; title: string }) => {
    setBusy(true);
    try {
      const made = await createDraft({ ...values, files: {} });
      void cache.invalidateQueries({ queryKey: ["drafts"] });
      void navigate({ to: "/studio/$id", params: { id: made.id } });
    } catch (error) {
      if (!atFields(form, error)) void message.error(sentence(error, t));
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      title={t("work.studio.newDraft")}
      okText={t("work.studio.begin")}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <Form form={form} layout="vertical" onFinish={(values) => void make(values)}>
        <Form.Item
          name="package"
          label={t("work.studio.package")}
          extra={t("work.studio.packageHelp")}
          rules={[{ required: true, message: t("form.required") }]}
        >
          <Select
            loading={all.isPending}
            showSearch={{ optionFilterProp: "label" }}
            options={(all.data?.items ?? []).map((one) => ({ value: one.id, label: tr(one.title) }))}
          />
        </Form.Item>
        <Form.Item
          name="title"
          label={t("work.studio.draftTitle")}
          rules={[{ required: true, whitespace: true, message: t("form.required") }]}
        >
          <Input maxLength={80} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
