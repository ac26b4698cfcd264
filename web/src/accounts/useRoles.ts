import { useQueries, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { pkg as packageQuery, packages } from "../api/queries";
import { tr } from "../i18n";

/** Every role that can be granted, with the system it belongs to. */
export function useRoles(): { value: string; label: string }[] {
  const { t } = useTranslation();
  const all = useQuery(packages);
  const homes = useQueries({
    queries: (all.data?.items ?? []).map((one) => ({ ...packageQuery(one.id), staleTime: 300_000 })),
  });
  const declared = homes.flatMap((home) =>
    (home.data?.roles ?? []).map(([name, role]) => ({
      value: `${home.data?.id}.${name}`,
      label: `${tr(home.data?.title)} · ${tr(role.title)}`,
    })),
  );
  return [{ value: "admin", label: t("admin") }, ...declared];
}
