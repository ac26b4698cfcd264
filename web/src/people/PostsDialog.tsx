import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Checkbox, Form, Input, Modal, Popconfirm, Select, Space, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Managed } from "../accounts/AccountsPage";
import { useRoles } from "../accounts/useRoles";
import { call } from "../api/client";
import { type Post, postsOf } from "../api/people";
import { unitName } from "../api/queries";
import { RemoteSelect } from "../records/RemoteSelect";
import { atFields } from "../shell/fields";
import { Rows, useAct } from "../shell/Rows";
import { sentence } from "../shell/States";
import { useRoleNames } from "../shell/useRoleNames";
import { useToday } from "./useToday";

type Values = {
  unit: string;
  title: string;
  roles?: string[];
  regions?: string[];
  lines?: string[];
  from: string;
  until?: string;
  main?: boolean;
};

/** A new post of an account, or changes to one. What the server refuses is told at its field. */
function Edit({ account, post, close }: { account: string; post: Post | null; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const [form] = Form.useForm<Values>();
  const [busy, setBusy] = useState(false);
  const roles = useRoles();
  const today = useToday();
  const unit = useQuery({ ...unitName(post?.unit ?? ""), enabled: Boolean(post) });
  const must = [{ required: true, message: t("form.required") }];
  const save = async (values: Values) => {
    setBusy(true);
    const body = {
      ...values,
      roles: values.roles ?? [],
      regions: values.regions ?? [],
      lines: values.lines ?? [],
      until: values.until ?? "",
      main: values.main ?? false,
    };
    try {
      if (post) {
        const headers = { "if-match": `"${post.version}"` };
        await call(`/v1/posts/${post.id}`, { method: "PATCH", body, headers });
      } else {
        await call("/v1/posts", { method: "POST", body: { ...body, account } });
      }
      void message.success(t("ppl.postSaved"));
      void cache.invalidateQueries({ queryKey: ["posts"] });
      close();
    } catch (error) {
      if (!atFields(form, error)) void message.error(sentence(error, t));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form<Values>
      form={form}
      layout="vertical"
      initialValues={post ? { ...post, until: post.until ?? "" } : { from: today, main: true }}
      onFinish={(values) => void save(values)}
    >
      <Form.Item name="title" label={t("ppl.postTitle")} rules={must}>
        <Input maxLength={60} autoComplete="off" />
      </Form.Item>
      <Form.Item name="unit" label={t("ppl.postUnit")} rules={must}>
        <RemoteSelect of="base.unit" by="key" label={unit.data} />
      </Form.Item>
      <Form.Item name="roles" label={t("me.roles")} extra={t("acc.rolesHelp")}>
        <Select mode="multiple" options={roles} optionFilterProp="label" />
      </Form.Item>
      <Form.Item name="regions" label={t("ppl.postRegions")} extra={t("ppl.postRegionsHelp")}>
        <Select mode="tags" open={false} />
      </Form.Item>
      <Form.Item name="lines" label={t("ppl.postLines")}>
        <Select mode="tags" open={false} />
      </Form.Item>
      <Form.Item name="from" label={t("ppl.from")} rules={must}>
        <Input type="date" />
      </Form.Item>
      <Form.Item name="until" label={t("ppl.until")} extra={t("ppl.untilHelp")}>
        <Input type="date" />
      </Form.Item>
      <Form.Item name="main" valuePropName="checked" extra={t("ppl.mainHelp")}>
        <Checkbox>{t("ppl.main")}</Checkbox>
      </Form.Item>
      <Space>
        <Button type="primary" htmlType="submit" loading={busy}>
          {t("acc.save")}
        </Button>
        <Button onClick={close}>{t("cancel")}</Button>
      </Space>
    </Form>
  );
}

/** The posts of an account: administrators make, change and end them. */
export function PostsDialog({ account, close }: { account: Managed; close: () => void }) {
  const { t } = useTranslation();
  const roleName = useRoleNames();
  const act = useAct("posts");
  const today = useToday();
  const [edited, setEdited] = useState<Post | "new" | null>(null);
  const over = (one: Post) => Boolean(one.ended_at) || (one.until !== null && one.until < today);
  const line = (one: Post) => (
    <span>
      <b>{one.title}</b> · {one.unit} {one.main && <Tag>{t("ppl.main")}</Tag>}
      {over(one) && <Tag>{t("ppl.over")}</Tag>}
      <span className="muted block">
        {one.roles.map((role) => (
          <Tag key={role}>{roleName(role)}</Tag>
        ))}{" "}
        {one.until ? t("ppl.dates", { from: one.from, until: one.until }) : t("ppl.open", { from: one.from })}
      </span>
    </span>
  );
  const end = (one: Post) =>
    !one.ended_at && (
      <Space wrap size={0}>
        <Button type="link" onClick={() => setEdited(one)}>
          {t("acc.edit")}
        </Button>
        <Popconfirm
          title={t("ppl.postEndAsk")}
          okText={t("ppl.postEnd")}
          cancelText={t("cancel")}
          onConfirm={() => act(() => call(`/v1/posts/${one.id}/end`, { method: "POST" }), t("ppl.over"))}
        >
          <Button type="link" danger>
            {t("ppl.postEnd")}
          </Button>
        </Popconfirm>
      </Space>
    );
  return (
    <Modal
      open
      footer={null}
      title={t("ppl.postsOf", { name: account.name })}
      onCancel={close}
      destroyOnHidden
    >
      {edited ? (
        <Edit account={account.id} post={edited === "new" ? null : edited} close={() => setEdited(null)} />
      ) : (
        <>
          <Rows of={postsOf(account.id)} none={t("ppl.none")} line={line} end={end} />
          <Button type="primary" onClick={() => setEdited("new")}>
            {t("ppl.postNew")}
          </Button>
        </>
      )}
    </Modal>
  );
}
