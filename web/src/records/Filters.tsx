/** Conditions a person puts together, and the ones kept for later. */

import { DeleteOutlined, FilterOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Checkbox, Drawer, Dropdown, Input, Select, Space } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { savedFilters } from "../api/queries";
import type { Kind } from "../api/types";
import { tr } from "../i18n";
import { effective, type TypeOf } from "../model/declaration";
import { type Condition, complete, operators } from "../model/filter";
import type { ListSearch } from "../router";
import { sentence } from "../shell/States";
import { FieldInput } from "./FieldInput";
import { useCodes } from "./useCodes";

/** The kind a condition's value is typed as: one value even where the field holds many. */
export function filterKind(own: TypeOf, name: string): Kind | undefined {
  if (name === "state" && own.type.lifecycle)
    return { type: "code", list: "state", registry: null, many: false };
  if (name === "updated_at" || name === "created_at") return { type: "date_time" };
  const found = own.type.fields.find(([field]) => field === name)?.[1];
  return found && effective(found.kind);
}

export function Filters({
  own,
  value,
  onChange,
}: {
  own: TypeOf;
  value: Condition[];
  onChange: (next: Condition[]) => void;
}) {
  const { t } = useTranslation();
  const codesOf = useCodes(own.pkg);
  const [draft, setDraft] = useState<Condition[]>();
  const rows = draft ?? [];
  const names = [
    ...own.type.fields
      .filter(([, field]) => operators(field.kind).length > 0)
      .map(([name, field]) => ({ value: name, label: tr(field.title) })),
    ...(own.type.lifecycle ? [{ value: "state", label: t("list.state") }] : []),
    { value: "updated_at", label: t("list.updated") },
  ];
  const kindOf = (name: string) => filterKind(own, name);
  const set = (index: number, next: Condition) =>
    setDraft(rows.map((row, at) => (at === index ? next : row)));
  const items = (kind: Kind) =>
    kind.type === "code" && kind.list === "state"
      ? (own.type.lifecycle?.states ?? []).map(([code, state]) => ({
          code,
          title: state.title,
          color: null,
          from: null,
          until: null,
        }))
      : codesOf(kind);
  return (
    <>
      <Button
        icon={<FilterOutlined />}
        type={value.length > 0 ? "primary" : "default"}
        onClick={() =>
          setDraft(
            value.length > 0
              ? value
              : [
                  [
                    names[0]?.value ?? "",
                    operators(kindOf(names[0]?.value ?? "") ?? { type: "boolean" })[0] ?? "eq",
                    "",
                  ],
                ],
          )
        }
      >
        {t("list.filter")}
        {value.length > 0 ? ` (${value.length})` : ""}
      </Button>
      <Drawer
        open={draft !== undefined}
        onClose={() => setDraft(undefined)}
        title={t("list.filters")}
        size={520}
        footer={
          <Space>
            <Button
              type="primary"
              onClick={() => {
                onChange(rows.filter(complete));
                setDraft(undefined);
              }}
            >
              {t("list.apply")}
            </Button>
            <Button
              onClick={() => {
                onChange([]);
                setDraft(undefined);
              }}
            >
              {t("list.clear")}
            </Button>
          </Space>
        }
      >
        {rows.map((row, index) => {
          const [name, op, typed] = row;
          const kind = kindOf(name);
          const single = kind && "many" in kind ? ({ ...kind, many: false } as Kind) : kind;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row has no other identity than its place.
            <div key={index} className="bar">
              <Select
                aria-label={t("list.field")}
                style={{ width: 150 }}
                showSearch={{ optionFilterProp: "label" }}
                value={name}
                options={names}
                onChange={(next: string) =>
                  set(index, [next, operators(kindOf(next) ?? { type: "boolean" })[0] ?? "eq", ""])
                }
              />
              <Select
                style={{ width: 110 }}
                value={op}
                options={(kind ? operators(kind) : []).map((one) => ({ value: one, label: t(`op.${one}`) }))}
                onChange={(next) => set(index, [name, next, typed])}
              />
              {op !== "empty" && op !== "filled" && single && (
                <div className="grow" style={{ minWidth: 160 }}>
                  <FieldInput
                    pkg={own.pkg}
                    kind={
                      single.type === "date_time"
                        ? { type: "date", min: null, max: null }
                        : single.type === "text"
                          ? { ...single, multiline: false }
                          : single
                    }
                    codesOf={items}
                    value={fromText(single, typed)}
                    onChange={(next) =>
                      set(index, [name, op, toText(single, next as string | number | boolean | null)])
                    }
                  />
                </div>
              )}
              <Button
                type="text"
                icon={<DeleteOutlined />}
                aria-label={t("list.remove")}
                onClick={() => setDraft(rows.filter((_, at) => at !== index))}
              />
            </div>
          );
        })}
        <Button
          icon={<PlusOutlined />}
          onClick={() =>
            setDraft([
              ...rows,
              [
                names[0]?.value ?? "",
                operators(kindOf(names[0]?.value ?? "") ?? { type: "boolean" })[0] ?? "eq",
                "",
              ],
            ])
          }
        >
          {t("list.addFilter")}
        </Button>
      </Drawer>
    </>
  );
}

