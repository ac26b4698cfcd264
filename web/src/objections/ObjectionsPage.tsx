import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Card, Descriptions, Form, Input, Modal, Segmented, Select, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { moment } from "../model/format";
import { Failure, Loading, Nothing, sentence } from "../shell/States";

/** An access to somebody's data, as the person is told of it. */
type Access = {
  at: string;
  who: { title: string };
  purpose: { title: string; legal_basis: string | null } | null;
  system: string | null;
  type_title: string;
  fields: { name: string; title: string }[];
  through_title: string;
  others: number;
};

type Outcome = "upheld" | "partly" | "rejected";

type Objection = {
  id: string;
  entry: Access;
  owner: string;
  reason: string;
  made_at: string;
  due_on: string;
  overdue: boolean;
  state: "open" | Outcome;
  answered_at: string | null;
  answer: string | null;
};

const OUTCOMES: Outcome[] = ["upheld", "partly", "rejected"];

/** Objections to accesses, for the unit in charge of the systems. */
export function ObjectionsPage() {
  const { t } = useTranslation();
  const [state, setState] = useState<"open" | "answered">("open");
  const [answered, setAnswered] = useState<Objection | null>(null);
  const cache = useQueryClient();
  const found = useQuery({
    queryKey: ["objections", state],
    queryFn: ({ signal }) =>
      call<{ items: Objection[] }>("/v1/objection_queue", { query: { state }, signal }),
    // Each look at it is an entry in somebody's record: not for a mere change of windows.
    refetchOnWindowFocus: false,
  });
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return (
    <>
      <h1>{t("obj.title")}</h1>
      <p className="muted">{t("obj.lead")}</p>
      <Segmented<"open" | "answered">
        className="gap"
        aria-label={t("obj.state")}
        value={state}
        onChange={(next) => setState(next)}
        options={[
          { value: "open", label: t("obj.open") },
          { value: "answered", label: t("obj.answered") },
        ]}
      />
      {found.isPending ? (
        <Loading />
      ) : found.data.items.length === 0 ? (
        <Nothing text={t("obj.none")} help={t("obj.noneHelp")} />
      ) : (
        found.data.items.map((one) => <One key={one.id} one={one} answer={() => setAnswered(one)} />)
      )}
      {answered && (
        <AnswerDialog
          one={answered}
          close={() => setAnswered(null)}
          done={() => void cache.invalidateQueries({ queryKey: ["objections"] })}
        />
      )}
    </>
  );
}

function One({ one, answer }: { one: Objection; answer: () => void }) {
  const { t } = useTranslation();
  const { entry } = one;
  const what = [entry.system, entry.type_title].filter(Boolean).join(" · ");
  const fields = entry.fields.map((field) => field.title).join("、");
  return (
    <Card
      className="gap"
      title={<span>{moment(one.made_at)}</span>}
      extra={
        one.state === "open" ? (
          <>
            <span className="muted">{t("obj.due", { day: one.due_on })} </span>
            {one.overdue && <Tag color="error">{t("obj.overdue")}</Tag>}
          </>
        ) : (
          <Tag>{t(`obj.outcomes.${one.state}`)}</Tag>
        )
      }
    >
      <Descriptions
        column={1}
        items={[
          {
            key: "about",
            label: t("obj.about"),
            children: `${moment(entry.at)} ${entry.who.title} ${entry.through_title} ${what}${fields && `:${fields}`}${
              entry.others > 0 ? `;${t("obj.others", { count: entry.others })}` : ""
            }`,
          },
          {
            key: "purpose",
            label: t("obj.purpose"),
            children: entry.purpose
              ? [entry.purpose.title, entry.purpose.legal_basis].filter(Boolean).join(" · ")
              : t("obj.noPurpose"),
          },
          { key: "reason", label: t("obj.reason"), children: <span className="lines">{one.reason}</span> },
          ...(one.answer
            ? [
                {
                  key: "answer",
                  label: t("obj.answer"),
                  children: <span className="lines">{one.answer}</span>,
                },
              ]
            : []),
        ]}
      />
      {one.state === "open" && (
        <Button type="primary" className="above" onClick={answer}>
          {t("obj.answer")}
        </Button>
      )}
    </Card>
  );
}

function AnswerDialog({ one, close, done }: { one: Objection; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ outcome: Outcome; answer: string }>();
  const [busy, setBusy] = useState(false);
  const send = async (body: { outcome: Outcome; answer: string }) => {
    setBusy(true);
    try {
      await call(`/v1/objections/${one.id}/answer`, { method: "POST", body });
      void message.success(t("obj.done"));
      done();
      close();
    } catch (error) {
      void message.error(sentence(error, t));
    }
    setBusy(false);
  };
  return (
    <Modal
      open
      title={t("obj.answerTitle")}
      okText={t("obj.send")}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <p className="lines">{one.reason}</p>
      <Form form={form} layout="vertical" onFinish={(values) => void send(values)}>
        <Form.Item
          name="outcome"
          label={t("obj.outcome")}
          rules={[{ required: true, message: t("form.required") }]}
        >
          <Select options={OUTCOMES.map((value) => ({ value, label: t(`obj.outcomes.${value}`) }))} />
        </Form.Item>
        <Form.Item
          name="answer"
          label={t("obj.text")}
          extra={t("obj.textHelp")}
          rules={[{ required: true, whitespace: true, message: t("form.required") }]}
        >
          <Input.TextArea rows={5} maxLength={2000} showCount />
        </Form.Item>
      </Form>
    </Modal>
  );
}
