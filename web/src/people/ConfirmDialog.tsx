import { App, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Managed } from "../accounts/AccountsPage";
import { call } from "../api/client";
import { atFields } from "../shell/fields";
import { sentence } from "../shell/States";

type Values = { name: string; number: string; evidence: string };

/** Confirms in person who a citizen is: the clerk copies from the card, nothing of what the account claims is shown. */
export function ConfirmDialog({ account, close }: { account: Managed; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<Values>();
  const [busy, setBusy] = useState(false);
  const must = [{ required: true, message: t("form.required") }];
  const save = async (values: Values) => {
    setBusy(true);
    try {
      await call("/v1/parties/confirm", { method: "POST", body: { login: account.login, ...values } });
      void message.success(t("ppl.confirmed"));
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
      title={t("ppl.confirmTitle", { login: account.login })}
      okText={t("ppl.confirm")}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onCancel={close}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <p className="muted">{t("ppl.confirmHelp")}</p>
      <Form<Values> form={form} layout="vertical" autoComplete="off" onFinish={(values) => void save(values)}>
        <Form.Item name="name" label={t("ppl.name")} rules={must}>
          <Input maxLength={60} />
        </Form.Item>
        <Form.Item name="number" label={t("ppl.number")} rules={must}>
          <Input maxLength={18} />
        </Form.Item>
        <Form.Item name="evidence" label={t("ppl.evidence")} rules={must}>
          <Input maxLength={200} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
