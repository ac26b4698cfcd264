/** Everybody's tasks: one's own, those of one's groups; searched, filtered, taken and done together. */

import { DownOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import {
  App,
  Button,
  Grid,
  Input,
  Popover,
  Segmented,
  Select,
  Table,
  type TableColumnsType,
  Tag,
} from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { act, batch, counts, type Light, type Scope, type Task, type TaskQuery, tasks } from "../api/tasks";
import { moment } from "../model/format";
import { Failure, Loading, Nothing, sentence } from "../shell/States";
import { Due } from "../work/Light";
import { Pager, useTrail } from "../work/Pager";
import "../i18n/work";
import "../work/style";
import { BatchComplete } from "./BatchComplete";
import { Keys, useKeys } from "./keys";
import { Results, type Told, told } from "./Results";
import { KeptViews } from "./Views";

const LIGHTS: Light[] = ["red", "yellow", "green"];
const SCOPES: Scope[] = ["mine", "group", "all"];

export function InboxPage() {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const wide = Grid.useBreakpoint().md ?? true;
  const search = useSearch({ from: "/inbox" });
  const [chosen, setChosen] = useState<Task[]>([]);
  const [completing, setCompleting] = useState(false);
  const [results, setResults] = useState<Told[]>();
  const [active, setActive] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const scope = search.scope ?? "mine";
  const query = { ...search, scope, state: search.state ?? "open", sort: search.sort ?? "due", limit: 20 };
  const trail = useTrail(JSON.stringify(query));
  const page = useQuery(tasks({ ...query, cursor: trail.cursor }));
  const told_ = useQuery(counts);
  const lights = scope === "all" ? undefined : told_.data?.[scope];
  const items = page.data?.items ?? [];
  const go = (next: TaskQuery) => {
    setChosen([]);
    setActive(0);
    void navigate({ to: "/inbox", search: next });
  };
  const fresh = () => {
    setChosen([]);
    for (const key of ["tasks", "task", "task-counts"]) void cache.invalidateQueries({ queryKey: [key] });
  };
  const open = (one: Task) => void navigate({ to: "/inbox/$id", params: { id: one.id } });
  const claim = async (one: Task) => {
    try {
      await act(one.id, "claim");
      void message.success(t("work.inbox.claimed"));
    } catch (error) {
      void message.error(sentence(error, t));
    }
    fresh();
  };
  const together = async (verb: "claim" | "release") => {
    try {
      setResults(told((await batch(ids(chosen), verb)).items, chosen));
    } catch (error) {
      void message.error(sentence(error, t));
    }
    fresh();
  };
  // A page that has become shorter still has its last row.
  useEffect(() => setActive((at) => Math.max(0, Math.min(at, items.length - 1))), [items.length]);
  useKeys({
    move: (by) => setActive((at) => Math.max(0, Math.min(items.length - 1, at + by))),
    open: () => items[active] && open(items[active]),
    select: () => {
      const one = items[active];
      if (one) setChosen((all) => (all.includes(one) ? all.filter((other) => other !== one) : [...all, one]));
    },
    claim: () => items[active]?.state === "open" && void claim(items[active]),
    find: () => box.current?.querySelector<HTMLInputElement>("input[type=text], input[type=search]")?.focus(),
  });

  const number = (which: Scope) => {
    const own = which === "all" ? undefined : told_.data?.[which];
    return own ? ` ${own.red + own.yellow + own.green}` : "";
  };
  const title = (one: Task) => (
    <Link to="/inbox/$id" params={{ id: one.id }}>
      {one.title}
    </Link>
  );
  const who = (one: Task) => one.assignee?.name ?? <span className="muted">{t("work.inbox.nobody")}</span>;
  const columns: TableColumnsType<Task> = wide
    ? [
        { title: t("work.inbox.columns.title"), render: (_, one) => title(one) },
        { title: t("work.inbox.columns.key"), dataIndex: "business_key" },
        { title: t("work.inbox.columns.process"), render: (_, one) => one.process.title },
        { title: t("work.inbox.columns.due"), render: (_, one) => <Due at={one.due_at} light={one.light} /> },
        { title: t("work.inbox.columns.who"), render: (_, one) => who(one) },
        { title: t("work.inbox.columns.created"), render: (_, one) => moment(one.created_at) },
        { title: t("work.inbox.columns.priority"), dataIndex: "priority", align: "right" },
      ]
    : [
        {
          title: t("work.inbox.columns.title"),
          render: (_, one) => (
            <>
              {title(one)}
              <div className="small muted">
                {[one.process.title, one.business_key].filter(Boolean).join(" · ")}
              </div>
              <div className="small">
                <Due at={one.due_at} light={one.light} /> · {who(one)}
              </div>
            </>
          ),
        },
      ];
  const filtered = Boolean(search.q || search.process || search.light);
  const sameStep =
    chosen.length > 0 &&
    chosen.every(
      (one) => one.batch && one.process.id === chosen[0]?.process.id && one.element === chosen[0]?.element,
    );
  return (
    <div ref={box}>
      <h1>{t("work.inbox.title")}</h1>
      <p className="muted">{t("work.inbox.lead")}</p>
      <div className="bar">
        <Segmented<Scope>
          aria-label={t("work.inbox.scope")}
          value={scope}
          onChange={(next) => go({ ...search, scope: next })}
          options={SCOPES.map((value) => ({
            value,
            label: `${t(`work.inbox.scopes.${value}`)}${number(value)}`,
          }))}
        />
        <Segmented<"open" | "done">
          aria-label={t("work.inbox.state")}
          value={search.state ?? "open"}
          onChange={(state) => go({ ...search, state })}
          options={(["open", "done"] as const).map((value) => ({
            value,
            label: t(`work.inbox.states.${value}`),
          }))}
        />
        <Input.Search
          key={search.q ?? ""}
          className="search"
          allowClear
          aria-label={t("work.inbox.search")}
          placeholder={t("work.inbox.search")}
          defaultValue={search.q}
          onSearch={(q) => go({ ...search, q: q.trim() || undefined })}
        />
      </div>
      <div className="bar">
        <fieldset className="lights plain" aria-label={t("work.inbox.lights")}>
          {LIGHTS.map((light) => (
            <Button
              key={light}
              size="small"
              aria-pressed={search.light === light}
              onClick={() => go({ ...search, light: search.light === light ? undefined : light })}
            >
              <span className={`light ${light}`}>
                {t(`work.inbox.light.${light}`)} {lights?.[light]}
              </span>
            </Button>
          ))}
        </fieldset>
        <Select
          aria-label={t("work.inbox.process")}
          className="filter"
          allowClear
          showSearch={{ optionFilterProp: "label" }}
          placeholder={t("work.inbox.anyProcess")}
          value={search.process}
          onChange={(process?: string) => go({ ...search, process })}
          options={(told_.data?.by_process ?? []).map((one) => ({
            value: one.id,
            label: `${one.title} ${one.count}`,
          }))}
        />
        <Select
          aria-label={t("work.inbox.sort")}
          className="filter"
          value={query.sort}
          onChange={(sort) => go({ ...search, sort })}
          options={(["due", "created", "priority"] as const).map((value) => ({
            value,
            label: t(`work.inbox.sorts.${value}`),
          }))}
        />
        <KeptViews now={search} onChoose={go} />
        {wide && (
          <Popover content={<Keys />} trigger="click" title={t("work.inbox.keys")}>
            <Button icon={<DownOutlined />} iconPlacement="end">
              {t("work.inbox.keys")}
            </Button>
          </Popover>
        )}
      </div>
      {chosen.length > 0 && (
        <div className="bar" role="status">
          <Tag color="blue">{t("work.inbox.chosen", { n: chosen.length })}</Tag>
          <Button onClick={() => void together("claim")}>{t("work.inbox.batchClaim")}</Button>
          <Button onClick={() => void together("release")}>{t("work.inbox.batchRelease")}</Button>
          <Button
            type="primary"
            disabled={!sameStep}
            title={sameStep ? undefined : t("work.inbox.batchHelp")}
            onClick={() => setCompleting(true)}
          >
            {t("work.inbox.batchComplete")}
          </Button>
          {!sameStep && <span className="muted small">{t("work.inbox.batchHelp")}</span>}
        </div>
      )}
      {page.isError ? (
        <Failure error={page.error} retry={() => void page.refetch()} />
      ) : (
        <Table<Task>
          className="sideways"
          rowKey="id"
          size="middle"
          loading={page.isFetching && !page.data}
          dataSource={items}
          pagination={false}
          columns={columns}
          showHeader={wide}
          rowClassName={(_, at) => (wide && at === active ? "row-active" : "")}
          onRow={(one) => ({ onDoubleClick: () => open(one) })}
          rowSelection={
            query.state === "open"
              ? {
                  selectedRowKeys: ids(chosen),
                  onChange: (_, rows) => setChosen(rows),
                  getCheckboxProps: (one) => ({ "aria-label": one.title }) as object,
                }
              : undefined
          }
          locale={{
            emptyText: page.isPending ? (
              <Loading />
            ) : filtered ? (
              <Nothing text={t("work.inbox.emptyFiltered")} help={t("work.inbox.emptyFilteredHelp")}>
                <Button onClick={() => go({ scope: search.scope, state: search.state })}>
                  {t("work.inbox.clear")}
                </Button>
              </Nothing>
            ) : (
              <Nothing text={t("work.inbox.empty")} help={t("work.inbox.emptyHelp")} />
            ),
          }}
        />
      )}
      <Pager trail={trail} next={page.data?.next} />
      {completing && (
        <BatchComplete
          of={chosen}
          close={() => setCompleting(false)}
          done={(all) => {
            setCompleting(false);
            setResults(all);
            fresh();
          }}
        />
      )}
      {results && <Results of={results} close={() => setResults(undefined)} />}
    </div>
  );
}

const ids = (all: Task[]) => all.map((one) => one.id);
