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
  for (const [id, n] of Object.entries(told.visits)) marks[id] = [`mark-heat-${shade(n, told.runs)}`];
  for (const id of told.dead) marks[id] = ["mark-heat-0"];
  const badges = Object.entries(told.visits).map(([element, n]) => ({
    element,
    text: String(n),
    tone: "heat" as const,
  }));
  return { marks, badges };
}

/** A length of time as people say it: `PT74H30M` is 3 days and 2 hours and a half. */
export function span(text: string): { days: number; hours: number; minutes: number } | undefined {
  const found = /^PT?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(text);
  if (!found) return undefined;
  const seconds = Number(found[1] ?? 0) * 3600 + Number(found[2] ?? 0) * 60 + Number(found[3] ?? 0);
  const minutes = Math.round(seconds / 60);
  return {
    days: Math.floor(minutes / 1440),
    hours: Math.floor((minutes % 1440) / 60),
    minutes: minutes % 60,
  };
}
