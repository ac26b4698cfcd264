/**
 * Acts of two persons, emergency access and simulation in a real browser. Run by the integration tests, whose server it gets:
 * BASE and the session tokens of a nurse, another nurse, somebody on duty, a supervisor and an administrator.
 */

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { accessible, picture } from "./stand.mjs";

const [base, asker, second, duty, chief, admin] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});

async function enter(token, path, [width, height] = [1280, 800]) {
  const context = await browser.newContext({
    viewport: { width, height },
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
  });
  await context.addCookies([{ name: "banyan_session", value: token, url: base }]);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(`${base}/desk/${path}`);
  return page;
}

const SIZES = [
  ["wide", [1280, 800]],
  ["phone", [390, 844]],
];

async function pick(page, label, text) {
  await page.getByLabel(label, { exact: true }).click();
  await page.locator(".ant-select-item-option:visible").filter({ hasText: text }).first().click();
}

try {
  // The second person sees all of it, and decides.
  for (const [name, size] of SIZES) {
    const page = await enter(second, "approvals", size);
    await page.getByRole("heading", { name: "两人办理" }).waitFor();
    await page.getByText("销毁病历须两人办理").waitFor();
    await page.getByRole("button", { name: "查看全部内容" }).click();
    await page.getByText(/DELETE \/v1\/records\/clinic\/patient\//).waitFor();
    await picture(page, `approvals-${name}`);
    await accessible(page, `approvals, ${name}`);
    if (name === "phone") {
      await page.getByRole("button", { name: /^批\s*准$/ }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: /^批\s*准$/ }).click();
      await dialog.getByText("必填").waitFor();
      await dialog.getByLabel("理由").fill("核对过病历");
      await picture(page, "approval-decision-phone");
      await dialog.getByRole("button", { name: /^批\s*准$/ }).click();
      await page.getByText("没有申请").waitFor();
    }
    await page.context().close();
  }
  // Whoever asked does it, once.
  const own = await enter(asker, "approvals");
  await own.getByText("我的申请").click();
  await own.getByText("已批准,待办理").waitFor();
  await own.getByRole("button", { name: "查看全部内容" }).click();
  await own.getByRole("button", { name: "现在办理" }).click();
  await own.locator(".ant-tag").filter({ hasText: "已办理" }).waitFor();
  assert.equal(await own.getByRole("button", { name: "现在办理" }).count(), 0);

  // Somebody on duty opens a system's personal data, and looks.
  const help = await enter(duty, "emergencies");
  await help.getByRole("button", { name: "打开应急访问" }).click();
  const dialog = help.getByRole("dialog");
  await pick(help, "系统", "门诊");
  await dialog.getByLabel("发生了什么,为什么等不及").fill("夜间火灾,须核对住院人员");
  await picture(help, "emergency-open-wide");
  await accessible(help, "opening emergency access");
  await dialog.getByRole("button", { name: "打开应急访问" }).click();
  await help.getByText("进行中").waitFor();
  await help.getByRole("button", { name: "去查看" }).click();
  await help.waitForURL(/\/p\/clinic/);
  await help.goto(`${base}/desk/p/clinic/r/patient`);
  await help.getByText("用途:应急访问").waitFor();
  await help.getByText("13800138000").first().waitFor();
  await picture(help, "emergency-look-wide");
  await help.goto(`${base}/desk/emergencies`);
  await help.locator("label").filter({ hasText: "我的" }).click();
  await help.getByRole("button", { name: /^关\s*闭$/ }).click();
  await help.locator(".ant-tag").filter({ hasText: "待复核" }).waitFor();

  // Somebody else judges it.
  for (const [name, size] of SIZES) {
    const page = await enter(chief, "emergencies", size);
    await page.getByText("夜间火灾,须核对住院人员").waitFor();
    await page.getByText(/clinic\.patient:\d+ 次,2 人/).waitFor();
    await picture(page, `emergencies-${name}`);
    await accessible(page, `emergencies, ${name}`);
    if (name === "phone") {
      await page.getByRole("button", { name: /^复\s*核$/ }).click();
      const judging = page.getByRole("dialog");
      await pick(page, "结论", "正当");
      await judging.getByLabel("复核意见").fill("查过值班记录,确有火情。");
      await judging.getByRole("button", { name: /^复\s*核$/ }).click();
      await page.getByText("没有应急访问").waitFor();
    }
    await page.context().close();
  }

  // What could a nurse see?
  for (const [name, size] of SIZES) {
    const page = await enter(admin, "simulate", size);
    await page.getByRole("heading", { name: "权限模拟" }).waitFor();
    await pick(page, "系统", "门诊");
    await pick(page, "角色", "病区");
    await page.keyboard.press("Escape");
    await pick(page, "用途", "诊疗");
    await page.getByRole("button", { name: /^模\s*拟$/ }).click();
    await page.getByText("病区等于“east”").first().waitFor();
    await page.getByText("须经另一人同意:销毁病历须两人办理").first().waitFor();
    await page.getByText("看得到的字段").click();
    await page.getByText("打码").first().waitFor();
    await picture(page, `simulate-${name}`);
    await accessible(page, `simulation, ${name}`);
    await page.context().close();
  }
} finally {
  await browser.close();
}
