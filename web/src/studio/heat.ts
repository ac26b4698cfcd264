/** How often each place was reached, as shades. */

import type { Simulated } from "../api/processes";
import type { Shown } from "./TestDrawer";

/** 0: never, to 4: in nearly every run. */
function shade(n: number, runs: number): number {
  if (n <= 0) return 0;
  return Math.min(4, Math.max(1, Math.ceil((4 * n) / Math.max(1, runs))));
}

export function heat(told: Simulated): Shown {
  const marks: Record<string, string[]> = {};
  const all = { ...told.coverage.flows, ...told.coverage.elements };
  for (const [id, n] of Object.entries(all)) marks[id] = [`mark-heat-${shade(n, told.runs)}`];
  for (const id of told.dead) marks[id] = ["mark-heat-0"];
  const badges = Object.entries(told.coverage.elements).map(([element, n]) => ({
    element,
    text: String(n),
    tone: "heat" as const,
  }));
  return { marks, badges };
}
