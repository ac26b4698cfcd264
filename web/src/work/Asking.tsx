/** A dialog that asks for a text before something is done: a reason, a note. */

import { Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { atFields } from "../shell/fields";

type Props = {
  title: string;
  lead?: string;
  label: string;
  help?: string;
  ok: string;
  danger?: boolean;
  optional?: boolean;
  /** Throws what the server refuses; it is told at the field or in the dialog. */
  send: (text: string) => Promise<void>;
  close: () => void;
};

export function Asking({ title, lead, label, help, ok, danger, optional, send, close }: Props) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ text: string }>();
  const [busy, setBusy] = useState(false);
  const finish = async ({ text }: { text?: string }) => {
    setBusy(true);
    try {
      await send(text?.trim() ?? "");
      close();
    } catch (error) {
      if (!atFields(form, error))
        form.setFields([{ name: "text", errors: [error instanceof Error ? error.message : String(error)] }]);
    }
    setBusy(false);
  };
  return (
    <Modal
      open
      title={title}
      okText={ok}
      okButtonProps={{ danger }}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      {lead && <p className="muted">{lead}</p>}
      <Form form={form} layout="vertical" onFinish={(values) => void finish(values)}>
        <Form.Item
          name="text"
          label={label}
          extra={help}
          rules={optional ? [] : [{ required: true, whitespace: true, message: t("form.required") }]}
        >
          <Input.TextArea rows={3} maxLength={500} showCount />
        </Form.Item>
      </Form>
    </Modal>
  );
}
