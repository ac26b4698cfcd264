import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Table } from "antd";
import { useTranslation } from "react-i18next";
import { type AggregateResult, aggregate } from "../api/queries";
import type { View, ViewKind } from "../api/types";
import { tr } from "../i18n";
import { columnTitle, type TypeOf } from "../model/declaration";
import { both } from "../model/filter";
import { Failure } from "../shell/States";

type Props = {
  own: TypeOf;
  title: string;
  view: View;
  name: string;
  kind: Extract<ViewKind, { kind: "ranking" }>;
};
type Group = NonNullable<AggregateResult["groups"]>[number];

export const figure = (value: number | null | undefined) =>
  value === null || value === undefined ? "—" : value.toLocaleString("zh-CN", { maximumFractionDigits: 1 });

/** One row a group; every number leads to the records it was made of. */
export function Ranking({ own, title, view, name, kind }: Props) {
  const { t } = useTranslation();
  const result = useQuery(aggregate(own.full, { view: name }));
  if (result.isError)
    return <Failure error={result.error} retry={() => void result.refetch()} owner={own.pkg.owner} />;
  const fewest = result.data?.k_anonymous;
  return (
    <>
      <h1>{title}</h1>
      <p className="muted">{fewest ? t("ranking.fewest", { n: fewest }) : t("ranking.drill")}</p>
      <Table<Group>
        rowKey={(row) => row.key ?? ""}
        size="middle"
        loading={result.isPending}
        dataSource={result.data?.groups ?? []}
        pagination={{ pageSize: 60, hideOnSinglePage: true }}
        scroll={{ x: "max-content" }}
        columns={[
          { key: "rank", title: t("ranking.rank"), width: 70, render: (_v, _row, index) => index + 1 },
          {
            key: "group",
            title: columnTitle(own.type, kind.group, t),
            render: (_v, row) => row.label || t("none"),
          },
          ...kind.measures.map(([measure, declared]) => ({
            key: measure,
            title: tr(declared.title),
            align: "right" as const,
            sorter: (a: Group, b: Group) => (a.values[measure] ?? -1) - (b.values[measure] ?? -1),
            render: (_v: unknown, row: Group) => {
              const shown = figure(row.values[measure]);
              // Whoever sees sums only can't see what they are made of.
              if (fewest) return shown;
              return (
                <Link
                  to="/p/$pkg/r/$type"
                  params={{ pkg: own.pkg.id, type: own.name }}
                  search={{
                    cql: both(
                      both(
                        view.filter,
                        row.key === null ? `${kind.group} IS NULL` : `${kind.group} = '${row.key}'`,
                      ),
                      result.data?.filters?.[measure],
                    ),
                  }}
                >
                  {shown}
                </Link>
              );
            },
          })),
        ]}
      />
    </>
  );
}
