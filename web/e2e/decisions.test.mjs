/** Decisions in force are found, looked at, and tried: what comes out, by which rules, on what ground. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, picture, stand } from "./stand.mjs";

let it;
before(async () => {
  it = await stand({ apply: ["apps/1.3-egov-projects"] });
});
after(() => it?.stop());

const PHONE = { width: 390, height: 844 };

/** Looks at the page at both widths. */
async function look(page, name) {
  const size = page.viewportSize();
  for (const one of [size, PHONE]) {
    await page.setViewportSize(one);
    await accessible(page, `${name} at ${one.width}`);
    await picture(page, `${name}-${one.width}`);
  }
  await page.setViewportSize(size);
}

/** The rules whose rows stand out in the table. */
const fired = (page) =>
  page.locator("td[data-row-id]").evaluateAll((cells) => {
    const out = cells.filter((one) => getComputedStyle(one).backgroundColor === "rgb(223, 242, 230)");
    return [...new Set(out.map((one) => one.dataset.rowId))];
  });

test("a decision is found, tried, and its cases pass", async () => {
  const { page, errors, close } = await it.enter("admin");
  await page.goto(`${it.base}/desk/decisions`);
  await page.getByRole("link", { name: "查重" }).waitFor();
  await look(page, "decisions");
  await page.getByLabel("搜索决策").fill("没有这样的决策");
  await page.getByText("还没有决策").waitFor();
  await page.getByLabel("搜索决策").fill("duplicate");
  await page.getByRole("link", { name: "查重" }).click();
  await page.getByRole("heading", { name: "查重" }).waitFor();

  // Tried: the rule that fires is marked in the table, and told with its ground.
  await page.getByLabel("kind", { exact: true }).click();
  await page.locator(".ant-select-item-option").filter({ hasText: "new" }).click();
  await page.getByLabel("same", { exact: true }).fill("0");
  await page.getByLabel("similar", { exact: true }).fill("2");
  await page.getByRole("button", { name: /^试\s*算$/ }).click();
  await page.locator(".outcome").getByText("suspect").waitFor();
  await page.locator(".reason").getByText("命中规则 3").waitFor();
  await page
    .locator(".reason")
    .getByText(/国办发〔2019〕57号/)
    .waitFor();
  assert.deepEqual(await fired(page), ["near"]);
  await look(page, "decision-tried");
  // Another input, another rule: nothing of the last one is left.
  await page.getByLabel("same", { exact: true }).fill("1");
  // The icon of the first trial may still be on its way out, with its name.
  await page.getByRole("button", { name: /试\s*算$/ }).click();
  await page.locator(".outcome").getByText("certain").waitFor();
  await page.locator(".reason").getByText("命中规则 2").waitFor();
  assert.deepEqual(await fired(page), ["same_name"]);

  await page.getByRole("tab", { name: "用例" }).click();
  await page.getByRole("button", { name: "运行全部用例" }).click();
  await page.getByText(/^[1-9]\d* 个通过,0 个不符$/).waitFor();
  await look(page, "decision-cases");
  assert.deepEqual(errors, []);
  await close();
});
