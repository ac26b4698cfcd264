import { useQuery } from "@tanstack/react-query";
import { Alert, App, Button, Card, Descriptions, Form, Input, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { become, session, unitName } from "../api/queries";
import { due } from "../api/signing";
import { Security } from "./Security";
import { sentence } from "./States";
import { useRoleNames } from "./useRoleNames";

export function AccountPage() {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm();
  const me = useQuery(session);
  const unit = useQuery({ ...unitName(me.data?.unit ?? ""), enabled: Boolean(me.data?.unit) });
  const roleName = useRoleNames();
  const owed = useQuery(due).data;
  const change = async (values: { old: string; new: string }) => {
    try {
      await call("/v1/session/password", { method: "PUT", body: { old: values.old, new: values.new } });
      form.resetFields();
      void message.success(t("me.changed"));
      // All sessions have ended, this one too.
      become(null);
    } catch (error) {
      void message.error(sentence(error, t));
    }
  };
  return (
    <>
      <h1>{t("me.title")}</h1>
      {owed && <Alert type="warning" showIcon title={t(`sec.due.${owed}`)} className="gap" role="alert" />}
      <Card className="gap">
        <Descriptions
          column={1}
          items={[
            { key: "login", label: t("login"), children: me.data?.login },
            {
              key: "unit",
              label: t("me.unit"),
              children: me.data?.unit ? `${unit.data ?? ""}(${me.data.unit})` : t("none"),
            },
            {
              key: "roles",
              label: t("me.roles"),
              children: me.data?.roles.map((role) => <Tag key={role}>{roleName(role)}</Tag>),
            },
          ]}
        />
      </Card>
      <Card title={t("me.change")} className="narrow">
        <Form form={form} layout="vertical" onFinish={change}>
          <Form.Item name="old" label={t("me.old")} rules={[{ required: true, message: t("form.required") }]}>
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          <Form.Item
            name="new"
            label={t("me.new")}
            extra={t("me.rule")}
            rules={[{ required: true, message: t("form.required") }]}
          >
            <Input.Password autoComplete="new-password" />
          </Form.Item>
          <Form.Item
            name="again"
            label={t("me.again")}
            dependencies={["new"]}
            rules={[
              { required: true, message: t("form.required") },
              ({ getFieldValue }) => ({
                validator: (_, value) =>
                  value === getFieldValue("new")
                    ? Promise.resolve()
                    : Promise.reject(new Error(t("me.differ"))),
              }),
            ]}
          >
            <Input.Password autoComplete="new-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit">
            {t("me.change")}
          </Button>
        </Form>
      </Card>
      <Security due={owed} />
    </>
  );
}
