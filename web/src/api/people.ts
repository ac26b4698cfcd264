/** Posts, delegation, who one is as a citizen, and whom one acts for. */

import { queryOptions } from "@tanstack/react-query";
import { call } from "./client";

/** A post as administrators see it. */
export type Post = {
  id: string;
  account: string;
  unit: string;
  title: string;
  roles: string[];
  regions: string[];
  lines: string[];
  from: string;
  until: string | null;
  main: boolean;
  ended_at: string | null;
  version: number;
};

/** A post that one may act in. */
export type Duty = {
  id: string;
  unit: string;
  title: string;
  roles: string[];
  regions: string[];
  lines: string[];
  main: boolean;
  on_behalf_of: { id: string; name: string | null } | null;
};

export type Delegation = {
  id: string;
  post: string;
  title: string;
  unit: string;
  holder: string;
  holder_name: string;
  account: string;
  account_name: string;
  roles: string[] | null;
  reason: string;
  from: string;
  until: string;
  revoked_at: string | null;
};

export type Party = {
  id: string;
  name: string;
  number: string | null;
  level: 1 | 2 | 3;
  represents: { id: string; kind: string; name: string } | null;
  /** By the platform's clock. */
  today: string;
};

export type PartyLink = {
  id: string;
  kind: "legal" | "agent" | "guardian";
  way: "given" | "received";
  state: "asked" | "waiting" | "coming" | "standing" | "ended" | "lapsed" | "revoked";
  other: { id: string | null; name: string; number: string | null };
  packages: string[] | null;
  reason: string;
  from: string;
  until: string | null;
};

export const postsOf = (account: string) =>
  queryOptions({
    queryKey: ["posts", account],
    queryFn: async () => (await call<{ items: Post[] }>("/v1/posts", { query: { account } })).items,
  });

export const duties = queryOptions({
  queryKey: ["duties"],
  queryFn: () => call<{ items: Duty[]; current: string | null }>("/v1/session/posts"),
});

export const delegations = queryOptions({
  queryKey: ["delegations"],
  queryFn: async () => (await call<{ items: Delegation[] }>("/v1/delegations")).items,
});

export const party = queryOptions({
  queryKey: ["party"],
  queryFn: () => call<Party>("/v1/session/party"),
});

export const partyLinks = queryOptions({
  queryKey: ["party-links"],
  queryFn: async () => (await call<{ items: PartyLink[] }>("/v1/party-links")).items,
});
