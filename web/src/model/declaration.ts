/** Reading a package's declarations. */

import type { ComputedResult, Field, Kind, Named, Package, RecordItem, RecordType, View } from "../api/types";
import { tr } from "../i18n";

/** A type with the package that declares it. */
export type TypeOf = { pkg: Package; name: string; full: string; type: RecordType };

export function find<T>(list: Named<T>, name: string): T | undefined {
  return list.find(([own]) => own === name)?.[1];
}

export function typeOf(pkg: Package, name: string): TypeOf | undefined {
  const type = find(pkg.types, name);
  return type && { pkg, name, full: `${pkg.id}.${name}`, type };
}

/** `type` or `package.type` seen from a package. */
export function qualified(pkg: Package, name: string): [string, string] {
  const [head, tail] = name.split(".");
  return tail === undefined ? [pkg.id, name] : [head ?? "", tail];
}

export function field(type: RecordType, name: string): Field | undefined {
  return find(type.fields, name);
}

/** What a cell, an input or a filter goes by: the kind, or a computed field's result as a kind. */
export function effective(kind: Kind): Kind {
  if (kind.type !== "computed") return kind;
  return ofResult(kind.result);
}

function ofResult(result: ComputedResult): Kind {
  if (typeof result === "object") {
    if ("decimal" in result)
      return { type: "decimal", scale: result.decimal.scale, min: null, max: null, measure: null };
    return { type: "code", list: result.code.list, registry: null, many: false };
  }
  switch (result) {
    case "integer":
      return { type: "integer", min: null, max: null, measure: null };
    case "money":
      return { type: "money", min: null, max: null };
    case "date":
      return { type: "date", min: null, max: null };
    case "boolean":
    case "date_time":
      return { type: result };
    default:
      return { type: "text", max: 200, min: 0, pattern: null, multiline: false };
  }
}

/** Title of a column: a field, the state, or what every record has. */
export function columnTitle(type: RecordType, name: string, t: (key: string) => string): string {
  if (name === "state") return t("list.state");
  if (name === "created_at") return t("list.created");
  if (name === "updated_at") return t("list.updated");
  return tr(field(type, name)?.title) || name;
}

export function recordLabel(type: RecordType, record: RecordItem): string {
  const value = record.labels[type.label] ?? record.fields[type.label];
  return value === null || value === undefined || value === "" ? record.id : String(value);
}

/** Views of the menu that the reader's roles (`package.role`) show. Details are not in the menu. */
export function menuViews(pkg: Package, roles: string[]): [string, View][] {
  // Another package's role of the same name is another role.
  const mine = new Set(
    roles.map((role) => (role.startsWith(`${pkg.id}.`) ? role.slice(pkg.id.length + 1) : role)),
  );
  return pkg.views
    .filter(([, view]) => view.kind.kind !== "detail")
    .filter(([, view]) => view.roles.length === 0 || view.roles.some((role) => mine.has(role)))
    .sort((a, b) => a[1].order - b[1].order);
}

/** Columns of a list where no view says: the key, the label, the state and the first fields that fit a row. */
export function defaultColumns(type: RecordType): string[] {
  const wide = new Set(["json", "geometry", "file"]);
  const names = type.fields
    .filter(([, one]) => !wide.has(one.kind.type) && !(one.kind.type === "text" && one.kind.multiline))
    .map(([name]) => name);
  const first = [...new Set([...type.key, type.label, ...names])].filter((name) => field(type, name));
  const columns = first.slice(0, 7);
  return type.lifecycle ? [...columns, "state"] : columns;
}
