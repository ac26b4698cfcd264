/**
 * Who saw my data, in a real browser: a person looks, objects and reads the answer in the portal, without scripts; the unit in
 * charge answers in the desk. Run by the integration tests, whose server it gets: BASE CITIZEN-TOKEN OFFICER-TOKEN.
 */

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { accessible, picture } from "./stand.mjs";

const [base, citizen, officer] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});

async function enter(token, { scripts = true, width = 1280, height = 800 } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
    javaScriptEnabled: scripts,
    acceptDownloads: true,
  });
  if (token) await context.addCookies([{ name: "banyan_session", value: token, url: base }]);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return page;
}

try {
  // Nobody's: where to sign in.
  const stranger = await enter("");
  await stranger.goto(`${base}/my/access`);
  await stranger.getByText("请先登录").waitFor();
  await stranger.getByRole("link", { name: "去登录" }).waitFor();

  // With scripts, so that the page can be examined: both widths.
  for (const [name, width, height] of [
    ["wide", 1280, 800],
    ["phone", 390, 844],
  ]) {
    const page = await enter(citizen, { width, height });
    await page.goto(`${base}/my/access`);
    await page.getByRole("heading", { name: "谁看过我的信息" }).waitFor();
    await page.getByText("《传染病防治法》第十二条").first().waitFor();
    await picture(page, `my-access-${name}`);
    await accessible(page, `my access, ${name}`);
    await page.getByRole("link", { name: "不对劲?提出异议" }).first().click();
    await page.getByLabel("您觉得哪里不对?").waitFor();
    await picture(page, `my-access-object-${name}`);
    await accessible(page, `an objection's form, ${name}`);
    await page.context().close();
  }

  // Without scripts: filter, take along, object.
  const mine = await enter(citizen, { scripts: false, width: 390, height: 844 });
  await mine.goto(`${base}/my/access`);
  const articles = await mine.locator("article").count();
  assert.ok(articles >= 3, `${articles} entries`);
  await mine.getByText("按时间、单位、目的筛选").click();
  await mine.getByLabel("单位").selectOption({ label: "市疾控中心" });
  await mine.getByRole("button", { name: "筛选" }).click();
  await mine.waitForURL(/unit=FJ011/);
  const chosen = await mine.locator("article").count();
  assert.ok(chosen > 0 && chosen < articles, `${chosen} of ${articles}`);
  const waiting = mine.waitForEvent("download");
  await mine.getByRole("link", { name: "下载为表格" }).click();
  assert.equal((await waiting).suggestedFilename(), "access-log.csv");
  await mine.getByRole("link", { name: "不对劲?提出异议" }).first().click();
  await mine.getByLabel("您觉得哪里不对?").fill("我从未在这个单位<b>办过事</b>。\n请查明。");
  await mine.getByRole("button", { name: "提交异议" }).click();
  await mine.waitForURL(/\/my\/objections$/);
  await mine.getByText("我从未在这个单位<b>办过事</b>。").waitFor();
  await mine.getByText("待答复").waitFor();

  // The unit in charge answers.
  const desk = await enter(officer);
  await desk.goto(`${base}/desk/objections`);
  await desk.getByRole("heading", { name: "异议答复" }).waitFor();
  await desk.getByText("请查明。").waitFor();
  await picture(desk, "objections-desk");
  await accessible(desk, "the desk's objections");
  await desk.getByRole("button", { name: /^答\s*复$/ }).click();
  await desk.getByRole("button", { name: "提交答复" }).click();
  await desk.getByText("必填").first().waitFor();
  await desk.getByLabel("结论").click();
  await desk.locator(".ant-select-item-option").filter({ hasText: "异议成立" }).click();
  await desk.getByLabel("给当事人的答复").fill("经查,查看没有必要,已收回权限。");
  await desk.getByRole("button", { name: "提交答复" }).click();
  await desk.getByText("没有异议").waitFor();

  // And the person reads it.
  await mine.reload();
  await mine.getByText("经查,查看没有必要,已收回权限。").waitFor();
  await mine.getByText("异议成立").waitFor();
  await picture(mine, "my-objections-phone");
} finally {
  await browser.close();
}
