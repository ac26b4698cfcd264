import { useQueries, useQuery } from "@tanstack/react-query";
import { App, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call, Refused } from "../api/client";
import { pkg as packageQuery, packages, unitName } from "../api/queries";
import { tr } from "../i18n";
import { RemoteSelect } from "../records/RemoteSelect";
import { sentence } from "../shell/States";
import type { Managed } from "./AccountsPage";

type Values = { login?: string; name: string; unit?: string | null; roles?: string[]; password?: string };

/** Every role that can be granted, with the system it belongs to. */
function useRoles(): { value: string; label: string }[] {
  const { t } = useTranslation();
  const all = useQuery(packages);
  const homes = useQueries({
    queries: (all.data?.items ?? []).map((one) => ({ ...packageQuery(one.id), staleTime: 300_000 })),
  });
  const declared = homes.flatMap((home) =>
    (home.data?.roles ?? []).map(([name, role]) => ({
      value: `${home.data?.id}.${name}`,
      label: `${tr(home.data?.title)} · ${tr(role.title)}`,
    })),
  );
  return [{ value: "admin", label: t("admin") }, ...declared];
}

/** A new account (`account` null), or changes to one. What the server refuses is told at its field. */
export function AccountDialog({ account, close }: { account: Managed | null; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<Values>();
  const [busy, setBusy] = useState(false);
  const roles = useRoles();
  const unit = useQuery({ ...unitName(account?.unit ?? ""), enabled: Boolean(account?.unit) });
  const must = [{ required: true, message: t("form.required") }];
  const save = async (values: Values) => {
    setBusy(true);
    const body = { ...values, unit: values.unit ?? "", roles: values.roles ?? [] };
    try {
      if (account) {
        const headers = { "if-match": `"${account.version}"` };
        await call(`/v1/accounts/${account.id}`, { method: "PATCH", body, headers });
      } else {
        await call("/v1/accounts", { method: "POST", body: { ...body, unit: values.unit || null } });
      }
      void message.success(t("acc.saved"));
      close();
    } catch (error) {
      const told = error instanceof Refused ? (error.problem.errors ?? []) : [];
      for (const one of told)
        form.setFields([{ name: one.pointer.slice(1) as keyof Values, errors: [one.message] }]);
      if (told.length === 0) void message.error(sentence(error, t));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      title={account ? t("acc.editTitle", { login: account.login }) : t("acc.new")}
      okText={t("acc.save")}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onCancel={close}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <Form<Values>
        form={form}
        layout="vertical"
        initialValues={account ? { name: account.name, unit: account.unit, roles: account.roles } : {}}
        onFinish={(values) => void save(values)}
      >
        {!account && (
          <Form.Item name="login" label={t("login")} rules={must} extra={t("acc.loginHelp")}>
            <Input autoComplete="off" />
          </Form.Item>
        )}
        <Form.Item name="name" label={t("acc.name")} rules={must}>
          <Input autoComplete="off" />
        </Form.Item>
        <Form.Item name="unit" label={t("me.unit")}>
          <RemoteSelect of="base.unit" by="key" label={unit.data} />
        </Form.Item>
        <Form.Item name="roles" label={t("me.roles")} extra={t("acc.rolesHelp")}>
          <Select mode="multiple" options={roles} optionFilterProp="label" />
        </Form.Item>
        {!account && (
          <Form.Item name="password" label={t("acc.firstPassword")} rules={must} extra={t("me.rule")}>
            <Input.Password autoComplete="new-password" />
          </Form.Item>
        )}
      </Form>
    </Modal>
  );
}
