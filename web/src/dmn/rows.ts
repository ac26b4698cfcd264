/** Which rows of a table are meant, and how they are shown. */

/** As much of a decision as is needed to find its rules. */
export type Logic = { id?: string; name?: string; decisionLogic?: { rule?: { id: string }[] } };

/** Rules of a decision: by id, or by number from 1 where there is no id. */
export type Fired = { decision: string; rules: { id?: string | null; rule: number }[] };

export function firedIds(logics: Logic[], fired: Fired[]): string[] {
  return fired.flatMap(({ decision, rules }) => {
    const own = logics.find((one) => one.name === decision || one.id === decision)?.decisionLogic?.rule ?? [];
    return rules.flatMap(({ id, rule }) => {
      const found = own.find((one) => one.id === id) ?? own[rule - 1];
      return found ? [found.id] : [];
    });
  });
}

/** A style for the rows of those ids. What is no plain id stays out of it. */
export function rowsOf(scope: string, ids: string[], style: string): string {
  return ids
    .filter((id) => /^[\p{L}\p{N}_.-]+$/u.test(id))
    .map((id) => `.${scope} tr:has(> [data-row-id="${id}"]) > td { ${style} }`)
    .join("\n");
}
