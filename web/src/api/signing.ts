/** Signing in and what goes with it: the second step, passkeys, sessions, tokens. */

import { queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { Account } from "./types";

/** What comes of a step: a session, or what is asked next. */
export type Signed =
  | { account: Account; due: "password" | "second_factor" | null; step?: undefined }
  | { step: "totp" | "passkey"; challenge: string };

export type Session = {
  id: string;
  agent: string;
  method: string;
  created_at: string;
  seen_at: string;
  current: boolean;
};

export type Passkey = { id: string; name: string; created_at: string; used_at: string | null };

export type Token = {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  created_at: string;
  expires_at: string;
  used_at: string | null;
};

export type Identity = { id: string; provider: string; issuer: string; created_at: string };

const items =
  <T>(path: string) =>
  async () =>
    (await call<{ items: T[] }>(path)).items;

export const due = queryOptions({
  queryKey: ["due"],
  queryFn: async () => (await call<{ due: "password" | "second_factor" | null }>("/v1/session")).due,
});
export const sessions = queryOptions({ queryKey: ["sessions"], queryFn: items<Session>("/v1/sessions") });
export const passkeys = queryOptions({
  queryKey: ["passkeys"],
  queryFn: items<Passkey>("/v1/session/passkeys"),
});
export const tokens = queryOptions({ queryKey: ["tokens"], queryFn: items<Token>("/v1/tokens") });
export const identities = queryOptions({
  queryKey: ["identities"],
  queryFn: items<Identity>("/v1/session/identities"),
});
export const totp = queryOptions({
  queryKey: ["totp"],
  queryFn: () => call<{ enrolled: boolean; recovery_codes: number }>("/v1/session/totp"),
});
export const ways = queryOptions({
  queryKey: ["ways"],
  queryFn: () => call<{ providers: { id: string; title: string }[]; citizens: boolean }>("/v1/session/ways"),
});

const post = <T>(path: string, body?: unknown) => call<T>(path, { method: "POST", body });

export const signIn = (login: string, password: string) => post<Signed>("/v1/session", { login, password });
export const signUp = (newcomer: { login: string; password: string; name: string; number: string }) =>
  post<Signed>("/v1/citizens", newcomer);
export const second = (challenge: string, code: string) =>
  post<Signed>("/v1/session/second", { challenge, code });

/** Whether this browser has passkeys at all. */
export const knowsPasskeys = () => typeof PublicKeyCredential === "function";

const bytes = (text: string) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0)).buffer;
const text = (buffer: ArrayBuffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

type Named = { id: string; type: PublicKeyCredentialType };
const named = (list: Named[] | undefined) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

type Challenge = {
  publicKey: { challenge: string; allowCredentials?: Named[]; rpId?: string; timeout?: number };
};

/** Signs in with a passkey; undefined where the person changed their mind. */
export async function signInByPasskey(): Promise<Signed> {
  const asked = await post<{ challenge: string; options: Challenge }>("/v1/session/passkey/start");
  const { publicKey } = asked.options;
  const shown = (await navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      allowCredentials: named(publicKey.allowCredentials),
      userVerification: "required",
    },
  })) as PublicKeyCredential;
  const response = shown.response as AuthenticatorAssertionResponse;
  const credential = {
    id: shown.id,
    rawId: text(shown.rawId),
    type: shown.type,
    extensions: {},
    response: {
      authenticatorData: text(response.authenticatorData),
      clientDataJSON: text(response.clientDataJSON),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : null,
    },
  };
  return post<Signed>("/v1/session/passkey", { challenge: asked.challenge, credential });
}

type Creation = {
  publicKey: Omit<PublicKeyCredentialCreationOptions, "challenge" | "user" | "excludeCredentials"> & {
    challenge: string;
    user: { id: string; name: string; displayName: string };
    excludeCredentials?: Named[];
  };
};

/** Makes a passkey on this device and registers it. */
export async function addPasskey(name: string): Promise<void> {
  const asked = await post<{ registration: string; options: Creation }>("/v1/session/passkeys/start");
  const { publicKey } = asked.options;
  const made = (await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: named(publicKey.excludeCredentials),
    },
  })) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  const credential = {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    extensions: {},
    response: {
      attestationObject: text(response.attestationObject),
      clientDataJSON: text(response.clientDataJSON),
    },
  };
  await post("/v1/session/passkeys", { registration: asked.registration, name, credential });
}
