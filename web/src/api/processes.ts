/** Processes, their instances, incidents and what is said of a model. */

import { queryOptions } from "@tanstack/react-query";
import { all, call, type Page } from "./client";

/** What a check of a model, a table or a form has to say. */
export type Finding = {
  severity: "error" | "warning" | "note";
  rule: string;
  message: string;
  hint?: string | null;
  /** Id of the element of a diagram, key of a form's field. */
  element?: string | null;
  /** Of a decision model: which decision, and which of its rules (from 1). */
  decision?: string | null;
  rules?: number[] | null;
  line?: number | null;
  column?: number | null;
  /** An input for which it shows. */
  example?: Variables | null;
};

export type ProcessSummary = {
  id: string;
  package: string;
  key: string;
  title: string;
  version: number;
  running: number;
  incidents: number;
  deployed_at: string;
  /** Whether the reader may start it. */
  may_start: boolean;
};

export type Version = {
  version: number;
  hash: string;
  deployed_at: string;
  /** Whether new instances may follow it. */
  installed: boolean;
  running: number;
};

export type ProcessView = ProcessSummary & {
  xml: string;
  versions: Version[];
  findings: Finding[];
  /** The form that is filled in to start it. */
  start_form: string | null;
};

export type InstanceState = "running" | "completed" | "cancelled" | "incident" | "failed";

export type InstanceSummary = {
  id: string;
  process: string;
  title: string;
  version: number;
  state: InstanceState;
  business_key: string | null;
  started_at: string;
  ended_at: string | null;
  /** The instance that called it. */
  parent: string | null;
};

export type Variables = Record<string, unknown>;

export type Incident = {
  id: string;
  instance?: string;
  process?: string;
  element: string;
  kind: string;
  message: string;
  opened_at?: string;
};

export type InstanceView = Omit<InstanceSummary, "incidents"> & {
  variables: Variables;
  /** It holds persons' data, which are not the reader's. */
  variables_hidden?: boolean;
  tokens: { id: string; element: string; since: string; state: string }[];
  /** As it was at a moment, only variables and tokens are known. */
  timers?: { element: string; due_at: string | null; paused?: boolean; retry?: boolean }[];
  subscriptions?: { element: string; kind: string; name?: string | null; key?: string | null }[];
  incidents?: Incident[];
  calls?: { id: string; process: string; state: InstanceState; element: string | null }[];
  /** The error it ended with. */
  error?: { code: string | null; message: string };
};

export type Step = {
  seq: number;
  at: string;
  element: string | null;
  kind: string;
  actor?: string | null;
  actor_name?: string | null;
  data?: unknown;
};

export type Traced = { at: string; element: string | null; kind: string; what?: unknown };

export type Tried = {
  trace: Traced[];
  tokens: { id: string; element: string }[];
  waiting: {
    element: string;
    kind: "task" | "work" | "incident" | "event" | "timer";
    title?: string | null;
    message?: string | null;
    due_at?: string | null;
  }[];
  variables: Variables;
  ended: boolean;
};

export type Simulated = {
  runs: number;
  /** Shares of elements and flows that were ever reached, 0 to 1. */
  coverage: { elements: number; flows: number };
  /** How often each element was reached and each flow taken, by id. */
  visits: Record<string, number>;
  dead: string[];
  /** Where a run could not go on, the elements it had reached, and why. */
  stuck: { elements: string[]; trace: string[]; why: string[] }[];
  completed: number;
  clock: { worst: string | null; p50: string | null; p95: string | null };
};

export type Migrated = {
  migrated: number;
  refused: { instance: string; element?: string | null; why: string }[];
};

const at = (id: string) => `/v1/processes/${encodeURIComponent(id)}`;
const instanceAt = (id: string) => `/v1/process_instances/${encodeURIComponent(id)}`;

export const processes = queryOptions({
  queryKey: ["processes"],
  queryFn: ({ signal }) => all<ProcessSummary>("/v1/processes", signal),
});

export const processView = (id: string, version?: number) =>
  queryOptions({
    queryKey: ["process", id, version ?? 0],
    queryFn: ({ signal }) => call<ProcessView>(at(id), { query: { version }, signal }),
  });

export const checkProcess = (xml: string) =>
  call<{ findings: Finding[] }>("/v1/processes/check", { method: "POST", body: { xml } });

export type Trial = {
  xml: string;
  process?: string;
  variables: Variables;
  answers: Record<string, unknown>;
};

export const tryProcess = (trial: Trial) => call<Tried>("/v1/processes/try", { method: "POST", body: trial });

export const simulateProcess = (xml: string, runs: number, seed: number) =>
  call<Simulated>("/v1/processes/simulate", { method: "POST", body: { xml, runs, seed } });

export const startProcess = (
  id: string,
  body: { variables: Variables; business_key?: string; version?: number },
) => call<{ id: string; process: string }>(`${at(id)}/instances`, { method: "POST", body });

type InstanceQuery = {
  process?: string;
  state?: string;
  q?: string;
  cursor?: string;
  limit?: number;
};

export const instances = (query: InstanceQuery) =>
  queryOptions({
    queryKey: ["instances", query],
    queryFn: ({ signal }) => call<Page<InstanceSummary>>("/v1/process_instances", { query, signal }),
  });

export const instanceView = (id: string, asOf?: string) =>
  queryOptions({
    queryKey: ["instance", id, asOf ?? ""],
    queryFn: ({ signal }) => call<InstanceView>(instanceAt(id), { query: { as_of: asOf }, signal }),
  });

/** What happened, oldest first; long histories are read whole up to a bound. */
export const instanceHistory = (id: string) =>
  queryOptions({
    queryKey: ["instance-history", id],
    queryFn: async ({ signal }) => {
      const steps = await all<Step>(`${instanceAt(id)}/history`, signal);
      return steps.sort((one, other) => one.seq - other.seq);
    },
  });

export const cancelInstance = (id: string, reason: string) =>
  call(`${instanceAt(id)}/cancel`, { method: "POST", body: { reason } });

export type Modification = {
  terminate: string[];
  start: { element: string }[];
  variables?: Variables;
  reason: string;
};

export const modifyInstance = (id: string, body: Modification) =>
  call<InstanceView>(`${instanceAt(id)}/modify`, { method: "POST", body });

export type Migration = {
  process: string;
  from: number;
  to: number;
  mapping: Record<string, string>;
  instances?: string[];
  dry_run: boolean;
};

export const migrate = (body: Migration) =>
  call<Migrated>("/v1/process_migrations", { method: "POST", body });

export const incidents = (query: { process?: string; cursor?: string; limit?: number }) =>
  queryOptions({
    queryKey: ["incidents", query],
    queryFn: ({ signal }) => call<Page<Incident>>("/v1/incidents", { query, signal }),
  });

export const retryIncident = (id: string, variables?: Variables) =>
  call<{ instance: string; mended: boolean; message: string | null }>(
    `/v1/incidents/${encodeURIComponent(id)}/retry`,
    {
      method: "POST",
      body: variables ? { variables } : {},
    },
  );
