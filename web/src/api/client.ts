/** One way to the server: cookies, the header that proves the request is ours, and problems as values. */

import { PURPOSE, packageOf, purposeOf } from "./purposes";

/** What the server says when it refuses (RFC 9457). */
export type Problem = {
  status: number;
  code: string;
  title: string;
  detail: string;
  trace?: string;
  errors?: { pointer: string; code: string; message: string }[];
  /** Where personal data are asked for without a good purpose: those that the reader may name. */
  purposes?: { name: string; title: string }[];
};

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** A page of a list. */
export type Page<T> = { items: T[]; next?: string | null };

type Options = {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  /** Sent as it is, e.g. a file. */
  raw?: Blob;
  headers?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal;
};

/** The path with its query, leaving out what is not set. */
export function address(path: string, query: Options["query"] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

async function problemOf(response: Response): Promise<Problem> {
  const bare = { status: response.status, code: "UNKNOWN", title: response.statusText, detail: "" };
  try {
    return { ...bare, ...((await response.json()) as Partial<Problem>) };
  } catch {
    return bare;
  }
}

const FOR = "banyan.for";

/** The party that is acted for in this tab, by a link that it granted. */
export const actsFor = () => sessionStorage.getItem(FOR);

/** Acts for a party from now on; null: for oneself. */
export function actFor(party: string | null): void {
  if (party) sessionStorage.setItem(FOR, party);
  else sessionStorage.removeItem(FOR);
}

/** Calls the server; throws `Refused` with its problem, or with one of our own where it can't be reached. */
export async function call<T>(path: string, options: Options = {}): Promise<T> {
  const method = options.method ?? "GET";
  const headers: Record<string, string> = { accept: "application/json", ...options.headers };
  if (method !== "GET") headers["x-banyan"] = "1";
  const purpose = purposeOf(packageOf(path) ?? "");
  if (purpose !== undefined) headers[PURPOSE] = purpose;
  // A write that is sent twice because the line broke is done once.
  if (method === "POST" && !headers["idempotency-key"]) headers["idempotency-key"] = crypto.randomUUID();
  const party = actsFor();
  if (party) headers["banyan-for"] = party;
  if (options.body !== undefined) headers["content-type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers,
      credentials: "same-origin",
      body: options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      signal: options.signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused({ status: 0, code: "OFFLINE", title: "", detail: "" });
  }
  if (!response.ok) throw new Refused(await problemOf(response));
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** All of a list that is short enough to be searched whole: a list that ends is easier to read than pages. `by`: by which
 * parameter it is gone on with. */
export async function all<T>(path: string, signal: AbortSignal, by = "cursor"): Promise<T[]> {
  const found: T[] = [];
  let next: string | undefined;
  do {
    const page: Page<T> = await call(path, { query: { [by]: next, limit: 200 }, signal });
    found.push(...page.items);
    next = page.next ?? undefined;
  } while (next && found.length < 2000);
  return found;
}
