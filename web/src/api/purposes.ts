/** For which purpose the reader uses the personal data of each package: chosen once a session of the browser. */

import { useSyncExternalStore } from "react";

/** Header of calls, and query parameter of links, which can send no header. */
export const PURPOSE = "banyan-purpose";
const KEY = "banyan.purposes";

type Kept = { account: string; chosen: Record<string, string> };

function load(): Kept {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "") as Partial<Kept>;
    return { account: kept.account ?? "", chosen: kept.chosen ?? {} };
  } catch {
    return { account: "", chosen: {} };
  }
}

let kept = load();
const listeners = new Set<() => void>();

function keep(next: Kept): void {
  kept = next;
  sessionStorage.setItem(KEY, JSON.stringify(next));
  for (const listener of listeners) listener();
}

/** What one account has chosen is no other's choice. */
export function belongsTo(account: string): void {
  if (kept.account !== account) keep({ account, chosen: {} });
}

/** In another capacity one has other purposes. */
export function forget(): void {
  keep({ ...kept, chosen: {} });
}

export function purposeOf(pkg: string): string | undefined {
  return kept.chosen[pkg];
}

export function choose(pkg: string, purpose: string | undefined): void {
  const { [pkg]: _, ...others } = kept.chosen;
  keep({ ...kept, chosen: purpose === undefined ? others : { ...others, [pkg]: purpose } });
}

/** Takes the only usable purpose by itself, drops one that is no longer usable; tells whether the choice changed. */
export function settle(pkg: string, usable: { name: string }[]): boolean {
  const before = purposeOf(pkg);
  const only = usable.length === 1 ? usable[0]?.name : undefined;
  const stands = usable.some((one) => one.name === before);
  const after = stands ? before : only;
  if (after === before) return false;
  choose(pkg, after);
  return true;
}

export function usePurpose(pkg: string): string | undefined {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => kept.chosen[pkg],
  );
}

/** The package that an address is about. */
export function packageOf(path: string): string | undefined {
  return /^\/v1\/(?:records|packages)\/([a-z][a-z0-9-]*)(?:[/?]|$)/.exec(path)?.[1];
}

/** For the query of a link. */
export function linked(pkg: string): Record<string, string | undefined> {
  return { [PURPOSE]: purposeOf(pkg) };
}
