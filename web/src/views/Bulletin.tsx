import { PrinterOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, DatePicker } from "antd";
import dayjs from "dayjs";
import { useTranslation } from "react-i18next";
import { aggregate, pkg as packageQuery, packages } from "../api/queries";
import type { RecordItem, View, ViewKind } from "../api/types";
import { tr } from "../i18n";
import { columnTitle, qualified, type TypeOf, typeOf } from "../model/declaration";
import { Cell } from "../records/Cell";
import { useCodes } from "../records/useCodes";
import type { ListSearch } from "../router";
import { Failure, Loading } from "../shell/States";
import { figure } from "./Ranking";

type Props = {
  own: TypeOf;
  title: string;
  view: View;
  name: string;
  kind: Extract<ViewKind, { kind: "bulletin" }>;
  search: ListSearch;
  onSearch: (search: ListSearch) => void;
};

/** A month on a page that prints: figures, then tables. */
export function Bulletin({ own, title, name, kind, search, onSearch }: Props) {
  const { t } = useTranslation();
  const now = useQuery(packages).data?.now;
  const month = search.month ?? dayjs(now).format("YYYY-MM");
  const result = useQuery(aggregate(own.full, { view: name, month }));
  return (
    <>
      <div className="bar no-print">
        <label htmlFor="month">{t("bulletin.month")}</label>
        <DatePicker
          id="month"
          picker="month"
          allowClear={false}
          value={dayjs(`${month}-01`)}
          onChange={(next) => next && onSearch({ ...search, month: next.format("YYYY-MM") })}
        />
        <span className="grow" />
        <Button icon={<PrinterOutlined />} onClick={() => window.print()}>
          {t("bulletin.print")}
        </Button>
      </div>
      {result.isPending && <Loading />}
      {result.isError && (
        <Failure error={result.error} retry={() => void result.refetch()} owner={own.pkg.owner} />
      )}
      {result.data && (
        <article className="bulletin">
          <h1>
            {title}({dayjs(`${month}-01`).format(t("bulletin.monthFormat"))})
          </h1>
          <p>{tr(kind.intro)}</p>
          <div className="figures">
            {kind.figures.map(([one, declared]) => (
              <div key={one} className="figure">
                <b>{figure(result.data.figures?.[one])}</b>
                {tr(declared.title)}
              </div>
            ))}
          </div>
          {kind.tables.map(([one, declared]) => (
            <section key={one}>
              <h2>{tr(declared.title)}</h2>
              <Rows
                own={own}
                of={declared.of}
                columns={declared.columns}
                items={result.data.tables?.find((table) => table.name === one)?.items ?? []}
              />
            </section>
          ))}
          <p className="muted small">
            {t("bulletin.issued", { owner: own.pkg.owner, date: dayjs(now).format("YYYY-MM-DD") })}
          </p>
        </article>
      )}
    </>
  );
}

function Rows({
  own,
  of,
  columns,
  items,
}: {
  own: TypeOf;
  of: string;
  columns: string[];
  items: RecordItem[];
}) {
  const { t } = useTranslation();
  const [pkgId, name] = qualified(own.pkg, of);
  const home = useQuery({ ...packageQuery(pkgId), staleTime: 300_000 });
  const codesOf = useCodes(own.pkg);
  const target = home.data && typeOf(home.data, name);
  if (!target) return null;
  if (items.length === 0) return <p className="muted">{t("bulletin.none")}</p>;
  return (
    <table className="plain">
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column}>{columnTitle(target.type, column, t)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.id}>
            {columns.map((column) => (
              <td key={column}>
                <Cell type={target.type} record={item} name={column} codesOf={codesOf} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
