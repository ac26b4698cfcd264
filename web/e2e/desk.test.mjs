/** The main walk in a real browser against a real server: log in, find, open, sign, history, refusals, phone. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, picture, stand } from "./stand.mjs";

let it;
before(async () => {
  it = await stand();
});
after(() => it?.stop());

test("a wrong password is refused in plain words", async () => {
  const page = await it.browser.newPage();
  await page.goto(`${it.base}/desk/`);
  await page.getByLabel("登录名").fill("fgw");
  await page.getByLabel("密码").fill("wrong-password");
  await page.getByRole("button", { name: /登\s*录/ }).click();
  await page.getByRole("alert").waitFor();
  await page.close();
});

test("a clerk finds a task, signs for it, sees its history and finds it again", async () => {
  const { page, errors, close } = await it.enter("fgw");
  await picture(page, "home");
  await accessible(page, "home");
  await page.getByRole("link", { name: "工作要点督办" }).first().click();
  await page.locator(".board-card").first().waitFor();
  await picture(page, "board");
  await page.getByRole("link", { name: "全部任务" }).click();
  await page.getByText("共 38 条").waitFor();
  await picture(page, "list");
  await accessible(page, "list");
  await page.getByLabel("搜索").first().fill("政务公共服务平台");
  await page.keyboard.press("Enter");
  await page.getByText("共 1 条").waitFor();
  await page.getByRole("link", { name: "打造一体化政务公共服务平台体系" }).click();
  await page.getByRole("button", { name: /签\s*收/ }).click();
  await page.getByRole("button", { name: /确\s*定/ }).click();
  await page.getByText("必填").first().waitFor();
  await page.getByLabel("联系人").fill("经办甲");
  await picture(page, "sign");
  await page.getByRole("button", { name: /确\s*定/ }).click();
  await page.getByText("已办理:签收").waitFor();
  await picture(page, "detail");
  await page.getByRole("tab", { name: "历史" }).click();
  await page.locator(".history-change").getByText("经办甲").waitFor();
  await picture(page, "history");
  await page.getByRole("button", { name: "查看当时的内容" }).last().click();
  await page.getByText(/时的内容/).waitFor();
  await page.getByRole("button", { name: "回到现在" }).click();
  await page.getByRole("link", { name: "看板" }).click();
  await page
    .locator('.board-column[aria-label="签收"]')
    .getByText("打造一体化政务公共服务平台体系")
    .waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test("a change is saved, and one made on an old version is told", async () => {
  const { page, close } = await it.enter("office");
  await page.goto(`${it.base}/desk/p/work-points/v/tasks`);
  await page.getByRole("link", { name: "提升经济治理能力" }).click();
  await page.getByRole("button", { name: /修\s*改/ }).click();
  const other = await page.context().newPage();
  await other.goto(page.url().endsWith("/edit") ? page.url() : `${page.url()}/edit`);
  await page.getByLabel("进度").fill("20");
  await other.getByLabel("进度").fill("30");
  await page.getByRole("button", { name: /保\s*存/ }).click();
  await page.getByText("已保存").waitFor();
  await other.getByRole("button", { name: /保\s*存/ }).click();
  await other.getByText("这条记录刚被别人改过").waitFor();
  await other.getByRole("button", { name: "在最新内容上保留我的修改" }).click();
  await other.getByText("已保存").waitFor();
  await close();
});

test("filters, sorting and the address agree", async () => {
  const { page, close } = await it.enter("leader");
  await page.goto(`${it.base}/desk/p/work-points/v/tasks`);
  await page.getByText("共 38 条").waitFor();
  await page.getByRole("columnheader", { name: "条目" }).click();
  await page.waitForURL(/sort=/);
  const conditions = encodeURIComponent(JSON.stringify(JSON.stringify([["section", "eq", "2"]])));
  await page.goto(`${it.base}/desk/p/work-points/v/tasks?f=${conditions}`);
  await page.getByText(/共 \d+ 条/).waitFor();
  assert.ok(!(await page.getByText("共 38 条").isVisible()));
  await close();
});

test("the pages fit a phone", async () => {
  const { page, close } = await it.enter("fgw", { size: { width: 390, height: 844 } });
  await page.getByRole("button", { name: "菜单" }).click();
  await page.getByRole("dialog").getByRole("link", { name: "工作要点督办" }).click();
  await page.goto(`${it.base}/desk/p/work-points/v/tasks`);
  await page.getByText("共 38 条").waitFor();
  await picture(page, "phone");
  await accessible(page, "the list on a phone");
  await close();
});

test("the desk's shell is light", async () => {
  const page = await it.browser.newPage();
  let bytes = 0;
  page.on("response", async (response) => {
    if (/\/desk\/assets\/.*\.js$/.test(response.url()))
      bytes += (await response.request().sizes()).responseBodySize;
  });
  await page.goto(`${it.base}/desk/`);
  await page.getByLabel("登录名").waitFor();
  await page.waitForTimeout(500);
  assert.ok(bytes > 0 && bytes < 400 * 1024, `${Math.round(bytes / 1024)} KiB of script before the log-in`);
  await page.close();
});
