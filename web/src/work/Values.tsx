/** Variables and other values as people read them, without a declaration of their shape. */

import { useTranslation } from "react-i18next";
import { moment } from "../model/format";

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/;

export function Values({ of, empty }: { of: Record<string, unknown>; empty?: string }) {
  const { t } = useTranslation();
  const all = Object.entries(of);
  if (all.length === 0) return <p className="muted">{empty ?? t("work.values.none")}</p>;
  return (
    <table className="plain values">
      <thead>
        <tr>
          <th scope="col">{t("work.values.name")}</th>
          <th scope="col">{t("work.values.value")}</th>
        </tr>
      </thead>
      <tbody>
        {all.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <Value of={value} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Value({ of }: { of: unknown }) {
  const { t } = useTranslation();
  if (of === null || of === undefined || of === "") return <span className="muted">{t("none")}</span>;
  if (typeof of === "boolean") return <>{of ? t("yes") : t("no")}</>;
  if (typeof of === "number") return <>{of.toLocaleString("zh-CN", { maximumFractionDigits: 10 })}</>;
  if (typeof of === "string") return <span className="long break">{MOMENT.test(of) ? moment(of) : of}</span>;
  if (Array.isArray(of) && of.every((one) => typeof one !== "object"))
    return <>{of.map(String).join("、")}</>;
  return <code className="block json">{JSON.stringify(of, null, 2)}</code>;
}

/** One line of a value, for lists. */
export function brief(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
