import { useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { pkg as packageQuery, records } from "../api/queries";
import { recordLabel, typeOf } from "../model/declaration";
import { both } from "../model/filter";

type Props = {
  /** `package.type` to choose from. */
  of: string;
  /** Whether the chosen value is the record's key (codes, units, regions) or its id (references). */
  by: "key" | "id";
  many?: boolean;
  filter?: string;
  value?: string | string[] | null;
  onChange?: (value: string | string[] | null) => void;
  /** The name of the value that is there already. */
  label?: string;
  disabled?: boolean;
  id?: string;
  placeholder?: string;
};

/** A choice among the records of a type, found by typing. */
export function RemoteSelect(props: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const words = useDeferredValue(typed.trim());
  const [pkgId = "", name = ""] = props.of.split(".");
  const home = useQuery({ ...packageQuery(pkgId), staleTime: 300_000 });
  const target = home.data && typeOf(home.data, name);
  const label = target?.type.label ?? "";
  const key = target?.type.key[0];
  const quoted = words.replace(/[\\%_]/g, (c) => `\\${c}`).replaceAll("'", "''");
  const byLabel = words && `${label} LIKE '%${quoted}%'`;
  const byKey = words && key && key !== label ? ` OR ${key} LIKE '${quoted}%'` : "";
  const found = useQuery({
    ...records(props.of, {
      filter: both(byLabel ? `${byLabel}${byKey}` : undefined, props.filter),
      limit: 30,
    }),
    enabled: open && target !== undefined,
  });
  const value = props.value ?? undefined;
  const values = Array.isArray(value) ? value : value ? [value] : [];
  const names = (props.label ?? "").split("、");
  const options = (found.data?.items ?? []).map((record) => {
    const own = props.by === "key" && key ? String(record.fields[key] ?? "") : record.id;
    const shown = target ? recordLabel(target.type, record) : own;
    return { value: own, label: props.by === "key" && shown !== own ? `${shown}(${own})` : shown };
  });
  const known = values
    .map((one, index) => ({
      value: one,
      label: names.length === values.length ? (names[index] ?? one) : one,
    }))
    .filter((one) => !options.some((option) => option.value === one.value));
  return (
    <Select
      id={props.id}
      mode={props.many ? "multiple" : undefined}
      showSearch={{ filterOption: false, onSearch: setTyped }}
      allowClear
      disabled={props.disabled}
      placeholder={props.placeholder ?? t("form.searchChoose")}
      value={props.many ? values : value}
      options={[...known, ...options]}
      loading={found.isFetching}
      onOpenChange={setOpen}
      onChange={(next) => props.onChange?.(next ?? null)}
      className="grow"
      style={{ minWidth: 160, width: "100%" }}
    />
  );
}
