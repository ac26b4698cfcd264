/** Conditions a person builds, as CQL2 text. */

import type { Kind } from "../api/types";
import { effective } from "./declaration";

export type Op =
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "contains"
  | "starts"
  | "empty"
  | "filled"
  | "before"
  | "after";

/** Field, operator, value (text as typed or chosen). */
export type Condition = [string, Op, string];

const ORDERED: Op[] = ["eq", "lt", "le", "gt", "ge", "empty", "filled"];

/** Operators that make sense for a kind; none: it can't be filtered. */
export function operators(kind: Kind): Op[] {
  const own = effective(kind);
  switch (own.type) {
    case "integer":
    case "decimal":
    case "money":
      return ORDERED;
    case "date":
    case "date_time":
      return ["before", "after", ...(own.type === "date" ? (["eq"] as Op[]) : []), "empty", "filled"];
    case "boolean":
      return ["eq", "empty", "filled"];
    case "code":
    case "unit":
      return own.many ? ["contains", "empty", "filled"] : ["eq", "ne", "empty", "filled"];
    case "region":
      return ["eq", "starts", "empty", "filled"];
    case "ref":
      return ["eq", "empty", "filled"];
    case "text":
      return ["contains", "eq", "starts", "empty", "filled"];
    case "phone":
    case "person_number":
    case "credit_code":
      return ["eq", "starts"];
    default:
      return [];
  }
}

const quote = (value: string) => `'${value.replaceAll("'", "''")}'`;
/** `%`, `_` and `\` stand for themselves. */
const pattern = (value: string) => value.replace(/[\\%_]/g, (c) => `\\${c}`);

function literal(kind: Kind, value: string): string {
  const own = effective(kind);
  switch (own.type) {
    case "integer":
    case "decimal":
      return String(Number(value));
    case "money":
      return String(Math.round(Number(value) * 100));
    case "boolean":
      return value === "true" ? "TRUE" : "FALSE";
    case "date":
      return `DATE(${quote(value)})`;
    case "date_time":
      return `TIMESTAMP(${quote(value.includes("T") ? value : `${value}T00:00:00+08:00`)})`;
    default:
      return quote(value);
  }
}

const SIGNS: Partial<Record<Op, string>> = {
  eq: "=",
  ne: "<>",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  before: "<",
  after: ">=",
};

/** True if nothing is left to fill in. */
export function complete([, op, value]: Condition): boolean {
  return op === "empty" || op === "filled" || value.trim() !== "";
}

function one(kind: Kind, [name, op, value]: Condition): string {
  if (op === "empty") return `${name} IS NULL`;
  if (op === "filled") return `${name} IS NOT NULL`;
  const own = effective(kind);
  if (op === "contains" && "many" in own && own.many) return `A_CONTAINS(${name}, (${quote(value)}))`;
  if (op === "contains") return `${name} LIKE ${quote(`%${pattern(value)}%`)}`;
  if (op === "starts") return `${name} LIKE ${quote(`${pattern(value)}%`)}`;
  return `${name} ${SIGNS[op]} ${literal(kind, value)}`;
}

/** All conditions joined; empty text for none. */
export function cql2(conditions: Condition[], kindOf: (name: string) => Kind | undefined): string {
  return conditions
    .filter(complete)
    .flatMap((condition) => {
      const kind = kindOf(condition[0]);
      return kind ? [one(kind, condition)] : [];
    })
    .join(" AND ");
}

/** Two CQL2 texts that must both hold. */
export function both(a: string | null | undefined, b: string | null | undefined): string | undefined {
  if (a && b) return `(${a}) AND (${b})`;
  return a || b || undefined;
}
