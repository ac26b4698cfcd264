/** A file as it is in force and as it is drafted. */

import { Modal, Tag } from "antd";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Compare } from "../bpmn/Compare";
import { ruleChanges } from "../dmn/diff";
import { formDifferences, type Schema } from "../formjs/schema";
import { Nothing } from "../shell/States";
import { kindOf } from "./model";

type Props = { path: string; before: string; after: string };

export function CompareDialog({ close, ...props }: Props & { close: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal
      open
      width="min(1400px, 96vw)"
      footer={null}
      onCancel={close}
      title={`${t("work.studio.compare")} · ${props.path}`}
    >
      <CompareFile {...props} />
    </Modal>
  );
}

export function CompareFile({ path, before, after }: Props) {
  const { t } = useTranslation();
  switch (kindOf(path)) {
    case "process":
      return (
        <Compare
          before={before}
          after={after}
          titles={[t("work.studio.inForce"), t("work.studio.drafted")]}
        />
      );
    case "decision":
      return <Rules before={before} after={after} />;
    case "form":
      return <Fields before={before} after={after} />;
    default:
      return <Texts before={before} after={after} />;
  }
}

const COLOURS = { added: "green", removed: "red", changed: "orange" };

function Change({ of }: { of: "added" | "removed" | "changed" }) {
  const { t } = useTranslation();
  return <Tag color={COLOURS[of]}>{t(`work.bpmn.change.${of}`)}</Tag>;
}

function Pair({ name, from, to }: { name: string; from: string; to: string }) {
  const { t } = useTranslation();
  return (
    <div className="history-change">
      <span className="muted">{name}</span>
      <del>{from || t("none")}</del>
      <ins>{to || t("none")}</ins>
    </div>
  );
}

function Rules({ before, after }: { before: string; after: string }) {
  const { t } = useTranslation();
  const all = useMemo(() => ruleChanges(before, after), [before, after]);
  if (all.length === 0) return <Nothing text={t("work.bpmn.same")} />;
  return (
    <ul className="findings" aria-label={t("work.bpmn.differences")}>
      {all.map((one) => (
        <li key={`${one.decision}.${one.change}.${one.rule}`}>
          <Change of={one.change} /> <b>{one.decision}</b>{" "}
          {one.rule === null ? t("work.studio.tableHead") : t("work.findings.rules", { rules: one.rule })}
          <Pair name="" from={one.from} to={one.to} />
        </li>
      ))}
    </ul>
  );
}

const parsed = (text: string): Schema | undefined => {
  try {
    return JSON.parse(text || "{}") as Schema;
  } catch {
    return undefined;
  }
};

function Fields({ before, after }: { before: string; after: string }) {
  const { t } = useTranslation();
  const all = useMemo(() => {
    const old = parsed(before);
    const now = parsed(after);
    return old && now ? formDifferences(old, now) : undefined;
  }, [before, after]);
  if (!all) return <Texts before={before} after={after} />;
  if (all.length === 0) return <Nothing text={t("work.bpmn.same")} />;
  return (
    <ul className="findings" aria-label={t("work.bpmn.differences")}>
      {all.map((one) => (
        <li key={one.id}>
          <Change of={one.change} /> <b>{one.title}</b> <span className="muted small">{one.id}</span>
          {one.attributes.map((attribute) => (
            <Pair key={attribute.name} {...attribute} />
          ))}
        </li>
      ))}
    </ul>
  );
}

function Texts({ before, after }: { before: string; after: string }) {
  const { t } = useTranslation();
  if (before === after) return <Nothing text={t("work.bpmn.same")} />;
  return (
    <div className="compare">
      <div>
        <h3>{t("work.studio.inForce")}</h3>
        <pre className="sent">{before}</pre>
      </div>
      <div>
        <h3>{t("work.studio.drafted")}</h3>
        <pre className="sent">{after}</pre>
      </div>
    </div>
  );
}
