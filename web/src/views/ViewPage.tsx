import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/client";
import { pkg as packageQuery } from "../api/queries";
import { tr } from "../i18n";
import { find, qualified, typeOf } from "../model/declaration";
import { RecordList } from "../records/ListPage";
import type { ListSearch } from "../router";
import { Failure, Loading } from "../shell/States";
import { Board } from "./Board";
import { Bulletin } from "./Bulletin";
import { Ranking } from "./Ranking";

/** A declared view, by its kind. */
export function ViewPage() {
  // Titles follow the language: without this the page would not be drawn again when it changes.
  useTranslation();
  const params = useParams({ from: "/p/$pkg/v/$view" });
  const search = useSearch({ from: "/p/$pkg/v/$view" });
  const navigate = useNavigate();
  const home = useQuery(packageQuery(params.pkg));
  const view = home.data && find(home.data.views, params.view);
  const [ofPkg, ofType] = home.data && view ? qualified(home.data, view.of) : [params.pkg, ""];
  const other = useQuery({ ...packageQuery(ofPkg), enabled: ofPkg !== params.pkg });
  const owner = ofPkg === params.pkg ? home.data : other.data;
  if (home.isError) return <Failure error={home.error} retry={() => void home.refetch()} />;
  if (home.isPending || !owner) return <Loading />;
  const own = typeOf(owner, ofType);
  if (!view || !own) return <Failure error={new Refused({ status: 404, code: "", title: "", detail: "" })} />;
  const onSearch = (next: ListSearch) => void navigate({ to: "/p/$pkg/v/$view", params, search: next });
  const shared = { own, title: tr(view.title), view, name: params.view, search, onSearch };
  switch (view.kind.kind) {
    case "board":
      return <Board {...shared} kind={view.kind} />;
    case "ranking":
      return <Ranking {...shared} kind={view.kind} />;
    case "bulletin":
      return <Bulletin {...shared} kind={view.kind} />;
    case "list":
      return (
        <RecordList
          key={params.view}
          own={own}
          title={tr(view.title)}
          columns={view.kind.columns}
          filter={view.filter}
          sort={view.sort}
          search={search}
          onSearch={onSearch}
        />
      );
    default:
      return <Failure error={new Refused({ status: 404, code: "", title: "", detail: "" })} />;
  }
}
