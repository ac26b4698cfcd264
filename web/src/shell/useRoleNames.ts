import { useQueries, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { pkg as packageQuery, packages, session } from "../api/queries";
import { tr } from "../i18n";
import { find } from "../model/declaration";

/** What people call a role: its title, with the system it belongs to. */
export function useRoleNames(): (role: string) => string {
  const { t } = useTranslation();
  const me = useQuery(session);
  const all = useQuery({ ...packages, enabled: me.data?.kind !== "citizen" });
  const homes = useQueries({
    queries: (all.data?.items ?? []).map((one) => ({ ...packageQuery(one.id), staleTime: 300_000 })),
  });
  return (role) => {
    if (role === "admin") return t("admin");
    const [id, name = ""] = role.split(".");
    const home = homes.find((one) => one.data?.id === id)?.data;
    const declared = home && find(home.roles, name);
    return home && declared ? `${tr(home.title)} · ${tr(declared.title)}` : role;
  };
}
