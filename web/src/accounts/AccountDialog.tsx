import { useQuery } from "@tanstack/react-query";
import { App, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { unitName } from "../api/queries";
import { RemoteSelect } from "../records/RemoteSelect";
import { atFields } from "../shell/fields";
import { sentence } from "../shell/States";
import type { Managed } from "./AccountsPage";
import { useRoles } from "./useRoles";

type Values = { login?: string; name: string; unit?: string | null; roles?: string[]; password?: string };

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
      if (!atFields(form, error)) void message.error(sentence(error, t));
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
