import { useQueries } from "@tanstack/react-query";
import { pkg as packageQuery } from "../api/queries";
import type { CodeItem, Kind, Package } from "../api/types";
import { effective, find, qualified } from "../model/declaration";

/** Code items of a field, from this package's lists or those of the packages it needs. */
export function useCodes(pkg: Package): (kind: Kind) => CodeItem[] {
  const needed = useQueries({
    queries: Object.keys(pkg.needs).map((id) => ({ ...packageQuery(id), staleTime: 300_000 })),
  });
  return (kind) => {
    const own = effective(kind);
    if (own.type !== "code" || !own.list) return [];
    const [id, name] = qualified(pkg, own.list);
    const home = id === pkg.id ? pkg : needed.find((one) => one.data?.id === id)?.data;
    return (home && find(home.lists, name)?.items) ?? [];
  };
}
