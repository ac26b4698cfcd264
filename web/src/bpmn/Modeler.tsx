/** A diagram to draw in, with what can be said of the chosen element beside it. */

import BpmnModeler from "bpmn-js/lib/Modeler";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import banyan from "./banyan.json";
import { type Group, groupsOf, type Known } from "./fields";
import { fitAll, show } from "./fit";
import { badge, mark } from "./marks";
import { Properties } from "./Properties";
import type { Badge, Canvas, Drawing, Element, Marks, Selection } from "./types";
import { Zoom } from "./Zoom";
import { translate, translation } from "./zh";
import "./style";

type Props = {
  /** Read when the component begins, and when it is another text than was last told. */
  xml: string;
  label: string;
  known: Known;
  marks?: Marks;
  badges?: Badge[];
  /** Chosen and brought into sight when it changes; `at` tells one wish from the same wish again. */
  focus?: { element: string; at: number };
  /** Something else is shown on the picture: nothing is chosen. */
  quiet?: boolean;
  onChange: (xml: string) => void;
};

/** Pixels that the palette covers. */
const PALETTE = 110;

const NO_MARKS: Marks = {};
const NO_BADGES: Badge[] = [];

export function Modeler({
  xml,
  label,
  known,
  marks = NO_MARKS,
  badges = NO_BADGES,
  focus,
  quiet = false,
  onChange,
}: Props) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawing>(null);
  const put = useRef<Marks>({});
  const mine = useRef<string>(undefined);
  const told = useRef(onChange);
  told.current = onChange;
  const [state, setState] = useState<{ ready: boolean; fault: string }>({ ready: false, fault: "" });
  const [chosen, setChosen] = useState<{ title: string; groups: Group[] }>();

  useEffect(() => {
    if (!box.current) return;
    const drawing = new BpmnModeler({
      container: box.current,
      moddleExtensions: { banyan },
      additionalModules: [translation],
    }) as unknown as Drawing;
    drawn.current = drawing;
    const look = () => {
      const one = drawing.get<Selection>("selection").get();
      const element = (one[0]?.labelTarget ?? one[0]) as Element | undefined;
      const shown = one.length > 1 ? undefined : (element ?? drawing.get<Canvas>("canvas").getRootElement());
      if (!shown?.businessObject) return setChosen(undefined);
      setChosen({ title: titleOf(shown), groups: groupsOf(drawing, shown) });
    };
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const tell = async () => {
      waiting = undefined;
      const text = (await drawing.saveXML({ format: true })).xml;
      if (text === undefined) return;
      mine.current = text;
      told.current(text);
    };
    drawing.on("selection.changed", look);
    drawing.on("import.done", look);
    drawing.on("commandStack.changed", () => {
      look();
      clearTimeout(waiting);
      waiting = setTimeout(() => void tell(), 200);
    });
    let width = box.current.clientWidth;
    const watch = new ResizeObserver(([entry]) => {
      drawing.get<Canvas>("canvas").resized();
      const now = entry?.contentRect.width ?? width;
      // Another window needs another view; a few pixels do not.
      if (Math.abs(now - width) > 120) fitAll(drawing, PALETTE);
      width = now;
    });
    watch.observe(box.current);
    return () => {
      watch.disconnect();
      drawn.current = null;
      mine.current = undefined;
      if (waiting) {
        // What was drawn last is not lost by going elsewhere at once.
        clearTimeout(waiting);
        void tell();
      }
      drawing.destroy();
    };
  }, []);

  useEffect(() => {
    const drawing = drawn.current;
    if (!drawing || xml === mine.current) return;
    let gone = false;
    mine.current = xml;
    put.current = {};
    setState({ ready: false, fault: "" });
    drawing.importXML(xml).then(
      () => {
        if (gone) return;
        fitAll(drawing, PALETTE);
        setState({ ready: true, fault: "" });
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
    const drawing = drawn.current;
    if (!drawing || !state.ready || !focus) return;
    const element = drawing
      .get<{ get(id: string): Element | undefined }>("elementRegistry")
      .get(focus.element);
    if (!element) return;
    drawing.get<Selection>("selection").select(element);
    show(drawing, focus.element);
  }, [state.ready, focus]);

  useEffect(() => {
    if (quiet) drawn.current?.get<Selection>("selection").select(null);
  }, [quiet]);

  return (
    <div className="modeler">
      <figure className="diagram tall" aria-label={label}>
        <div ref={box} className="diagram-canvas" />
        {state.fault ? (
          <p className="diagram-fault" role="alert">
            {t("work.bpmn.unreadable", { why: state.fault })}
          </p>
        ) : (
          <Zoom of={drawn} left={PALETTE} />
        )}
      </figure>
      {chosen ? (
        <Properties key={chosen.groups[0]?.fields[1]?.value} known={known} {...chosen} />
      ) : (
        <p className="properties muted">{t("work.bpmn.chooseOne")}</p>
      )}
    </div>
  );
}

const KINDS: Record<string, string> = {
  "bpmn:Process": "Process",
  "bpmn:Collaboration": "Collaboration",
  "bpmn:Participant": "Participant",
  "bpmn:SequenceFlow": "Sequence flow",
  "bpmn:Lane": "Lane",
};

/** What kind of thing was chosen, in words. */
function titleOf(element: Element): string {
  const plain = element.type.replace("bpmn:", "");
  // "UserTask" is "User task" in the library's list of words.
  const spaced = plain.replace(/(?<=[a-z])([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return translate(KINDS[element.type] ?? spaced);
}
