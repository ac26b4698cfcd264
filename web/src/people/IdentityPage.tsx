import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Card, Descriptions, Form, Input, Popconfirm, Radio, Select, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { actFor, call } from "../api/client";
import { type PartyLink, party, partyLinks } from "../api/people";
import { change } from "../api/queries";
import { atFields } from "../shell/fields";
import { Rows, useAct } from "../shell/Rows";
import { Failure, Loading } from "../shell/States";
import { useToday } from "./useToday";

const post = (link: PartyLink, verb: "agree" | "revoke") =>
  call(`/v1/party-links/${link.id}/${verb}`, { method: "POST" });

/** What one side of a link can do with it now. */
function Acts({ link, acting }: { link: PartyLink; acting: boolean }) {
  const { t } = useTranslation();
  const act = useAct("party-links");
  const agree = () => act(() => post(link, "agree"), t("ppl.agreed"));
  const end = () => act(() => post(link, "revoke"), t("ppl.revoked"));
  const begin = () =>
    act(() =>
      change(async () => {
        actFor(link.other.id);
      }),
    );
  if (["ended", "lapsed", "revoked"].includes(link.state)) return null;
  const word = { waiting: "ppl.refuse", asked: "ppl.withdraw" }[link.state as string] ?? "ppl.revoke";
  return (
    <>
      {link.state === "waiting" && (
        <Button type="primary" onClick={() => void agree()}>
          {t("ppl.agree")}
        </Button>
      )}
      {link.state === "standing" && link.way === "received" && !acting && (
        <Button onClick={() => void begin()}>{t("ppl.actFor")}</Button>
      )}
      <Popconfirm
        title={t("ppl.revokeAsk")}
        okText={t(word)}
        cancelText={t("cancel")}
        onConfirm={() => void end()}
      >
        <Button type="link" danger>
          {t(word)}
        </Button>
      </Popconfirm>
    </>
  );
}

function Links({ way, title, acting }: { way: PartyLink["way"]; title: string; acting: string | undefined }) {
  const { t } = useTranslation();
  const line = (one: PartyLink) => (
    <span>
      <b>{one.other.name}</b> {one.other.number && <code>{one.other.number}</code>}{" "}
      <Tag>{t(`ppl.kinds.${one.kind}`)}</Tag>{" "}
      <span className={one.state === "standing" ? "light green" : "light"}>
        {t(`ppl.states.${one.state}`)}
      </span>
      <span className="muted block">
        {one.packages ? one.packages.join("、") : t("ppl.allPackages")} ·{" "}
        {one.until ? t("ppl.dates", { from: one.from, until: one.until }) : t("ppl.open", { from: one.from })}
        {one.reason && ` · ${one.reason}`}
      </span>
    </span>
  );
  return (
    <Card title={title} className="gap">
      <Rows
        of={partyLinks}
        only={(one) => one.way === way}
        none={t("ppl.none")}
        line={line}
        end={(one) => <Acts link={one} acting={acting === one.other.id} />}
      />
    </Card>
  );
}

type Asked = {
  way: "give" | "ask";
  name: string;
  number: string;
  packages: string[];
  from: string;
  until: string;
  reason: string;
};

function Ask() {
  const { t } = useTranslation();
  const [form] = Form.useForm<Asked>();
  const act = useAct("party-links");
  const today = useToday();
  const must = [{ required: true, message: t("form.required") }];
  const ask = (values: Asked) =>
    act(async () => {
      try {
        await call("/v1/party-links", { method: "POST", body: values });
        form.resetFields();
      } catch (error) {
        atFields(form, error);
        throw error;
      }
    }, t("ppl.askDone"));
  return (
    <Card title={t("ppl.ask")} className="gap">
      <p className="muted">{t("ppl.askLead")}</p>
      <Form<Asked>
        form={form}
        layout="vertical"
        className="narrow"
        autoComplete="off"
        initialValues={{ way: "give", from: today, until: today, packages: [] }}
        onFinish={(values) => void ask(values)}
      >
        <Form.Item name="way" label={t("ppl.way")}>
          <Radio.Group
            options={[
              { value: "give", label: t("ppl.ways.give") },
              { value: "ask", label: t("ppl.ways.ask") },
            ]}
          />
        </Form.Item>
        <Form.Item name="name" label={t("ppl.otherName")} rules={must}>
          <Input maxLength={60} />
        </Form.Item>
        <Form.Item name="number" label={t("ppl.otherNumber")} rules={must}>
          <Input maxLength={18} />
        </Form.Item>
        <Form.Item name="packages" label={t("ppl.packages")} extra={t("ppl.packagesHelp")} rules={must}>
          <Select mode="tags" open={false} tokenSeparators={[",", ",", " "]} />
        </Form.Item>
        <Form.Item name="from" label={t("ppl.from")} rules={must}>
          <Input type="date" />
        </Form.Item>
        <Form.Item name="until" label={t("ppl.until")} rules={must}>
          <Input type="date" />
        </Form.Item>
        <Form.Item name="reason" label={t("ppl.reason")} rules={must}>
          <Input maxLength={200} />
        </Form.Item>
        <Button type="primary" htmlType="submit">
          {t("ppl.ask")}
        </Button>
      </Form>
    </Card>
  );
}

/** Who a citizen is, how surely, and who may act for whom. */
export function IdentityPage() {
  const { t } = useTranslation();
  const me = useQuery(party);
  if (me.isPending) return <Loading />;
  if (me.isError) return <Failure error={me.error} retry={() => void me.refetch()} />;
  const { name, number, level, represents } = me.data;
  return (
    <>
      <h1>{t("ppl.identity")}</h1>
      <p className="muted">{t("ppl.identityLead")}</p>
      {represents && (
        <Alert
          type="info"
          showIcon
          className="gap"
          title={t("ppl.actingFor", { name: represents.name })}
          action={
            <Button
              size="small"
              onClick={() =>
                void change(async () => {
                  actFor(null);
                })
              }
            >
              {t("ppl.stopActing")}
            </Button>
          }
        />
      )}
      <Card className="gap">
        <Descriptions
          column={1}
          items={[
            { key: "name", label: t("ppl.name"), children: name },
            { key: "number", label: t("ppl.number"), children: number ?? t("none") },
            { key: "level", label: t("ppl.level"), children: <Tag>{t(`ppl.levels.l${level}`)}</Tag> },
          ]}
        />
        {level < 2 && <p>{t("ppl.raise")}</p>}
      </Card>
      <Links way="given" title={t("ppl.linksGiven")} acting={represents?.id} />
      <Links way="received" title={t("ppl.linksReceived")} acting={represents?.id} />
      {level >= 2 && (!represents || represents.kind === "organisation") && <Ask />}
    </>
  );
}
