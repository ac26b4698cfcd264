import { Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { atFields } from "../shell/fields";
import { sentence } from "../shell/States";

type Values = { to: string; note: string };

/** To whom, and why. */
export function Delegate({ send, close }: { send: (values: Values) => Promise<void>; close: () => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Values>();
  const [busy, setBusy] = useState(false);
  const must = [{ required: true, whitespace: true, message: t("form.required") }];
  const finish = async (values: Values) => {
    setBusy(true);
    try {
      await send(values);
    } catch (error) {
      if (!atFields(form, error)) form.setFields([{ name: "to", errors: [sentence(error, t)] }]);
    }
    setBusy(false);
  };
  return (
    <Modal
      open
      title={t("work.inbox.delegate")}
      okText={t("work.inbox.delegate")}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <Form form={form} layout="vertical" onFinish={(values) => void finish(values)}>
        <Form.Item name="to" label={t("work.inbox.to")} rules={must}>
          <Input autoComplete="off" maxLength={80} />
        </Form.Item>
        <Form.Item name="note" label={t("work.inbox.note")} extra={t("work.inbox.noteHelp")} rules={must}>
          <Input.TextArea rows={3} maxLength={500} showCount />
        </Form.Item>
      </Form>
    </Modal>
  );
}
