/** The input of a field by its kind. Values are those of the API; conversions stay in here. */

import { UploadOutlined } from "@ant-design/icons";
import { App, Button, DatePicker, Input, InputNumber, Select, Upload } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import type { CodeItem, Kind, Package, Value } from "../api/types";
import { tr } from "../i18n";
import { qualified } from "../model/declaration";
import { files, type StoredFile } from "../model/format";
import { sentence } from "../shell/States";
import { RemoteSelect } from "./RemoteSelect";

type Props = {
  pkg: Package;
  kind: Kind;
  codesOf: (kind: Kind) => CodeItem[];
  value?: Value;
  onChange?: (value: Value) => void;
  label?: string;
  disabled?: boolean;
  id?: string;
};

export function FieldInput(props: Props) {
  const { t } = useTranslation();
  const { kind, value, disabled, id } = props;
  const change = (next: Value) => props.onChange?.(next);
  const shared = { id, disabled };
  switch (kind.type) {
    case "text":
      return kind.multiline ? (
        <Input.TextArea
          {...shared}
          autoSize={{ minRows: 3, maxRows: 12 }}
          showCount
          maxLength={kind.max}
          value={asText(value)}
          onChange={(event) => change(event.target.value || null)}
        />
      ) : (
        <Input {...shared} value={asText(value)} onChange={(event) => change(event.target.value || null)} />
      );
    case "phone":
    case "person_number":
    case "credit_code":
      return (
        <Input
          {...shared}
          value={asText(value)}
          onChange={(event) => change(event.target.value.trim() || null)}
        />
      );
    case "integer":
    case "decimal":
      return (
        <InputNumber
          {...shared}
          style={{ width: "100%" }}
          value={typeof value === "number" ? value : null}
          precision={kind.type === "decimal" ? kind.scale : 0}
          suffix={kind.measure ?? undefined}
          onChange={(next) => change(typeof next === "number" ? next : null)}
        />
      );
    case "money":
      return (
        <InputNumber
          {...shared}
          style={{ width: "100%" }}
          prefix="¥"
          precision={2}
          value={typeof value === "number" ? value / 100 : null}
          onChange={(next) => change(typeof next === "number" ? Math.round(next * 100) : null)}
        />
      );
    case "boolean":
      return (
        <Select
          {...shared}
          allowClear
          value={value === null || value === undefined ? undefined : String(value)}
          options={[
            { value: "true", label: t("yes") },
            { value: "false", label: t("no") },
          ]}
          onChange={(next?: string) => change(next === undefined ? null : next === "true")}
        />
      );
    case "date":
      return (
        <DatePicker
          {...shared}
          style={{ width: "100%" }}
          value={value ? dayjs(String(value)) : null}
          onChange={(next) => change(next ? next.format("YYYY-MM-DD") : null)}
        />
      );
    case "date_time":
      return (
        <DatePicker
          {...shared}
          showTime
          style={{ width: "100%" }}
          value={value ? dayjs(String(value)) : null}
          onChange={(next) => change(next ? next.toISOString() : null)}
        />
      );
    case "code":
      if (kind.registry)
        return (
          <RemoteSelect
            {...shared}
            of={qualified(props.pkg, kind.registry).join(".")}
            by="key"
            many={kind.many}
            value={value as string | string[] | null}
            label={props.label}
            onChange={change}
          />
        );
      return (
        <Select
          {...shared}
          allowClear
          mode={kind.many ? "multiple" : undefined}
          showSearch={{ optionFilterProp: "label" }}
          placeholder={t("form.choose")}
          value={(value ?? undefined) as string | string[] | undefined}
          options={props.codesOf(kind).map((item) => ({ value: item.code, label: tr(item.title) }))}
          onChange={(next) => change((next as Value) ?? null)}
        />
      );
    case "unit":
      return (
        <RemoteSelect
          {...shared}
          of="base.unit"
          by="key"
          many={kind.many}
          value={value as string | string[] | null}
          label={props.label}
          onChange={change}
        />
      );
    case "region":
      return (
        <RemoteSelect
          {...shared}
          of="base.region"
          by="key"
          value={value as string | null}
          label={props.label}
          onChange={change}
        />
      );
    case "ref":
      return (
        <RemoteSelect
          {...shared}
          of={qualified(props.pkg, kind.to).join(".")}
          by="id"
          value={value as string | null}
          label={props.label}
          onChange={change}
        />
      );
    case "file":
      return <FileInput {...props} kind={kind} />;
    default:
      return <JsonInput {...shared} value={value} onChange={change} />;
  }
}

function asText(value: Value | undefined): string {
  return value === null || value === undefined ? "" : String(value);
}

function JsonInput(props: {
  value?: Value;
  onChange: (value: Value) => void;
  id?: string;
  disabled?: boolean;
}) {
  const [typed, setTyped] = useState(props.value == null ? "" : JSON.stringify(props.value, null, 2));
  const [wrong, setWrong] = useState(false);
  return (
    <Input.TextArea
      id={props.id}
      disabled={props.disabled}
      status={wrong ? "error" : undefined}
      autoSize={{ minRows: 3, maxRows: 16 }}
      value={typed}
      onChange={(event) => {
        setTyped(event.target.value);
        try {
          props.onChange(event.target.value.trim() === "" ? null : (JSON.parse(event.target.value) as Value));
          setWrong(false);
        } catch {
          setWrong(true);
        }
      }}
    />
  );
}

function FileInput(props: Props & { kind: Extract<Kind, { type: "file" }> }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [busy, setBusy] = useState(false);
  const held = files(props.value);
  const send = async (file: File) => {
    setBusy(true);
    try {
      const stored = await call<StoredFile>("/v1/files", {
        method: "POST",
        raw: file,
        headers: {
          "content-type": file.type || "application/octet-stream",
          "x-file-name": encodeURIComponent(file.name),
        },
      });
      props.onChange?.(props.kind.many ? [...held, stored] : stored);
    } catch (error) {
      void message.error(sentence(error, t));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Upload
      disabled={props.disabled}
      accept={props.kind.accept.map((ending) => `.${ending.replace(/^\./, "")}`).join(",")}
      fileList={held.map((one) => ({ uid: one.hash, name: one.name, size: one.size, status: "done" }))}
      beforeUpload={(file) => {
        const known = props.kind.accept.map((ending) => ending.replace(/^\./, "").toLowerCase());
        if (known.length > 0 && !known.some((ending) => file.name.toLowerCase().endsWith(`.${ending}`))) {
          void message.error(t("form.wrongFile", { name: file.name, known: known.join("、") }));
          return Upload.LIST_IGNORE;
        }
        void send(file);
        return false;
      }}
      onRemove={(gone) => {
        const left = held.filter((one) => one.hash !== gone.uid);
        props.onChange?.(props.kind.many ? left : null);
      }}
    >
      <Button id={props.id} icon={<UploadOutlined />} loading={busy}>
        {busy ? t("form.uploading") : t("form.upload")}
      </Button>
    </Upload>
  );
}
