/** Everything the desk asks for, with its place in the cache. */

import {
  keepPreviousData,
  QueryClient,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import { actFor, actsFor, call, Refused } from "./client";
import { belongsTo, choose, forget, settle } from "./purposes";
import type { Account, HistoryEntry, Package, PackageSummary, RecordItem, RecordPage } from "./types";

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // A refusal will not change by asking again; a lost line may.
      retry: (count, error) => error instanceof Refused && error.problem.status === 0 && count < 2,
      refetchOnWindowFocus: true,
    },
  },
});

/** Whoever is here now (null: nobody) sees nothing kept from whoever was here before. */
export function become(account: Account | null): void {
  belongsTo(account?.id ?? "");
  actFor(null);
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  client.setQueryData(["session"], account);
  // In which post he acts, and so with which roles, only the session says.
  if (account) void client.invalidateQueries({ queryKey: ["session"] });
}

/** Acts in another capacity from now on: nothing that was seen in the one before is kept. */
export async function change(capacity: () => Promise<unknown>): Promise<void> {
  await capacity();
  forget();
  await client.invalidateQueries({ queryKey: ["session"] });
  await client.resetQueries({ predicate: (query) => query.queryKey[0] !== "session" });
}

type Acting = { unit: string | null; roles: string[]; standing: { post: string | null } };

/** The account, with the unit and roles that it acts with. */
async function acting(): Promise<Account> {
  const { account, acting } = await call<{ account: Account; acting: Acting }>("/v1/session");
  return { ...account, unit: acting.unit, roles: acting.roles };
}

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: async (): Promise<Account | null> => {
    try {
      const account = await acting();
      belongsTo(account.id);
      return account;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.problem.status === 401) return null;
      // A link that has ended ends the acting by it, and nothing else.
      if (error.problem.status === 403 && actsFor()) {
        actFor(null);
        return acting();
      }
      throw error;
    }
  },
  staleTime: 60_000,
});

export const packages = queryOptions({
  queryKey: ["packages"],
  queryFn: () => call<{ items: PackageSummary[]; now: string }>("/v1/packages"),
});

export const pkg = (id: string) =>
  queryOptions({
    queryKey: ["package", id],
    queryFn: async () => {
      const found = await call<Package>(`/v1/packages/${id}`);
      // What one may do can depend on what for.
      return settle(id, found.my_purposes) ? call<Package>(`/v1/packages/${id}`) : found;
    },
  });

/** Uses a package's data for another purpose: nothing that was read for the one before stays on the page. */
export function changePurpose(id: string, purpose: string | undefined): void {
  choose(id, purpose);
  const read = ["records", "record", "history", "aggregate"];
  client.removeQueries({ predicate: (query) => read.includes(String(query.queryKey[0])), type: "inactive" });
  void client.resetQueries({
    predicate: ({ queryKey: [what, of] }) => read.includes(String(what)) || (what === "package" && of === id),
  });
}

export type ListQuery = {
  filter?: string;
  sortby?: string;
  q?: string;
  limit?: number;
  cursor?: string;
  count?: 1;
};

const path = (full: string) => `/v1/records/${full.replace(".", "/")}`;

const recordPath = (full: string, id: string, tail = "") => `${path(full)}/${encodeURIComponent(id)}${tail}`;

export const records = (full: string, query: ListQuery) =>
  queryOptions({
    queryKey: ["records", full, query],
    queryFn: ({ signal }) => call<RecordPage>(path(full), { query, signal }),
    placeholderData: keepPreviousData,
  });

export const record = (full: string, id: string, asOf?: string) =>
  queryOptions({
    queryKey: ["record", full, id, asOf ?? ""],
    queryFn: () => call<RecordItem>(recordPath(full, id), { query: { as_of: asOf } }),
  });

export const history = (full: string, id: string) =>
  queryOptions({
    queryKey: ["history", full, id],
    queryFn: async () => (await call<{ items: HistoryEntry[] }>(recordPath(full, id, "/history"))).items,
  });

