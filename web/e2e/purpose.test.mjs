/** Personal data in a real browser: what for, what is hidden, who sees nothing. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, picture, stand } from "./stand.mjs";

let it;
before(async () => {
  it = await stand();
});
after(() => it?.stop());

const PHONE = { size: { width: 390, height: 844 } };

test("one of several purposes is asked for once, and can be changed", async () => {
  const { page, errors, close } = await it.enter("xfdj");
  const sent = [];
  page.on("request", (request) => {
    if (request.url().includes("/v1/records/petitions/")) sent.push(request.headers()["banyan-purpose"]);
  });
  await page.getByRole("link", { name: "群众诉求" }).first().click();
  await page.getByText("您为什么要看这里的个人信息?").waitFor();
  await picture(page, "purpose-dialog");
  await accessible(page, "the choice of a purpose");
  assert.deepEqual(sent, [], "nothing is read before a purpose is chosen");
  await page.getByRole("button", { name: "以此用途进入:登记转送" }).click();
  await page.getByText("用途:登记转送").waitFor();
  await page.getByText("共 16 条").waitFor();
  await picture(page, "purpose-list");
  await accessible(page, "a list with masked fields");
  assert.ok(sent.length > 0 && sent.every((one) => one === "petitions.registration"), String(sent));
  // Telephones end in their last four digits, with a mark that says so to all readers.
  const row = page.getByRole("row").filter({ hasText: "小区外墙渗水" });
  await row.getByText("***0001").waitFor();
  assert.ok((await row.getByText("部分隐藏").count()) > 0);
  assert.equal(await page.getByText("0592-0000001").count(), 0);
  await page.getByRole("button", { name: "导出" }).click();
  const link = await page.getByRole("link", { name: "CSV 文件" }).getAttribute("href");
  assert.match(link, /banyan-purpose=petitions\.registration/);
  // Asked once a session: not again on another page, nor after a reload.
  await page.reload();
  await page.getByText("共 16 条").waitFor();
  assert.equal(await page.getByText("您为什么要看这里的个人信息?").count(), 0);
  await page.getByRole("button", { name: "更换用途" }).click();
  await page.getByRole("button", { name: /以此用途进入:初次信访/ }).click();
  await page.getByText("用途:初次信访办理质量专项督查").waitFor();
  const narrow = page.getByRole("row").filter({ hasText: "小区外墙渗水" });
  await narrow.getByText("已隐藏").first().waitFor();
  assert.equal(await page.getByText("***0001").count(), 0, "this purpose needs no telephone");
  assert.deepEqual(errors, []);
  await close();
});

test("what is hidden can't be changed, and is not sent back", async () => {
  const { page, close } = await it.enter("xfdj");
  await page.goto(`${it.base}/desk/p/petitions/v/petitions`);
  await page.getByRole("button", { name: "以此用途进入:登记转送" }).click();
  await page.getByRole("link", { name: /共享单车占用盲道/ }).click();
  await page.getByText("用途:登记转送").waitFor();
  await page.getByText("部分隐藏").first().waitFor();
  await picture(page, "purpose-detail");
  await accessible(page, "a record with masked fields");
  await page.getByRole("button", { name: /修\s*改/ }).click();
  const phone = page.getByLabel("电话");
  await phone.waitFor();
  assert.ok(await phone.isDisabled());
  assert.equal(await phone.inputValue(), "***0015");
  await picture(page, "purpose-form");
  await accessible(page, "a form with masked fields");
  await page.getByLabel("事由").fill("(演示)共享单车占用盲道和坡道");
  const patch = page.waitForRequest((request) => request.method() === "PATCH");
  await page.getByRole("button", { name: /保\s*存/ }).click();
  assert.deepEqual(Object.keys((await patch).postDataJSON().fields), ["title"]);
  await page.getByText("已保存").waitFor();
  await close();
});

test("a handling unit's only purpose is taken by itself; it sees its own petitions, whole", async () => {
  const { page, close } = await it.enter("zjt", PHONE);
  await page.goto(`${it.base}/desk/p/petitions/v/petitions`);
  await page.getByText("用途:办理答复").waitFor();
  await page.getByText("共 6 条").waitFor();
  assert.equal(await page.getByText("河道异味").count(), 0);
  await picture(page, "purpose-phone");
  await accessible(page, "petitions on a phone");
  await page.getByRole("link", { name: /公租房轮候/ }).click();
  await page.getByText("0592-0000011").waitFor();
  await picture(page, "purpose-phone-detail");
  // A colleague who is sent the address sees it at once, for his purpose.
  const other = await it.enter("zjt", PHONE);
  await other.page.goto(page.url());
  await other.page.getByText("0592-0000011").waitFor();
  await other.close();
  await accessible(page, "a petition on a phone");
  await close();
});

test("a leader sees sums of no fewer than five, and no single petition", async () => {
  const { page, close } = await it.enter("xfld");
  await page.goto(`${it.base}/desk/p/petitions/v/by_category`);
  await page.getByText("用途:信访形势分析").waitFor();
  await page.getByRole("cell", { name: "住房与城乡建设" }).waitFor();
  assert.equal(await page.getByRole("cell", { name: "交通运输" }).count(), 0, "three petitions are too few");
  const housing = page.getByRole("row").filter({ hasText: "住房与城乡建设" });
  assert.deepEqual((await housing.getByRole("cell").allTextContents()).slice(2), ["7", "—", "—", "—"]);
  assert.equal(await housing.getByRole("link").count(), 0);
  await picture(page, "purpose-sums");
  await accessible(page, "sums");
  await page.goto(`${it.base}/desk/p/petitions/r/petition`);
  await page.getByText(/不少于 5 条的汇总/).waitFor();
  await picture(page, "purpose-sums-only");
  await close();
});

test("whoever has no purpose is told whom to ask", async () => {
  const { page, close } = await it.enter("fgw");
  await page.goto(`${it.base}/desk/p/petitions/r/petition`);
  await page.getByRole("heading", { name: "没有权限" }).waitFor();
  // Its role of the same name in another package opens no pages here.
  assert.equal(await page.getByRole("link", { name: "临期与超期" }).count(), 0);
  await picture(page, "purpose-refused");
  await accessible(page, "a refusal");
  await close();
});
