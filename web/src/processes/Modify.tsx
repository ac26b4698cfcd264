/** Puts an instance elsewhere by hand: tokens ended, others begun, with a reason that is kept. */

import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Checkbox, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type InstanceView, modifyInstance, type Variables } from "../api/processes";
import { sentence } from "../shell/States";
import { JsonInput } from "../work/JsonInput";
import type { Node } from "./model";

type Props = { of: InstanceView; nodes: Node[]; name: (id: string) => string; close: () => void };

export function Modify({ of, nodes, name, close }: Props) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const [form] = Form.useForm<{ terminate?: string[]; start?: string[]; reason: string }>();
  const [variables, setVariables] = useState<Variables>({});
  const [unreadable, setUnreadable] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const send = async ({
    terminate = [],
    start = [],
    reason,
  }: {
    terminate?: string[];
    start?: string[];
    reason: string;
  }) => {
    if (terminate.length === 0 && start.length === 0 && Object.keys(variables).length === 0) {
      setFault(t("work.instances.modifyNothing"));
      return;
    }
    setBusy(true);
    try {
      await modifyInstance(of.id, {
        terminate,
        start: start.map((element) => ({ element })),
        variables: Object.keys(variables).length > 0 ? variables : undefined,
        reason,
      });
      void message.success(t("work.instances.modified"));
      for (const key of ["instance", "instance-history", "instances", "tasks"])
        void cache.invalidateQueries({ queryKey: [key] });
      close();
    } catch (error) {
      setFault(sentence(error, t));
    }
    setBusy(false);
  };
  return (
    <Modal
      open
      width={640}
      title={t("work.instances.modify")}
      okText={t("work.instances.modify")}
      okButtonProps={{ disabled: unreadable }}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <p className="muted">{t("work.instances.modifyLead")}</p>
      {fault && <Alert type="error" showIcon title={fault} className="gap" />}
      <Form form={form} layout="vertical" onFinish={(values) => void send(values)}>
        <Form.Item name="terminate" label={t("work.instances.terminate")}>
          <Checkbox.Group
            options={of.tokens.map((token) => ({ value: token.id, label: name(token.element) }))}
          />
        </Form.Item>
        <Form.Item name="start" label={t("work.instances.startAt")}>
          <Select
            mode="multiple"
            optionFilterProp="label"
            options={nodes.map(({ id, name: own }) => ({ value: id, label: own ? `${own}(${id})` : id }))}
          />
        </Form.Item>
        <Form.Item label={t("work.instances.newVariables")}>
          <JsonInput
            label={t("work.instances.newVariables")}
            value={variables}
            onChange={setVariables}
            onFault={setUnreadable}
          />
        </Form.Item>
        <Form.Item
          name="reason"
          label={t("work.instances.modifyReason")}
          rules={[{ required: true, whitespace: true, message: t("form.required") }]}
        >
          <Input.TextArea rows={2} maxLength={500} showCount />
        </Form.Item>
      </Form>
    </Modal>
  );
}
