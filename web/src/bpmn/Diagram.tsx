/** A diagram to look at: moved by mouse, keyboard or finger, with marks and badges. */

import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import banyan from "./banyan.json";
import { fitAll, near, show } from "./fit";
import { badge, mark } from "./marks";
import type { Badge, Canvas, Drawing, Element, Marks } from "./types";
import { Zoom } from "./Zoom";
import "./style";

type Props = {
  xml: string;
  label: string;
  marks?: Marks;
  badges?: Badge[];
  /** Brought into sight when it changes. */
  focus?: string;
  onSelect?: (element: string) => void;
  /** For whoever steers it, e.g. two side by side. */
  onReady?: (drawing: Drawing) => void;
  /** Beside other things: only the neighbourhood of `focus` is shown. */
  small?: boolean;
};

const NO_MARKS: Marks = {};
const NO_BADGES: Badge[] = [];

export function Diagram({
  xml,
  label,
  marks = NO_MARKS,
  badges = NO_BADGES,
  focus,
  small = false,
  ...props
}: Props) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawing>(null);
  const put = useRef<Marks>({});
  const told = useRef(props);
  told.current = props;
  const [state, setState] = useState<{ ready: boolean; fault: string }>({ ready: false, fault: "" });

  useEffect(() => {
    if (!box.current) return;
    const drawing = new NavigatedViewer({
      container: box.current,
      moddleExtensions: { banyan },
    }) as unknown as Drawing;
    drawn.current = drawing;
    drawing.on("element.click", ((event: { element: Element }) =>
      told.current.onSelect?.((event.element.labelTarget ?? event.element).id)) as (event: never) => void);
    let width = box.current.clientWidth;
    const watch = new ResizeObserver(([entry]) => {
      drawing.get<Canvas>("canvas").resized();
      const now = entry?.contentRect.width ?? width;
      // Another window needs another view; a few pixels do not.
      if (Math.abs(now - width) > 120) fitAll(drawing);
      width = now;
    });
    watch.observe(box.current);
    return () => {
      watch.disconnect();
      drawn.current = null;
      drawing.destroy();
    };
  }, []);

  useEffect(() => {
    const drawing = drawn.current;
    if (!drawing) return;
    let gone = false;
    setState({ ready: false, fault: "" });
    put.current = {};
    drawing.importXML(xml).then(
      () => {
        if (gone) return;
        fitAll(drawing);
        setState({ ready: true, fault: "" });
        told.current.onReady?.(drawing);
      },
      (error: Error) => !gone && setState({ ready: false, fault: error.message }),
    );
    return () => {
      gone = true;
    };
  }, [xml]);

  useEffect(() => {
    const drawing = drawn.current;
    if (!drawing || !state.ready) return;
    put.current = mark(drawing, put.current, marks);
    badge(drawing, badges);
  }, [state.ready, marks, badges]);

  useEffect(() => {
    if (!drawn.current || !state.ready || !focus) return;
    if (small) near(drawn.current, focus);
    else show(drawn.current, focus);
  }, [state.ready, focus, small]);

  return (
    <figure className={small ? "diagram small" : "diagram"} aria-label={label}>
      <div ref={box} className="diagram-canvas" />
      {state.fault ? (
        <p className="diagram-fault" role="alert">
          {t("work.bpmn.unreadable", { why: state.fault })}
        </p>
      ) : (
        <Zoom of={drawn} />
      )}
    </figure>
  );
}
