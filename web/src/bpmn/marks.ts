/** Puts marks and badges on a drawing; whatever names no element of it is left out. */

import type { Badge, Canvas, Drawing, Marks, Overlays, Registry } from "./types";

const POSITION = {
  right: { top: -12, right: 12 },
  left: { top: -12, left: -12 },
  below: { bottom: 6, left: 0 },
};

/** Puts marks in place of those before; gives what was put, to be taken away next time. */
export function mark(drawing: Drawing, before: Marks, marks: Marks): Marks {
  const canvas = drawing.get<Canvas>("canvas");
  const registry = drawing.get<Registry>("elementRegistry");
  const put: Marks = {};
  for (const [id, names] of Object.entries(before))
    if (registry.get(id)) for (const name of names) canvas.removeMarker(id, name);
  for (const [id, names] of Object.entries(marks)) {
    if (!registry.get(id)) continue;
    put[id] = names;
    for (const name of names) canvas.addMarker(id, name);
  }
  return put;
}

/** Puts badges in place of those of the same type. Texts are texts, never markup. */
export function badge(drawing: Drawing, badges: Badge[], type = "badge"): void {
  const overlays = drawing.get<Overlays>("overlays");
  const registry = drawing.get<Registry>("elementRegistry");
  overlays.remove({ type });
  for (const one of badges) {
    const element = registry.get(one.element);
    // Counts at flows would cover what the flows lead to; their shade says enough.
    if (!element || (one.tone === "heat" && element.waypoints)) continue;
    const html = document.createElement(one.onClick ? "button" : "span");
    html.className = `badge badge-${one.tone}`;
    html.textContent = one.text;
    if (one.title) html.title = one.title;
    if (one.onClick) {
      (html as HTMLButtonElement).type = "button";
      html.addEventListener("click", one.onClick);
    }
    overlays.add(one.element, type, { position: POSITION[one.corner ?? "right"], html });
  }
}
