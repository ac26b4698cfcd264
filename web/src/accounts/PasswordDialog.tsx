import { App, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call, Refused } from "../api/client";
import { sentence } from "../shell/States";
import type { Managed } from "./AccountsPage";

/** Gives an account a new password: its log-ins end, and a lock is lifted. */
export function PasswordDialog({ account, close }: { account: Managed; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ password: string }>();
  const [busy, setBusy] = useState(false);
  const save = async (values: { password: string }) => {
    setBusy(true);
    try {
      await call(`/v1/accounts/${account.id}/password`, { method: "POST", body: values });
      void message.success(t("acc.resetDone", { name: account.name }));
      close();
    } catch (error) {
      const told = error instanceof Refused ? error.problem.errors?.[0]?.message : undefined;
      if (told) form.setFields([{ name: "password", errors: [told] }]);
      else void message.error(sentence(error, t));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      title={t("acc.resetTitle", { name: account.name })}
      okText={t("acc.reset")}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onCancel={close}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <p className="muted">{t("acc.resetHelp")}</p>
      <Form form={form} layout="vertical" onFinish={(values) => void save(values)}>
        <Form.Item
          name="password"
          label={t("me.new")}
          extra={t("me.rule")}
          rules={[{ required: true, message: t("form.required") }]}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
