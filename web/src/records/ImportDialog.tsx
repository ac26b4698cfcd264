/** Import of a file: checked first, then run; progress; the faulty rows to correct and import again. */

import { InboxOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Modal, Progress, Radio, Space, Table, Upload } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { importRun, importRuns, startImport } from "../api/queries";
import { tr } from "../i18n";
import type { TypeOf } from "../model/declaration";
import { moment } from "../model/format";
import { Failure, sentence } from "../shell/States";

const STATES = {
  queued: "importing.stateQueued",
  running: "importing.stateRunning",
  done: "importing.stateDone",
  failed: "importing.stateFailed",
  cancelled: "importing.stateCancelled",
} as const;

export function ImportDialog({ own, onClose }: { own: TypeOf; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const [file, setFile] = useState<File>();
  const [mode, setMode] = useState<"create" | "upsert">(own.type.key.length > 0 ? "upsert" : "create");
  const [runId, setRunId] = useState<string>();
  const [sending, setSending] = useState(false);
  const recent = useQuery(importRuns(own.full));
  const run = useQuery({ ...importRun(runId ?? ""), enabled: runId !== undefined });
  const state = run.data?.state;
  const ended = state === "done" || state === "failed" || state === "cancelled";
  useEffect(() => {
    if (ended) void cache.invalidateQueries({ queryKey: ["records", own.full] });
  }, [ended, cache, own.full]);
  const start = async (dryRun: boolean) => {
    if (!file) return;
    setSending(true);
    try {
      setRunId((await startImport(own.full, file, dryRun, mode)).id);
    } catch (error) {
      void message.error(sentence(error, t));
    } finally {
      setSending(false);
    }
  };
  const percent = run.data && run.data.total > 0 ? Math.floor((run.data.done / run.data.total) * 100) : 0;
  const path = `/v1/records/${own.pkg.id}/${own.name}`;
  return (
    <Modal
      open
      title={t("importing.title", { title: tr(own.type.title) })}
      onCancel={onClose}
      footer={null}
      width={680}
    >
      <p className="muted">
        {t("importing.lead")} <a href={`${path}/template?format=xlsx`}>{t("importing.template")} (XLSX)</a>
        {" · "}
        <a href={`${path}/template?format=csv`}>{t("importing.template")} (CSV)</a>
      </p>
      {!runId && (
        <>
          <Upload.Dragger
            accept=".csv,.xlsx"
            maxCount={1}
            fileList={file ? [{ uid: "1", name: file.name, size: file.size }] : []}
            beforeUpload={(next) => {
              setFile(next);
              return false;
            }}
            onRemove={() => setFile(undefined)}
          >
            <p>
              <InboxOutlined style={{ fontSize: 32 }} />
            </p>
            <p>{t("importing.choose")}</p>
          </Upload.Dragger>
          <div className="bar">
            <Radio.Group
              value={mode}
              onChange={(event) => setMode(event.target.value)}
              options={[
                ...(own.type.key.length > 0 ? [{ value: "upsert", label: t("importing.modeUpsert") }] : []),
                { value: "create", label: t("importing.modeCreate") },
              ]}
            />
            <span className="grow" />
            <Button disabled={!file} loading={sending} onClick={() => void start(true)}>
              {t("importing.dryRun")}
            </Button>
            <Button type="primary" disabled={!file} loading={sending} onClick={() => void start(false)}>
              {t("importing.run")}
            </Button>
          </div>
          {recent.data && recent.data.length > 0 && (
            <>
              <h2>{t("importing.recent")}</h2>
              {recent.data.map((one) => (
                <p key={one.id}>
                  <Button type="link" size="small" onClick={() => setRunId(one.id)}>
                    {one.file_name}
                  </Button>{" "}
                  <span className="muted small">
                    {moment(one.created_at)} · {t(STATES[one.state])}
                    {one.dry_run && ` · ${t("importing.dry")}`}
                  </span>
                </p>
              ))}
            </>
          )}
        </>
      )}
      {run.isError && <Failure error={run.error} retry={() => void run.refetch()} />}
      {run.data && !ended && (
        <>
          <p aria-live="polite">{run.data.dry_run ? t("importing.checking") : t("importing.running")}</p>
          <Progress percent={percent} />
          <p className="muted">{t("importing.canLeave")}</p>
          <Button
            onClick={() =>
              void call(`/v1/imports/${runId}/cancel`, { method: "POST" }).then(() => run.refetch())
            }
          >
            {t("importing.cancel")}
          </Button>
        </>
      )}
      {run.data && ended && (
        <>
          <Alert
            showIcon
            className="gap"
            type={state === "done" ? (run.data.failed > 0 ? "warning" : "success") : "error"}
            title={
              state === "done"
                ? `${run.data.dry_run ? t("importing.resultDry") : t("importing.resultDone")} ${t("importing.result", run.data)}`
                : (run.data.message ?? t("importing.stateCancelled"))
            }
          />
          {run.data.failed > 0 && (
            <>
              <Table
                size="small"
                rowKey={(row) => `${row.line}-${row.column}-${row.message}`}
                pagination={false}
                scroll={{ y: 240 }}
                dataSource={run.data.first_errors}
                columns={[
                  { title: t("importing.line"), dataIndex: "line", width: 70 },
                  { title: t("list.field"), dataIndex: "column", width: 140 },
                  { title: t("importing.reason"), dataIndex: "message" },
                ]}
              />
              <p>
                <a href={`/v1/imports/${runId}/errors?format=xlsx`}>{t("importing.errors")} (XLSX)</a>
                {" · "}
                <a href={`/v1/imports/${runId}/errors?format=csv`}>CSV</a>{" "}
                <span className="muted">{t("importing.errorsHelp")}</span>
              </p>
            </>
          )}
          <Space>
            {run.data.dry_run && state === "done" && file && (
              <Button
                type="primary"
                loading={sending}
                onClick={() => {
                  setRunId(undefined);
                  void start(false);
                }}
              >
                {t("importing.run")}
              </Button>
            )}
            <Button
              onClick={() => {
                setRunId(undefined);
                setFile(undefined);
              }}
            >
              {t("importing.again")}
            </Button>
            <Button onClick={onClose}>{t("importing.close")}</Button>
          </Space>
        </>
      )}
    </Modal>
  );
}