/** The name of a unit by its code; the code itself where it can't be read. */
export const unitName = (code: string) =>
  queryOptions({
    queryKey: ["unit", code],
    queryFn: async () => {
      const filter = `code = '${code.replaceAll("'", "''")}'`;
      const page = await call<RecordPage>("/v1/records/base/unit", { query: { filter, limit: 1 } });
      return String(page.items[0]?.fields.name ?? code);
    },
    staleTime: 300_000,
  });

export type AggregateResult = {
  groups?: { key: string | null; label: string; values: Record<string, number | null> }[];
  figures?: Record<string, number | null>;
  tables?: { name: string; items: RecordItem[]; more: boolean }[];
  filters?: Record<string, string>;
  /** Groups of fewer records are not shown to this reader, nor single records. */
  k_anonymous?: number | null;
};

export const aggregate = (full: string, query: { view: string; month?: string }) =>
  queryOptions({
    queryKey: ["aggregate", full, query],
    queryFn: () => call<AggregateResult>(`${path(full)}/aggregate`, { query }),
    placeholderData: keepPreviousData,
  });

export type SavedFilter = {
  id: string;
  name: string;
  type: string;
  query: string;
  shared: boolean;
  mine: boolean;
};

export const savedFilters = (full: string) =>
  queryOptions({
    queryKey: ["saved", full],
    queryFn: async () =>
      (await call<{ items: SavedFilter[] }>("/v1/saved-filters", { query: { type: full } })).items,
  });

export type ImportRun = {
  id: string;
  type: string;
  file_name: string;
  dry_run: boolean;
  mode: "create" | "upsert";
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  total: number;
  done: number;
  created: number;
  updated: number;
  failed: number;
  message: string | null;
  first_errors: { line: number; column: string; message: string }[];
  created_at: string;
};

export const importRun = (id: string) =>
  queryOptions({
    queryKey: ["import", id],
    queryFn: () => call<ImportRun>(`/v1/imports/${id}`),
    refetchInterval: (query) => {
      const state = query.state.data?.state;
      return state === undefined || state === "queued" || state === "running" ? 500 : false;
    },
    staleTime: 0,
  });

export const importRuns = (full: string) =>
  queryOptions({
    queryKey: ["imports", full],
    queryFn: async () =>
      (await call<{ items: ImportRun[] }>("/v1/imports")).items
        .filter((one) => one.type === full)
        .slice(0, 5),
    staleTime: 0,
  });

/** A write that makes everything of the type stale. */
export function useWrite<In, Out>(full: string, run: (input: In) => Promise<Out>) {
  const cache = useQueryClient();
  return useMutation<Out, Error, In>({
    mutationFn: run,
    onSettled: () => {
      for (const key of ["records", "record", "history", "aggregate"])
        void cache.invalidateQueries({ queryKey: [key] });
      void cache.invalidateQueries({ queryKey: ["records", full] });
    },
  });
}

export const create = (full: string, fields: object) =>
  call<RecordItem>(path(full), { method: "POST", body: { fields } });

export const update = (full: string, id: string, etag: string, fields: object, note?: string) =>
  call<RecordItem>(recordPath(full, id), {
    method: "PATCH",
    body: note ? { fields, note } : { fields },
    headers: { "if-match": etag },
  });

export const remove = (full: string, id: string, etag: string) =>
  call<void>(recordPath(full, id), { method: "DELETE", headers: { "if-match": etag } });

export const transition = (
  full: string,
  id: string,
  etag: string,
  name: string,
  fields: object,
  note?: string,
) =>
  call<RecordItem>(recordPath(full, id, `/transitions/${name}`), {
    method: "POST",
    body: note ? { fields, note } : { fields },
    headers: { "if-match": etag },
  });

export const startImport = (full: string, file: File, dryRun: boolean, mode: "create" | "upsert") =>
  call<ImportRun>(`${path(full)}/imports`, {
    method: "POST",
    raw: file,
    query: { dry_run: dryRun ? "true" : "false", mode },
    headers: {
      "content-type": /\.xlsx$/i.test(file.name)
        ? "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        : "text/csv",
      "x-file-name": encodeURIComponent(file.name),
    },
  });
