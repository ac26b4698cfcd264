import { Alert, Button } from "antd";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { tryForm } from "../api/drafts";
import type { Variables } from "../api/processes";
import { type FormHandle, FormView } from "../formjs/FormView";
import { press } from "../formjs/press";
import type { Schema } from "../formjs/schema";
import { sentence } from "../shell/States";
import { Values } from "../work/Values";

/** The form filled in, and what the server would say to it. */
export function FormTest({ text }: { text: string }) {
  const { t } = useTranslation();
  const form = useRef<FormHandle>(null);
  const [kept, setKept] = useState<Variables>();
  const [faults, setFaults] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const schema = useMemo(() => {
    try {
      return JSON.parse(text) as Schema;
    } catch {
      return undefined;
    }
  }, [text]);
  if (!schema) return <p role="alert">{t("work.studio.formUnreadable")}</p>;
  const send = async () => {
    setBusy(true);
    setFaults([]);
    setKept(undefined);
    try {
      // The server is asked about everything as it is: it must find what the browser finds.
      const told = await tryForm(schema, form.current?.values() ?? {});
      const rest = form.current?.refuse(told.errors);
      if (told.errors.length === 0) setKept(told.values);
      else
        setFaults([
          t("work.inbox.faults", { n: told.errors.length }),
          ...(rest ?? []).map(({ message }) => message),
        ]);
    } catch (error) {
      setFaults([sentence(error, t)]);
    }
    setBusy(false);
  };
  return (
    <>
      <p className="muted">{t("work.studio.formTestLead")}</p>
      <FormView ref={form} schema={schema} />
      <div className="ends gap">
        <Button type="primary" loading={busy} {...press} onClick={() => void send()}>
          {t("work.studio.formTest")}
        </Button>
      </div>
      {faults.map((fault) => (
        <Alert key={fault} type="error" showIcon title={fault} className="gap" />
      ))}
      {kept && (
        <>
          <Alert type="success" showIcon title={t("work.studio.formKept")} className="gap" />
          <Values of={kept} />
        </>
      )}
    </>
  );
}
