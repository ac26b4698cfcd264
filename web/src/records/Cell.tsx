import { Tag } from "antd";
import { useTranslation } from "react-i18next";
import { address } from "../api/client";
import { linked } from "../api/purposes";
import type { CodeItem, Kind, RecordItem, RecordType } from "../api/types";
import { tr } from "../i18n";
import { effective, field, find } from "../model/declaration";
import { files, moment, text } from "../model/format";
import { Masked } from "./Masked";

type Props = {
  type: RecordType;
  record: RecordItem;
  name: string;
  codesOf: (kind: Kind) => CodeItem[];
  /** Whether there is room to say in words that a value is masked. */
  spell?: boolean;
};

/** One value as it is read: a light, a state, a file to open, or text; and whether it is less than all. */
export function Cell(props: Props) {
  if (!props.record.masked?.includes(props.name)) return <Whole {...props} />;
  const value = props.record.fields[props.name];
  const empty = value === null || value === undefined || value === "";
  return (
    <Masked empty={empty} spell={props.spell}>
      <Whole {...props} />
    </Masked>
  );
}

function Whole({ type, record, name, codesOf }: Props) {
  const { t } = useTranslation();
  if (name === "state") {
    const state = type.lifecycle && find(type.lifecycle.states, record.state ?? "");
    return <Tag color={state?.is_final ? "default" : "blue"}>{tr(state?.title) || record.state}</Tag>;
  }
  if (name === "created_at" || name === "updated_at") return <>{moment(record[name])}</>;
  const kind = field(type, name)?.kind;
  const value = record.fields[name];
  if (kind && effective(kind).type === "file")
    return (
      <>
        {files(value).map((one) => (
          <a
            key={one.hash}
            href={address(`/v1/files/${one.hash}`, {
              record: `${record.type}/${record.id}`,
              name: one.name,
              ...linked(record.type.split(".")[0] ?? ""),
            })}
            className="block"
          >
            {one.name}
          </a>
        ))}
      </>
    );
  const item = kind && codesOf(kind).find((one) => one.code === value);
  const label = item ? tr(item.title) : record.labels[name];
  const shown = text(kind, value, label, { yes: t("yes"), no: t("no") });
  if (item?.color) return <span className={`light ${item.color}`}>{shown}</span>;
  return <>{shown}</>;
}

/** Whether a column holds figures, which stand to the right. */
export function isFigure(kind: Kind | undefined): boolean {
  return kind !== undefined && ["integer", "decimal", "money"].includes(effective(kind).type);
}
