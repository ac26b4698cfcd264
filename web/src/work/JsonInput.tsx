import { Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

type Props = {
  value: Record<string, unknown>;
  onChange: (value: Record<string, unknown>) => void;
  label: string;
  /** Whether what is typed can't be read just now. */
  onFault?: (fault: boolean) => void;
};

/** An object typed as JSON; what can't be read is told and not handed on. */
export function JsonInput({ value, onChange, label, onFault }: Props) {
  const { t } = useTranslation();
  const told = JSON.stringify(value, null, 2);
  const [text, setText] = useState(told);
  const [fault, setFault] = useState("");
  useEffect(() => {
    setText((typed) => (read(typed).text === JSON.stringify(JSON.parse(told)) ? typed : told));
  }, [told]);
  const type = (typed: string) => {
    setText(typed);
    const found = read(typed);
    setFault(found.value ? "" : (found.fault ?? t("work.values.notObject")));
    onFault?.(!found.value);
    if (found.value) onChange(found.value);
  };
  return (
    <>
      <Input.TextArea
        className="feel"
        aria-label={label}
        aria-invalid={fault !== ""}
        status={fault ? "error" : undefined}
        autoSize={{ minRows: 4, maxRows: 16 }}
        spellCheck={false}
        value={text}
        onChange={(event) => type(event.target.value)}
      />
      {fault && (
        <p className="small fault" role="alert">
          {t("work.values.unreadable", { why: fault })}
        </p>
      )}
    </>
  );
}

function read(text: string): { value?: Record<string, unknown>; text?: string; fault?: string } {
  try {
    const value: unknown = JSON.parse(text.trim() || "{}");
    if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
    return { value: value as Record<string, unknown>, text: JSON.stringify(value) };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
