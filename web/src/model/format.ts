/** Values as people read them. */

import type { Kind, Value } from "../api/types";
import { effective } from "./declaration";

/** Integer 分 as yuan with thousands separators. */
export function money(fen: number): string {
  const sign = fen < 0 ? "-" : "";
  const whole = Math.trunc(Math.abs(fen) / 100).toLocaleString("zh-CN");
  return `${sign}${whole}.${String(Math.abs(fen) % 100).padStart(2, "0")}`;
}

/** RFC 3339 in the reader's zone, to the minute. */
export function moment(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Text of a value; `label` is the server's name for a code or a reference. */
export function text(
  kind: Kind | undefined,
  value: Value | undefined,
  label: string | undefined,
  words: Words,
): string {
  if (value === null || value === undefined || value === "") return "";
  if (label !== undefined && label !== "") return label;
  const own = kind && effective(kind);
  switch (own?.type) {
    case "boolean":
      return value === true ? words.yes : words.no;
    case "money":
      return typeof value === "number" ? money(value) : String(value);
    case "integer":
    case "decimal": {
      const measure = own.measure ? ` ${own.measure}` : "";
      return typeof value === "number"
        ? `${value.toLocaleString("zh-CN", { maximumFractionDigits: 6 })}${measure}`
        : String(value);
    }
    case "date_time":
      return moment(String(value));
    case "file":
      return files(value)
        .map((one) => one.name)
        .join("、");
    case "json":
    case "geometry":
      return JSON.stringify(value);
    default:
      return Array.isArray(value)
        ? value.map(String).join("、")
        : typeof value === "object"
          ? JSON.stringify(value)
          : String(value);
  }
}

export type Words = { yes: string; no: string };

export type StoredFile = { hash: string; name: string; size: number; content_type: string };

export function files(value: Value | undefined): StoredFile[] {
  const list = Array.isArray(value) ? value : value ? [value] : [];
  return list.filter(
    (one): one is StoredFile & { [name: string]: Value } =>
      typeof one === "object" && one !== null && "hash" in one,
  );
}
