import { useQuery } from "@tanstack/react-query";
import { Navigate, useParams } from "@tanstack/react-router";
import { Refused } from "../api/client";
import { pkg as packageQuery, session } from "../api/queries";
import { menuViews } from "../model/declaration";
import { Failure, Loading } from "../shell/States";

/** A system opens at its first view; one without views at its first type. */
export function PackageHome() {
  const params = useParams({ from: "/p/$pkg" });
  const home = useQuery(packageQuery(params.pkg));
  const me = useQuery(session);
  if (home.isPending) return <Loading />;
  if (home.isError) return <Failure error={home.error} retry={() => void home.refetch()} />;
  const roles = me.data?.roles ?? [];
  const first = menuViews(home.data, roles)[0];
  if (first) return <Navigate to="/p/$pkg/v/$view" params={{ ...params, view: first[0] }} replace />;
  const type = home.data.types[0];
  if (type) return <Navigate to="/p/$pkg/r/$type" params={{ ...params, type: type[0] }} replace />;
  return <Failure error={new Refused({ status: 404, code: "", title: "", detail: "" })} />;
}
