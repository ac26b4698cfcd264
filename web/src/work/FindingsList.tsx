/** What a check has to say, worst first; each line leads to its place. */

import { Button, Tag } from "antd";
import { useTranslation } from "react-i18next";
import type { Finding } from "../api/processes";

const RANK = { error: 0, warning: 1, note: 2 };
const COLOURS = { error: "red", warning: "gold", note: "blue" };

type Placed = Finding & { path?: string | null };

/** How many of each, the worst first. */
export function tally(findings: Finding[]): { errors: number; warnings: number } {
  return {
    errors: findings.filter((one) => one.severity === "error").length,
    warnings: findings.filter((one) => one.severity === "warning").length,
  };
}

export function FindingsList<T extends Placed>({
  of,
  onChoose,
}: {
  of: T[];
  onChoose?: (finding: T) => void;
}) {
  const { t } = useTranslation();
  const sorted = [...of].sort((a, b) => RANK[a.severity] - RANK[b.severity]);
  return (
    <ul className="findings">
      {sorted.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two findings can be alike in all they say.
        <li key={at}>
          <Tag color={COLOURS[one.severity]}>{t(`work.findings.${one.severity}`)}</Tag>
          {onChoose ? (
            <Button type="link" size="small" onClick={() => onChoose(one)}>
              {one.message}
            </Button>
          ) : (
            one.message
          )}
          {one.hint && <div className="small">{one.hint}</div>}
          <div className="muted small">
            {[
              one.path,
              one.decision,
              one.rules?.length ? t("work.findings.rules", { rules: one.rules.join("、") }) : "",
              one.element,
              one.rule,
            ]
              .filter(Boolean)
              .join(" · ")}
          </div>
        </li>
      ))}
    </ul>
  );
}
