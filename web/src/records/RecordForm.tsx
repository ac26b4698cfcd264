/** A form drawn from a type's declaration, with the server's findings at their fields. */

import { LockOutlined } from "@ant-design/icons";
import type { FormInstance } from "antd";
import { Alert, Button, Form, Input, Space, Tooltip } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/client";
import type { Field, Fields, Package, RecordItem, RecordType } from "../api/types";
import { tr } from "../i18n";
import { find } from "../model/declaration";
import { sentence } from "../shell/States";
import { FieldInput } from "./FieldInput";
import { useCodes } from "./useCodes";

type Props = {
  pkg: Package;
  type: RecordType;
  /** Fields offered, in order. */
  names: string[];
  /** Fields that must be filled here besides those the type requires. */
  require?: string[];
  record?: RecordItem;
  /** What a new record has already. */
  given?: { fields: Fields; labels: Record<string, string> };
  submitLabel: string;
  /** Sends what changed; throws what the server refuses. */
  onSubmit: (changed: Fields) => Promise<void>;
  onCancel: () => void;
  onDirty?: (dirty: boolean) => void;
};

/** Fields a person may fill: not the computed ones. */
export function editable(type: RecordType): string[] {
  return type.fields.filter(([, field]) => field.kind.type !== "computed").map(([name]) => name);
}

export function RecordForm(props: Props) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Fields>();
  const codesOf = useCodes(props.pkg);
  const [busy, setBusy] = useState(false);
  const [general, setGeneral] = useState<string[]>([]);
  const fields = props.names.flatMap((name) => {
    const field = find(props.type.fields, name);
    return field ? [[name, field] as const] : [];
  });
  const must = (name: string, field: Field) => field.required || (props.require ?? []).includes(name);
  const state =
    props.type.lifecycle && props.record && find(props.type.lifecycle.states, props.record.state ?? "");
  const locked = (name: string, field: Field) =>
    props.record !== undefined &&
    props.require === undefined &&
    (field.immutable || state?.is_final || (state?.editable != null && !state.editable.includes(name)));

  const masked = (name: string) => props.record?.masked?.includes(name) ?? false;

  const submit = async (values: Fields) => {
    setBusy(true);
    setGeneral([]);
    const before = props.record?.fields ?? {};
    const changed = Object.fromEntries(
      Object.entries(values)
        // What is not seen whole is not the reader's to change.
        .filter(([name]) => !masked(name))
        .map(([name, value]) => [name, value === undefined ? null : value] as const)
        .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name] ?? null)),
    );
    try {
      await props.onSubmit(changed);
      props.onDirty?.(false);
    } catch (error) {
      setGeneral(place(error, form, props.names, t));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Form
      form={form}
      layout="vertical"
      initialValues={props.record?.fields ?? props.given?.fields}
      onFinish={(values) => void submit(values)}
      onFinishFailed={({ errorFields }) => setGeneral([t("form.fix", { n: errorFields.length })])}
      onValuesChange={() => props.onDirty?.(true)}
      scrollToFirstError
      className="record-form"
    >
      {general.length > 0 && (
        <Alert
          type="error"
          showIcon
          className="gap"
          role="alert"
          title={general.map((line) => <div key={line}>{line}</div>)}
        />
      )}
      {fields.map(([name, field]) => {
        const hidden = masked(name);
        const frozen = locked(name, field);
        const input = hidden ? (
          // Part of a date or a code is none: it is shown as it came.
          <Input disabled prefix={<LockOutlined aria-hidden="true" />} placeholder={t("masked.hidden")} />
        ) : (
          <FieldInput
            pkg={props.pkg}
            kind={field.kind}
            codesOf={codesOf}
            label={(props.record ?? props.given)?.labels[name]}
            disabled={frozen}
          />
        );
        return (
          <Form.Item
            key={name}
            name={name}
            label={tr(field.title)}
            extra={hidden ? t("masked.edit") : tr(field.help) || undefined}
            rules={must(name, field) && !hidden ? [{ required: true, message: t("form.required") }] : []}
            tooltip={
              hidden
                ? undefined
                : frozen
                  ? field.immutable
                    ? t("form.immutable")
                    : t("form.frozen")
                  : undefined
            }
          >
            {input}
          </Form.Item>
        );
      })}
      <Space>
        <Button type="primary" htmlType="submit" loading={busy}>
          {props.submitLabel}
        </Button>
        <Tooltip>
          <Button onClick={props.onCancel}>{t("list.cancel")}</Button>
        </Tooltip>
      </Space>
    </Form>
  );
}

/** Puts findings at their inputs; returns what has no input here. */
function place(
  error: unknown,
  form: FormInstance<Fields>,
  names: string[],
  t: (key: string, values?: Record<string, unknown>) => string,
): string[] {
  if (!(error instanceof Refused) || !error.problem.errors?.length) return [sentence(error, t)];
  const left: string[] = [];
  const at = new Map<string, string[]>();
  for (const one of error.problem.errors) {
    const name = /^\/fields\/([^/]+)/.exec(one.pointer)?.[1];
    if (name && names.includes(name)) at.set(name, [...(at.get(name) ?? []), one.message]);
    else left.push(one.message);
  }
  form.setFields([...at].map(([name, errors]) => ({ name, errors })));
  const first = at.keys().next().value;
  if (first) form.scrollToField(first);
  return at.size > 0 ? [t("form.fix", { n: error.problem.errors.length }), ...left] : left;
}
