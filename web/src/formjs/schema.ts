/** What the desk reads from a form-js schema, and adds to it. */

import type { Provenance } from "../api/tasks";

export type Component = {
  type: string;
  id?: string;
  key?: string;
  path?: string;
  label?: string;
  description?: string;
  components?: Component[];
  [name: string]: unknown;
};

export type Schema = { type?: string; id?: string; components?: Component[]; [name: string]: unknown };

/** All components with what they hold. */
function componentsOf(schema: Schema): Component[] {
  const inner = (all: Component[] | undefined): Component[] =>
    (all ?? []).flatMap((one) => [one, ...inner(one.components)]);
  return inner(schema.components);
}

/** The schema with the source of what was filled in said below its field. */
export function sourced(
  schema: Schema,
  provenance: Record<string, Provenance>,
  say: (from: Provenance) => string,
): Schema {
  const walk = (all: Component[] | undefined, path: string): Component[] | undefined =>
    all?.map((one) => {
      const place = one.key ? join(path, one.key) : path;
      const from = one.key ? (provenance[place] ?? provenance[one.key]) : undefined;
      const inner = one.components && walk(one.components, one.path ? join(path, one.path) : path);
      const told = from && [one.description, say(from)].filter(Boolean).join(" ");
      return { ...one, ...(inner ? { components: inner } : {}), ...(told ? { description: told } : {}) };
    });
  return { ...schema, components: walk(schema.components, "") };
}

const join = (path: string, name: string) => (path ? `${path}.${name}` : name);

/** Where a problem points to, as steps into what was filled in: `/values/items/0/price`, or `/variables/…` at a start. */
function steps(pointer: string): string[] {
  const all = pointer
    .replace(/^#/, "")
    .split("/")
    .filter(Boolean)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const plain = all.length === 1 ? (all[0] ?? "").split(".") : all;
  return plain.length > 1 && ["values", "variables"].includes(plain[0] ?? "") ? plain.slice(1) : plain;
}

export type Instance = { id: string; valuePath: (string | number)[]; indexes?: Record<string, number> };

export type Told = { pointer: string; message: string };

/** The server's errors at the fields they point to; those that point to none are given back. */
export function placed(instances: Instance[], told: Told[]): { at: Record<string, unknown>; rest: Told[] } {
  const at: Record<string, unknown> = {};
  const rest: Told[] = [];
  for (const one of told) {
    const path = steps(one.pointer);
    // A part of a field (a choice in a list of choices, a file's name) is told at the field.
    const found = instances
      .filter(
        ({ valuePath }) => valuePath.length > 0 && valuePath.every((step, n) => String(step) === path[n]),
      )
      .sort((a, b) => b.valuePath.length - a.valuePath.length)[0];
    if (!found) {
      rest.push(one);
      continue;
    }
    const where = [found.id, ...Object.values(found.indexes ?? {}).map(String)];
    const last = where.pop() ?? found.id;
    let place = at;
    for (const step of where) {
      place[step] ??= {};
      place = place[step] as Record<string, unknown>;
    }
    place[last] = [...((place[last] as string[] | undefined) ?? []), one.message];
  }
  return { at, rest };
}

/** What differs, field by field, between two forms. */
export function formDifferences(before: Schema, after: Schema) {
  const keyed = (schema: Schema) =>
    new Map(componentsOf(schema).map((one) => [one.key ?? one.id ?? one.type, one]));
  const old = keyed(before);
  const now = keyed(after);
  const title = (one: Component) => one.label || String(one.text ?? "") || one.key || one.type;
  const plain = ({ components: _, ...rest }: Component) => rest as Record<string, unknown>;
  const all: {
    id: string;
    change: "added" | "removed" | "changed";
    title: string;
    attributes: { name: string; from: string; to: string }[];
  }[] = [];
  for (const [id, one] of now) {
    const was = old.get(id);
    if (!was) {
      all.push({ id, change: "added", title: title(one), attributes: [] });
      continue;
    }
    const [from, to] = [plain(was), plain(one)];
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
    const attributes = names
      .filter((name) => name !== "layout" && name !== "id")
      .filter((name) => JSON.stringify(from[name]) !== JSON.stringify(to[name]))
      .map((name) => ({ name, from: shown(from[name]), to: shown(to[name]) }));
    if (attributes.length > 0) all.push({ id, change: "changed", title: title(one), attributes });
  }
  for (const [id, one] of old)
    if (!now.has(id)) all.push({ id, change: "removed", title: title(one), attributes: [] });
  return all;
}

const shown = (value: unknown) =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
