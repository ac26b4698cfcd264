/** The editor that fits the file; each comes with its library when first needed. */

import { Input } from "antd";
import { lazy, useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Finding } from "../api/processes";
import type { Known } from "../bpmn/fields";
import { findingBadges, joined } from "../bpmn/findings";
import type { Fired } from "../dmn/rows";
import type { FileKind } from "./model";
import type { Shown } from "./TestDrawer";

const Modeler = lazy(() => import("../bpmn/Modeler").then((found) => ({ default: found.Modeler })));
const DmnModeler = lazy(() => import("../dmn/DmnModeler").then((found) => ({ default: found.DmnModeler })));
const FormEditor = lazy(() =>
  import("../formjs/FormEditor").then((found) => ({ default: found.FormEditor })),
);

/** What is to be brought into sight. */
export type Wish = { element: string; rules: number[]; at: number };

type Props = {
  path: string;
  kind: FileKind;
  text: string;
  known: Known;
  findings: Finding[];
  /** What a trial shows on the picture. */
  shown: Shown;
  wish?: Wish;
  onChange: (text: string) => void;
  onElement: (element: string) => void;
};

export function FileEditor({ path, kind, text, known, findings, shown, wish, onChange, onElement }: Props) {
  const { t } = useTranslation();
  const told = useMemo(() => findingBadges(findings, onElement), [findings, onElement]);
  const marks = useMemo(() => joined(told.marks, shown.marks ?? {}), [told, shown.marks]);
  const badges = useMemo(() => [...told.badges, ...(shown.badges ?? [])], [told, shown.badges]);
  const faulty = useMemo(() => faultyOf(findings), [findings]);
  const element = shown.focus ?? wish?.element;
  const at = shown.focus ? 0 : (wish?.at ?? 0);
  const focus = useMemo(() => (element ? { element, at } : undefined), [element, at]);
  switch (kind) {
    case "process":
      return (
        <Modeler
          xml={text}
          label={path}
          known={known}
          marks={marks}
          badges={badges}
          focus={focus}
          quiet={shown.marks !== undefined}
          onChange={onChange}
        />
      );
    case "decision":
      return (
        <DmnModeler
          xml={text}
          label={path}
          fired={shown.fired}
          faulty={faulty}
          focus={focus && { decision: focus.element, at: focus.at }}
          onChange={onChange}
        />
      );
    case "form":
      return (
        <FormEditor
          text={text}
          label={path}
          focus={focus && { key: focus.element, at: focus.at }}
          onChange={onChange}
        />
      );
    case "cases":
      return (
        <>
          <p className="muted">{t("work.studio.casesHelp")}</p>
          <Input.TextArea
            className="feel"
            aria-label={path}
            spellCheck={false}
            autoSize={{ minRows: 18, maxRows: 36 }}
            value={text}
            onChange={(event) => onChange(event.target.value)}
          />
        </>
      );
  }
}

function faultyOf(findings: Finding[]): Fired[] {
  return findings.flatMap(({ decision, rules, severity }) =>
    decision && rules?.length && severity !== "note"
      ? [{ decision, rules: rules.map((rule) => ({ rule })) }]
      : [],
  );
}
