/** A token run through the diagram with data, and many runs at random. Nothing of it is kept. */

import { Alert, Button, InputNumber, Segmented, Slider, Tabs } from "antd";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Files } from "../api/drafts";
import {
  type Simulated,
  simulateProcess,
  type Traced,
  type Tried,
  tryProcess,
  type Variables,
} from "../api/processes";
import { type FormHandle, FormView } from "../formjs/FormView";
import { press } from "../formjs/press";
import type { Schema } from "../formjs/schema";
import { moment } from "../model/format";
import { namesOf, userTasksOf } from "../processes/model";
import { sentence } from "../shell/States";
import { JsonInput } from "../work/JsonInput";
import { brief, Values } from "../work/Values";
import { heat, span } from "./heat";
import { pathOf } from "./model";
import type { Shown } from "./TestDrawer";

type Props = { xml: string; texts: Files; onShow: (shown: Shown) => void };

export function ProcessTest(props: Props) {
  const { t } = useTranslation();
  return (
    <Tabs
      destroyOnHidden
      onChange={() => props.onShow({})}
      items={[
        { key: "run", label: t("work.studio.run"), children: <Run {...props} /> },
        { key: "simulate", label: t("work.studio.simulate"), children: <Simulate {...props} /> },
      ]}
    />
  );
}

function Run({ xml, texts, onShow }: Props) {
  const { t } = useTranslation();
  const [variables, setVariables] = useState<Variables>({});
  const [answers, setAnswers] = useState<Record<string, Variables[]>>({});
  const [told, setTold] = useState<Tried>();
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const [unreadable, setUnreadable] = useState(false);
  const name = useMemo(() => namesOf(xml), [xml]);
  const run = async (given: Record<string, Variables[]>) => {
    setBusy(true);
    setFault("");
    setAnswers(given);
    try {
      setTold(await tryProcess({ xml, variables, answers: given }));
    } catch (error) {
      setTold(undefined);
      onShow({});
      setFault(sentence(error, t));
    }
    setBusy(false);
  };
  return (
    <>
      <p className="muted">{t("work.studio.runLead")}</p>
      <JsonInput
        label={t("work.processes.startVariables")}
        value={variables}
        onChange={setVariables}
        onFault={setUnreadable}
      />
      <div className="ends gap">
        <Button type="primary" loading={busy} disabled={unreadable} onClick={() => void run({})}>
          {t(told ? "work.studio.runAgain" : "work.studio.run")}
        </Button>
      </div>
      {fault && <Alert type="error" showIcon title={fault} className="gap" />}
      {told && (
        <>
          <Playback key={told.trace.length} of={told} name={name} onShow={onShow} />
          {told.ended && <Alert type="success" showIcon title={t("work.studio.runEnded")} className="gap" />}
          {told.waiting.map((one, at) =>
            one.kind === "task" || one.kind === "work" ? (
              <Answer
                // biome-ignore lint/suspicious/noArrayIndexKey: several may wait at one element.
                key={`${one.element}.${answers[one.element]?.length ?? 0}.${at}`}
                title={name(one.element)}
                form={formOf(xml, texts, one.element)}
                send={(values) =>
                  void run({ ...answers, [one.element]: [...(answers[one.element] ?? []), values] })
                }
              />
            ) : (
              <Alert
                // biome-ignore lint/suspicious/noArrayIndexKey: several may wait at one element.
                key={`${one.element}.${at}`}
                className="gap"
                showIcon
                type={one.kind === "incident" ? "error" : "info"}
                title={t(`work.studio.waits.${one.kind}`, {
                  name: name(one.element),
                  at: one.due_at ? moment(one.due_at) : t("work.instances.paused"),
                })}
                description={one.message}
              />
            ),
          )}
          <h3>{t("work.instances.variables")}</h3>
          <Values of={told.variables} />
        </>
      )}
    </>
  );
}

/** The form of a step, as its file in this draft says. */
function formOf(xml: string, texts: Files, element: string): string | undefined {
  const form = userTasksOf(xml).find((one) => one.id === element)?.form;
  return form ? texts[pathOf("form", form.replace(/^.*\./, ""))] : undefined;
}

function schemaOf(text?: string): Schema | undefined {
  try {
    return text ? (JSON.parse(text) as Schema) : undefined;
  } catch {
    return undefined;
  }
}

type AnswerProps = {
  title: string;
  form?: string;
  send: (values: Variables) => void;
};

/** What somebody, or something outside, would answer where the token waits. */
function Answer({ title, form: text, send }: AnswerProps) {
  // The same schema as long as its text is the same: another one builds the form anew, without what was filled in.
  const form = useMemo(() => schemaOf(text), [text]);
  const { t } = useTranslation();
  const handle = useRef<FormHandle>(null);
  const [values, setValues] = useState<Variables>({});
  const [unreadable, setUnreadable] = useState(false);
  const done = async () => {
    const given = form ? await handle.current?.submit() : values;
    if (given) send(given);
  };
  return (
    <section className="answer" aria-label={title}>
      <h3>{t("work.studio.waitsAt", { name: title })}</h3>
      {form ? (
        <FormView ref={handle} schema={form} />
      ) : (
        <JsonInput
          label={t("work.studio.answer")}
          value={values}
          onChange={setValues}
          onFault={setUnreadable}
        />
      )}
      <div className="ends">
        <Button disabled={unreadable} {...press} onClick={() => void done()}>
          {t("work.studio.answer")}
        </Button>
      </div>
    </section>
  );
}

