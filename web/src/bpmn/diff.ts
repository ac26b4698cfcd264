/** What differs between two versions of a diagram, element by element. */

import { diff } from "bpmn-js-differ";
import { BpmnModdle } from "bpmn-moddle";
import banyan from "./banyan.json";
import type { Marks } from "./types";

type Change = "added" | "removed" | "changed" | "layout";

export type Difference = {
  id: string;
  change: Change;
  type: string;
  name: string;
  /** What was said of it before, and is now. */
  attributes: { name: string; from: string; to: string }[];
};

async function read(xml: string): Promise<unknown> {
  return (await new BpmnModdle({ banyan }).fromXML(xml)).rootElement;
}

/** A value in a word: texts as they are, elements by their content. */
function word(value: unknown, depth = 0): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map((one) => word(one, depth + 1)).join("、");
  if (typeof value !== "object") return String(value);
  const model = value as Record<string, unknown>;
  for (const name of ["body", "text", "name", "id"])
    if (typeof model[name] === "string") return model[name] as string;
  if (depth > 3) return "";
  return Object.entries(model)
    .filter(([name, inner]) => !name.startsWith("$") && typeof inner !== "function")
    .map(([name, inner]) => `${name}=${word(inner, depth + 1)}`)
    .join(" ");
}

export async function differences(before: string, after: string): Promise<Difference[]> {
  const told = diff(await read(before), await read(after));
  const plain = (change: Change, all: Record<string, { $type: string; name?: string }>) =>
    Object.entries(all).map(([id, one]) => ({
      id,
      change,
      type: one.$type,
      name: one.name ?? "",
      attributes: [],
    }));
  const changed = Object.entries(told._changed).map(([id, one]) => ({
    id,
    change: "changed" as const,
    type: one.model.$type,
    name: one.model.name ?? "",
    // The library calls the value of the first file new and that of the second old.
    attributes: Object.entries(one.attrs).map(([name, { oldValue, newValue }]) => ({
      name,
      from: word(newValue),
      to: word(oldValue),
    })),
  }));
  const moved = plain("layout", told._layoutChanged).filter(
    (one) => !told._changed[one.id] && !told._added[one.id] && !told._removed[one.id],
  );
  return [...plain("added", told._added), ...plain("removed", told._removed), ...changed, ...moved];
}

/** Which classes the elements of the old picture get, and those of the new. */
export function sides(all: Difference[]): { before: Marks; after: Marks } {
  const before: Marks = {};
  const after: Marks = {};
  for (const { id, change } of all) {
    if (change !== "added") before[id] = [`mark-${change}`];
    if (change !== "removed") after[id] = [`mark-${change}`];
  }
  return { before, after };
}
