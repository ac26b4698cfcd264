/** Drafts of the studio and the forms of packages. */

import { queryOptions } from "@tanstack/react-query";
import { all, call, type Page } from "./client";
import type { Finding, Variables } from "./processes";

export type DraftState = "open" | "submitted" | "published" | "rejected";

export type DraftSummary = {
  id: string;
  package: string;
  title: string;
  state: DraftState;
  version: number;
  author: string;
  author_name: string | null;
  mine: boolean;
  paths: string[];
  updated_at: string;
  note: string | null;
  reviewer_name: string | null;
  review_note: string | null;
  /** The overlay that it became, with its version. */
  published: string | null;
};

/** Path → text: `processes/x.bpmn`, `decisions/x.dmn`, `decisions/x.cases.json`, `forms/x.form.json`. */
export type Files = Record<string, string>;

export type Draft = DraftSummary & {
  files: Files;
  /** Those files as they were when they were taken up. */
  base: Files;
  /** Files that others changed since. */
  overtaken: string[];
};

/** `file` begins with the overlay's name. */
type Raw = Finding & { file: string };
export type DraftFinding = Finding & { path: string };

const at = (id: string) => `/v1/drafts/${encodeURIComponent(id)}`;

export const drafts = queryOptions({
  queryKey: ["drafts"],
  queryFn: ({ signal }) => all<DraftSummary>("/v1/drafts", signal, "before"),
});

export const draft = (id: string) =>
  queryOptions({
    queryKey: ["draft", id],
    queryFn: ({ signal }) => call<Draft>(at(id), { signal }),
    // What is being drawn stays as it is.
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** The studio's files of a package as they are in force. */
export const packageFiles = (id: string) =>
  queryOptions({
    queryKey: ["package-files", id],
    queryFn: async ({ signal }): Promise<Files> => {
      const page = await call<Page<{ path: string; text: string }>>(
        `/v1/packages/${encodeURIComponent(id)}/files`,
        { signal },
      );
      return Object.fromEntries(page.items.map(({ path, text }) => [path, text]));
    },
    refetchOnWindowFocus: false,
  });

export const createDraft = (body: { package: string; title: string; files?: Files }) =>
  call<Draft>("/v1/drafts", { method: "POST", body });

/** `files` are all that the draft changes. */
export const updateDraft = (id: string, version: number, files: Files) =>
  call<Draft>(at(id), { method: "PUT", body: { files }, headers: { "if-match": `"${version}"` } });

export const deleteDraft = (id: string) => call<void>(at(id), { method: "DELETE" });

export const checkDraft = async (id: string): Promise<{ findings: DraftFinding[]; overtaken: string[] }> => {
  const told = await call<{ findings: Raw[]; overtaken: string[] }>(`${at(id)}/check`, {
    method: "POST",
    body: {},
  });
  const placed = told.findings.map((one) => ({ ...one, path: one.file.replace(/^[^/]*\//, "") }));
  return { findings: placed, overtaken: told.overtaken };
};

const act = (verb: string) => (id: string, note?: string) =>
  call<Draft>(`${at(id)}/${verb}`, { method: "POST", body: note ? { note } : {} });

export const submitDraft = act("submit");
export const reopenDraft = act("reopen");
export const publishDraft = act("publish");
export const rejectDraft = act("reject");

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
  call<{ values: Variables; errors: { pointer: string; code: string; message: string }[] }>("/v1/forms/try", {
    method: "POST",
    body: { schema, values },
  });
