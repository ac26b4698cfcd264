import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Card, Descriptions, Form, Input, Modal, Segmented, Space, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { type Approval, approval, approvalFile, approvals, perform, type Sent } from "../api/trust";
import { moment } from "../model/format";
import { Failure, Loading, Nothing, sentence } from "../shell/States";

/** Acts that need a second person: those to decide on, and one's own. */
export function ApprovalsPage() {
  const { t } = useTranslation();
  const [which, setWhich] = useState<"waiting" | "mine">("waiting");
  const found = useQuery({
    queryKey: ["approvals", which],
    queryFn: ({ signal }) => approvals(which, signal),
  });
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return (
    <>
      <h1>{t("trust.approvals")}</h1>
      <p className="muted">{t("trust.approvalsLead")}</p>
      <Segmented<"waiting" | "mine">
        className="gap"
        aria-label={t("trust.which")}
        value={which}
        onChange={setWhich}
        options={[
          { value: "waiting", label: t("trust.waiting") },
          { value: "mine", label: t("trust.mine") },
        ]}
      />
      {found.isPending ? (
        <Loading />
      ) : found.data.items.length === 0 ? (
        <Nothing text={t("trust.nothing")} help={t("trust.nothingHelp")} />
      ) : (
        found.data.items.map((one) => <One key={one.id} one={one} />)
      )}
    </>
  );
}

function One({ one }: { one: Approval }) {
  const { t } = useTranslation();
  const [whole, setWhole] = useState(false);
  const who = [one.name, one.unit].filter(Boolean).join(" · ");
  const open = one.state === "waiting" || one.state === "approved";
  return (
    <Card
      className="gap"
      title={one.title ?? one.operation}
      extra={<Tag color={open ? "processing" : undefined}>{t(`trust.states.${one.state}`)}</Tag>}
    >
      <Descriptions
        column={1}
        items={[
          { key: "who", label: t("trust.asker"), children: `${who},${moment(one.asked_at)}` },
          { key: "call", label: t("trust.call"), children: `${one.title ?? one.operation} · ${one.type}` },
          ...(one.purpose ? [{ key: "purpose", label: t("trust.purpose"), children: one.purpose }] : []),
          { key: "reason", label: t("trust.reason"), children: one.reason || t("trust.noReason") },
          { key: "why", label: t("trust.why"), children: one.why },
          ...(one.decided_name
            ? [
                {
                  key: "decision",
                  label: t("trust.decision"),
                  children: `${one.decided_name}:${one.decided_reason ?? ""}`,
                },
              ]
            : []),
        ]}
      />
      {open && <p className="muted">{t("trust.until", { at: moment(one.expires_at) })}</p>}
      {whole ? <Whole id={one.id} /> : <Button onClick={() => setWhole(true)}>{t("trust.show")}</Button>}
    </Card>
  );
}

/** Looked at only when asked for: looking is in the log. */
function Whole({ id }: { id: string }) {
  const { t } = useTranslation();
  const found = useQuery({
    queryKey: ["approval", id],
    queryFn: ({ signal }) => approval(id, signal),
    refetchOnWindowFocus: false,
  });
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (found.isPending) return <Loading />;
  const one = found.data;
  return (
    <>
      {one.request ? <Content id={id} sent={one.request} /> : <p>{t("trust.gone")}</p>}
      <Acts one={one} />
    </>
  );
}

function Content({ id, sent }: { id: string; sent: Sent }) {
  const { t } = useTranslation();
  const query = sent.query.map(({ name, value }) => `${name}=${value}`).join("&");
  return (
    <>
      <p className="break">
        <code>
          {sent.method} {sent.path}
          {query && `?${query}`}
        </code>
      </p>
      {sent.body !== null && <pre className="sent">{JSON.stringify(sent.body, null, 2)}</pre>}
      {sent.file && (
        <p>
          <a href={approvalFile(id)} download={sent.file.name ?? true}>
            {t("trust.download")}({sent.file.name},{sent.file.size} B)
          </a>
        </p>
      )}
    </>
  );
}

function Acts({ one }: { one: Approval }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const [deciding, setDeciding] = useState<"approve" | "reject" | null>(null);
  const [busy, setBusy] = useState(false);
  const fresh = () => {
    for (const key of ["approvals", "approval", "records", "record"])
      void cache.invalidateQueries({ queryKey: [key] });
  };
  const act = async (work: () => Promise<unknown>, done: string) => {
    setBusy(true);
    try {
      await work();
      void message.success(done);
    } catch (error) {
      void message.error(sentence(error, t));
    }
    setBusy(false);
    fresh();
  };
  const again = async (sent: Sent) => {
    const file = await perform(one, sent);
    if (!file) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${one.type}.${sent.query.find(({ name }) => name === "format")?.value ?? "csv"}`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const sent = one.request;
  return (
    <Space wrap className="above">
      {one.may_decide && (
        <>
          <Button type="primary" onClick={() => setDeciding("approve")}>
            {t("trust.approve")}
          </Button>
          <Button onClick={() => setDeciding("reject")}>{t("trust.reject")}</Button>
        </>
      )}
      {one.mine && one.state === "approved" && sent && (
        <Button
          type="primary"
          loading={busy}
          onClick={() => void act(() => again(sent), t("trust.performed"))}
        >
          {t("trust.perform")}
        </Button>
      )}
      {one.mine && (one.state === "waiting" || one.state === "approved") && (
        <Button
          loading={busy}
          onClick={() =>
            void act(() => call(`/v1/approvals/${one.id}/withdraw`, { method: "POST" }), t("trust.withdrawn"))
          }
        >
          {t("trust.withdraw")}
        </Button>
      )}
      {deciding && (
        <Decision
          verb={deciding}
          close={() => setDeciding(null)}
          send={(reason) =>
            act(
              () => call(`/v1/approvals/${one.id}/${deciding}`, { method: "POST", body: { reason } }),
              t(deciding === "approve" ? "trust.approved" : "trust.rejected"),
            )
          }
        />
      )}
    </Space>
  );
}

function Decision({
  verb,
  close,
  send,
}: {
  verb: "approve" | "reject";
  close: () => void;
  send: (reason: string) => Promise<void>;
}) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ reason: string }>();
  const [busy, setBusy] = useState(false);
  const finish = async ({ reason }: { reason: string }) => {
    setBusy(true);
    await send(reason);
    setBusy(false);
    close();
  };
  return (
    <Modal
      open
      title={t(`trust.${verb}`)}
      okText={t(`trust.${verb}`)}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <Form form={form} layout="vertical" onFinish={(values) => void finish(values)}>
        <Form.Item
          name="reason"
          label={t("trust.text")}
          extra={t("trust.textHelp")}
          rules={[{ required: true, whitespace: true, message: t("form.required") }]}
        >
          <Input.TextArea rows={3} maxLength={500} showCount />
        </Form.Item>
      </Form>
    </Modal>
  );
}
