/** Two versions of a diagram side by side: moved together, differences in colour and in words. */

import { useQuery } from "@tanstack/react-query";
import { Button, Tag } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Loading, Nothing } from "../shell/States";
import { Diagram } from "./Diagram";
import { type Difference, differences, sides } from "./diff";
import type { Canvas, Drawing, Marks } from "./types";

const COLOURS = { added: "green", removed: "red", changed: "orange", layout: "blue" };
const NONE: { before: Marks; after: Marks } = { before: {}, after: {} };

type Props = { before: string; after: string; titles: [string, string] };

export function Compare({ before, after, titles }: Props) {
  const { t } = useTranslation();
  const told = useQuery({
    queryKey: ["bpmn-diff", before, after],
    queryFn: () => differences(before, after),
    gcTime: 0,
  });
  const [marks, setMarks] = useState(NONE);
  const [focus, setFocus] = useState<string>();
  useEffect(() => setMarks(told.data ? sides(told.data) : NONE), [told.data]);
  const both = useRef<(Drawing | undefined)[]>([]);
  const sync = (own: number) => (drawing: Drawing) => {
    both.current[own] = drawing;
    together(both.current);
    drawing.on("canvas.viewbox.changed", () => {
      const other = both.current[1 - own];
      const from = drawing.get<Canvas>("canvas").viewbox();
      const to = other?.get<Canvas>("canvas").viewbox();
      // The other answers in kind: it ends when both show the same.
      if (!other || !to || same(from, to)) return;
      other.get<Canvas>("canvas").viewbox({ x: from.x, y: from.y, width: from.width, height: from.height });
    });
  };
  return (
    <>
      <div className="compare">
        <div>
          <h3>{titles[0]}</h3>
          <Diagram xml={before} label={titles[0]} marks={marks.before} focus={focus} onReady={sync(0)} />
        </div>
        <div>
          <h3>{titles[1]}</h3>
          <Diagram xml={after} label={titles[1]} marks={marks.after} focus={focus} onReady={sync(1)} />
        </div>
      </div>
      {told.isPending ? (
        <Loading />
      ) : told.isError ? (
        <p role="alert">{t("work.bpmn.unreadable", { why: told.error.message })}</p>
      ) : told.data.length === 0 ? (
        <Nothing text={t("work.bpmn.same")} />
      ) : (
        <ul className="differences" aria-label={t("work.bpmn.differences")}>
          {told.data.map((one) => (
            <Line key={`${one.change}.${one.id}`} one={one} onChoose={() => setFocus(one.id)} />
          ))}
        </ul>
      )}
    </>
  );
}

/** Both show the same place from the beginning: all that either of them has. */
function together([one, other]: (Drawing | undefined)[]) {
  if (!one || !other) return;
  const boxes = [one, other].map((drawing) => drawing.get<Canvas>("canvas").viewbox());
  const inner = boxes.flatMap((box) => (box.inner ? [box.inner] : []));
  const outer = boxes[0]?.outer;
  if (inner.length < 2 || !outer) return;
  const x = Math.min(...inner.map((box) => box.x));
  const y = Math.min(...inner.map((box) => box.y));
  const width = Math.max(...inner.map((box) => box.x + box.width)) - x;
  const height = Math.max(...inner.map((box) => box.y + box.height)) - y;
  const scale = Math.min(1, (outer.width - 30) / width, (outer.height - 30) / height);
  one.get<Canvas>("canvas").viewbox({
    x: x + width / 2 - outer.width / 2 / scale,
    y: y + height / 2 - outer.height / 2 / scale,
    width: outer.width / scale,
    height: outer.height / scale,
  });
  const { x: left, y: top, width: wide, height: high } = one.get<Canvas>("canvas").viewbox();
  other.get<Canvas>("canvas").viewbox({ x: left, y: top, width: wide, height: high });
}

function same(one: Record<"x" | "y" | "scale", number>, other: Record<"x" | "y" | "scale", number>) {
  return (["x", "y", "scale"] as const).every((key) => Math.abs(one[key] - other[key]) < 0.01);
}

function Line({ one, onChoose }: { one: Difference; onChoose: () => void }) {
  const { t } = useTranslation();
  return (
    <li>
      <Tag color={COLOURS[one.change]}>{t(`work.bpmn.change.${one.change}`)}</Tag>
      <Button type="link" size="small" onClick={onChoose}>
        {one.name || one.id}
      </Button>
      <span className="muted small">
        {one.type.replace("bpmn:", "")} · {one.id}
      </span>
      {one.attributes.map((attribute) => (
        <div key={attribute.name} className="history-change">
          <span className="muted">{attribute.name}</span>
          <del>{attribute.from || t("none")}</del>
          <ins>{attribute.to || t("none")}</ins>
        </div>
      ))}
    </li>
  );
}
