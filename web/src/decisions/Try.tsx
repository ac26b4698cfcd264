/** A decision with inputs typed in: what comes out, by which rules, on what ground. */

import { Alert, Button, Form, Input, Select, Tag } from "antd";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Explained, type Matched, type Outcome, tryDecision } from "../api/decisions";
import type { Fired } from "../dmn/rows";
import { sentence } from "../shell/States";
import { JsonInput } from "../work/JsonInput";
import { brief, Value } from "../work/Values";
import { type Input as Asked, decisionsOf, inputsOf, typedAs } from "./model";

type Props = {
  xml: string;
  imports: string[];
  /** Filled in from a case. */
  given?: { decision?: string; input: Record<string, unknown> };
  onFired: (fired: Fired[]) => void;
};

export function Try({ xml, imports, given, onFired }: Props) {
  const { t } = useTranslation();
  const decisions = useMemo(() => decisionsOf(xml), [xml]);
  const inputs = useMemo(() => inputsOf(xml), [xml]);
  const [decision, setDecision] = useState<string>();
  const [values, setValues] = useState<Record<string, unknown>>({});
  const [outcome, setOutcome] = useState<Outcome>();
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const [unreadable, setUnreadable] = useState(false);
  useEffect(() => {
    if (!given) return;
    setValues(given.input);
    if (given.decision) setDecision(given.decision);
    setOutcome(undefined);
  }, [given]);
  // The last decision of a file is what the others are for.
  const asked = decisions.find((one) => one.name === decision) ?? decisions.at(-1);
  const run = async () => {
    setBusy(true);
    setFault("");
    try {
      const told = await tryDecision(xml, imports, asked?.name ?? "", values);
      setOutcome(told);
      onFired(firedOf(told));
    } catch (error) {
      setOutcome(undefined);
      onFired([]);
      setFault(sentence(error, t));
    }
    setBusy(false);
  };
  return (
    <>
      <p className="muted">{t("work.decisions.tryLead")}</p>
      <Form layout="vertical" className="asking" onFinish={() => void run()}>
        {decisions.length > 1 && (
          <Form.Item label={t("work.decisions.decision")} htmlFor="try-decision">
            <Select
              id="try-decision"
              value={asked?.name}
              onChange={setDecision}
              options={decisions.map((one) => ({ value: one.name, label: one.name || one.id }))}
            />
          </Form.Item>
        )}
        {inputs.map((one) => (
          <Form.Item
            key={one.name}
            label={one.name}
            htmlFor={`try-${one.name}`}
            extra={one.type && one.type !== "Any" ? one.type : undefined}
          >
            <Given
              of={one}
              value={values[one.name]}
              onChange={(value) => {
                const { [one.name]: _, ...rest } = values;
                setValues(value === undefined ? rest : { ...rest, [one.name]: value });
              }}
            />
          </Form.Item>
        ))}
        {inputs.length === 0 && (
          <Form.Item label={t("work.decisions.inputsJson")}>
            <JsonInput
              label={t("work.decisions.inputsJson")}
              value={values}
              onChange={setValues}
              onFault={setUnreadable}
            />
          </Form.Item>
        )}
        <Button type="primary" htmlType="submit" loading={busy} disabled={unreadable || !asked}>
          {t("work.decisions.run")}
        </Button>
      </Form>
      {fault && <Alert type="error" showIcon title={fault} />}
      {outcome && <Shown outcome={outcome} />}
    </>
  );
}

/** Which rules fired, by decision. */
function firedOf(told: Outcome): Fired[] {
  return told.explanation.decisions.map((one) => ({
    decision: one.name,
    rules: (one.matched ?? []).map(({ id, rule }) => ({ id, rule })),
  }));
}

function Given({ of, value, onChange }: { of: Asked; value: unknown; onChange: (value: unknown) => void }) {
  const { t } = useTranslation();
  const id = `try-${of.name}`;
  const told = value === undefined ? "" : brief(value);
  const [text, setText] = useState(told);
  // What was set from elsewhere is shown; what is being typed stays as typed.
  useEffect(() => {
    setText((typed) => (brief(typedAs(of.type, typed)) === told ? typed : told));
  }, [told, of.type]);
  if (of.type === "boolean" || of.values.length > 0)
    return (
      <Select
        id={id}
        allowClear
        value={told || undefined}
        onChange={(chosen?: string) => onChange(chosen === undefined ? undefined : typedAs(of.type, chosen))}
        options={
          of.type === "boolean"
            ? [
                { value: "true", label: t("yes") },
                { value: "false", label: t("no") },
              ]
            : of.values.map((one) => ({ value: one, label: one }))
        }
      />
    );
  return (
    <Input
      id={id}
      type={of.type === "date" ? "date" : "text"}
      inputMode={of.type === "number" ? "decimal" : undefined}
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        onChange(typedAs(of.type, event.target.value));
      }}
    />
  );
}

function Shown({ outcome }: { outcome: Outcome }) {
  const { t } = useTranslation();
  const problems = [...new Set(outcome.problems.map((one) => one.message))];
  return (
    <section aria-live="polite">
      <h2>{t("work.decisions.result")}</h2>
      <div className="outcome">
        <Value of={outcome.result} />
      </div>
      {problems.map((problem) => (
        <Alert key={problem} type="warning" showIcon title={problem} className="above" />
      ))}
      <h2>{t("work.decisions.explanation")}</h2>
      {outcome.explanation.decisions.map((one) => (
        <Reason key={one.name} of={one} />
      ))}
    </section>
  );
}

function Reason({ of }: { of: Explained }) {
  const { t } = useTranslation();
  return (
    <div className="reason">
      <b>{of.name}</b> {of.result !== undefined && <span className="muted">= {brief(of.result)}</span>}
      {of.matched?.map((one) => (
        <div key={one.id ?? one.rule}>
          <Tag color={one.used === false ? undefined : "green"}>
            {t("work.decisions.matched", { rule: one.rule })}
          </Tag>
          {Array.isArray(one.outputs) ? one.outputs.map(brief).join("、") : brief(one.outputs)}
          {one.used === false && <span className="muted"> {t("work.decisions.notUsed")}</span>}
          {grounds(one).map((text) => (
            <span key={text} className="block small">
              {t("work.decisions.basis")}:{text}
            </span>
          ))}
        </div>
      ))}
      {of.note && <div className="small">{of.note}</div>}
      {of.matched?.length === 0 && <div className="muted">{t("work.decisions.noneMatched")}</div>}
    </div>
  );
}

/** What is annotated to a rule, the law article first. */
function grounds(one: Matched): string[] {
  const told = Object.values(one.annotations ?? {}).map(brief);
  return [...new Set([one.law ?? "", ...told])].filter((text) => text !== "");
}
