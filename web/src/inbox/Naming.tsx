import { Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sentence } from "../shell/States";

type Props = {
  title: string;
  label: string;
  ok: string;
  close: () => void;
  send: (name: string) => Promise<void>;
};

/** A dialog that asks for a name. */
export function Naming({ title, label, ok, close, send }: Props) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ name: string }>();
  const [busy, setBusy] = useState(false);
  const finish = async ({ name }: { name: string }) => {
    setBusy(true);
    try {
      await send(name.trim());
      close();
    } catch (error) {
      form.setFields([{ name: "name", errors: [sentence(error, t)] }]);
    }
    setBusy(false);
  };
  return (
    <Modal
      open
      title={title}
      okText={ok}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <Form form={form} layout="vertical" onFinish={(values) => void finish(values)}>
        <Form.Item
          name="name"
          label={label}
          rules={[{ required: true, whitespace: true, message: t("form.required") }]}
        >
          <Input maxLength={40} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
