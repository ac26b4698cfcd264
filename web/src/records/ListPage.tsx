/** A list of records: search, filter, sort, page, export, import. */

import { DownloadOutlined, PlusOutlined, UploadOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Button, Dropdown, Input, Select, Table, Tag } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { address, Refused } from "../api/client";
import { linked } from "../api/purposes";
import { type ListQuery, pkg as packageQuery, records, session } from "../api/queries";
import type { RecordItem } from "../api/types";
import { tr } from "../i18n";
import {
  columnTitle,
  defaultColumns,
  field,
  find,
  recordLabel,
  type TypeOf,
  typeOf,
} from "../model/declaration";
import { both, type Condition, cql2 } from "../model/filter";
import type { ListSearch } from "../router";
import { Failure, Loading, Nothing } from "../shell/States";
import { Cell, isFigure } from "./Cell";
import { Filters, filterKind, SavedFilters } from "./Filters";
import { useCodes } from "./useCodes";

const ImportDialog = lazy(() => import("./ImportDialog").then((m) => ({ default: m.ImportDialog })));

/** All records of a type, where no view is asked for. */
export function TypePage() {
  const params = useParams({ from: "/p/$pkg/r/$type" });
  const search = useSearch({ from: "/p/$pkg/r/$type" });
  const navigate = useNavigate();
  const home = useQuery(packageQuery(params.pkg));
  if (home.isPending) return <Loading />;
  if (home.isError) return <Failure error={home.error} retry={() => void home.refetch()} />;
  const own = typeOf(home.data, params.type);
  if (!own) return <Failure error={new Refused({ status: 404, code: "", title: "", detail: "" })} />;
  return (
    <RecordList
      own={own}
      title={tr(own.type.title)}
      columns={defaultColumns(own.type)}
      search={search}
      onSearch={(next) => void navigate({ to: "/p/$pkg/r/$type", params, search: next })}
    />
  );
}

function conditionsOf(search: ListSearch): Condition[] {
  try {
    return search.f ? (JSON.parse(search.f) as Condition[]) : [];
  } catch {
    return [];
  }
}

type Props = {
  own: TypeOf;
  title: string;
  columns: string[];
  /** What the view always asks for. */
  filter?: string | null;
  sort?: string[];
  search: ListSearch;
  onSearch: (search: ListSearch) => void;
};

