/** A form to draw. */

import { FormEditor as Editor } from "@bpmn-io/form-js-editor";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schema } from "./schema";
import { localize } from "./words";
import "./editor-style";

type Props = {
  text: string;
  label: string;
  onChange: (text: string) => void;
  focus?: { key: string; at: number };
};

export function FormEditor({ text, label, onChange, focus }: Props) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor>(null);
  const mine = useRef<string>(undefined);
  const told = useRef(onChange);
  told.current = onChange;
  const [broken, setBroken] = useState("");

  useEffect(() => {
    if (!box.current) return;
    const made = new Editor({ container: box.current });
    editor.current = made;
    const tell = () => {
      const now = `${JSON.stringify(made.saveSchema(), null, 2)}\n`;
      if (now === mine.current) return;
      mine.current = now;
      told.current(now);
    };
    made.on("changed", tell);
    const end = localize(box.current, ".fjs-palette-container, .fjs-properties-container, .fjs-empty-editor");
    return () => {
      end();
      editor.current = null;
      mine.current = undefined;
      made.destroy();
    };
  }, []);

  useEffect(() => {
    const made = editor.current;
    if (!made || text === mine.current) return;
    mine.current = text;
    setBroken("");
    try {
      made.importSchema(JSON.parse(text) as Schema).catch((error: Error) => setBroken(error.message));
    } catch (error) {
      setBroken(error instanceof Error ? error.message : String(error));
    }
  }, [text]);

  useEffect(() => {
    const made = editor.current;
    if (!made || !focus) return;
    const all = made.get<{ getAll(): { id: string; key?: string }[] }>("formFieldRegistry").getAll();
    const field = all.find((one) => one.key === focus.key || one.id === focus.key);
    if (field) made.get<{ set(field: unknown): void }>("selection").set(field);
  }, [focus]);

  return (
    <figure className="form-editor" aria-label={label}>
      {broken && <p role="alert">{t("work.forms.broken", { why: broken })}</p>}
      <div ref={box} className="form-editor-box" />
    </figure>
  );
}
