/** Decision models: what is installed, trying them, their cases. */

import { queryOptions } from "@tanstack/react-query";
import { all, call } from "./client";
import type { Finding, Variables } from "./processes";

export type DecisionSummary = {
  id: string;
  title: string;
  package: string;
  decisions: string[];
  version: number;
  effective_from: string;
  effective_until: string | null;
  published_at: string;
};

export type Case = { name: string; decision?: string; input: Variables; expected?: unknown };

export type DecisionView = DecisionSummary & {
  xml: string;
  /** Models that it imports. */
  imports: string[];
  cases: Case[];
  versions: {
    version: number;
    hash: string;
    effective_from: string;
    effective_until: string | null;
    published_at: string;
    retired_at: string | null;
  }[];
  findings: Finding[];
};

export type Matched = {
  rule: number;
  id?: string | null;
  annotations?: string[] | Record<string, unknown> | null;
  /** The law article it stands on. */
  law?: string | null;
  outputs?: unknown;
  /** Whether the hit policy took it into the result. */
  used?: boolean;
};

export type Explained = {
  name: string;
  matched?: Matched[] | null;
  inputs?: Variables | null;
  result?: unknown;
  /** Why the result is empty. */
  note?: string | null;
  law?: string | null;
};

export type Outcome = {
  result: unknown;
  explanation: { decisions: Explained[] };
  problems: { pointer: string; code: string; message: string }[];
};

export type CaseResult = {
  name: string;
  passed: boolean;
  expected?: unknown;
  got?: unknown;
  rules?: unknown;
  why?: string | null;
};

const at = (id: string) => `/v1/decisions/${encodeURIComponent(id)}`;

export const decisions = queryOptions({
  queryKey: ["decisions"],
  queryFn: ({ signal }) => all<DecisionSummary>("/v1/decisions", signal),
});

export const decisionView = (id: string, version?: number) =>
  queryOptions({
    queryKey: ["decision", id, version ?? 0],
    queryFn: ({ signal }) => call<DecisionView>(at(id), { query: { version }, signal }),
  });

export const checkDecision = (xml: string, imports: string[], cases?: Case[]) =>
  call<{ findings: Finding[] }>("/v1/decisions/check", {
    method: "POST",
    body: cases ? { xml, imports, cases } : { xml, imports },
  });

export const tryDecision = (xml: string, imports: string[], decision: string, input: Variables) =>
  call<Outcome>("/v1/decisions/try", { method: "POST", body: { xml, imports, decision, input } });

export const runCases = async (xml: string, imports: string[], cases: Case[]) =>
  (
    await call<{ items: CaseResult[] }>("/v1/decisions/run_cases", {
      method: "POST",
      body: { xml, imports, cases },
    })
  ).items;
