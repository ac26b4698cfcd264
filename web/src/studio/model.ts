/** The files of a draft: what they are, what is new in them, what is in them to refer to. */

import type { Case } from "../api/decisions";
import type { Files } from "../api/drafts";
import type { Known } from "../bpmn/fields";

export type FileKind = "process" | "decision" | "cases" | "form";

const ENDINGS: [FileKind, string, string][] = [
  ["process", "processes/", ".bpmn"],
  ["cases", "decisions/", ".cases.json"],
  ["decision", "decisions/", ".dmn"],
  ["form", "forms/", ".form.json"],
];

export function kindOf(path: string): FileKind | undefined {
  return ENDINGS.find(([, folder, ending]) => path.startsWith(folder) && path.endsWith(ending))?.[0];
}

export function nameOf(path: string): string {
  const found = ENDINGS.find(([, folder, ending]) => path.startsWith(folder) && path.endsWith(ending));
  return found ? path.slice(found[1].length, -found[2].length) : path;
}

export function pathOf(kind: FileKind, name: string): string {
  const found = ENDINGS.find(([one]) => one === kind);
  return found ? `${found[1]}${name}${found[2]}` : name;
}

/** A name that a file, and what is in it, can have. */
export const goodName = (name: string) => /^[a-z][a-z0-9_]{0,30}$/.test(name);

export type Entry = { path: string; kind: FileKind; name: string; state: "new" | "changed" | "same" };

const ORDER: FileKind[] = ["process", "decision", "cases", "form"];

/** Those of the draft and those in force, by kind and name. */
export function entries(files: Files, base: Files): Entry[] {
  const paths = [...new Set([...Object.keys(files), ...Object.keys(base)])];
  return paths
    .flatMap((path): Entry[] => {
      const kind = kindOf(path);
      if (!kind) return [];
      const own = files[path];
      const state =
        base[path] === undefined ? "new" : own === undefined || own === base[path] ? "same" : "changed";
      return [{ path, kind, name: nameOf(path), state }];
    })
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name));
}

/** What a draft changes: what is the same as in force is no part of it. */
export function changedOnly(files: Files, base: Files): Files {
  return Object.fromEntries(Object.entries(files).filter(([path, text]) => base[path] !== text));
}

const attributes = (xml: string, tag: string, name: string) =>
  [...xml.matchAll(new RegExp(`<(?:[\\w-]+:)?${tag}\\b[^>]*?\\s${name}="([^"]*)"`, "g"))].map(
    (found) => found[1] ?? "",
  );

/** Names that elements of the draft may refer to. */
export function knownOf(all: Files, pkg: string, roles: string[]): Known {
  const of = (kind: FileKind) => Object.entries(all).filter(([path]) => kindOf(path) === kind);
  return {
    roles,
    forms: of("form").map(([path]) => nameOf(path)),
    processes: of("process").flatMap(([, xml]) =>
      attributes(xml, "process", "id").map((id) => `${pkg}.${id}`),
    ),
    decisions: of("decision").flatMap(([path, xml]) =>
      attributes(xml, "decision", "name").map((name) => `${pkg}.${nameOf(path)}#${name}`),
    ),
  };
}

/** The cases beside a decision model; what can't be read is no case. */
export function casesOf(all: Files, path: string): Case[] {
  try {
    const told = JSON.parse(all[pathOf("cases", nameOf(path))] ?? "[]") as Case[] | { cases: Case[] };
    return Array.isArray(told) ? told : (told.cases ?? []);
  } catch {
    return [];
  }
}

/** The other models of the package, where one refers to others. */
export function importsOf(all: Files, path: string): string[] {
  if (!/<(?:[\w-]+:)?import\b/.test(all[path] ?? "")) return [];
  return Object.entries(all).flatMap(([other, text]) =>
    other !== path && kindOf(other) === "decision" ? [text] : [],
  );
}
