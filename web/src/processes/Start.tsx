/** Starts an instance, by its form where there is one. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Form, Input, Modal } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/client";
import { formView } from "../api/drafts";
import { type ProcessView, startProcess, type Variables } from "../api/processes";
import { type FormHandle, FormView } from "../formjs/FormView";
import { Failure, Loading, sentence } from "../shell/States";
import { JsonInput } from "../work/JsonInput";

type Props = { of: ProcessView; close: () => void; done: (instance: string) => void };

export function Start({ of, close, done }: Props) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const form = useRef<FormHandle>(null);
  const [key, setKey] = useState("");
  const [variables, setVariables] = useState<Variables>({});
  const [unreadable, setUnreadable] = useState(false);
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState<string[]>([]);
  const named = of.start_form ?? undefined;
  const schema = useQuery({ ...formView(named ?? ""), enabled: Boolean(named) });
  const send = async () => {
    setFaults([]);
    setBusy(true);
    try {
      const values = named ? await form.current?.submit() : variables;
      if (values) {
        const made = await startProcess(of.id, {
          variables: values,
          business_key: key.trim() || undefined,
        });
        void message.success(t("work.processes.started"));
        for (const name of ["processes", "process", "instances", "tasks", "task-counts"])
          void cache.invalidateQueries({ queryKey: [name] });
        done(made.id);
      }
    } catch (error) {
      const told = error instanceof Refused ? (error.problem.errors ?? []) : [];
      const rest = form.current ? form.current.refuse(told) : told;
      if (told.length === 0) setFaults([sentence(error, t)]);
      else setFaults(rest.map((one) => one.message));
    }
    setBusy(false);
  };
  return (
    <Modal
      open
      width={720}
      title={t("work.processes.startTitle", { title: of.title })}
      okText={t("work.processes.start")}
      okButtonProps={{ disabled: unreadable || (named !== undefined && !schema.data) }}
      cancelText={t("cancel")}
      confirmLoading={busy}
      onOk={() => void send()}
      onCancel={close}
    >
      {faults.map((fault) => (
        <Alert key={fault} type="error" showIcon title={fault} className="gap" />
      ))}
      <Form layout="vertical">
        <Form.Item
          label={t("work.processes.startKey")}
          extra={t("work.processes.startKeyHelp")}
          htmlFor="start-key"
        >
          <Input
            id="start-key"
            value={key}
            maxLength={120}
            onChange={(event) => setKey(event.target.value)}
          />
        </Form.Item>
      </Form>
      {named ? (
        schema.isError ? (
          <Failure error={schema.error} retry={() => void schema.refetch()} />
        ) : schema.isPending ? (
          <Loading />
        ) : (
          <FormView ref={form} schema={schema.data.schema} />
        )
      ) : (
        <>
          <p>{t("work.processes.startVariables")}</p>
          <JsonInput
            label={t("work.processes.startVariables")}
            value={variables}
            onChange={setVariables}
            onFault={setUnreadable}
          />
        </>
      )}
    </Modal>
  );
}
