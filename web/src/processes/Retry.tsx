import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Incident, retryIncident, type Variables } from "../api/processes";
import { sentence } from "../shell/States";
import { JsonInput } from "../work/JsonInput";

/** Tries again what failed, with variables put right where wished. */
export function Retry({ of, close }: { of: Incident; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const [variables, setVariables] = useState<Variables>({});
  const [unreadable, setUnreadable] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const send = async () => {
    setBusy(true);
    try {
      const told = await retryIncident(of.id, Object.keys(variables).length > 0 ? variables : undefined);
      if (told.mended) {
        void message.success(t("work.instances.retried"));
        close();
      } else setFault(t("work.instances.stillFailed", { why: told.message ?? "" }));
    } catch (error) {
      setFault(sentence(error, t));
    }
    setBusy(false);
    for (const key of ["incidents", "instance", "instance-history", "instances", "processes"])
      void cache.invalidateQueries({ queryKey: [key] });
  };
  return (
    <Modal
      open
      title={t("work.instances.retryTitle", { element: of.element })}
      okText={t("work.instances.retry")}
      okButtonProps={{ disabled: unreadable }}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => void send()}
      onCancel={close}
    >
      <p className="break">{of.message}</p>
      <p className="muted">{t("work.instances.retryLead")}</p>
      {fault && <Alert type="error" showIcon title={fault} className="gap" />}
      <JsonInput
        label={t("work.instances.newVariables")}
        value={variables}
        onChange={setVariables}
        onFault={setUnreadable}
      />
    </Modal>
  );
}
