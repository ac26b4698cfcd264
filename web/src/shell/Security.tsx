/** The account's security: devices, one-time codes, passkeys, tokens, linked identities. */

import { useQuery } from "@tanstack/react-query";
import { Button, Card, Form, Input, InputNumber, Modal, Popconfirm, Select, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { become } from "../api/queries";
import {
  addPasskey,
  type Identity,
  identities,
  knowsPasskeys,
  type Passkey,
  passkeys,
  type Session,
  sessions,
  type Token,
  tokens,
  totp,
  ways,
} from "../api/signing";
import { moment } from "../model/format";
import { Rows, useAct } from "./Rows";

function Sessions() {
  const { t } = useTranslation();
  const act = useAct("sessions");
  const endAll = () =>
    act(async () => {
      await call("/v1/sessions/end-all", { method: "POST" });
      become(null);
    });
  const line = (one: Session) => (
    <span>
      {one.agent || "—"} {one.current && <Tag>{t("sec.current")}</Tag>}
      <span className="muted block">
        {one.method} · {t("sec.seen", { at: moment(one.seen_at) })}
      </span>
    </span>
  );
  return (
    <Card
      title={t("sec.sessions")}
      className="gap"
      extra={
        <>
          <Button onClick={() => void act(() => call("/v1/sessions/end-others", { method: "POST" }))}>
            {t("sec.endOthers")}
          </Button>{" "}
          <Popconfirm title={t("sec.endAllAsk")} onConfirm={endAll}>
            <Button danger>{t("sec.endAll")}</Button>
          </Popconfirm>
        </>
      }
    >
      <Rows
        of={sessions}
        none=""
        line={line}
        end={(one) =>
          one.current ? null : (
            <Button
              type="link"
              onClick={() => void act(() => call(`/v1/sessions/${one.id}`, { method: "DELETE" }))}
            >
              {t("sec.end")}
            </Button>
          )
        }
      />
    </Card>
  );
}

type Started = { enrolment: string; secret: string; qr: string };

function Codes() {
  const { t } = useTranslation();
  const act = useAct("totp");
  const state = useQuery(totp);
  const [started, setStarted] = useState<Started>();
  const [recovery, setRecovery] = useState<string[]>();
  const [asking, setAsking] = useState<"remove" | "recovery-codes">();
  const start = () =>
    act(async () => setStarted(await call<Started>("/v1/session/totp/start", { method: "POST" })));
  const confirm = ({ code }: { code: string }) =>
    act(async () => {
      const body = { enrolment: started?.enrolment, code };
      const done = await call<{ recovery_codes: string[] }>("/v1/session/totp", { method: "POST", body });
      setStarted(undefined);
      setRecovery(done.recovery_codes);
    });
  const again = ({ password }: { password: string }) =>
    act(async () => {
      const path = `/v1/session/totp/${asking}`;
      const done = await call<{ recovery_codes: string[] } | undefined>(path, {
        method: "POST",
        body: { password },
      });
      setAsking(undefined);
      setRecovery(done?.recovery_codes);
    });
  return (
    <Card title={t("sec.totp")} className="gap">
      {state.data?.enrolled ? (
        <>
          <p>{t("sec.totpOn", { count: state.data.recovery_codes })}</p>
          <Button onClick={() => setAsking("recovery-codes")}>{t("sec.renew")}</Button>{" "}
          <Button danger onClick={() => setAsking("remove")}>
            {t("sec.remove")}
          </Button>
        </>
      ) : (
        <>
          <p>{t("sec.totpOff")}</p>
          <Button onClick={start}>{t("sec.totpStart")}</Button>
        </>
      )}
      <Modal
        open={!!started}
        footer={null}
        title={t("sec.totpStart")}
        onCancel={() => setStarted(undefined)}
        destroyOnHidden
      >
        {started && (
          <>
            <p>{t("sec.totpScan")}</p>
            <img
              alt={t("sec.totp")}
              width={220}
              src={`data:image/svg+xml;utf8,${encodeURIComponent(started.qr)}`}
            />
            <p className="muted small">
              {t("sec.totpSecret")}: <code>{started.secret}</code>
            </p>
            <Form layout="vertical" onFinish={confirm}>
              <Form.Item
                name="code"
                label={t("sec.code")}
                rules={[{ required: true, message: t("form.required") }]}
              >
                <Input inputMode="numeric" autoComplete="one-time-code" />
              </Form.Item>
              <Button type="primary" htmlType="submit">
                {t("sec.next")}
              </Button>
            </Form>
          </>
        )}
      </Modal>
      <Modal
        open={!!recovery}
        title={t("sec.recovery")}
        closable={false}
        footer={
          <Button type="primary" onClick={() => setRecovery(undefined)}>
            {t("sec.recoverySaved")}
          </Button>
        }
      >
        <p>{t("sec.recoveryLead")}</p>
        <pre>{recovery?.join("\n")}</pre>
      </Modal>
      <Modal
        open={!!asking}
        footer={null}
        title={t("sec.confirmPassword")}
        onCancel={() => setAsking(undefined)}
        destroyOnHidden
      >
        <Form layout="vertical" onFinish={again}>
          <Form.Item
            name="password"
            label={t("password")}
            rules={[{ required: true, message: t("form.required") }]}
          >
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit">
            {t("sec.next")}
          </Button>
        </Form>
      </Modal>
    </Card>
  );
}

function Passkeys() {
  const { t } = useTranslation();
  const act = useAct("passkeys");
  const line = (one: Passkey) => (
    <span>
      {one.name}
      <span className="muted block">
        {t("sec.added", { at: moment(one.created_at) })}
        {one.used_at && ` · ${t("sec.seen", { at: moment(one.used_at) })}`}
      </span>
    </span>
  );
  return (
    <Card title={t("sec.passkeys")} className="gap">
      <p className="muted">{t("sec.passkeysLead")}</p>
      <Rows
        of={passkeys}
        none={t("sec.passkeysNone")}
        line={line}
        end={(one) => (
          <Popconfirm
            title={t("sec.delAsk")}
            onConfirm={() => act(() => call(`/v1/session/passkeys/${one.id}`, { method: "DELETE" }))}
          >
            <Button type="link" danger>
              {t("sec.del")}
            </Button>
          </Popconfirm>
        )}
      />
      {knowsPasskeys() && (
        <Form layout="inline" onFinish={({ name }: { name: string }) => act(() => addPasskey(name))}>
          <Form.Item
            name="name"
            label={t("sec.passkeyName")}
            rules={[{ required: true, message: t("form.required") }]}
          >
            <Input maxLength={60} />
          </Form.Item>
          <Button htmlType="submit">{t("sec.passkeyAdd")}</Button>
        </Form>
      )}
    </Card>
  );
}

function Tokens() {
  const { t } = useTranslation();
  const act = useAct("tokens");
  const [made, setMade] = useState<string>();
  const make = (body: { name: string; days: number; scopes: string[] }) =>
    act(async () => setMade((await call<{ token: string }>("/v1/tokens", { method: "POST", body })).token));
  const line = (one: Token) => (
    <span>
      {one.name} <code>{one.prefix}…</code>{" "}
      {one.scopes.map((scope) => (
        <Tag key={scope}>{scope}</Tag>
      ))}
      <span className="muted block">
        {t("sec.until", { at: moment(one.expires_at) })}
        {one.used_at && ` · ${t("sec.seen", { at: moment(one.used_at) })}`}
      </span>
    </span>
  );
  return (
    <Card title={t("sec.tokens")} className="gap">
      <p className="muted">{t("sec.tokensLead")}</p>
      <Rows
        of={tokens}
        none={t("sec.tokensNone")}
        line={line}
        end={(one) => (
          <Button
            type="link"
            danger
            onClick={() => void act(() => call(`/v1/tokens/${one.id}`, { method: "DELETE" }))}
          >
            {t("sec.revoke")}
          </Button>
        )}
      />
      <Form
        layout="vertical"
        className="narrow"
        initialValues={{ days: 90, scopes: ["read"] }}
        onFinish={make}
      >
        <Form.Item
          name="name"
          label={t("sec.tokenName")}
          rules={[{ required: true, message: t("form.required") }]}
        >
          <Input maxLength={60} />
        </Form.Item>
        <Form.Item name="days" label={t("sec.tokenDays")}>
          <InputNumber min={1} max={366} />
        </Form.Item>
        <Form.Item name="scopes" label={t("sec.tokenScopes")} extra={t("sec.tokenScopesHelp")}>
          <Select mode="tags" options={[{ value: "read" }]} />
        </Form.Item>
        <Button htmlType="submit">{t("sec.tokenAdd")}</Button>
      </Form>
      <Modal
        open={!!made}
        title={t("sec.tokens")}
        closable={false}
        footer={
          <Button type="primary" onClick={() => setMade(undefined)}>
            {t("sec.recoverySaved")}
          </Button>
        }
      >
        <p>{t("sec.tokenOnce")}</p>
        <pre className="wrap">{made}</pre>
      </Modal>
    </Card>
  );
}

function Identities() {
  const { t } = useTranslation();
  const act = useAct("identities");
  const providers = useQuery(ways).data?.providers ?? [];
  if (providers.length === 0) return null;
  const go = (id: string) =>
    act(async () => {
      const path = `/v1/session/oidc/${id}/link`;
      const { url } = await call<{ url: string }>(path, { method: "POST", query: { to: "/desk/account" } });
      window.location.assign(url);
    });
  const title = (one: Identity) => providers.find(({ id }) => id === one.provider)?.title ?? one.issuer;
  return (
    <Card title={t("sec.identities")} className="gap">
      <Rows
        of={identities}
        none={t("sec.identitiesNone")}
        line={(one) => `${title(one)} · ${t("sec.added", { at: moment(one.created_at) })}`}
        end={(one) => (
          <Button
            type="link"
            danger
            onClick={() => void act(() => call(`/v1/session/identities/${one.id}`, { method: "DELETE" }))}
          >
            {t("sec.unlink")}
          </Button>
        )}
      />
      {providers.map(({ id, title }) => (
        <Button key={id} onClick={() => void go(id)}>
          {t("sec.link", { title })}
        </Button>
      ))}
    </Card>
  );
}

/** All of it; while something is due, only what leads out of it. */
export function Security({ due }: { due?: "password" | "second_factor" | null }) {
  if (due === "password") return null;
  if (due === "second_factor")
    return (
      <>
        <Codes />
        <Passkeys />
      </>
    );
  return (
    <>
      <Sessions />
      <Codes />
      <Passkeys />
      <Tokens />
      <Identities />
    </>
  );
}
