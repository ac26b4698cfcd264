import { useQuery } from "@tanstack/react-query";
import { party } from "../api/people";
import { packages, session } from "../api/queries";
import { moment } from "../model/format";

/** The civil day by the platform's clock; by the reader's until that is known. */
export function useToday(): string {
  const me = useQuery(session);
  const citizen = me.data?.kind === "citizen";
  const all = useQuery({ ...packages, enabled: me.data?.kind === "person" });
  const own = useQuery({ ...party, enabled: citizen });
  const shown = all.data?.now ?? new Date().toISOString();
  return (citizen && own.data?.today) || moment(shown).slice(0, 10);
}
