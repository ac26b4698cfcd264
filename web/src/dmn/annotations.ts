/**
 * The editor knows one text a rule, the rule's description; the standard, and our engine, keep columns of annotations. What
 * stands in the first column is shown as the description and goes back into the column when the file is written.
 */

export type Model = {
  $type: string;
  $model: { create(type: string, values?: Record<string, unknown>): Model };
  $parent?: Model;
  get(name: string): unknown;
  set(name: string, value: unknown): void;
};

type Events = { on(event: string, listener: (event: never) => void): void };

/** Name of the column where a table has none yet. */
const COLUMN = "依据";

export function annotate(manager: Events & { getDefinitions(): Model }): void {
  manager.on("import.parse.complete", (({ definitions }: { definitions?: Model }) => {
    if (definitions) shown(definitions);
  }) as (event: never) => void);
  manager.on("saveXML.start", (({ definitions }: { definitions: Model }) => {
    kept(definitions);
  }) as (event: never) => void);
  manager.on("saveXML.done", () => shown(manager.getDefinitions()));
}

function tables(definitions: Model): Model[] {
  const all = (definitions.get("drgElement") ?? []) as Model[];
  return all
    .filter((one) => one.$type === "dmn:Decision")
    .map((one) => one.get("decisionLogic") as Model | undefined)
    .filter((logic): logic is Model => logic?.$type === "dmn:DecisionTable");
}

const rulesOf = (table: Model) => (table.get("rule") ?? []) as Model[];

/** The first column as descriptions. */
function shown(definitions: Model): void {
  for (const rule of tables(definitions).flatMap(rulesOf)) {
    const text = ((rule.get("annotationEntry") ?? []) as Model[])[0]?.get("text");
    if (text && !rule.get("description")) rule.set("description", text);
  }
}

/** Descriptions as the first column. */
function kept(definitions: Model): void {
  for (const table of tables(definitions)) {
    const rules = rulesOf(table);
    const columns = (table.get("annotation") ?? []) as Model[];
    if (columns.length === 0) {
      if (!rules.some((rule) => rule.get("description"))) continue;
      const made = table.$model.create("dmn:RuleAnnotationClause", { name: COLUMN });
      made.$parent = table;
      table.set("annotation", [made]);
    }
    for (const rule of rules) {
      const entries = [...((rule.get("annotationEntry") ?? []) as Model[])];
      const first = entries[0] ?? table.$model.create("dmn:RuleAnnotation", {});
      first.$parent = rule;
      first.set("text", rule.get("description") ?? "");
      rule.set("annotationEntry", [first, ...entries.slice(1)]);
      rule.set("description", undefined);
    }
  }
}
