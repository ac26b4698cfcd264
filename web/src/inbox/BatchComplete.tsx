/** One form for several tasks of the same step. */

import { useQuery } from "@tanstack/react-query";
import { Alert, Modal } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/client";
import { batch, type Task, task } from "../api/tasks";
import { type FormHandle, FormView } from "../formjs/FormView";
import { Failure, Loading, sentence } from "../shell/States";
import { type Told, told } from "./Results";

type Props = { of: Task[]; close: () => void; done: (results: Told[]) => void };

export function BatchComplete({ of, close, done }: Props) {
  const { t } = useTranslation();
  const form = useRef<FormHandle>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  // The form is that of the step, so that of the first.
  const first = useQuery(task(of[0]?.id ?? ""));
  const send = async () => {
    setFault("");
    setBusy(true);
    try {
      const values = first.data?.form ? await form.current?.submit() : {};
      if (!values) return setBusy(false);
      const ids = of.map((one) => one.id);
      done(told((await batch(ids, "complete", values)).items, of));
    } catch (error) {
      const rest = error instanceof Refused && form.current?.refuse(error.problem.errors ?? []);
      if (!rest || rest.length > 0) setFault(sentence(error, t));
    }
    setBusy(false);
  };
  return (
    <Modal
      open
      width={720}
      title={t("work.inbox.batchTitle", { n: of.length })}
      okText={t("work.inbox.complete")}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => void send()}
      onCancel={close}
    >
      <p className="muted">{t("work.inbox.batchLead")}</p>
      {fault && <Alert type="error" showIcon title={fault} className="gap" />}
      {first.isError ? (
        <Failure error={first.error} retry={() => void first.refetch()} />
      ) : first.isPending ? (
        <Loading />
      ) : first.data.form ? (
        <FormView ref={form} schema={first.data.form} />
      ) : (
        <p>{t("work.inbox.noForm")}</p>
      )}
    </Modal>
  );
}
