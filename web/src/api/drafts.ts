/** Drafts of the studio and the forms of packages. */

import { queryOptions } from "@tanstack/react-query";
import { call } from "./client";
import type { Finding, Page, Variables } from "./processes";

export type DraftState = "editing" | "submitted" | "published" | "rejected";

export type DraftSummary = {
  id: string;
  package: string;
  title: string;
  state: DraftState;
  author: { id: string; name: string };
  updated_at: string;
  note?: string | null;
};

/** Path → text: `processes/x.bpmn`, `decisions/x.dmn`, `decisions/x.cases.json`, `forms/x.form.json`. */
export type Files = Record<string, string>;

export type Draft = DraftSummary & {
  files: Files;
  /** What is in force now, to compare with. */
  base?: Files | null;
  etag?: string;
  reviewer?: { id: string; name: string } | null;
  reason?: string | null;
  may?: ("update" | "submit" | "publish" | "reject" | "delete" | "withdraw")[];
};

export type DraftFinding = Finding & { path?: string | null };

const at = (id: string) => `/v1/drafts/${encodeURIComponent(id)}`;

export const drafts = queryOptions({
  queryKey: ["drafts"],
  queryFn: async ({ signal }) => (await call<Page<DraftSummary>>("/v1/drafts", { signal })).items,
});

export const draft = (id: string) =>
  queryOptions({
    queryKey: ["draft", id],
    queryFn: ({ signal }) => call<Draft>(at(id), { signal }),
    // What is being drawn stays as it is.
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
  });

export const createDraft = (body: { package: string; title: string; files?: Files }) =>
  call<Draft>("/v1/drafts", { method: "POST", body });

export const updateDraft = (id: string, etag: string | undefined, body: { title?: string; files?: Files }) =>
  call<Draft>(at(id), { method: "PATCH", body, headers: etag ? { "if-match": etag } : {} });

export const deleteDraft = (id: string) => call<void>(at(id), { method: "DELETE" });

export const checkDraft = (id: string) =>
  call<{ findings: DraftFinding[] }>(`${at(id)}/check`, { method: "POST", body: {} });

export const submitDraft = (id: string, note: string) =>
  call<Draft>(`${at(id)}/submit`, { method: "POST", body: { note } });

export const publishDraft = (id: string, note: string) =>
  call<Draft>(`${at(id)}/publish`, { method: "POST", body: { note } });

export const rejectDraft = (id: string, note: string) =>
  call<Draft>(`${at(id)}/reject`, { method: "POST", body: { note } });

/** Where the overlay package of a draft is to be had. */
export const downloadOf = (id: string) => `${at(id)}/package.zip`;

export const formView = (id: string) =>
  queryOptions({
    queryKey: ["form", id],
    queryFn: ({ signal }) =>
      call<{ id: string; schema: Record<string, unknown> }>(`/v1/forms/${encodeURIComponent(id)}`, {
        signal,
      }),
  });

export const checkForm = (schema: unknown) =>
  call<{ findings: Finding[] }>("/v1/forms/check", { method: "POST", body: { schema } });

export const tryForm = (schema: unknown, values: Variables) =>
  call<{ values: Variables; errors: { field: string; code: string; message: string }[] }>("/v1/forms/try", {
    method: "POST",
    body: { schema, values },
  });
