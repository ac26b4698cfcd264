import { describe, expect, it } from "vitest";
import { firedIds, rowsOf } from "../dmn/rows";
import { workEn } from "../i18n/work.en";
import { workZh } from "../i18n/work.zh-CN";
import { heat, span } from "./heat";
import { casesOf, changedOnly, entries, goodName, kindOf, knownOf, nameOf, pathOf } from "./model";
import { template } from "./templates";

describe("files of a draft", () => {
  it("a path tells the kind and the name", () => {
    for (const [path, kind, name] of [
      ["processes/a.bpmn", "process", "a"],
      ["decisions/b.dmn", "decision", "b"],
      ["decisions/b.cases.json", "cases", "b"],
      ["forms/c.form.json", "form", "c"],
    ] as const) {
      expect(kindOf(path)).toBe(kind);
      expect(nameOf(path)).toBe(name);
      expect(pathOf(kind, name)).toBe(path);
    }
    expect(kindOf("package.toml")).toBeUndefined();
  });
  it("what is as in force is no change", () => {
    const base = { "forms/a.form.json": "1", "forms/b.form.json": "2" };
    const files = { "forms/b.form.json": "2", "forms/a.form.json": "9", "processes/n.bpmn": "3" };
    expect(entries(files, base).map(({ name, state }) => [name, state])).toEqual([
      ["n", "new"],
      ["a", "changed"],
      ["b", "same"],
    ]);
    expect(changedOnly(files, base)).toEqual({ "forms/a.form.json": "9", "processes/n.bpmn": "3" });
  });
  it("names are such that files and models can have them", () => {
    for (const good of ["a", "expert_review2"]) expect(goodName(good), good).toBe(true);
    for (const bad of ["", "A", "2a", "a-b", "专家", "a/b", "a b", "../a"])
      expect(goodName(bad), bad).toBe(false);
  });
  it("what is in them can be referred to", () => {
    const files = {
      "processes/approve.bpmn": template("process", "approve", "审批"),
      "decisions/level.dmn": template("decision", "level", "审批层级"),
      "forms/review.form.json": template("form", "review", "评审"),
    };
    expect(knownOf(files, "egov", ["unit"])).toEqual({
      roles: ["unit"],
      forms: ["review"],
      processes: ["egov.approve"],
      decisions: ["egov.level#审批层级"],
    });
  });
  it("cases that can't be read are none", () => {
    expect(casesOf({ "decisions/a.cases.json": "[{" }, "decisions/a.dmn")).toEqual([]);
    expect(casesOf({ "decisions/a.cases.json": '[{"name":"x"}]' }, "decisions/a.dmn")).toEqual([
      { name: "x" },
    ]);
  });
  it("a title can't break the file", () => {
    expect(template("process", "a", '<"&>')).toContain('name="&lt;&quot;&amp;&gt;"');
  });
});

it("how often a place was reached is its shade", () => {
  const told = heat({
    runs: 100,
    coverage: { elements: 0.75, flows: 1 },
    visits: { a: 100, b: 26, c: 1, d: 0 },
    completed: 100,
    dead: ["d"],
    stuck: [],
    clock: { worst: null, p50: null, p95: null },
  });
  expect(told.marks).toEqual({
    a: ["mark-heat-4"],
    b: ["mark-heat-2"],
    c: ["mark-heat-1"],
    d: ["mark-heat-0"],
  });
});

it("a length of time is told in days, hours and minutes", () => {
  expect(span("PT74H30M")).toEqual({ days: 3, hours: 2, minutes: 30 });
  expect(span("PT90.5S")).toEqual({ days: 0, hours: 0, minutes: 2 });
  expect(span("soon")).toBeUndefined();
});

describe("rules that fired", () => {
  const logics = [{ id: "d1", name: "审批层级", decisionLogic: { rule: [{ id: "r1" }, { id: "r2" }] } }];
  it("are found by id, else by number", () => {
    const fired = (rules: { id?: string; rule: number }[]) =>
      firedIds(logics, [{ decision: "审批层级", rules }]);
    expect(fired([{ id: "r1", rule: 2 }])).toEqual(["r1"]);
    expect(fired([{ rule: 2 }])).toEqual(["r2"]);
    expect(fired([{ rule: 3 }])).toEqual([]);
  });
  it("no id gets out of the style", () => {
    expect(rowsOf("s", ['a"] {} body', "r1"], "x")).toBe('.s tr:has(> [data-row-id="r1"]) > td { x }');
  });
});

it("English says nothing that Chinese does not, and lacks nothing", () => {
  const keys = (value: object, path = ""): string[] =>
    Object.entries(value).flatMap(([name, inner]) =>
      typeof inner === "string" ? [`${path}${name}`] : keys(inner as object, `${path}${name}.`),
    );
  expect(keys(workEn).sort()).toEqual(keys(workZh).sort());
});
