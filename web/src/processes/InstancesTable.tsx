/** Instances: filtered, searched by business key, page by page. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Grid, Input, Select, Table, type TableColumnsType, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { type InstanceState, type InstanceSummary, instances, processes } from "../api/processes";
import { moment } from "../model/format";
import { Failure, Loading, Nothing } from "../shell/States";
import { Pager, useTrail } from "../work/Pager";

type Asked = { process?: string; state?: string; q?: string };

type Props = {
  asked: Asked;
  onAsk: (asked: Asked) => void;
  /** All are of this one: it is not asked for and not shown. */
  of?: string;
};

const STATES: InstanceState[] = ["running", "incident", "completed", "cancelled", "failed"];
const COLOURS: Record<InstanceState, string | undefined> = {
  running: "blue",
  incident: "red",
  failed: "red",
  completed: "green",
  cancelled: undefined,
};

export function StateTag({ state }: { state: InstanceState }) {
  const { t } = useTranslation();
  return <Tag color={COLOURS[state]}>{t(`work.instances.states.${state}`, { defaultValue: state })}</Tag>;
}

export function InstancesTable({ asked, onAsk, of }: Props) {
  const { t } = useTranslation();
  const wide = Grid.useBreakpoint().md ?? true;
  const all = useQuery({ ...processes, enabled: of === undefined });
  const query = { ...asked, process: of ?? asked.process, limit: 20 };
  const trail = useTrail(JSON.stringify(query));
  const page = useQuery(instances({ ...query, cursor: trail.cursor }));
  const name = (one: InstanceSummary) => one.title || one.process;
  const key = (one: InstanceSummary) => (
    <Link to="/instances/$id" params={{ id: one.id }}>
      {one.business_key || t("work.instances.noKey", { id: one.id.slice(-8) })}
    </Link>
  );
  const at = (text: string | null | undefined) => (text ? moment(text) : "");
  const columns: TableColumnsType<InstanceSummary> = wide
    ? [
        { title: t("work.instances.columns.key"), render: (_, one) => key(one) },
        ...(of
          ? []
          : [
              {
                title: t("work.instances.columns.process"),
                render: (_: unknown, one: InstanceSummary) => name(one),
              },
            ]),
        { title: t("work.instances.columns.version"), dataIndex: "version", align: "right" as const },
        { title: t("work.instances.columns.state"), render: (_, one) => <StateTag state={one.state} /> },
        { title: t("work.instances.columns.started"), render: (_, one) => at(one.started_at) },
        { title: t("work.instances.columns.ended"), render: (_, one) => at(one.ended_at) },
      ]
    : [
        {
          render: (_, one) => (
            <>
              {key(one)} <StateTag state={one.state} />
              <div className="small muted">
                {[of ? "" : name(one), at(one.started_at)].filter(Boolean).join(" · ")}
              </div>
            </>
          ),
        },
      ];
  return (
    <>
      <div className="bar">
        <Input.Search
          key={asked.q ?? ""}
          className="search"
          allowClear
          aria-label={t("work.instances.searchKey")}
          placeholder={t("work.instances.searchKey")}
          defaultValue={asked.q}
          onSearch={(q) => onAsk({ ...asked, q: q.trim() || undefined })}
        />
        {of === undefined && (
          <Select
            className="filter"
            allowClear
            showSearch={{ optionFilterProp: "label" }}
            aria-label={t("work.inbox.process")}
            placeholder={t("work.inbox.anyProcess")}
            value={asked.process}
            onChange={(process?: string) => onAsk({ ...asked, process })}
            options={(all.data ?? []).map((one) => ({ value: one.id, label: one.title }))}
          />
        )}
        <Select
          className="filter"
          allowClear
          aria-label={t("work.instances.state")}
          placeholder={t("work.instances.anyState")}
          value={asked.state}
          onChange={(state?: string) => onAsk({ ...asked, state })}
          options={STATES.map((value) => ({ value, label: t(`work.instances.states.${value}`) }))}
        />
      </div>
      {page.isError ? (
        <Failure error={page.error} retry={() => void page.refetch()} />
      ) : (
        <Table<InstanceSummary>
          rowKey="id"
          size="middle"
          showHeader={wide}
          loading={page.isFetching && !page.data}
          dataSource={page.data?.items ?? []}
          columns={columns}
          pagination={false}
          scroll={wide ? { x: "max-content" } : undefined}
          locale={{
            emptyText: page.isPending ? (
              <Loading />
            ) : (
              <Nothing text={t("work.instances.empty")} help={t("work.instances.emptyHelp")} />
            ),
          }}
        />
      )}
      <Pager trail={trail} next={page.data?.next} />
    </>
  );
}
