import { Alert, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { signUp } from "../api/signing";
import type { Account } from "../api/types";
import { atFields } from "./fields";
import { sentence } from "./States";

type Values = { login: string; password: string; name: string; number: string };

/** A member of the public makes an account. What the server refuses is told at its field. */
export function SignUp({ entered, back }: { entered: (account: Account) => void; back: () => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Values>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const must = [{ required: true, message: t("form.required") }];
  const join = async (values: Values) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const signed = await signUp(values);
      if (signed.step === undefined) return entered(signed.account);
    } catch (error) {
      if (!atFields(form, error)) setProblem(sentence(error, t));
    }
    setBusy(false);
  };
  return (
    <Form<Values>
      form={form}
      layout="vertical"
      requiredMark={false}
      disabled={busy}
      onFinish={(values) => void join(values)}
    >
      {problem && <Alert type="error" showIcon title={problem} className="gap" role="alert" />}
      <Form.Item name="name" label={t("ppl.name")} rules={must}>
        <Input maxLength={60} autoComplete="name" />
      </Form.Item>
      <Form.Item name="number" label={t("ppl.number")} rules={must}>
        <Input maxLength={18} autoComplete="off" />
      </Form.Item>
      <Form.Item name="login" label={t("login")} rules={must} extra={t("ppl.loginHelp")}>
        <Input autoComplete="username" />
      </Form.Item>
      <Form.Item name="password" label={t("password")} rules={must} extra={t("me.rule")}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Button type="primary" htmlType="submit" size="large" block loading={busy}>
        {t("ppl.signUpGo")}
      </Button>
      <Button type="link" block onClick={back}>
        {t("ppl.haveAccount")}
      </Button>
    </Form>
  );
}
