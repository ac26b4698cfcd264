/** What differs between two versions of a decision model, rule by rule. */

export type RuleChange = {
  decision: string;
  /** Number of the rule, in the version where it stands. */
  rule: number | null;
  change: "added" | "removed" | "changed";
  from: string;
  to: string;
};

type Table = { name: string; head: string; rules: { id: string; text: string }[] };

const within = (element: Element, name: string) => [...element.getElementsByTagNameNS("*", name)];
const textOf = (element: Element) => within(element, "text")[0]?.textContent?.trim() ?? "";

function tables(xml: string): Map<string, Table> {
  const file = new DOMParser().parseFromString(xml, "application/xml");
  const found = new Map<string, Table>();
  for (const decision of file.getElementsByTagNameNS("*", "decision")) {
    const id = decision.getAttribute("id") ?? "";
    const head = [
      within(decision, "decisionTable")[0]?.getAttribute("hitPolicy") ?? "",
      ...within(decision, "inputExpression").map(textOf),
      ...within(decision, "output").map((one) => one.getAttribute("name") ?? ""),
      ...within(decision, "literalExpression").map(textOf),
    ];
    const rules = within(decision, "rule").map((rule) => ({
      id: rule.getAttribute("id") ?? "",
      text: [
        within(rule, "inputEntry").map(textOf).join(" | "),
        within(rule, "outputEntry").map(textOf).join(" | "),
        within(rule, "annotationEntry").map(textOf).join(" | "),
      ]
        .filter((part) => part !== "")
        .join(" → "),
    }));
    found.set(id, { name: decision.getAttribute("name") ?? id, head: head.join(" | "), rules });
  }
  return found;
}

export function ruleChanges(before: string, after: string): RuleChange[] {
  const old = tables(before);
  const now = tables(after);
  const all: RuleChange[] = [];
  for (const [id, table] of now) {
    const was = old.get(id);
    if (!was) {
      all.push({ decision: table.name, rule: null, change: "added", from: "", to: table.head });
      continue;
    }
    if (was.head !== table.head)
      all.push({ decision: table.name, rule: null, change: "changed", from: was.head, to: table.head });
    table.rules.forEach((rule, at) => {
      const same = was.rules.find((one) => one.id === rule.id);
      if (!same) all.push({ decision: table.name, rule: at + 1, change: "added", from: "", to: rule.text });
      else if (same.text !== rule.text)
        all.push({ decision: table.name, rule: at + 1, change: "changed", from: same.text, to: rule.text });
    });
    was.rules.forEach((rule, at) => {
      if (!table.rules.some((one) => one.id === rule.id))
        all.push({ decision: table.name, rule: at + 1, change: "removed", from: rule.text, to: "" });
    });
  }
  for (const [id, table] of old)
    if (!now.has(id))
      all.push({ decision: table.name, rule: null, change: "removed", from: table.head, to: "" });
  return all;
}
