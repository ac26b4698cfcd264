/** A form that is filled in. The browser tells faults early; the server decides. */

import { Form } from "@bpmn-io/form-js-viewer";
import { type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import type { Variables } from "../api/processes";
import type { Provenance } from "../api/tasks";
import type { StoredFile } from "../model/format";
import { moment } from "../model/format";
import { type Instance, placed, type Schema, sourced, type Told } from "./schema";
import { fault, localize } from "./words";
import "./style";

export type FormHandle = {
  /** The values with their files, or nothing where a fault is shown. */
  submit(): Promise<Variables | undefined>;
  /** The values as they are, with their faults. */
  values(): Variables;
  /** Shows what the server refused at its fields; gives what belongs to none. */
  refuse(told: Told[]): Told[];
};

type Props = {
  schema: Schema;
  data?: Variables;
  provenance?: Record<string, Provenance>;
  readOnly?: boolean;
  onChange?: (values: Variables) => void;
  ref?: Ref<FormHandle>;
};

type Validator = { validateFieldInstance(instance: Instance, value: unknown): string[] };
type Internals = {
  _getState(): { data: Variables };
  _setState(state: { errors: Record<string, unknown> }): void;
  _getSubmitData(): Variables;
};

export function FormView({ schema, data, provenance, readOnly, onChange, ref }: Props) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const form = useRef<Form>(null);
  const told = useRef(onChange);
  told.current = onChange;
  const [broken, setBroken] = useState("");

  // What the server refused stays said until the value is another one, or all is sent anew.
  const refused = useRef(new Map<string, { value: string | undefined; messages: string[] }>());
  // What was there first stays; what is filled in is the form's own.
  const first = useRef({ data, provenance });
  useEffect(() => {
    if (!box.current) return;
    const say = (from: Provenance) =>
      t("work.inbox.from", {
        source: [from.title ?? from.source, from.record].filter(Boolean).join(" "),
        version: from.version ? t("version", { version: from.version }) : "",
        at: from.at ? moment(from.at) : "",
      }).replace(/[ ,,]+$/, "");
    const made = new Form({ container: box.current });
    form.current = made;
    const validator = made.get<Validator>("validator");
    const plain = validator.validateFieldInstance.bind(validator);
    validator.validateFieldInstance = (instance, value) => {
      const held = refused.current.get(keyOf(instance));
      const still = held && held.value === JSON.stringify(value) ? held.messages : [];
      return [...plain(instance, value).map(fault), ...still];
    };
    const shown = sourced(schema, first.current.provenance ?? {}, say);
    made.importSchema(shown, first.current.data ?? {}).then(
      () => {
        if (readOnly) made.setProperty("readOnly", true);
      },
      (error: Error) => setBroken(error.message),
    );
    // The form also tells of changes when it is only being built: those are nobody's.
    let touched = false;
    const touch = () => {
      touched = true;
    };
    const place = box.current;
    const TOUCHES = ["input", "change", "click", "keydown"];
    for (const name of TOUCHES) place.addEventListener(name, touch, true);
    made.on("changed", () => {
      if (touched) told.current?.((made as unknown as Internals)._getSubmitData());
    });
    const end = localize(place);
    return () => {
      end();
      for (const name of TOUCHES) place.removeEventListener(name, touch, true);
      form.current = null;
      made.destroy();
    };
  }, [schema, readOnly, t]);

  useImperativeHandle(ref, () => ({
    submit: async () => {
      const made = form.current;
      if (!made) return undefined;
      refused.current.clear();
      settle(box.current);
      const { data: values, errors, files } = made.submit();
      if (Object.keys(errors).length > 0) {
        toFault(box.current);
        return undefined;
      }
      return withFiles(values, files);
    },
    values: () => {
      refused.current.clear();
      settle(box.current);
      return (form.current as unknown as Internals | null)?._getSubmitData() ?? {};
    },
    refuse: (faults) => {
      const made = form.current;
      if (!made) return faults;
      const instances = made.get<{ getAllKeyed(): Instance[] }>("formFieldInstanceRegistry").getAllKeyed();
      const { at, rest } = placed(instances, faults);
      const inside = made as unknown as Internals;
      const { data: now } = inside._getState();
      for (const instance of instances) {
        const messages = within(at, placeOf(instance));
        if (Array.isArray(messages))
          refused.current.set(keyOf(instance), {
            value: JSON.stringify(within(now, instance.valuePath)),
            messages,
          });
      }
      inside._setState({ errors: at });
      setTimeout(() => toFault(box.current), 50);
      return rest;
    },
  }));

  if (broken) return <p role="alert">{t("work.forms.broken", { why: broken })}</p>;
  return <div ref={box} className="formjs" />;
}

const placeOf = (one: Instance) => [one.id, ...Object.values(one.indexes ?? {})];
const keyOf = (one: Instance) => JSON.stringify(placeOf(one));

const within = (of: unknown, path: (string | number)[]): unknown =>
  path.reduce((inner, step) => (inner as Record<string, unknown> | undefined)?.[step], of);

/** A field takes what was typed a moment later: at once when it is left. */
function settle(box: HTMLElement | null): void {
  const active = document.activeElement;
  if (active instanceof HTMLElement && box?.contains(active)) active.blur();
}

/** To the first field that is at fault. */
function toFault(box: HTMLElement | null): void {
  setTimeout(() => {
    const place = box?.querySelector<HTMLElement>(".fjs-has-errors input, .fjs-has-errors textarea");
    place?.scrollIntoView({ block: "center" });
    place?.focus();
  }, 50);
}

/** Stores the chosen files; in the values stands what the server keeps of them. */
async function withFiles(values: Variables, files: Map<string, File[]>): Promise<Variables> {
  if (files.size === 0) return values;
  const stored = new Map<string, StoredFile[]>();
  for (const [name, chosen] of files) {
    const all: StoredFile[] = [];
    for (const file of chosen)
      all.push(
        await call<StoredFile>("/v1/files", {
          method: "POST",
          raw: file,
          headers: {
            "content-type": file.type || "application/octet-stream",
            "x-file-name": encodeURIComponent(file.name),
          },
        }),
      );
    stored.set(name, all);
  }
  const walk = (value: unknown): unknown => {
    if (typeof value === "string") return stored.get(value) ?? value;
    if (Array.isArray(value)) return value.map(walk);
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, walk(inner)]));
    return value;
  };
  return walk(values) as Variables;
}
