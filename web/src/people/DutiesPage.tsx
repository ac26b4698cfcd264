import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Card, Form, Input, List, Popconfirm, Select, Tag } from "antd";
import { Fragment } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { type Delegation, type Duty, delegations, duties } from "../api/people";
import { change, session, unitName } from "../api/queries";
import { atFields } from "../shell/fields";
import { Rows, useAct } from "../shell/Rows";
import { Failure, Loading } from "../shell/States";
import { useRoleNames } from "../shell/useRoleNames";
import { useToday } from "./useToday";

/** A unit by its name, once that is known. */
function Unit({ code }: { code: string }) {
  const name = useQuery(unitName(code));
  return <>{name.data ?? code}</>;
}

function Roles({ roles }: { roles: string[] }) {
  const roleName = useRoleNames();
  return roles.map((role) => (
    <Fragment key={role}>
      <Tag>{roleName(role)}</Tag>{" "}
    </Fragment>
  ));
}

/** The posts that one may act in; one of them, or the account's own, is acted in now. */
function Posts({ items, current }: { items: Duty[]; current: string | null }) {
  const { t } = useTranslation();
  const act = useAct("duties");
  const use = (post: string, title: string) =>
    act(
      () => change(() => call("/v1/session/post", { method: "PUT", body: { post } })),
      t("ppl.used", { title }),
    );
  const end = (id: string, title: string, now: boolean) =>
    now ? (
      <span className="light green">{t("ppl.current")}</span>
    ) : (
      <Button onClick={() => void use(id, title)}>{t("ppl.use")}</Button>
    );
  const line = (one: Duty) => (
    <List.Item className="row-item" actions={[end(one.id, one.title, one.id === current)]}>
      <span>
        <b>{one.title}</b> · <Unit code={one.unit} /> {one.main && <Tag>{t("ppl.main")}</Tag>}
        {one.on_behalf_of && <Tag>{t("ppl.forWhom", { name: one.on_behalf_of.name ?? "" })}</Tag>}
        <span className="muted block">
          <Roles roles={one.roles} />
          {one.regions.length > 0 && `${t("ppl.regions", { list: one.regions.join("、") })} `}
          {one.lines.length > 0 && t("ppl.lines", { list: one.lines.join("、") })}
        </span>
      </span>
    </List.Item>
  );
  const own = (
    <List.Item className="row-item" actions={[end("own", t("ppl.own"), current === null)]}>
      {t("ppl.own")}
    </List.Item>
  );
  return (
    <List
      size="small"
      dataSource={[...items, null]}
      rowKey={(one) => one?.id ?? "own"}
      renderItem={(one) => (one ? line(one) : own)}
    />
  );
}

type Lent = { post: string; to: string; from: string; until: string; reason: string; roles?: string[] };

