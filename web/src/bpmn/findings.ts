/** Findings of a check on the diagram: a mark and a badge at each element. */

import type { Finding } from "../api/processes";
import type { Badge, Marks } from "./types";

export function findingBadges(
  findings: Finding[],
  onChoose?: (element: string) => void,
): { marks: Marks; badges: Badge[] } {
  const by = new Map<string, Finding[]>();
  for (const one of findings) if (one.element) by.set(one.element, [...(by.get(one.element) ?? []), one]);
  const marks: Marks = {};
  const badges: Badge[] = [];
  for (const [element, own] of by) {
    const worst = own.some((one) => one.severity === "error")
      ? "error"
      : own.some((one) => one.severity === "warning")
        ? "warning"
        : "info";
    if (worst !== "info") marks[element] = [`mark-${worst}`];
    badges.push({
      element,
      tone: worst,
      text: `${worst === "error" ? "✕" : "!"} ${own.length}`,
      title: own.map((one) => [one.message, one.hint].filter(Boolean).join("\n")).join("\n\n"),
      corner: "left",
      onClick: onChoose && (() => onChoose(element)),
    });
  }
  return { marks, badges };
}

/** Two sets of marks in one. */
export function joined(...all: Marks[]): Marks {
  const out: Marks = {};
  for (const marks of all)
    for (const [id, names] of Object.entries(marks)) out[id] = [...(out[id] ?? []), ...names];
  return out;
}
