/** What can be said of the chosen element: beside the drawing, on a phone below it. */

import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { AutoComplete, Button, Checkbox, Input, Select } from "antd";
import { useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Field, type Group, goodId, type Known, type Pair, type Pairs } from "./fields";

type Props = { groups: Group[]; known: Known; title: string; readOnly?: boolean };

export function Properties({ groups, known, title, readOnly }: Props) {
  const { t } = useTranslation();
  return (
    <section className="properties" aria-label={t("work.bpmn.properties")}>
      <h2>{title}</h2>
      <fieldset disabled={readOnly}>
        {groups
          .filter((group) => group.fields.length > 0 || group.pairs)
          .map((group) => (
            <details
              key={`${group.key}.${group.fields[0]?.key}`}
              open={group.key !== "data" || filled(group)}
            >
              <summary>{t(`work.bpmn.groups.${group.key}`)}</summary>
              {group.fields.map((field) => (
                <One key={field.key} field={field} known={known} />
              ))}
              {group.pairs?.map((pairs) => (
                <Mapping key={pairs.key} pairs={pairs} />
              ))}
            </details>
          ))}
      </fieldset>
    </section>
  );
}

const filled = (group: Group) => group.pairs?.some((pairs) => pairs.value.length > 0) ?? false;

function One({ field, known }: { field: Field; known: Known }) {
  const { t } = useTranslation();
  const id = useId();
  const help = t(`work.bpmn.help.${field.key}`, { defaultValue: "" });
  const label = t(`work.bpmn.fields.${field.key}`);
  if (field.kind === "flag")
    return (
      <div className="property">
        <Checkbox
          checked={field.value === "true"}
          onChange={(event) => field.set(String(event.target.checked))}
        >
          {label}
        </Checkbox>
        {help && <p className="muted small">{help}</p>}
      </div>
    );
  return (
    <div className="property">
      <label htmlFor={id}>{label}</label>
      <Control id={id} field={field} known={known} />
      {field.key === "id" && !goodId(field.value) && <p className="small">{t("work.bpmn.badId")}</p>}
      {help && <p className="muted small">{help}</p>}
    </div>
  );
}

function Control({ id, field, known }: { id: string; field: Field; known: Known }) {
  const { t } = useTranslation();
  const [text, setText] = useState(field.value);
  useEffect(() => setText(field.value), [field.value]);
  const done = () => text !== field.value && field.set(text);
  const options = field.suggest ? known[field.suggest].map((value) => ({ value })) : [];
  if (field.kind === "choice")
    return (
      <Select
        id={id}
        allowClear
        value={field.value || undefined}
        onChange={(value: string | undefined) => field.set(value ?? "")}
        options={field.options?.map((value) => ({ value, label: t(`work.bpmn.choices.${value}`) }))}
      />
    );
  if (field.kind === "tags")
    return (
      <Select
        id={id}
        mode="tags"
        tokenSeparators={[" ", ",", ",", "、"]}
        value={field.value.split(/\s+/).filter(Boolean)}
        onChange={(values: string[]) => field.set(values.join(" "))}
        options={options}
      />
    );
  if (field.suggest)
    return (
      <AutoComplete
        id={id}
        value={text}
        options={options.filter(({ value }) => value.includes(text))}
        onChange={setText}
        onSelect={(value: string) => field.set(value)}
        onBlur={done}
      />
    );
  if (field.kind === "text")
    return (
      <Input
        id={id}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={done}
        onPressEnter={done}
      />
    );
  return (
    <Input.TextArea
      id={id}
      className={field.kind === "feel" ? "feel" : undefined}
      value={text}
      autoSize={{ minRows: 1, maxRows: 8 }}
      spellCheck={field.kind !== "feel"}
      onChange={(event) => setText(event.target.value)}
      onBlur={done}
    />
  );
}

/** Names with FEEL: what goes in, what comes out. */
function Mapping({ pairs }: { pairs: Pairs }) {
  const { t } = useTranslation();
  const told = JSON.stringify(pairs.value);
  const [rows, setRows] = useState(pairs.value);
  useEffect(() => setRows(JSON.parse(told) as Pair[]), [told]);
  const keep = (next: Pair[]) => {
    setRows(next);
    // A row that is being begun stays here until it has a name.
    const named = next.filter(({ name }) => name.trim() !== "");
    if (JSON.stringify(named) !== told) pairs.set(named);
  };
  const change = (at: number, part: Partial<Pair>) =>
    setRows(rows.map((row, index) => (index === at ? { ...row, ...part } : row)));
  const label = t(`work.bpmn.fields.${pairs.key}`);
  return (
    <div className="property">
      <span>{label}</span>
      {rows.map((row, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row has nothing else that stays.
        <div key={at} className="mapping">
          <Input
            aria-label={`${label} ${at + 1} ${t("work.bpmn.mappingName")}`}
            placeholder={t("work.bpmn.mappingName")}
            value={row.name}
            onChange={(event) => change(at, { name: event.target.value })}
            onBlur={() => keep(rows)}
          />
          <Input.TextArea
            className="feel"
            aria-label={`${label} ${at + 1} FEEL`}
            placeholder="FEEL"
            autoSize={{ minRows: 1, maxRows: 6 }}
            spellCheck={false}
            value={row.feel}
            onChange={(event) => change(at, { feel: event.target.value })}
            onBlur={() => keep(rows)}
          />
          <Button
            type="text"
            icon={<DeleteOutlined />}
            aria-label={`${t("list.remove")} ${label} ${at + 1}`}
            onClick={() => keep(rows.filter((_, index) => index !== at))}
          />
        </div>
      ))}
      <Button
        size="small"
        icon={<PlusOutlined />}
        onClick={() => setRows([...rows, { name: "", feel: "" }])}
        aria-label={t("work.bpmn.addMapping", { label })}
      >
        {t("work.bpmn.add")}
      </Button>
    </div>
  );
}
