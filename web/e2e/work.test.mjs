/** The rest of the desk in a real browser: forms, files, import and export, views, languages, roles, the portal. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, picture, stand } from "./stand.mjs";

let it;
before(async () => {
  it = await stand();
});
after(() => it?.stop());

const at = (path) => `${it.base}/desk/${path}`;

async function choose(page, label, text) {
  await page.getByLabel(label).first().fill(text);
  await page.locator(".ant-select-item-option").filter({ hasText: text }).first().click();
}

async function downloaded(page, click) {
  const waiting = page.waitForEvent("download");
  await click();
  const path = await (await waiting).path();
  return readFileSync(path);
}

test("a report is begun on its task, with faults told at their fields and evidence attached", async () => {
  const { page, errors, close } = await it.enter("fgw");
  await page.goto(at("p/work-points/v/tasks"));
  await page.getByRole("link", { name: "实施数字化转型支撑服务生态培育工程" }).click();
  await page.getByRole("link", { name: "新建进展报送" }).click();
  await page.getByText("实施数字化转型支撑服务生态培育工程").waitFor();
  await page.getByText("省发改委", { exact: true }).first().waitFor();
  await page.getByLabel("进度").fill("120");
  await page.getByRole("button", { name: /保\s*存/ }).click();
  await page.getByText("必填").first().waitFor();
  await page.getByLabel("进展情况").fill("名单已公布");
  await page.getByRole("button", { name: /保\s*存/ }).click();
  await page.getByText("不能大于 100").waitFor();
  await picture(page, "form-errors");
  await accessible(page, "a form with errors");
  const text = Buffer.from("%PDF-1.4 佐证");
  const files = page.locator("input[type=file]");
  await files.setInputFiles({ name: "坏.exe", mimeType: "application/octet-stream", buffer: text });
  await page.getByText("“坏.exe”不能上传").waitFor();
  await files.setInputFiles({ name: "公布名单.pdf", mimeType: "application/pdf", buffer: text });
  await page.getByText("公布名单.pdf").waitFor();
  assert.equal(await page.getByText("坏.exe", { exact: true }).count(), 0);
  await page.getByLabel("进度").fill("65");
  await page.getByRole("button", { name: /保\s*存/ }).click();
  await page.getByText("已新建").waitFor();
  const link = page.getByRole("link", { name: "公布名单.pdf" });
  await link.waitFor();
  await page.getByText("65 %").first().waitFor();
  const stored = await page.evaluate(
    async (href) => (await fetch(href)).text(),
    await link.getAttribute("href"),
  );
  assert.equal(stored, text.toString());
  assert.deepEqual(errors, []);
  await close();
});

test("a milestone is made, and deleted after a question", async () => {
  const { page, close } = await it.enter("office");
  await page.goto(at("p/work-points/r/milestone/new"));
  await choose(page, "任务", "强化监测评价");
  await page.getByLabel("做成什么").fill("待删除的节点");
  await choose(page, "责任单位", "省数字办");
  await page.getByLabel("期限").fill("2022-12-20");
  await page.keyboard.press("Tab");
  await page.getByRole("button", { name: /保\s*存/ }).click();
  await page.getByRole("heading", { name: "待删除的节点" }).waitFor();
  await page.getByRole("button", { name: /删\s*除/ }).click();
  await page.locator(".ant-modal-confirm-title").waitFor();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /删\s*除/ })
    .click();
  await page.getByText("已删除").waitFor();
  await page.goto(at("p/work-points/v/milestones"));
  await page.getByText(/共 \d+ 条/).waitFor();
  assert.equal(await page.getByText("待删除的节点").count(), 0);
  await close();
});

test("a file is checked, its faulty rows come back, and corrected they are imported", async () => {
  const { page, errors, close } = await it.enter("office");
  await page.goto(at("p/base/v/units"));
  await page.getByRole("button", { name: "导入" }).click();
  const table = join(it.folder, "单位.csv");
  writeFileSync(table, "code,name,kind\nFJ701,甲单位,部门\nFJ702,乙单位,没有的类别\n703,丙单位,部门\n");
  const file = page.getByRole("dialog").locator("input[type=file]");
  await file.setInputFiles(table);
  await page.getByRole("button", { name: "先检查" }).click();
  await page.getByText("检查完成,尚未写入。").waitFor();
  await page.getByText(/新增 1,更新 0,有错 2/).waitFor();
  await page.waitForTimeout(300);
  await picture(page, "import");
  await accessible(page, "the result of an import");
  const faulty = (
    await downloaded(page, () => page.getByRole("link", { name: "CSV", exact: true }).click())
  ).toString("utf8");
  assert.match(faulty, /乙单位/);
  assert.doesNotMatch(faulty, /甲单位/);
  writeFileSync(table, faulty.replace("没有的类别", "部门").replace(/^"?703"?,/m, "FJ703,"));
  await page.getByRole("button", { name: "换一个文件" }).click();
  await file.setInputFiles(table);
  await page.getByRole("button", { name: "正式导入" }).click();
  await page.getByText("导入完成。").waitFor();
  await page.getByText(/新增 2,更新 0,有错 0/).waitFor();
  await page
    .getByRole("button", { name: /关\s*闭/ })
    .last()
    .click();
  await page.getByLabel("搜索").first().fill("丙单位");
  await page.keyboard.press("Enter");
  await page.getByText("共 1 条").waitFor();
  await page.getByRole("link", { name: "丙单位" }).waitFor();
  await page.getByRole("button", { name: "导入" }).click();
  await page.getByText("最近的导入").waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test("what is exported is what is listed", async () => {
  const { page, close } = await it.enter("leader");
  const conditions = encodeURIComponent(JSON.stringify(JSON.stringify([["section", "eq", "7"]])));
  await page.goto(at(`p/work-points/v/tasks?f=${conditions}`));
  await page.getByText("共 4 条").waitFor();
  await page.getByText("篇章 等于").waitFor();
  for (const [name, check] of [
    ["CSV 文件", (data) => assert.equal(data.toString("utf8").trim().split("\n").length, 5)],
    [
      "JSON Lines 文件",
      (data) => assert.equal(JSON.parse(data.toString().split("\n")[0]).fields?.clause ?? "7.1", "7.1"),
    ],
    ["Excel 文件", (data) => assert.equal(data.subarray(0, 2).toString(), "PK")],
  ]) {
    await page.getByRole("button", { name: "导出" }).click();
    check(await downloaded(page, () => page.getByText(name).click()));
  }
  await close();
});

test("filters are built, kept and found again", async () => {
  const { page, close } = await it.enter("fgw");
  await page.goto(at("p/work-points/v/tasks"));
  await page.getByRole("button", { name: /^filter 筛选$/ }).click();
  await picture(page, "filters");
  await page.keyboard.press("Escape");
  const conditions = encodeURIComponent(JSON.stringify(JSON.stringify([["state", "eq", "advancing"]])));
  await page.goto(at(`p/work-points/v/tasks?f=${conditions}`));
  await page.getByText("状态 等于 推进").waitFor();
  await page.getByRole("button", { name: "常用筛选" }).click();
  await page.getByText("保存当前筛选").click();
  await page.getByLabel("名称").fill("推进中的");
  await page.getByRole("button", { name: /^确\s*定$/ }).click();
  await page.getByText("已保存").waitFor();
  await page.goto(at("p/work-points/v/tasks"));
  await page.getByText("共 38 条").waitFor();
  await page.getByRole("button", { name: "常用筛选" }).click();
  await page.getByText("推进中的").click();
  await page.getByText("状态 等于 推进").waitFor();
  await close();
});

test("ranking leads to its records; the bulletin prints", async () => {
  const { page, close } = await it.enter("leader");
  await page.goto(at("p/work-points/v/ranking"));
  await page.getByRole("cell", { name: "省卫健委" }).waitFor();
  await accessible(page, "ranking");
  await picture(page, "ranking");
  const row = page.getByRole("row").filter({ hasText: "省卫健委" });
  const tasks = await row.getByRole("link").first().textContent();
  await row.getByRole("link").first().click();
  await page.getByText(`共 ${tasks} 条`).waitFor();
  await page.getByText("构成这个数字的记录").waitFor();
  await page.goto(at("p/work-points/v/bulletin"));
  await page.getByRole("heading", { name: /通报\(2022 年 \d+ 月\)/ }).waitFor();
  await page.getByText("黄灯与红灯任务").waitFor();
  await accessible(page, "bulletin");
  await picture(page, "bulletin");
  const pdf = await page.pdf({
    format: "A4",
    path: process.env.PICTURES && join(process.env.PICTURES, "bulletin.pdf"),
  });
  assert.ok(pdf.length > 10_000);
  await close();
});

test("who may not, is told so and offered nothing", async () => {
  const { page, close } = await it.enter("leader");
  await page.goto(at("p/work-points/v/tasks"));
  await page.getByText("共 38 条").waitFor();
  for (const name of ["新建", "导入"]) assert.equal(await page.getByRole("button", { name }).count(), 0);
  await page.goto(at("p/work-points/r/task/new"));
  await page.getByRole("heading", { name: "没有权限" }).waitFor();
  await picture(page, "refused");
  await accessible(page, "refused");
  await page.goto(at("p/work-points/r/task/00000000-0000-7000-8000-000000000000"));
  await page.getByRole("heading", { name: "没有找到" }).waitFor();
  await close();
});

test("the desk speaks English, and remembers", async () => {
  const { page, close } = await it.enter("fgw");
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("link", { name: "Work-points supervision" }).first().click();
  await page.getByRole("heading", { name: "Board" }).waitFor();
  await page.getByText("Advancing").first().waitFor();
  await accessible(page, "board in English");
  await picture(page, "english");
  await page.reload();
  await page.getByRole("heading", { name: "Board" }).waitFor();
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByRole("heading", { name: "看板" }).waitFor();
  await close();
});

test("an account shows who one is, and takes a new password", async () => {
  const { page, close } = await it.enter("szb");
  await page.goto(at("account"));
  await page.getByText("省数字办(FJ002)").waitFor();
  await page.getByText("责任单位经办").waitFor();
  await accessible(page, "account");
  await picture(page, "account");
  const fill = async (old, fresh) => {
    await page.getByLabel("原密码").fill(old);
    await page.getByLabel("新密码", { exact: true }).fill(fresh);
    await page.getByLabel("再输一次新密码").fill(fresh);
    await page.getByRole("button", { name: "修改密码" }).click();
  };
  await fill("not-the-password", "another-demo-2022");
  await page.getByText("原密码不对").waitFor();
  await fill("banyan-demo-2022", "another-demo-2022");
  await page.getByText("密码已修改").waitFor();
  await close();
  await (await it.enter("szb", { password: "another-demo-2022" })).close();
});

test("an administrator sees what is installed", async () => {
  const { page, errors, close } = await it.enter("admin");
  await page.getByRole("link", { name: "系统一览" }).click();
  await page.getByText("work-points 1.1.0").click();
  await page.getByText("报送后更新任务进度").waitFor();
  await accessible(page, "systems");
  await picture(page, "systems");
  assert.deepEqual(errors, []);
  await close();
});

test("an administrator makes, changes, rescues and disables an account", async () => {
  const { page, errors, close } = await it.enter("admin");
  await page.getByRole("link", { name: "账号管理" }).click();
  await page.getByRole("cell", { name: "fgw", exact: true }).waitFor();
  await accessible(page, "accounts");
  await picture(page, "accounts");
  await page.getByRole("button", { name: "新建账号" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("登录名").fill("new.clerk");
  await dialog.getByLabel("姓名").fill("新来的");
  await dialog.getByLabel("初始密码").fill("short");
  await dialog.getByRole("button", { name: /保\s*存/ }).click();
  await dialog.getByText("密码至少十个字符").waitFor();
  await dialog.getByLabel("初始密码").fill("a-long-enough-secret");
  await dialog.getByRole("button", { name: /保\s*存/ }).click();
  await page.getByRole("cell", { name: "new.clerk", exact: true }).waitFor();
  await page.getByPlaceholder("登录名、姓名或单位代码").fill("新来");
  await page.getByRole("cell", { name: "fgw", exact: true }).waitFor({ state: "hidden" });
  await page.getByRole("button", { name: /修\s*改/ }).click();
  await dialog.getByLabel("姓名").fill("新来的人");
  await dialog.getByRole("button", { name: /保\s*存/ }).click();
  await page.getByRole("cell", { name: "新来的人", exact: true }).waitFor();
  await page.getByRole("button", { name: "重置密码" }).click();
  await dialog.getByLabel("新密码").fill("another-long-secret");
  await dialog.getByRole("button", { name: "重置密码" }).click();
  await page.getByText("的密码已重置").waitFor();
  await page.getByRole("button", { name: /停\s*用/ }).click();
  await dialog
    .getByRole("button", { name: /停\s*用/ })
    .last()
    .click();
  await page.getByText("已停用", { exact: true }).waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test("every view is clean at both widths", async () => {
  for (const size of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    const { page, errors, close } = await it.enter("fgw", { size });
    for (const path of [
      "",
      ...["board", "mine", "tasks", "targets", "warning", "reports", "milestones", "ranking", "notices"].map(
        (view) => `p/work-points/v/${view}`,
      ),
      "p/base/v/regions",
      "p/work-points/r/report/new",
      "packages",
    ]) {
      await page.goto(at(path));
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("networkidle");
      await accessible(page, `/${path} at ${size.width}`);
    }
    assert.deepEqual(errors, []);
    await close();
  }
});

test("the portal needs no scripts and speaks the reader's language", async () => {
  for (const [locale, heading, system, button] of [
    ["zh-CN", "榕", "工作要点督办", "进入工作台"],
    ["en-GB", "Banyan", "Work-points supervision", "Enter the desk"],
  ]) {
    const context = await it.browser.newContext({ locale, viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    await page.goto(it.base);
    await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    await page.getByRole("heading", { name: system }).waitFor();
    await page.getByRole("link", { name: button }).waitFor();
    assert.equal(await page.locator("script").count(), 0);
    await picture(page, `portal-${locale}`);
    await accessible(page, `the portal in ${locale}`);
    await context.close();
  }
});
