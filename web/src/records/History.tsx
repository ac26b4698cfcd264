import { useQuery } from "@tanstack/react-query";
import { Button, Timeline } from "antd";
import { useTranslation } from "react-i18next";
import { history } from "../api/queries";
import type { HistoryEntry } from "../api/types";
import { tr } from "../i18n";
import { effective, field, find, type TypeOf } from "../model/declaration";
import { moment, text } from "../model/format";
import { Failure, Loading, Nothing } from "../shell/States";
import { useCodes } from "./useCodes";

/** What a step of the history is called: a transition's name, or what was done. */
function verbTitle(own: TypeOf, verb: string, t: (key: string) => string): string {
  if (verb === "created") return t("detail.created");
  if (verb === "updated") return t("detail.updated");
  if (verb === "deleted") return t("detail.deletedVerb");
  const declared = own.type.lifecycle && find(own.type.lifecycle.transitions, verb);
  return tr(declared?.title) || verb;
}

/** What only follows the calendar or other fields says nothing here; a light that turned does. */
function tells(own: TypeOf, name: string): boolean {
  const kind = field(own.type, name)?.kind;
  if (kind?.type !== "computed") return true;
  return !["integer", "decimal", "money", "date", "date_time"].includes(effective(kind).type);
}

export function History({
  own,
  id,
  onAsOf,
}: {
  own: TypeOf;
  id: string;
  onAsOf: (entry: HistoryEntry) => void;
}) {
  const { t } = useTranslation();
  const codesOf = useCodes(own.pkg);
  const entries = useQuery(history(own.full, id));
  if (entries.isPending) return <Loading />;
  if (entries.isError) return <Failure error={entries.error} retry={() => void entries.refetch()} />;
  if (entries.data.length === 0) return <Nothing text={t("detail.noHistory")} />;
  const words = { yes: t("yes"), no: t("no") };
  const shown = (name: string, value: HistoryEntry["changes"][number]["from"]) => {
    if (name === "state")
      return (
        tr(own.type.lifecycle && find(own.type.lifecycle.states, String(value ?? ""))?.title) ||
        String(value ?? "")
      );
    const kind = field(own.type, name)?.kind;
    const item = kind && codesOf(kind).find((one) => one.code === value);
    return text(kind, value, item && tr(item.title), words) || t("none");
  };
  return (
    <Timeline
      items={entries.data.map((entry) => ({
        key: entry.version,
        color: entry.verb === "deleted" ? "red" : entry.verb === "updated" ? "gray" : "blue",
        content: (
          <>
            <b>{verbTitle(own, entry.verb, t)}</b>{" "}
            <span className="muted">
              {moment(entry.at)} · {entry.by === "system" ? t("detail.system") : (entry.by_name ?? entry.by)}
              {entry.on_behalf_of &&
                ` ${t("detail.onBehalfOf", { name: entry.on_behalf_of_name ?? entry.on_behalf_of })}`}{" "}
              · {t("version", { version: entry.version })}
            </span>
            {entry.note && <div>{entry.note}</div>}
            {entry.changes.length > 0 && (
              <div className="history-change">
                {entry.changes
                  .filter((change) => tells(own, change.field))
                  .flatMap((change) => [
                    <span key={`${change.field}-name`} className="muted">
                      {change.field === "state"
                        ? t("list.state")
                        : tr(field(own.type, change.field)?.title) || change.field}
                    </span>,
                    <del key={`${change.field}-from`}>{shown(change.field, change.from)}</del>,
                    <ins key={`${change.field}-to`}>{shown(change.field, change.to)}</ins>,
                  ])}
              </div>
            )}
            <div>
              <Button type="link" size="small" style={{ paddingInline: 0 }} onClick={() => onAsOf(entry)}>
                {t("detail.asOf")}
              </Button>
            </div>
          </>
        ),
      }))}
    />
  );
}
