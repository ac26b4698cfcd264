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

type Elements = Record<string, Record<string, unknown>>;

async function read(xml: string): Promise<{ root: unknown; elements: Elements }> {
  const told = await new BpmnModdle({ banyan }).fromXML(xml);
  return { root: told.rootElement, elements: told.elementsById };
}

/** What stands there; `path` may lead through other elements. */
function at(element: Record<string, unknown> | undefined, path: string): unknown {
  let value: unknown = element;
  for (const step of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[step];
  return value;
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
  const old = await read(before);
  const now = await read(after);
  const told = diff(old.root, now.root);
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
    // Read from the files themselves: the library takes old for new where something changed, but not where it was added.
    attributes: Object.keys(one.attrs).map((name) => ({
      name,
      from: word(at(old.elements[id], name)),
      to: word(at(now.elements[id], name)),
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