/** Lets another stand in; only posts that are one's own can be lent. */
function Lend({ posts }: { posts: Duty[] }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Lent>();
  const roleName = useRoleNames();
  const act = useAct("delegations");
  const today = useToday();
  const chosen = Form.useWatch("post", form);
  const roles = posts.find((one) => one.id === chosen)?.roles.filter((role) => role !== "admin") ?? [];
  const must = [{ required: true, message: t("form.required") }];
  const lend = (values: Lent) =>
    act(async () => {
      const body = { ...values, roles: values.roles?.length ? values.roles : undefined };
      try {
        await call("/v1/delegations", { method: "POST", body });
      } catch (error) {
        atFields(form, error);
        throw error;
      }
      form.resetFields();
    }, t("ppl.lent"));
  return (
    <Card title={t("ppl.lend")} className="gap">
      <p className="muted">{t("ppl.lendLead")}</p>
      <Form<Lent>
        form={form}
        layout="vertical"
        className="narrow"
        initialValues={{ post: posts[0]?.id, from: today, until: today }}
        onFinish={(values) => void lend(values)}
      >
        <Form.Item name="post" label={t("ppl.post")} rules={must}>
          <Select
            options={posts.map((one) => ({ value: one.id, label: one.title }))}
            onChange={() => form.setFieldValue("roles", undefined)}
          />
        </Form.Item>
        <Form.Item name="to" label={t("ppl.to")} rules={must}>
          <Input autoComplete="off" />
        </Form.Item>
        <Form.Item name="from" label={t("ppl.from")} rules={must}>
          <Input type="date" />
        </Form.Item>
        <Form.Item name="until" label={t("ppl.until")} rules={must}>
          <Input type="date" />
        </Form.Item>
        <Form.Item name="roles" label={t("ppl.someRoles")} extra={t("ppl.someRolesHelp")}>
          <Select mode="multiple" options={roles.map((role) => ({ value: role, label: roleName(role) }))} />
        </Form.Item>
        <Form.Item name="reason" label={t("ppl.reason")} rules={must}>
          <Input maxLength={200} />
        </Form.Item>
        <Button type="primary" htmlType="submit">
          {t("ppl.lend")}
        </Button>
      </Form>
    </Card>
  );
}

function Given({ mine, title }: { mine: (one: Delegation) => boolean; title: string }) {
  const { t } = useTranslation();
  const act = useAct("delegations", "duties");
  const today = useToday();
  const state = (one: Delegation) => {
    if (one.revoked_at) return t("ppl.revoked");
    if (one.until < today) return t("ppl.over");
    return one.from > today ? t("ppl.coming") : undefined;
  };
  const stands = (one: Delegation) => !one.revoked_at && one.until >= today;
  const line = (one: Delegation) => (
    <span>
      {one.holder_name} → {one.account_name} · <b>{one.title}</b> {state(one) && <Tag>{state(one)}</Tag>}
      {one.roles && <Roles roles={one.roles} />}
      <span className="muted block">
        {t("ppl.dates", { from: one.from, until: one.until })} · {one.reason}
      </span>
    </span>
  );
  const revoke = (one: Delegation) => (
    <Popconfirm
      title={t("ppl.revokeAsk")}
      okText={t("ppl.revoke")}
      cancelText={t("cancel")}
      onConfirm={() =>
        act(() => call(`/v1/delegations/${one.id}/revoke`, { method: "POST" }), t("ppl.revoked"))
      }
    >
      <Button type="link" danger>
        {t("ppl.revoke")}
      </Button>
    </Popconfirm>
  );
  return (
    <Card title={title} className="gap">
      <Rows
        of={delegations}
        only={mine}
        none={t("ppl.none")}
        line={line}
        end={(one) => stands(one) && revoke(one)}
      />
    </Card>
  );
}

/** In which post one acts, and who stands in for whom. */
export function DutiesPage() {
  const { t } = useTranslation();
  const me = useQuery(session);
  const asked = useQuery(duties);
  if (asked.isPending) return <Loading />;
  if (asked.isError) return <Failure error={asked.error} retry={() => void asked.refetch()} />;
  const { items, current } = asked.data;
  const own = items.filter((one) => !one.on_behalf_of);
  const acting = items.find((one) => one.id === current);
  return (
    <>
      <h1>{t("ppl.duties")}</h1>
      <p className="muted">{t("ppl.dutiesLead")}</p>
      {acting?.on_behalf_of && (
        <Alert
          type="info"
          showIcon
          className="gap"
          title={`${t("ppl.forWhom", { name: acting.on_behalf_of.name ?? "" })} · ${acting.title}`}
        />
      )}
      <Card title={t("ppl.posts")} className="gap">
        <Posts items={items} current={current} />
      </Card>
      {own.length > 0 && <Lend posts={own} />}
      <Given title={t("ppl.given")} mine={(one) => one.holder === me.data?.id} />
      <Given title={t("ppl.received")} mine={(one) => one.account === me.data?.id} />
    </>
  );
}
