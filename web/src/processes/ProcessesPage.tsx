/** Processes of all packages, what runs of them, and what stands still. */

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Grid, Input, Table, type TableColumnsType, Tabs, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { type ProcessSummary, processes } from "../api/processes";
import { moment } from "../model/format";
import { Failure, Loading, Nothing } from "../shell/States";
import "../i18n/work";
import "../work/style";
import { IncidentsTable } from "./IncidentsTable";
import { InstancesTable } from "./InstancesTable";

export function ProcessesPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/processes" });
  const go = (next: typeof search) => void navigate({ to: "/processes", search: next });
  return (
    <>
      <h1>{t("work.processes.title")}</h1>
      <p className="muted">{t("work.processes.lead")}</p>
      <Tabs
        activeKey={search.tab ?? "definitions"}
        destroyOnHidden
        onChange={(tab) => go({ tab: tab as typeof search.tab })}
        items={[
          {
            key: "definitions",
            label: t("work.processes.tabs.definitions"),
            children: <Definitions q={search.q ?? ""} onSearch={(q) => go({ ...search, q })} />,
          },
          {
            key: "instances",
            label: t("work.processes.tabs.instances"),
            children: (
              <InstancesTable
                asked={{ process: search.process, state: search.state, q: search.q }}
                onAsk={(asked) => go({ tab: "instances", ...asked })}
              />
            ),
          },
          {
            key: "incidents",
            label: t("work.processes.tabs.incidents"),
            children: <IncidentsTable />,
          },
        ]}
      />
    </>
  );
}

function Definitions({ q, onSearch }: { q: string; onSearch: (q?: string) => void }) {
  const { t } = useTranslation();
  const wide = Grid.useBreakpoint().md ?? true;
  const all = useQuery(processes);
  if (all.isPending) return <Loading />;
  if (all.isError) return <Failure error={all.error} retry={() => void all.refetch()} />;
  const wanted = q.toLowerCase();
  const shown = all.data.filter((one) => `${one.title} ${one.id}`.toLowerCase().includes(wanted));
  const title = (one: ProcessSummary) => (
    <Link to="/processes/$id" params={{ id: one.id }}>
      {one.title}
    </Link>
  );
  const running = (one: ProcessSummary) => (
    <Link to="/processes" search={{ tab: "instances", process: one.id, state: "running" }}>
      {one.running.toLocaleString()}
    </Link>
  );
  const faults = (one: ProcessSummary) =>
    one.incidents > 0 ? (
      <Link to="/processes" search={{ tab: "instances", process: one.id, state: "incident" }}>
        <Tag color="red">{one.incidents.toLocaleString()}</Tag>
      </Link>
    ) : (
      "0"
    );
  const columns: TableColumnsType<ProcessSummary> = wide
    ? [
        {
          title: t("work.processes.columns.title"),
          render: (_, one) => (
            <>
              {title(one)} <span className="muted small block">{one.id}</span>
            </>
          ),
        },
        { title: t("work.processes.columns.package"), dataIndex: "package" },
        { title: t("work.processes.columns.version"), dataIndex: "version", align: "right" },
        { title: t("work.processes.columns.running"), align: "right", render: (_, one) => running(one) },
        { title: t("work.processes.columns.incidents"), align: "right", render: (_, one) => faults(one) },
        { title: t("work.processes.columns.deployed"), render: (_, one) => moment(one.deployed_at) },
      ]
    : [
        {
          render: (_, one) => (
            <>
              {title(one)} <span className="muted small">{t("version", { version: one.version })}</span>
              <div className="small">
                {t("work.processes.columns.running")} {running(one)} · {t("work.processes.columns.incidents")}{" "}
                {faults(one)}
              </div>
            </>
          ),
        },
      ];
  return (
    <>
      <div className="bar">
        <Input.Search
          className="search"
          allowClear
          aria-label={t("work.processes.search")}
          placeholder={t("work.processes.search")}
          defaultValue={q}
          onSearch={(text) => onSearch(text.trim() || undefined)}
        />
      </div>
      <Table<ProcessSummary>
        rowKey="id"
        size="middle"
        showHeader={wide}
        dataSource={shown}
        columns={columns}
        pagination={shown.length > 50 ? { pageSize: 50 } : false}
        scroll={wide ? { x: "max-content" } : undefined}
        locale={{
          emptyText: <Nothing text={t("work.processes.empty")} help={t("work.processes.emptyHelp")} />,
        }}
      />
    </>
  );
}
