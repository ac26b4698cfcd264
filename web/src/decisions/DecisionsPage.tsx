/** Decision models of all packages. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Grid, Input, Table, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type DecisionSummary, decisions } from "../api/decisions";
import { Failure, Loading, Nothing } from "../shell/States";
import "../i18n/work";
import "../work/style";

export function DecisionsPage() {
  const { t } = useTranslation();
  const wide = Grid.useBreakpoint().md ?? true;
  const [q, setQ] = useState("");
  const all = useQuery(decisions);
  if (all.isPending) return <Loading />;
  if (all.isError) return <Failure error={all.error} retry={() => void all.refetch()} />;
  const wanted = q.trim().toLowerCase();
  const shown = all.data.filter((one) =>
    `${one.title} ${one.id} ${one.decisions.join(" ")}`.toLowerCase().includes(wanted),
  );
  const title = (one: DecisionSummary) => (
    <Link to="/decisions/$id" params={{ id: one.id }}>
      {one.title}
    </Link>
  );
  const from = (one: DecisionSummary) => one.effective_from || t("work.decisions.noDate");
  const columns: TableColumnsType<DecisionSummary> = wide
    ? [
        {
          title: t("work.decisions.columns.title"),
          render: (_, one) => (
            <>
              {title(one)} <span className="muted small block">{one.id}</span>
            </>
          ),
        },
        { title: t("work.decisions.columns.package"), dataIndex: "package" },
        {
          title: t("work.decisions.columns.decisions"),
          render: (_, one) => one.decisions.join("、"),
        },
        { title: t("work.decisions.columns.version"), dataIndex: "version", align: "right" },
        { title: t("work.decisions.columns.from"), render: (_, one) => from(one) },
      ]
    : [
        {
          render: (_, one) => (
            <>
              {title(one)}
              <div className="small muted">
                {[one.decisions.join("、"), t("version", { version: one.version })].join(" · ")}
              </div>
            </>
          ),
        },
      ];
  return (
    <>
      <h1>{t("work.decisions.title")}</h1>
      <p className="muted">{t("work.decisions.lead")}</p>
      <div className="bar">
        <Input.Search
          className="search"
          allowClear
          aria-label={t("work.decisions.search")}
          placeholder={t("work.decisions.search")}
          onSearch={setQ}
          onChange={(event) => setQ(event.target.value)}
        />
      </div>
      <Table<DecisionSummary>
        rowKey="id"
        size="middle"
        showHeader={wide}
        dataSource={shown}
        columns={columns}
        pagination={shown.length > 50 ? { pageSize: 50 } : false}
        scroll={wide ? { x: "max-content" } : undefined}
        locale={{
          emptyText: <Nothing text={t("work.decisions.empty")} help={t("work.decisions.emptyHelp")} />,
        }}
      />
    </>
  );
}
