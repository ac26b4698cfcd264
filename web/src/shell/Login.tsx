import { Alert, Button, Card, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { become } from "../api/queries";
import type { Account } from "../api/types";
import { language, setLanguage } from "../i18n";
import { sentence } from "./States";

export function Login() {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const submit = async (values: { login: string; password: string }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const made = await call<{ account: Account }>("/v1/session", { method: "POST", body: values });
      become(made.account);
    } catch (error) {
      setProblem(sentence(error, t));
      setBusy(false);
    }
  };
  return (
    <main className="login">
      <Card className="login-card">
        <h1>{t("brandLong")}</h1>
        <p className="muted">{t("signInLead")}</p>
        {problem && <Alert type="error" showIcon title={problem} className="gap" role="alert" />}
        <Form layout="vertical" requiredMark={false} onFinish={submit} disabled={busy}>
          <Form.Item name="login" label={t("login")} rules={[{ required: true, message: t("enterLogin") }]}>
            <Input autoComplete="username" autoFocus size="large" />
          </Form.Item>
          <Form.Item
            name="password"
            label={t("password")}
            rules={[{ required: true, message: t("enterPassword") }]}
          >
            <Input.Password autoComplete="current-password" size="large" />
          </Form.Item>
          <Button type="primary" htmlType="submit" size="large" block loading={busy}>
            {t("signIn")}
          </Button>
        </Form>
        <p className="muted small">
          {t("signInDemo")}
          <Button
            type="link"
            size="small"
            onClick={() => void setLanguage(language() === "en" ? "zh-CN" : "en")}
          >
            {t("language")}
          </Button>
        </p>
      </Card>
    </main>
  );
}
