import { beforeEach, expect, test, vi } from "vitest";

const store = new Map<string, string>();
vi.stubGlobal("sessionStorage", {
  getItem: (key: string) => store.get(key) ?? null,
  setItem: (key: string, value: string) => void store.set(key, value),
});
const { belongsTo, choose, linked, packageOf, purposeOf, settle } = await import("./purposes");

const registration = { name: "petitions.registration" };
const inspection = { name: "petitions.inspection" };

beforeEach(() => {
  belongsTo("nobody");
  belongsTo("one");
});

test("the only purpose is taken by itself, one of several is asked for", () => {
  expect(settle("petitions", [registration])).toBe(true);
  expect(purposeOf("petitions")).toBe(registration.name);
  expect(settle("petitions", [registration])).toBe(false);
  choose("petitions", undefined);
  expect(settle("petitions", [registration, inspection])).toBe(false);
  expect(purposeOf("petitions")).toBeUndefined();
});

test("a purpose that ended is dropped, another's choice is not kept", () => {
  choose("petitions", inspection.name);
  expect(settle("petitions", [])).toBe(true);
  expect(purposeOf("petitions")).toBeUndefined();
  choose("petitions", inspection.name);
  belongsTo("one");
  expect(linked("petitions")).toEqual({ "banyan-purpose": inspection.name });
  belongsTo("two");
  expect(purposeOf("petitions")).toBeUndefined();
});

test("an address names its package", () => {
  expect(packageOf("/v1/records/work-points/task/1")).toBe("work-points");
  expect(packageOf("/v1/packages/petitions")).toBe("petitions");
  expect(packageOf("/v1/packages")).toBeUndefined();
  expect(packageOf("/v1/session")).toBeUndefined();
});
