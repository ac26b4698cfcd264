import { useQuery } from "@tanstack/react-query";
import { App, Button, Card, Form, Input, Select, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { pkg as packageQuery, packages, session } from "../api/queries";
import { simulate, type TypeSeen, type VerbSeen } from "../api/trust";
import { tr } from "../i18n";
import { Loading, sentence } from "../shell/States";

type Asked = {
  package: string;
  roles?: string[];
  kind?: string;
  unit?: string;
  regions?: string[];
  purpose?: string;
};

const KINDS = ["person", "citizen", "service", "anonymous"];

/** What somebody could see, and why. */
export function SimulatePage() {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<Asked>();
  const me = useQuery(session);
  const all = useQuery(packages);
  const id = Form.useWatch("package", form);
  const home = useQuery({ ...packageQuery(id ?? ""), enabled: id !== undefined });
  const [seen, setSeen] = useState<TypeSeen[] | null>(null);
  const [busy, setBusy] = useState(false);
  const admin = me.data?.roles.includes("admin") ?? false;
  const ask = async (asked: Asked) => {
    setBusy(true);
    try {
      const given = Object.entries(asked).filter(([, value]) => value !== undefined && value !== "");
      setSeen((await simulate({ ...Object.fromEntries(given), count: true })).types);
    } catch (error) {
      void message.error(sentence(error, t));
    }
    setBusy(false);
  };
  const declared = (home.data?.roles ?? []) as [string, { title: { zh: string; en?: string } }][];
  const roles = declared
    .filter(([name]) => admin || me.data?.roles.includes(`${id}.${name}`))
    .map(([name, role]) => ({ value: `${id}.${name}`, label: tr(role.title) }));
  const purposes = ((home.data?.purposes ?? []) as [string, { title: { zh: string; en?: string } }][]).map(
    ([name, purpose]) => ({ value: `${id}.${name}`, label: tr(purpose.title) }),
  );
  return (
    <>
      <h1>{t("trust.simulate")}</h1>
      <p className="muted">{t("trust.simulateLead")}</p>
      <Form
        form={form}
        layout="vertical"
        className="asking"
        initialValues={{ kind: "person" }}
        onFinish={(values) => void ask(values)}
        onValuesChange={(changed: Partial<Asked>) => {
          if (changed.package) form.setFieldsValue({ roles: [], purpose: undefined });
        }}
      >
        <Form.Item
          name="package"
          label={t("trust.system")}
          rules={[{ required: true, message: t("form.required") }]}
        >
          <Select
            loading={all.isPending}
            options={(all.data?.items ?? []).map((one) => ({ value: one.id, label: tr(one.title) }))}
          />
        </Form.Item>
        <Form.Item name="roles" label={t("trust.role")}>
          <Select mode="multiple" options={roles} disabled={id === undefined} />
        </Form.Item>
        <Form.Item name="purpose" label={t("trust.purpose")}>
          <Select allowClear options={purposes} disabled={id === undefined} />
        </Form.Item>
        {admin && (
          <>
            <Form.Item name="kind" label={t("trust.kind")}>
              <Select options={KINDS.map((value) => ({ value, label: t(`trust.kinds.${value}`) }))} />
            </Form.Item>
            <Form.Item name="unit" label={t("trust.unit")}>
              <Input maxLength={40} />
            </Form.Item>
            <Form.Item name="regions" label={t("trust.regions")}>
              <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[",", " ", ","]} />
            </Form.Item>
          </>
        )}
        <Button type="primary" htmlType="submit" loading={busy}>
          {t("trust.ask")}
        </Button>
      </Form>
      {busy ? <Loading /> : seen?.map((one) => <One key={one.type} one={one} />)}
    </>
  );
}

function One({ one }: { one: TypeSeen }) {
  const { t } = useTranslation();
  const all = one.records?.all;
  const count =
    one.records === undefined
      ? ""
      : all === null || all === undefined
        ? t("trust.many")
        : all.fewer_than !== undefined
          ? t("trust.fewer", { count: all.fewer_than })
          : t("trust.count", { count: all.count });
  const view = one.verbs.find((verb) => verb.verb === "view" && verb.permitted);
  return (
    <Card
      className="gap"
      title={one.title}
      extra={
        <>
          {one.personal && <Tag>{t("trust.personal")}</Tag>}
          <span className="muted">{count}</span>
        </>
      }
    >
      <Table<VerbSeen>
        size="small"
        pagination={false}
        rowKey="verb"
        dataSource={one.verbs}
        scroll={{ x: 640 }}
        columns={[
          { title: t("trust.verb"), dataIndex: "title", width: 140 },
          {
            title: t("trust.may"),
            width: 90,
            render: (_, verb) => (
              <Tag color={verb.permitted ? "success" : undefined}>
                {t(verb.permitted ? "trust.yes" : "trust.no")}
              </Tag>
            ),
          },
          { title: t("trust.rows"), render: (_, verb) => <Rows verb={verb} /> },
          { title: t("trust.because"), width: 220, render: (_, verb) => <Reasons verb={verb} /> },
        ]}
      />
      {view && (
        <details className="above">
          <summary>{t("trust.fieldsOf")}</summary>
          <Table
            size="small"
            pagination={false}
            rowKey="name"
            dataSource={view.fields}
            columns={[
              { title: t("trust.field"), render: (_, field) => `${field.title}(${field.name})` },
              {
                title: t("trust.shown"),
                render: (_, field) =>
                  field.shown === "partly"
                    ? `${t("trust.how.partly")}:${field.whole.text}`
                    : t(`trust.how.${field.shown}`),
              },
            ]}
          />
        </details>
      )}
    </Card>
  );
}

function Rows({ verb }: { verb: VerbSeen }) {
  const { t } = useTranslation();
  if (verb.refusal) return <span className="muted">{verb.refusal}</span>;
  return (
    <>
      <span>{verb.rows.text}</span>
      {verb.rows.filter !== "TRUE" && <code className="block">{verb.rows.filter}</code>}
      {verb.k_anonymous !== null && <span className="block">{t("trust.k", { k: verb.k_anonymous })}</span>}
      {verb.two_person !== null && <span className="block">{t("trust.two", { why: verb.two_person })}</span>}
    </>
  );
}

function Reasons({ verb }: { verb: VerbSeen }) {
  const { t } = useTranslation();
  return verb.reasons.map((why) => (
    <span key={why.policy} className="block">
      {t(why.permits ? "trust.permits" : "trust.forbids")} {why.policy}
      {why.line !== null && <span className="muted"> {t("trust.line", { line: why.line })}</span>}
    </span>
  ));
}
