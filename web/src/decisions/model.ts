/** What the pages read from a DMN file themselves: which decisions there are, and what they ask for. */

export type Input = { name: string; type: string; values: string[] };
export type DecisionOf = { id: string; name: string };

function parsed(xml: string): Document | undefined {
  const file = new DOMParser().parseFromString(xml, "application/xml");
  return file.querySelector("parsererror") ? undefined : file;
}

const all = (within: Document | Element | undefined, name: string): Element[] => [
  ...(within?.getElementsByTagNameNS("*", name) ?? []),
];

/** A type without its prefix: `feel:number` and `number` are the same. */
const bare = (type: string | null) => (type ?? "").replace(/^.*:/, "");

export function decisionsOf(xml: string): DecisionOf[] {
  return all(parsed(xml), "decision").map((one) => ({
    id: one.getAttribute("id") ?? "",
    name: one.getAttribute("name") ?? "",
  }));
}

const NAME = /^[\p{L}_][\p{L}\p{N}_ ]*$/u;

/** What is to be given: declared input data, and names that a table asks for and no decision gives. */
export function inputsOf(xml: string): Input[] {
  const file = parsed(xml);
  const found = new Map<string, Input>();
  for (const data of all(file, "inputData")) {
    const name = all(data, "variable")[0]?.getAttribute("name") ?? data.getAttribute("name") ?? "";
    const type = bare(all(data, "variable")[0]?.getAttribute("typeRef") ?? null);
    if (name) found.set(name, { name, type, values: [] });
  }
  const given = new Set(
    all(file, "decision").flatMap((one) => [
      one.getAttribute("name") ?? "",
      ...[...one.children]
        .filter((inner) => inner.localName === "variable")
        .map((inner) => inner.getAttribute("name") ?? ""),
    ]),
  );
  for (const input of all(file, "input")) {
    const asked = all(input, "inputExpression")[0];
    const name = all(asked, "text")[0]?.textContent?.trim() ?? "";
    const values = texts(all(input, "inputValues")[0]);
    const known = found.get(name);
    if (known) {
      if (!known.type) known.type = bare(asked?.getAttribute("typeRef") ?? null);
      known.values.push(...values);
    } else if (NAME.test(name) && !given.has(name))
      found.set(name, { name, type: bare(asked?.getAttribute("typeRef") ?? null), values });
  }
  return [...found.values()];
}

/** Texts that are listed in quotes. */
function texts(listed: Element | undefined): string[] {
  const text = all(listed, "text")[0]?.textContent ?? "";
  return [...text.matchAll(/"([^"]*)"/g)].map((found) => found[1] ?? "");
}

/** What was typed, as a value of the type; none where nothing was typed. */
export function typedAs(type: string, typed: string): unknown {
  const text = typed.trim();
  if (text === "") return undefined;
  if (type === "number") return Number.isNaN(Number(text)) ? text : Number(text);
  if (type === "boolean") return text === "true";
  if (["string", "date", "time", "dateTime"].includes(type)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
