import { describe, expect, it, vi } from "vitest";
import { formDifferences, type Instance, placed, type Schema, sourced } from "./schema";

// What the language is kept in.
vi.stubGlobal("localStorage", { getItem: () => null });
vi.stubGlobal("document", { documentElement: {} });
const { fault } = await import("./words");

const schema: Schema = {
  components: [
    { type: "textfield", id: "a", key: "project", label: "项目", description: "全称" },
    { type: "group", id: "g", path: "org", components: [{ type: "textfield", id: "b", key: "name" }] },
  ],
};

describe("where a value came from", () => {
  it("is said below its field, after what the author wrote", () => {
    const told = sourced(
      schema,
      { project: { source: "登记" }, "org.name": { source: "目录" } },
      (from) => `取自${from.source}`,
    );
    expect(told.components?.[0]?.description).toBe("全称 取自登记");
    expect(told.components?.[1]?.components?.[0]?.description).toBe("取自目录");
    expect(schema.components?.[0]?.description).toBe("全称");
  });
});

describe("what the server refuses", () => {
  const fields: Instance[] = [
    { id: "a", valuePath: ["project"], indexes: {} },
    { id: "b", valuePath: ["items", 0, "price"], indexes: { list: 0 } },
    { id: "b", valuePath: ["items", 1, "price"], indexes: { list: 1 } },
    { id: "c", valuePath: ["files"], indexes: {} },
  ];
  const cases: [string, object][] = [
    ["/project", { a: ["x"] }],
    ["/values/project", { a: ["x"] }],
    ["#/values/project", { a: ["x"] }],
    ["/variables/project", { a: ["x"] }],
    ["project", { a: ["x"] }],
    ["/values/items/1/price", { b: { "1": ["x"] } }],
    ["items.0.price", { b: { "0": ["x"] } }],
    ["/files/0/name", { c: ["x"] }],
  ];
  it.each(cases)("%s stands at its field", (pointer, at) => {
    expect(placed(fields, [{ pointer, message: "x" }])).toEqual({ at, rest: [] });
  });
  it("is given back where no field is meant", () => {
    const told = [
      { pointer: "/nowhere", message: "甲" },
      { pointer: "/project", message: "乙" },
      { pointer: "/project", message: "丙" },
    ];
    expect(placed(fields, told)).toEqual({ at: { a: ["乙", "丙"] }, rest: [told[0]] });
  });
});

it("forms differ field by field", () => {
  const after: Schema = {
    components: [
      { type: "textfield", id: "a", key: "project", label: "项目名称", description: "全称" },
      { type: "number", id: "n", key: "amount", label: "金额" },
    ],
  };
  expect(
    formDifferences(schema, after).map(({ change, id, attributes }) => [change, id, attributes]),
  ).toEqual([
    ["changed", "project", [{ name: "label", from: "项目", to: "项目名称" }]],
    ["added", "amount", []],
    ["removed", "g", []],
    ["removed", "name", []],
  ]);
});

it("the library's faults are told in Chinese, the author's own as they are", () => {
  expect(fault("Field is required.")).toBe("必填。");
  expect(fault("Field must have maximum value of 100.")).toBe("不能大于 100。");
  expect(fault("请填六位代码")).toBe("请填六位代码");
});