export function RecordList({ own, title, columns, filter, sort, search, onSearch }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const codesOf = useCodes(own.pkg);
  const [limit, setLimit] = useState(20);
  const [importing, setImporting] = useState(false);
  const conditions = conditionsOf(search);
  const me = useQuery(session);
  const may = own.pkg.may[own.name] ?? [];
  const always = filter?.replaceAll("{me_unit}", `'${(me.data?.unit ?? "").replaceAll("'", "''")}'`);
  const asked = both(
    both(always, search.cql),
    cql2(conditions, (name) => filterKind(own, name)),
  );
  const sortby = search.sort ?? (sort ?? []).join(",");
  // Cursors of the pages before this one; a new question starts at the first page.
  const question = JSON.stringify([own.full, asked, sortby, search.q, limit]);
  const [trail, setTrail] = useState<{ question: string; cursors: string[] }>({ question, cursors: [] });
  const cursors = trail.question === question ? trail.cursors : [];
  const query: ListQuery = { filter: asked, sortby, q: search.q, limit, cursor: cursors.at(-1), count: 1 };
  const page = useQuery(records(own.full, query));
  const searchable = own.type.fields.some(([, one]) => one.search);
  const open = (record: RecordItem) =>
    void navigate({ to: "/p/$pkg/r/$type/$id", params: { pkg: own.pkg.id, type: own.name, id: record.id } });
  const filtered = conditions.length > 0 || Boolean(search.q) || Boolean(search.cql);
  const valueTitle = ([name, , value]: Condition) => {
    if (name === "state")
      return tr(own.type.lifecycle && find(own.type.lifecycle.states, value)?.title) || value;
    const kind = field(own.type, name)?.kind;
    if (kind?.type === "boolean") return value === "true" ? t("yes") : t("no");
    const item = kind && codesOf(kind).find((one) => one.code === value);
    return item ? tr(item.title) : value;
  };
  const exportTo = (format: string) =>
    address(`/v1/records/${own.pkg.id}/${own.name}/export`, {
      format,
      filter: asked,
      sortby,
      q: search.q,
      ...linked(own.pkg.id),
    });
  const total = page.data?.matched_at_least
    ? t("list.totalAtLeast", { n: page.data.matched_at_least.toLocaleString() })
    : t("list.total", { n: (page.data?.matched ?? 0).toLocaleString() });

  return (
    <>
      <div className="titled">
        <div>
          <h1>{title}</h1>
          <p className="muted">{tr(own.type.about)}</p>
        </div>
        {may.includes("create") && (
          <Link to="/p/$pkg/r/$type/new" params={{ pkg: own.pkg.id, type: own.name }}>
            <Button type="primary" icon={<PlusOutlined />}>
              {t("list.create")}
            </Button>
          </Link>
        )}
      </div>
      <div className="bar">
        {searchable && (
          <Input.Search
            key={search.q ?? ""}
            className="search"
            allowClear
            aria-label={t("list.search")}
            placeholder={t("list.searchIn", { title: tr(own.type.title) })}
            defaultValue={search.q}
            onSearch={(q) => onSearch({ ...search, q: q.trim() || undefined })}
          />
        )}
        <Filters
          own={own}
          value={conditions}
          onChange={(next) => onSearch({ ...search, f: next.length > 0 ? JSON.stringify(next) : undefined })}
        />
        <SavedFilters own={own} search={search} onChoose={onSearch} />
        <span className="grow" />
        {may.includes("import") && (
          <Button icon={<UploadOutlined />} onClick={() => setImporting(true)}>
            {t("list.import")}
          </Button>
        )}
        {may.includes("export") && (
          <Dropdown
            trigger={["click"]}
            menu={{
              items: [
                { key: "csv", label: <a href={exportTo("csv")}>{t("list.exportCsv")}</a> },
                { key: "xlsx", label: <a href={exportTo("xlsx")}>{t("list.exportXlsx")}</a> },
                { key: "jsonl", label: <a href={exportTo("jsonl")}>{t("list.exportJsonl")}</a> },
              ],
            }}
          >
            <Button icon={<DownloadOutlined />}>{t("list.export")}</Button>
          </Dropdown>
        )}
      </div>
      {filtered && (
        <div className="bar">
          {conditions.map((condition, index) => (
            <Tag
              key={condition.join(" ")}
              closable
              onClose={() => {
                const next = conditions.filter((_, at) => at !== index);
                onSearch({ ...search, f: next.length > 0 ? JSON.stringify(next) : undefined });
              }}
            >
              {columnTitle(own.type, condition[0], t)} {t(`op.${condition[1]}`)} {valueTitle(condition)}
            </Tag>
          ))}
          {search.q && (
            <Tag closable onClose={() => onSearch({ ...search, q: undefined })}>
              {t("list.search")}:{search.q}
            </Tag>
          )}
          {search.cql && (
            <Tag closable onClose={() => onSearch({ ...search, cql: undefined })}>
              <span title={search.cql}>{t("list.fromFigure")}</span>
            </Tag>
          )}
        </div>
      )}
      {page.isError ? (
        <Failure error={page.error} retry={() => void page.refetch()} owner={own.pkg.owner} />
      ) : (
        <Table<RecordItem>
          rowKey="id"
          size="middle"
          loading={page.isFetching && !page.data}
          dataSource={page.data?.items ?? []}
          pagination={false}
          scroll={{ x: "max-content" }}
          locale={{
            emptyText: page.isPending ? (
              <Loading />
            ) : filtered ? (
              <Nothing
                text={t("list.emptyFiltered", { title: tr(own.type.title) })}
                help={t("list.emptyFilteredHelp")}
              >
                <Button onClick={() => onSearch({})}>{t("list.clear")}</Button>
              </Nothing>
            ) : (
              <Nothing text={t("list.empty", { title: tr(own.type.title) })} />
            ),
          }}
          onRow={(record) => ({ onDoubleClick: () => open(record) })}
          onChange={(_pages, _filters, sorter) => {
            const one = Array.isArray(sorter) ? sorter[0] : sorter;
            const by = one?.order
              ? `${one.order === "descend" ? "-" : ""}${String(one.columnKey)}`
              : undefined;
            onSearch({ ...search, sort: by });
          }}
          columns={columns.map((name) => ({
            key: name,
            title: columnTitle(own.type, name, t),
            align: isFigure(field(own.type, name)?.kind) ? ("right" as const) : undefined,
            sorter: sortable(own, name),
            sortOrder:
              sortby.split(",")[0] === name
                ? ("ascend" as const)
                : sortby.split(",")[0] === `-${name}`
                  ? ("descend" as const)
                  : null,
            render: (_: unknown, record: RecordItem) => {
              const cell = <Cell type={own.type} record={record} name={name} codesOf={codesOf} />;
              if (name !== own.type.label && !(name === columns[0] && !columns.includes(own.type.label)))
                return cell;
              return (
                <Link to="/p/$pkg/r/$type/$id" params={{ pkg: own.pkg.id, type: own.name, id: record.id }}>
                  {name === own.type.label ? recordLabel(own.type, record) : cell}
                </Link>
              );
            },
          }))}
        />
      )}
      <div className="pager">
        <span className="muted" aria-live="polite">
          {page.data && total}
        </span>
        <Select
          value={limit}
          aria-label={t("list.perPage", { n: limit })}
          onChange={setLimit}
          options={[20, 50, 100, 200].map((n) => ({ value: n, label: t("list.perPage", { n }) }))}
        />
        <Button
          disabled={cursors.length === 0}
          onClick={() => setTrail({ question, cursors: cursors.slice(0, -1) })}
        >
          {t("list.previous")}
        </Button>
        <Button
          disabled={!page.data?.next}
          onClick={() => page.data?.next && setTrail({ question, cursors: [...cursors, page.data.next] })}
        >
          {t("list.next")}
        </Button>
      </div>
      {importing && (
        <Suspense fallback={null}>
          <ImportDialog own={own} onClose={() => setImporting(false)} />
        </Suspense>
      )}
    </>
  );
}

/** Lists sort by what the database can order: not by many values, files or shapes. */
function sortable(own: TypeOf, name: string): boolean {
  const kind = field(own.type, name)?.kind;
  if (!kind) return true;
  return !["json", "geometry", "file"].includes(kind.type) && !("many" in kind && kind.many);
}