const STEP = 450;

/** The trace, step by step, on the picture and in words. */
function Playback({
  of,
  name,
  onShow,
}: {
  of: Tried;
  name: (id: string) => string;
  onShow: (shown: Shown) => void;
}) {
  const { t } = useTranslation();
  const last = of.trace.length;
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(true);
  const show = useRef(onShow);
  show.current = onShow;
  useEffect(() => {
    if (!playing) return;
    if (at >= last) {
      setPlaying(false);
      return;
    }
    const timer = setTimeout(() => setAt(at + 1), STEP);
    return () => clearTimeout(timer);
  }, [playing, at, last]);
  useEffect(() => {
    show.current(traced(of, at));
  }, [of, at]);
  return (
    <section aria-label={t("work.studio.trace")}>
      <div className="ends gap">
        <Button
          onClick={() => {
            if (!playing && at >= last) setAt(0);
            setPlaying(!playing);
          }}
        >
          {t(playing ? "work.studio.pause" : "work.studio.play")}
        </Button>
        <Slider
          className="grow"
          min={0}
          max={last}
          value={at}
          onChange={(next) => {
            setPlaying(false);
            setAt(next);
          }}
          ariaLabelForHandle={t("work.studio.trace")}
          tooltip={{ formatter: (n) => (n ? name(of.trace[n - 1]?.element ?? "") : "") }}
        />
      </div>
      <ol className="trace">
        {of.trace.slice(0, at).map((one: Traced, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place in the trace.
          <li key={n}>
            <span className="muted small">{moment(one.at)}</span>{" "}
            {t(`work.instances.kinds.${one.kind}`, { defaultValue: one.kind })}{" "}
            <b>{one.element && name(one.element)}</b>
            {one.kind === "variables" && <span className="small muted"> {brief(one.what)}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function traced(of: Tried, at: number): Shown {
  const past = of.trace.slice(0, at);
  const marks: Record<string, string[]> = {};
  for (const { element } of past) if (element) marks[element] = ["mark-past"];
  const now = past.findLast((one) => one.element)?.element;
  if (at >= of.trace.length) for (const { element } of of.tokens) marks[element] = ["mark-token"];
  else if (now) marks[now] = ["mark-now"];
  return { marks };
}

function Simulate({ xml, onShow }: Props) {
  const { t } = useTranslation();
  const [runs, setRuns] = useState(200);
  const [told, setTold] = useState<Simulated>();
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const [seed, setSeed] = useState(1);
  const name = useMemo(() => namesOf(xml), [xml]);
  const length = (text: string | null) => {
    const told = text === null ? undefined : span(text);
    return told ? t("work.studio.span", told) : (text ?? t("none"));
  };
  const run = async () => {
    setBusy(true);
    setFault("");
    try {
      const found = await simulateProcess(xml, runs, seed);
      setTold(found);
      onShow(heat(found));
    } catch (error) {
      setTold(undefined);
      onShow({});
      setFault(sentence(error, t));
    }
    setBusy(false);
  };
  return (
    <>
      <p className="muted">{t("work.studio.simulateLead")}</p>
      <div className="ends gap">
        <Segmented<number>
          aria-label={t("work.studio.runs")}
          value={runs}
          onChange={setRuns}
          options={[50, 200, 1000].map((value) => ({ value, label: t("work.studio.runsN", { n: value }) }))}
        />
        <InputNumber
          min={0}
          max={4294967295}
          precision={0}
          value={seed}
          prefix={t("work.studio.seed")}
          aria-label={t("work.studio.seed")}
          onChange={(value) => setSeed(value ?? 1)}
        />
        <Button type="primary" loading={busy} onClick={() => void run()}>
          {t("work.studio.simulate")}
        </Button>
      </div>
      {fault && <Alert type="error" showIcon title={fault} />}
      {told && (
        <>
          {told.dead.length === 0 && told.stuck.length === 0 ? (
            <Alert type="success" showIcon title={t("work.studio.allReached")} className="gap" />
          ) : (
            <Alert
              className="gap"
              type="warning"
              showIcon
              title={t("work.studio.faultsFound")}
              description={
                <>
                  {told.dead.length > 0 && (
                    <div>{t("work.studio.dead", { names: told.dead.map(name).join("、") })}</div>
                  )}
                  {told.stuck.map((one, at) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: two can be stuck alike.
                    <div key={at}>
                      <Button
                        type="link"
                        size="small"
                        className="flat"
                        onClick={() =>
                          onShow({
                            marks: {
                              ...Object.fromEntries(one.trace.map((element) => [element, ["mark-past"]])),
                              ...Object.fromEntries(one.elements.map((id) => [id, ["mark-error"]])),
                            },
                          })
                        }
                      >
                        {t("work.studio.stuck", { names: one.elements.map(name).join("、") })}
                      </Button>
                      {one.why.map((why) => (
                        <div key={why} className="small">
                          {why}
                        </div>
                      ))}
                    </div>
                  ))}
                </>
              }
            />
          )}
          <table className="plain">
            <tbody>
              {(["p50", "p95", "worst"] as const).map((key) => (
                <tr key={key}>
                  <th scope="row">{t(`work.studio.clock.${key}`)}</th>
                  <td>{length(told.clock[key])}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Button className="above" onClick={() => onShow(heat(told))}>
            {t("work.studio.showHeat")}
          </Button>
        </>
      )}
    </>
  );
}
