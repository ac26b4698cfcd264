import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { App, Button, Card, Descriptions, Form, Input, Modal, Segmented, Select, Space, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { changePurpose, packages } from "../api/queries";
import { type Emergency, emergencies, emergency } from "../api/trust";
import { tr } from "../i18n";
import { moment } from "../model/format";
import { Failure, Loading, Nothing, sentence } from "../shell/States";

type Which = "review" | "mine" | "all";

/** Emergency access: opening it, and what others made of it afterwards. */
export function EmergenciesPage() {
  const { t } = useTranslation();
  const [which, setWhich] = useState<Which>("review");
  const [opening, setOpening] = useState(false);
  const found = useQuery({
    queryKey: ["emergencies", which],
    queryFn: ({ signal }) => emergencies(which, signal),
  });
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return (
    <>
      <h1>{t("trust.emergencies")}</h1>
      <p className="muted">{t("trust.emergenciesLead")}</p>
      <Space wrap className="gap">
        <Segmented<Which>
          aria-label={t("trust.which")}
          value={which}
          onChange={setWhich}
          options={[
            { value: "review", label: t("trust.review") },
            { value: "mine", label: t("trust.own") },
            { value: "all", label: t("trust.everything") },
          ]}
        />
        <Button danger onClick={() => setOpening(true)}>
          {t("trust.open")}
        </Button>
      </Space>
      {found.isPending ? (
        <Loading />
      ) : found.data.items.length === 0 ? (
        <Nothing text={t("trust.nobody")} help={t("trust.nobodyHelp")} />
      ) : (
        found.data.items.map((one) => <One key={one.id} one={one} />)
      )}
      {opening && (
        <Opening
          close={() => setOpening(false)}
          done={() => {
            setOpening(false);
            setWhich("mine");
          }}
        />
      )}
    </>
  );
}

const COLOURS = { open: "processing", due: "warning", overdue: "error" } as Record<
  string,
  string | undefined
>;

function One({ one }: { one: Emergency }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [judging, setJudging] = useState(false);
  const reads = useQuery({
    queryKey: ["emergency", one.id, one.state],
    queryFn: ({ signal }) => emergency(one.id, signal),
  });
  const fresh = () => void cache.invalidateQueries({ queryKey: ["emergencies"] });
  const close = async () => {
    try {
      await call(`/v1/emergencies/${one.id}/close`, { method: "POST" });
      void message.success(t("trust.closed"));
    } catch (error) {
      void message.error(sentence(error, t));
    }
    fresh();
  };
  const look = () => {
    changePurpose(one.package, "emergency");
    void navigate({ to: "/p/$pkg", params: { pkg: one.package } });
  };
  const read = reads.data?.reads ?? [];
  const what = read.map(({ type, acts, persons }) => t("trust.read", { type, acts, persons })).join(";");
  return (
    <Card
      className="gap"
      title={one.package}
      extra={
        <>
          {(one.state === "due" || one.state === "overdue") && (
            <span className="muted">{t("trust.reviewBy", { day: one.review_by })} </span>
          )}
          <Tag color={COLOURS[one.state]}>{t(`trust.emergencyStates.${one.state}`)}</Tag>
        </>
      }
    >
      <Descriptions
        column={1}
        items={[
          { key: "by", label: t("trust.by"), children: [one.name, one.unit].filter(Boolean).join(" · ") },
          {
            key: "span",
            label: t("trust.span"),
            children: t("trust.spanText", {
              from: moment(one.opened_at),
              to: moment(one.closed_at ?? one.ends_at),
            }),
          },
          { key: "types", label: t("trust.types"), children: one.types.join("、") },
          { key: "reason", label: t("trust.reason"), children: <span className="lines">{one.reason}</span> },
          { key: "reads", label: t("trust.reads"), children: what || t("trust.readNothing") },
          ...(one.review
            ? [
                {
                  key: "review",
                  label: t("trust.opinion"),
                  children: `${one.reviewed_name ?? ""}:${one.review}`,
                },
              ]
            : []),
        ]}
      />
      <Space wrap>
        {one.state === "open" && one.mine && (
          <Button type="primary" onClick={look}>
            {t("trust.goOn")}
          </Button>
        )}
        {one.state === "open" && <Button onClick={() => void close()}>{t("trust.close")}</Button>}
        {one.may_review && (
          <Button type="primary" onClick={() => setJudging(true)}>
            {t("trust.judge")}
          </Button>
        )}
      </Space>
      {judging && (
        <Judging
          one={one}
          close={() => {
            setJudging(false);
            fresh();
          }}
        />
      )}
    </Card>
  );
}

function Opening({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const all = useQuery(packages);
  const [form] = Form.useForm<{ package: string; reason: string }>();
  const [busy, setBusy] = useState(false);
  const send = async (body: { package: string; reason: string }) => {
    setBusy(true);
    try {
      await call("/v1/emergencies", { method: "POST", body });
      void message.success(t("trust.opened"));
      void cache.invalidateQueries({ queryKey: ["emergencies"] });
      done();
    } catch (error) {
      void message.error(sentence(error, t));
    }
    setBusy(false);
  };
  const systems = (all.data?.items ?? []).map((one) => ({ value: one.id, label: tr(one.title) }));
  return (
    <Modal
      open
      title={t("trust.open")}
      okText={t("trust.open")}
      okButtonProps={{ danger: true }}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <p className="muted">{t("trust.emergenciesLead")}</p>
      <Form form={form} layout="vertical" onFinish={(values) => void send(values)}>
        <Form.Item
          name="package"
          label={t("trust.system")}
          rules={[{ required: true, message: t("form.required") }]}
        >
          <Select options={systems} />
        </Form.Item>
        <Form.Item
          name="reason"
          label={t("trust.what")}
          rules={[{ required: true, whitespace: true, message: t("form.required") }]}
        >
          <Input.TextArea rows={4} maxLength={500} showCount />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function Judging({ one, close }: { one: Emergency; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ outcome: string; text: string }>();
  const [busy, setBusy] = useState(false);
  const send = async (body: { outcome: string; text: string }) => {
    setBusy(true);
    try {
      await call(`/v1/emergencies/${one.id}/review`, { method: "POST", body });
      void message.success(t("trust.judged"));
      close();
    } catch (error) {
      void message.error(sentence(error, t));
    }
    setBusy(false);
  };
  const outcomes = ["justified", "unjustified"].map((value) => ({
    value,
    label: t(`trust.outcomes.${value}`),
  }));
  return (
    <Modal
      open
      title={t("trust.judge")}
      okText={t("trust.judge")}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <p className="lines">{one.reason}</p>
      <Form form={form} layout="vertical" onFinish={(values) => void send(values)}>
        <Form.Item
          name="outcome"
          label={t("trust.outcome")}
          rules={[{ required: true, message: t("form.required") }]}
        >
          <Select options={outcomes} />
        </Form.Item>
        <Form.Item
          name="text"
          label={t("trust.opinion")}
          rules={[{ required: true, whitespace: true, message: t("form.required") }]}
        >
          <Input.TextArea rows={4} maxLength={1000} showCount />
        </Form.Item>
      </Form>
    </Modal>
  );
}
