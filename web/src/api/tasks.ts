/** The inbox: tasks of people, how they are taken and done, views that are kept. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call, type Page } from "./client";
import type { Variables } from "./processes";

export type Light = "green" | "yellow" | "red";
export type Scope = "mine" | "group" | "all";

export type Task = {
  id: string;
  title: string;
  process: { id: string; title: string };
  instance: string;
  business_key: string | null;
  element: string;
  state: "open" | "claimed" | "done" | "cancelled";
  assignee: { id: string; name: string } | null;
  roles: string[];
  created_at: string;
  due_at: string | null;
  light: Light | null;
  priority: number;
  has_form: boolean;
  batch: boolean;
  /** `<package>.<type>/<id>` of the record it is about. */
  about: string | null;
  /** Who gave it on, and what he said. */
  delegated_from: string | null;
  note: string | null;
};

export type Provenance = {
  source: string;
  title?: string | null;
  record?: string | null;
  version?: number | null;
  at?: string | null;
};

export type TaskVerb = "claim" | "release" | "delegate" | "hand_back" | "complete";

export type TaskView = Task & {
  form: Record<string, unknown> | null;
  data: Variables;
  provenance: Record<string, Provenance>;
  draft: { values: Variables; saved_at: string } | null;
  /** The steps of the case so far. */
  history: { at: string; element: string | null; kind: string; actor: string }[];
  may: (TaskVerb | "draft")[];
};

type Lights = Record<Light, number>;

export type Counts = {
  mine: Lights;
  group: Lights;
  by_process: { id: string; title: string; count: number }[];
};

/** What an inbox's address holds. */
export type TaskQuery = {
  scope?: Scope;
  state?: "open" | "done";
  process?: string;
  light?: Light;
  q?: string;
  sort?: "due" | "created" | "priority";
};

export const tasks = (query: TaskQuery & { cursor?: string; limit?: number }) =>
  queryOptions({
    queryKey: ["tasks", query],
    queryFn: ({ signal }) => call<Page<Task>>("/v1/tasks", { query, signal }),
    placeholderData: keepPreviousData,
  });

export const counts = queryOptions({
  queryKey: ["task-counts"],
  queryFn: ({ signal }) => call<Counts>("/v1/tasks/counts", { signal }),
  refetchInterval: 60_000,
  staleTime: 20_000,
});

/** How many wait for somebody: one's own and those of his groups. */
export function waiting(found: Counts | undefined): number {
  if (!found) return 0;
  const sum = (lights: Lights) => lights.green + lights.yellow + lights.red;
  return sum(found.mine) + sum(found.group);
}

const at = (id: string) => `/v1/tasks/${encodeURIComponent(id)}`;

export const task = (id: string) =>
  queryOptions({
    queryKey: ["task", id],
    queryFn: ({ signal }) => call<TaskView>(at(id), { signal }),
    // What is being filled in stays as it is.
    refetchOnWindowFocus: false,
  });

export const act = (id: string, verb: TaskVerb, body: Record<string, unknown> = {}) =>
  call<TaskView | undefined>(`${at(id)}/${verb}`, { method: "POST", body });

export const keepDraft = (id: string, values: Variables) =>
  call(`${at(id)}/draft`, { method: "PUT", body: { values } });

export type BatchResult = { id: string; ok: boolean; problem?: { title: string; detail?: string } };

export const batch = (ids: string[], verb: TaskVerb, values?: Variables) =>
  call<{ items: BatchResult[] }>("/v1/tasks/batch", {
    method: "POST",
    body: values ? { ids, verb, values } : { ids, verb },
  });

type KeptView = { id: string; title: string; query: TaskQuery };

export const keptViews = queryOptions({
  queryKey: ["task-views"],
  queryFn: async ({ signal }) => (await call<{ items: KeptView[] }>("/v1/task_views", { signal })).items,
});

export const keepView = (title: string, query: TaskQuery) =>
  call("/v1/task_views", { method: "POST", body: { title, query } });

export const dropView = (id: string) =>
  call(`/v1/task_views/${encodeURIComponent(id)}`, { method: "DELETE" });
