/** Moves running instances to another version: tried first, with a report of those that can't go. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Form, Modal, Select, Table } from "antd";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Migrated, migrate, type ProcessView, processView } from "../api/processes";
import { Loading, sentence } from "../shell/States";
import { nodesOf } from "./model";

type Props = {
  of: ProcessView;
  /** Only this one. */
  instance?: { id: string; version: number };
  close: () => void;
};

const count = (told: Migrated) => told.migrated;

export function Migrate({ of, instance, close }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const versions = of.versions.map(({ version }) => version).sort((a, b) => b - a);
  const newest = versions[0] ?? of.version;
  const [from, setFrom] = useState(instance?.version ?? versions.find((one) => one !== newest) ?? of.version);
  const [to, setTo] = useState(newest);
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const [report, setReport] = useState<{ dry: boolean; told: Migrated }>();
  const [busy, setBusy] = useState<"dry" | "run">();
  const [fault, setFault] = useState("");
  const old = useQuery(processView(of.id, from));
  const next = useQuery(processView(of.id, to));
  const targets = useMemo(() => (next.data ? nodesOf(next.data.xml) : []), [next.data]);
  const sources = useMemo(() => (old.data ? nodesOf(old.data.xml) : []), [old.data]);
  const ids = new Set(targets.map(({ id }) => id));
  // Those of the same id go by themselves; the others must be told where.
  const lost = sources.filter(({ id }) => !ids.has(id));
  const run = async (dry: boolean) => {
    setBusy(dry ? "dry" : "run");
    setFault("");
    try {
      const told = await migrate({
        process: of.id,
        from,
        to,
        mapping,
        instances: instance ? [instance.id] : undefined,
        dry_run: dry,
      });
      setReport({ dry, told });
      if (!dry)
        for (const key of ["processes", "process", "instances", "instance", "instance-history"])
          void cache.invalidateQueries({ queryKey: [key] });
    } catch (error) {
      setFault(sentence(error, t));
    }
    setBusy(undefined);
  };
  const choose = (which: (version: number) => void) => (version: number) => {
    which(version);
    setMapping({});
    setReport(undefined);
  };
  const options = versions.map((version) => ({ value: version, label: t("version", { version }) }));
  const same = from === to;
  return (
    <Modal
      open
      width={760}
      title={t("work.migrate.title")}
      onCancel={close}
      footer={[
        <Button key="close" onClick={close}>
          {t("importing.close")}
        </Button>,
        <Button key="dry" loading={busy === "dry"} disabled={same} onClick={() => void run(true)}>
          {t("work.migrate.dryRun")}
        </Button>,
        <Button
          key="run"
          type="primary"
          loading={busy === "run"}
          disabled={same || !report?.dry || count(report.told) === 0}
          onClick={() => void run(false)}
        >
          {t("work.migrate.run")}
        </Button>,
      ]}
    >
      <p className="muted">{t("work.migrate.lead")}</p>
      {fault && <Alert type="error" showIcon title={fault} className="gap" />}
      {versions.length < 2 && (
        <Alert type="info" showIcon title={t("work.migrate.noOther")} className="gap" />
      )}
      <Form layout="vertical" className="asking">
        <Form.Item label={t("work.migrate.from")} htmlFor="migrate-from">
          <Select
            id="migrate-from"
            value={from}
            disabled={instance !== undefined}
            options={options}
            onChange={choose(setFrom)}
          />
        </Form.Item>
        <Form.Item label={t("work.migrate.to")} htmlFor="migrate-to">
          <Select id="migrate-to" value={to} options={options} onChange={choose(setTo)} />
        </Form.Item>
        <Form.Item label={t("work.migrate.which")}>
          {t(instance ? "work.migrate.one" : "work.migrate.all")}
        </Form.Item>
      </Form>
      {old.isPending || next.isPending ? (
        <Loading />
      ) : (
        lost.length > 0 && (
          <fieldset className="plain gap">
            <legend>{t("work.migrate.mapping")}</legend>
            <p className="muted small">{t("work.migrate.mappingHelp")}</p>
            {lost.map((one) => (
              <div key={one.id} className="pair">
                <label htmlFor={`map-${one.id}`}>
                  {one.name || one.id} <span className="muted small">{one.id}</span>
                </label>
                <Select
                  id={`map-${one.id}`}
                  allowClear
                  showSearch={{ optionFilterProp: "label" }}
                  value={mapping[one.id]}
                  onChange={(target?: string) => {
                    const { [one.id]: _, ...rest } = mapping;
                    setMapping(target ? { ...rest, [one.id]: target } : rest);
                    setReport(undefined);
                  }}
                  options={targets.map(({ id, name }) => ({
                    value: id,
                    label: name ? `${name}(${id})` : id,
                  }))}
                />
              </div>
            ))}
          </fieldset>
        )
      )}
      {report && (
        <>
          <Alert
            type={report.told.refused.length > 0 ? "warning" : "success"}
            showIcon
            title={t(report.dry ? "work.migrate.resultDry" : "work.migrate.result", {
              n: count(report.told),
              refused: report.told.refused.length,
            })}
          />
          {report.told.refused.length > 0 && (
            <Table
              size="small"
              rowKey={(one) => `${one.instance}.${one.element ?? ""}`}
              pagination={report.told.refused.length > 10 ? { pageSize: 10 } : false}
              scroll={{ x: "max-content" }}
              dataSource={report.told.refused}
              columns={[
                { title: t("work.migrate.instance"), dataIndex: "instance" },
                { title: t("work.migrate.element"), dataIndex: "element" },
                { title: t("work.migrate.why"), dataIndex: "why" },
              ]}
            />
          )}
        </>
      )}
    </Modal>
  );
}
