import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Input } from "antd";
import { useTranslation } from "react-i18next";
import { records } from "../api/queries";
import type { View, ViewKind } from "../api/types";
import { tr } from "../i18n";
import { columnTitle, field, recordLabel, type TypeOf } from "../model/declaration";
import { both } from "../model/filter";
import { Cell } from "../records/Cell";
import { useCodes } from "../records/useCodes";
import type { ListSearch } from "../router";
import { Failure, Loading } from "../shell/States";

type Props = {
  own: TypeOf;
  title: string;
  view: View;
  kind: Extract<ViewKind, { kind: "board" }>;
  search: ListSearch;
  onSearch: (search: ListSearch) => void;
};

const CARDS = 50;

/** Cards in columns; every column is asked for by itself, so that a long one doesn't hide the others. */
export function Board({ own, title, view, kind, search, onSearch }: Props) {
  const { t } = useTranslation();
  const codesOf = useCodes(own.pkg);
  const grouped = field(own.type, kind.group);
  const columns: [string, string][] =
    kind.group === "state"
      ? (own.type.lifecycle?.states ?? []).map(([name, state]) => [name, tr(state.title)])
      : grouped
        ? codesOf(grouped.kind).map((item) => [item.code, tr(item.title)])
        : [];
  return (
    <>
      <h1>{title}</h1>
      <div className="bar">
        {own.type.fields.some(([, one]) => one.search) && (
          <Input.Search
            className="search"
            allowClear
            aria-label={t("list.search")}
            placeholder={t("list.searchIn", { title: tr(own.type.title) })}
            defaultValue={search.q}
            onSearch={(q) => onSearch({ ...search, q: q.trim() || undefined })}
          />
        )}
      </div>
      <div className="board">
        {columns.map(([value, name]) => (
          <Column key={value} own={own} view={view} kind={kind} value={value} name={name} q={search.q} />
        ))}
      </div>
    </>
  );
}

function Column({
  own,
  view,
  kind,
  value,
  name,
  q,
}: Pick<Props, "own" | "view" | "kind"> & { value: string; name: string; q?: string }) {
  const { t } = useTranslation();
  const codesOf = useCodes(own.pkg);
  const filter = both(view.filter, `${kind.group} = '${value}'`);
  const page = useQuery(
    records(own.full, { filter, sortby: view.sort.join(","), q, limit: CARDS, count: 1 }),
  );
  const matched = page.data?.matched ?? page.data?.matched_at_least ?? 0;
  const rest = kind.card.filter((one) => one !== own.type.label);
  return (
    <section className="board-column" aria-label={name}>
      <h2>
        {name} <span className="muted">{page.data ? matched : ""}</span>
      </h2>
      {page.isPending && <Loading />}
      {page.isError && <Failure error={page.error} retry={() => void page.refetch()} />}
      {page.data?.items.length === 0 && <p className="muted small">{t("board.noCards")}</p>}
      {page.data?.items.map((record) => (
        <Link
          key={record.id}
          to="/p/$pkg/r/$type/$id"
          params={{ pkg: own.pkg.id, type: own.name, id: record.id }}
          className="board-card"
        >
          {recordLabel(own.type, record)}
          <dl>
            {rest.map((one) => [
              <dt key={`${one}-t`}>{columnTitle(own.type, one, t)}</dt>,
              <dd key={`${one}-d`}>
                <Cell type={own.type} record={record} name={one} codesOf={codesOf} />
              </dd>,
            ])}
          </dl>
        </Link>
      ))}
      {matched > CARDS && (
        <Link to="/p/$pkg/r/$type" params={{ pkg: own.pkg.id, type: own.name }} search={{ cql: filter }}>
          {t("board.more", { n: matched - CARDS })}
        </Link>
      )}
    </section>
  );
}
