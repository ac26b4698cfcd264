/** Approvals, emergency access and simulation. */

import { address, call, type Problem, Refused } from "./client";
import { PURPOSE } from "./purposes";

type ApprovalState = "waiting" | "approved" | "rejected" | "withdrawn" | "used" | "expired";

export type Approval = {
  id: string;
  state: ApprovalState;
  mine: boolean;
  name: string;
  unit: string | null;
  post: string | null;
  operation: string;
  title: string | null;
  type: string;
  purpose: string | null;
  reason: string;
  why: string;
  asked_at: string;
  expires_at: string;
  decided_name: string | null;
  decided_reason: string | null;
  may_decide?: boolean;
  request?: Sent | null;
};

export type Sent = {
  method: string;
  path: string;
  query: { name: string; value: string }[];
  if_match: string | null;
  body: unknown;
  file: { name: string | null; content_type: string; size: number } | null;
};

export const approvals = (which: "waiting" | "mine", signal?: AbortSignal) =>
  call<{ items: Approval[] }>("/v1/approvals", { query: { which }, signal });

export const approval = (id: string, signal?: AbortSignal) =>
  call<Approval>(`/v1/approvals/${id}`, { signal });

/** The file that waits with a request. */
export const approvalFile = (id: string) => `/v1/approvals/${id}/file`;

/** Sends an approved call again just as it was; gives a file where the answer is one. */
export async function perform(one: Approval, sent: Sent): Promise<Blob | undefined> {
  const headers: Record<string, string> = { "x-banyan": "1", "banyan-approval": one.id };
  if (one.purpose) headers[PURPOSE] = one.purpose;
  if (sent.if_match) headers["if-match"] = sent.if_match;
  headers["banyan-post"] = one.post ?? "own";
  let body: BodyInit | undefined;
  if (sent.file) {
    const file = await fetch(approvalFile(one.id), { credentials: "same-origin" });
    body = await file.blob();
    headers["content-type"] = sent.file.content_type;
    if (sent.file.name) headers["x-file-name"] = sent.file.name;
  } else if (sent.body !== null) {
    headers["content-type"] = "application/json";
    body = JSON.stringify(sent.body);
  }
  const query = Object.fromEntries(sent.query.map(({ name, value }) => [name, value]));
  const response = await fetch(address(sent.path, query), {
    method: sent.method,
    headers,
    body,
    credentials: "same-origin",
  });
  if (!response.ok) throw new Refused((await response.json()) as Problem);
  return sent.method === "GET" ? response.blob() : undefined;
}

type EmergencyState = "open" | "due" | "overdue" | "justified" | "unjustified";

export type Emergency = {
  id: string;
  state: EmergencyState;
  mine: boolean;
  name: string;
  unit: string | null;
  package: string;
  types: string[];
  reason: string;
  opened_at: string;
  ends_at: string;
  closed_at: string | null;
  review_by: string;
  review: string | null;
  reviewed_name: string | null;
  may_review: boolean;
  reads?: { type: string; acts: number; persons: number }[] | null;
};

export const emergencies = (which: "review" | "mine" | "all", signal?: AbortSignal) =>
  call<{ items: Emergency[] }>("/v1/emergencies", { query: { which }, signal });

export const emergency = (id: string, signal?: AbortSignal) =>
  call<Emergency>(`/v1/emergencies/${id}`, { signal });

type Said = { text: string; filter: string };
type Why = { policy: string; line: number | null; permits: boolean; rows: Said };
type FieldSeen = {
  name: string;
  title: string;
  shown: "whole" | "partly" | "masked" | "hidden";
  whole: Said;
  personal: boolean;
};
export type VerbSeen = {
  verb: string;
  title: string;
  permitted: boolean;
  refusal: string | null;
  rows: Said;
  fields: FieldSeen[];
  k_anonymous: number | null;
  two_person: string | null;
  reasons: Why[];
};
type Counted = { count?: number; fewer_than?: number };
export type TypeSeen = {
  type: string;
  title: string;
  personal: boolean;
  verbs: VerbSeen[];
  records?: { all: Counted | null; states: Record<string, Counted> };
};

export const simulate = (supposed: object) =>
  call<{ types: TypeSeen[] }>("/v1/policy/simulate", { method: "POST", body: supposed });