/** Conditions keep their values as text; money as yuan. */
function fromText(kind: Kind, typed: string) {
  if (typed === "") return null;
  if (kind.type === "money") return Math.round(Number(typed) * 100);
  if (kind.type === "integer" || kind.type === "decimal") return Number(typed);
  if (kind.type === "boolean") return typed === "true";
  return typed;
}

function toText(kind: Kind, value: string | number | boolean | null): string {
  if (value === null) return "";
  if (kind.type === "money" && typeof value === "number") return (value / 100).toFixed(2);
  return String(value);
}

export function SavedFilters({
  own,
  search,
  onChoose,
}: {
  own: TypeOf;
  search: ListSearch;
  onChoose: (search: ListSearch) => void;
}) {
  const { t } = useTranslation();
  const { modal, message } = App.useApp();
  const cache = useQueryClient();
  const kept = useQuery(savedFilters(own.full));
  const stale = () => void cache.invalidateQueries({ queryKey: ["saved", own.full] });
  const save = () => {
    let name = "";
    let shared = false;
    void modal.confirm({
      title: t("list.save"),
      icon: null,
      content: (
        <Space orientation="vertical" style={{ width: "100%" }}>
          <Input
            aria-label={t("list.saveName")}
            placeholder={t("list.saveName")}
            maxLength={40}
            onChange={(event) => {
              name = event.target.value;
            }}
          />
          <Checkbox
            onChange={(event) => {
              shared = event.target.checked;
            }}
          >
            {t("list.shared")}
          </Checkbox>
        </Space>
      ),
      onOk: async () => {
        try {
          await call("/v1/saved-filters", {
            method: "POST",
            body: { name, type: own.full, query: JSON.stringify(search), shared },
          });
          void message.success(t("list.savedDone"));
          stale();
        } catch (error) {
          void message.error(sentence(error, t));
          throw error;
        }
      },
    });
  };
  const items = (kept.data ?? []).map((one) => ({
    key: one.id,
    label: (
      <Space>
        {one.name}
        {one.mine && (
          <Button
            type="text"
            size="small"
            icon={<DeleteOutlined />}
            aria-label={t("list.remove")}
            onClick={(event) => {
              event.stopPropagation();
              void call(`/v1/saved-filters/${one.id}`, { method: "DELETE" }).then(stale, (error) =>
                message.error(sentence(error, t)),
              );
            }}
          />
        )}
      </Space>
    ),
    onClick: () => onChoose(JSON.parse(one.query) as ListSearch),
  }));
  return (
    <Dropdown
      trigger={["click"]}
      menu={{
        items: [
          ...(items.length > 0 ? items : [{ key: "none", disabled: true, label: t("list.noSaved") }]),
          { type: "divider" as const },
          { key: "save", label: t("list.save"), onClick: save },
        ],
      }}
    >
      <Button>{t("list.saved")}</Button>
    </Dropdown>
  );
}
