import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Card, Divider, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { become } from "../api/queries";
import { knowsPasskeys, type Signed, second, signIn, signInByPasskey, ways } from "../api/signing";
import { language, setLanguage } from "../i18n";
import { SignUp } from "./SignUp";
import { sentence } from "./States";

/** What a provider sent back with, as the page says it. */
const WORDS = ["refused", "unknown", "unreachable", "linked"] as const;

function brought(): (typeof WORDS)[number] | undefined {
  const word = new URLSearchParams(window.location.search).get("sign_in");
  return WORDS.find((known) => known === word);
}

export function Login() {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const word = brought();
  const [problem, setProblem] = useState<string | undefined>(word && t(`sec.word.${word}`));
  const [challenge, setChallenge] = useState<string>();
  const { providers = [], citizens = false } = useQuery(ways).data ?? {};
  const [joining, setJoining] = useState(false);
  const step = async (work: () => Promise<Signed>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const signed = await work();
      if (signed.step === undefined) return become(signed.account);
      if (signed.step === "totp") setChallenge(signed.challenge);
      else setProblem(t("sec.needPasskey"));
    } catch (error) {
      // A step is good once: a wrong code begins again.
      setChallenge(undefined);
      setProblem(error instanceof DOMException ? t("sec.passkeyFailed") : sentence(error, t));
    }
    setBusy(false);
  };
  return (
    <main className="login">
      <Card className="login-card">
        <h1>{t("brandLong")}</h1>
        <p className="muted">
          {joining ? t("ppl.signUpLead") : challenge ? t("sec.codeLead") : t("signInLead")}
        </p>
        {problem && <Alert type="error" showIcon title={problem} className="gap" role="alert" />}
        {challenge ? (
          <Code
            busy={busy}
            send={(code) => step(() => second(challenge, code))}
            again={() => setChallenge(undefined)}
          />
        ) : joining ? (
          <SignUp entered={become} back={() => setJoining(false)} />
        ) : (
          <>
            <Password busy={busy} send={(login, password) => step(() => signIn(login, password))} />
            {(knowsPasskeys() || providers.length > 0) && <Divider />}
            {knowsPasskeys() && (
              <Button block disabled={busy} onClick={() => void step(signInByPasskey)}>
                {t("sec.byPasskey")}
              </Button>
            )}
            {providers.map(({ id, title }) => (
              <Button key={id} block className="gap" href={`/v1/session/oidc/${id}/start?to=/desk/`}>
                {t("sec.byProvider", { title })}
              </Button>
            ))}
            {citizens && (
              <Button type="link" block onClick={() => setJoining(true)}>
                {t("ppl.signUp")}
              </Button>
            )}
          </>
        )}
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

function Password({ busy, send }: { busy: boolean; send: (login: string, password: string) => void }) {
  const { t } = useTranslation();
  return (
    <Form
      layout="vertical"
      requiredMark={false}
      disabled={busy}
      onFinish={(values: { login: string; password: string }) => send(values.login, values.password)}
    >
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
  );
}

function Code({ busy, send, again }: { busy: boolean; send: (code: string) => void; again: () => void }) {
  const { t } = useTranslation();
  return (
    <Form
      layout="vertical"
      requiredMark={false}
      disabled={busy}
      onFinish={(values: { code: string }) => send(values.code)}
    >
      <Form.Item
        name="code"
        label={t("sec.code")}
        extra={t("sec.codeHelp")}
        rules={[{ required: true, message: t("form.required") }]}
      >
        <Input autoComplete="one-time-code" autoFocus size="large" />
      </Form.Item>
      <Button type="primary" htmlType="submit" size="large" block loading={busy}>
        {t("sec.next")}
      </Button>
      <Button type="link" block onClick={again}>
        {t("sec.again")}
      </Button>
    </Form>
  );
}
