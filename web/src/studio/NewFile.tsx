import { Form, Input, Modal, Radio } from "antd";
import { useTranslation } from "react-i18next";
import { type FileKind, goodName, pathOf } from "./model";
import { template } from "./templates";

type Values = { kind: FileKind; name: string; title: string };

type Props = { taken: string[]; make: (path: string, text: string) => void; close: () => void };

/** A new process, decision, set of cases or form, from its template. */
export function NewFile({ taken, make, close }: Props) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Values>();
  const kind = Form.useWatch("kind", form) ?? "process";
  const must = { required: true, whitespace: true, message: t("form.required") };
  return (
    <Modal
      open
      title={t("work.studio.newFile")}
      okText={t("work.studio.create")}
      cancelText={t("cancel")}
      onOk={() => form.submit()}
      onCancel={close}
    >
      <Form<Values>
        form={form}
        layout="vertical"
        initialValues={{ kind: "process" }}
        onFinish={(values) => {
          const name = values.name.trim();
          make(pathOf(values.kind, name), template(values.kind, name, (values.title ?? name).trim()));
        }}
      >
        <Form.Item name="kind" label={t("work.studio.kind")}>
          <Radio.Group
            options={(["process", "decision", "form", "cases"] as const).map((value) => ({
              value,
              label: t(`work.studio.kinds.${value}`),
            }))}
          />
        </Form.Item>
        <Form.Item
          name="name"
          label={t("work.studio.fileName")}
          extra={t("work.studio.fileNameHelp")}
          dependencies={["kind"]}
          rules={[
            must,
            {
              validator: async (_, name?: string) => {
                if (!name) return;
                if (!goodName(name.trim())) throw new Error(t("work.studio.badName"));
                if (taken.includes(pathOf(kind, name.trim()))) throw new Error(t("work.studio.nameTaken"));
              },
            },
          ]}
        >
          <Input maxLength={60} autoComplete="off" />
        </Form.Item>
        {kind !== "cases" && (
          <Form.Item name="title" label={t("work.studio.fileTitle")} rules={[must]}>
            <Input maxLength={60} />
          </Form.Item>
        )}
      </Form>
    </Modal>
  );
}
