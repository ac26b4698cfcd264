/** What part of a drawing is in sight. */

import type { Canvas, Drawing, Registry } from "./types";

/** All of it in sight; `left`: pixels on the left that something covers. */
export function fitAll(drawing: Drawing, left = 0): void {
  const canvas = drawing.get<Canvas>("canvas");
  // A drawing that is left while it is read stands nowhere any more.
  if (!canvas.viewbox().outer?.width) return;
  canvas.zoom("fit-viewport", "auto");
  if (left === 0) return;
  const { inner, outer } = canvas.viewbox();
  if (!outer || !inner || outer.width <= left * 2) return;
  const scale = Math.min(1, (outer.width - left - 40) / inner.width, (outer.height - 60) / inner.height);
  canvas.viewbox({
    x: inner.x + inner.width / 2 - (outer.width + left) / 2 / scale,
    y: inner.y + inner.height / 2 - outer.height / 2 / scale,
    width: outer.width / scale,
    height: outer.height / scale,
  });
}

/** Near enough to be read, with the element in the middle. */
export function near(drawing: Drawing, id: string): void {
  const element = drawing.get<Registry>("elementRegistry").get(id);
  const canvas = drawing.get<Canvas>("canvas");
  const { outer } = canvas.viewbox();
  if (
    !element?.width ||
    !element.height ||
    element.x === undefined ||
    element.y === undefined ||
    !outer?.width
  )
    return;
  const scale = 0.8;
  canvas.viewbox({
    x: element.x + element.width / 2 - outer.width / 2 / scale,
    y: element.y + element.height / 2 - outer.height / 2 / scale,
    width: outer.width / scale,
    height: outer.height / scale,
  });
}

/** Brings an element into sight. */
export function show(drawing: Drawing, id: string): void {
  if (drawing.get<Registry>("elementRegistry").get(id)) drawing.get<Canvas>("canvas").scrollToElement(id);
}
