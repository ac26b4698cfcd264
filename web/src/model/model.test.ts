import { describe, expect, it, vi } from "vitest";
import type { Kind, Package } from "../api/types";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { documentElement: { lang: "" } });

const { both, cql2 } = await import("./filter");
const { menuViews } = await import("./declaration");
const { money, text } = await import("./format");
const { en } = await import("../i18n/en");
const { zh } = await import("../i18n/zh-CN");

const TEXT: Kind = { type: "text", max: 200, min: 0, pattern: null, multiline: false };
const words = { yes: "是", no: "否" };

describe("filters become CQL2", () => {
  const cases: [Kind, [string, string, string], string][] = [
    [TEXT, ["title", "contains", "50%_a'b"], "title LIKE '%50\\%\\_a''b%'"],
    [TEXT, ["title", "eq", "数据"], "title = '数据'"],
    [{ type: "money", min: null, max: null }, ["cost", "ge", "12.34"], "cost >= 1234"],
    [{ type: "date", min: null, max: null }, ["due", "before", "2022-07-01"], "due < DATE('2022-07-01')"],
    [{ type: "unit", many: true }, ["co", "contains", "FJ001"], "A_CONTAINS(co, ('FJ001'))"],
    [{ type: "boolean" }, ["read", "eq", "false"], "read = FALSE"],
    [TEXT, ["title", "empty", ""], "title IS NULL"],
    [TEXT, ["title", "eq", " "], ""],
  ];
  it.each(cases)("%#", (kind, condition, expected) => {
    expect(cql2([condition as never], () => kind)).toBe(expected);
  });
  it("joins", () => {
    expect(both("a = 1", "b = 2")).toBe("(a = 1) AND (b = 2)");
    expect(both(null, "b = 2")).toBe("b = 2");
    expect(both("", undefined)).toBeUndefined();
  });
});

describe("values are readable", () => {
  it("money", () => {
    expect(money(123456789)).toBe("1,234,567.89");
    expect(money(-5)).toBe("-0.05");
  });
  it("labels win, empty is empty", () => {
    expect(text({ type: "unit", many: false }, "FJ001", "省发改委", words)).toBe("省发改委");
    expect(text(TEXT, null, undefined, words)).toBe("");
    expect(text({ type: "boolean" }, false, undefined, words)).toBe("否");
  });
});

describe("languages", () => {
  const keys = (value: object, path = ""): string[] =>
    Object.entries(value).flatMap(([name, inner]) =>
      typeof inner === "string" ? [`${path}${name}`] : keys(inner as object, `${path}${name}.`),
    );
  it("English says nothing that Chinese does not, and lacks nothing", () => {
    expect(keys(en).sort()).toEqual(keys(zh).sort());
  });
});

it("the menu goes by the package's own roles", () => {
  const view = (roles: string[]) => ({ roles, order: 1, kind: { kind: "list", columns: [] } });
  const pkg = {
    id: "petitions",
    views: [
      ["late", view(["unit"])],
      ["all", view([])],
    ],
  } as unknown as Package;
  const names = (roles: string[]) => menuViews(pkg, roles).map(([name]) => name);
  expect(names(["petitions.unit"])).toEqual(["late", "all"]);
  expect(names(["work-points.unit", "admin"])).toEqual(["all"]);
});
