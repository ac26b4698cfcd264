import { Button, Timeline } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Step } from "../api/processes";
import { moment } from "../model/format";
import { brief } from "../work/Values";

const FIRST = 60;

type Props = { of: Step[]; name: (id: string) => string; at?: number; onLook: (at: number) => void };

/** What happened, newest first; each step leads back to its moment. */
export function Steps({ of, name, at, onLook }: Props) {
  const { t } = useTranslation();
  const [whole, setWhole] = useState(false);
  if (of.length === 0) return <p className="muted">{t("work.instances.noHistory")}</p>;
  const newest = of.map((step, index) => ({ step, index })).reverse();
  const shown = whole ? newest : newest.slice(0, FIRST);
  return (
    <>
      <Timeline
        items={shown.map(({ step, index }) => ({
          key: step.seq,
          color: /incident|fail/.test(step.kind) ? "red" : index === at ? "orange" : "blue",
          content: (
            <>
              <Button type="link" size="small" className="flat" onClick={() => onLook(index)}>
                {t(`work.instances.kinds.${step.kind}`, { defaultValue: step.kind })}
                {step.element && ` ${name(step.element)}`}
              </Button>{" "}
              <span className="muted small">
                {moment(step.at)}
                {step.actor &&
                  ` · ${t("work.instances.by", {
                    who: step.actor === "system" ? t("detail.system") : (step.actor_name ?? step.actor),
                  })}`}
              </span>
              {step.data !== null && step.data !== undefined && brief(step.data) !== "{}" && (
                <div className="small break muted">{brief(step.data).slice(0, 400)}</div>
              )}
            </>
          ),
        }))}
      />
      {shown.length < newest.length && (
        <Button onClick={() => setWhole(true)}>{t("board.more", { n: newest.length - shown.length })}</Button>
      )}
    </>
  );
}
