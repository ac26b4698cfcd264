/** Posts and stand-ins of colleagues; citizens, who they are and whom they act for: through the desk's own pages. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, picture, stand } from "./stand.mjs";

let it;
before(async () => {
  it = await stand();
});
after(() => it?.stop());

const PHONE = { width: 390, height: 844 };
const at = (place) => `${it.base}/desk/${place}`;

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

/** Answers the question that a button asks. */
async function confirmed(page, name) {
  await page.locator(".ant-popconfirm").getByRole("button", { name }).click();
}

test("a post is made, lent, acted in and taken back", async () => {
  const chief = await it.enter("admin");
  await chief.page.getByRole("link", { name: "账号管理" }).click();
  const row = chief.page.getByRole("row", { name: /fgw/ });
  await row.getByRole("button", { name: /岗\s*位/ }).click();
  const dialog = chief.page.getByRole("dialog");
  await dialog.getByRole("button", { name: /设\s*岗/ }).click();
  await dialog.getByLabel("岗位名称").fill("数字经济处处长");
  await dialog.getByLabel("单位").click();
  await dialog.getByLabel("单位").fill("省发改委");
  await chief.page.getByTitle(/省发改委.*FJ001/).click();
  await dialog.getByLabel("角色").click();
  await chief.page.getByTitle(/责任单位经办/).click();
  await look(chief.page, "post-edit");
  await dialog.getByRole("button", { name: /保\s*存/ }).click();
  await dialog.getByText("数字经济处处长").waitFor();
  await look(chief.page, "posts");
  await chief.close();

  const holder = await it.enter("fgw");
  await holder.page.getByRole("button", { name: "省发改委经办" }).click();
  await holder.page.getByRole("link", { name: "我的岗位与代办" }).click();
  await holder.page.getByText("数字经济处处长").first().waitFor();
  await holder.page.getByLabel("代办人的登录名").fill("nobody");
  await holder.page.getByLabel("事由").fill("出差");
  await holder.page.getByRole("button", { name: "交人代办" }).click();
  await holder.page.getByText("没有可以代办的这个账号").waitFor();
  await holder.page.getByLabel("代办人的登录名").fill("wjw");
  await holder.page.getByRole("button", { name: "交人代办" }).click();
  await holder.page.getByText("省发改委经办 → 省卫健委经办").waitFor();
  await look(holder.page, "duties");

  const helper = await it.enter("wjw");
  await helper.page.goto(at("duties"));
  const lent = helper.page.locator(".row-item", { hasText: "替省发改委经办" });
  await lent.getByRole("button", { name: "以此办事" }).click();
  await helper.page.getByText("替省发改委经办 · 数字经济处处长").waitFor();
  await look(helper.page, "duties-standing-in");
  await helper.page.goto(at("account"));
  await helper.page.getByText("(FJ001)").waitFor();

  await holder.page.getByRole("button", { name: /撤\s*销/ }).click();
  await confirmed(holder.page, /撤\s*销/);
  await holder.page.locator(".ant-tag", { hasText: "已撤销" }).waitFor();
  // In mid-session: the helper may only choose anew.
  await helper.page.goto(at("duties"));
  await helper.page.getByText("替省发改委经办").waitFor({ state: "hidden" });
  assert.deepEqual([...holder.errors, ...helper.errors], []);
  await holder.close();
  await helper.close();
});

/** Signs up as a member of the public. */
async function join(login, name, number) {
  const context = await it.browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(at(""));
  await page.getByRole("button", { name: "公众注册" }).click();
  await page.getByLabel("姓名").fill(name);
  await page.getByLabel("公民身份号码").fill(`${number.slice(0, 17)}0`);
  await page.getByLabel("登录名").fill(login);
  await page.getByLabel("密码").fill("a-long-enough-secret");
  await page.getByRole("button", { name: "注册并登录" }).click();
  await page.getByText("校验位不符").waitFor();
  if (login === "fang") await look(page, "sign-up");
  await page.getByLabel("公民身份号码").fill(number);
  await page.getByRole("button", { name: "注册并登录" }).click();
  await page.getByRole("heading", { name: "我的身份与授权" }).waitFor();
  await page.getByText("L1 自己填报,未核实").waitFor();
  return { page, errors };
}

test("citizens are proved to be who they are, and one acts for the other", async () => {
  const [FANG, LIN] = ["350102198001010011", "35010219800101002X"];
  const fang = await join("fang", "方明", FANG);
  const lin = await join("lin", "林芳", LIN);
  const chief = await it.enter("admin");
  await chief.page.goto(at("accounts"));
  for (const [login, name, number] of [
    ["fang", "方明", FANG],
    ["lin", "林芳", LIN],
  ]) {
    const row = chief.page.getByRole("row", { name: new RegExp(`^${login} `) });
    await row.getByRole("button", { name: "当面核实" }).click();
    const dialog = chief.page.getByRole("dialog");
    await dialog.getByLabel("姓名").fill(name);
    await dialog.getByLabel("公民身份号码").fill(number);
    await dialog.getByLabel("查验了什么").fill("查验身份证原件");
    if (login === "fang") await look(chief.page, "confirm");
    await dialog.getByRole("button", { name: "当面核实" }).click();
    await dialog.waitFor({ state: "hidden" });
  }
  await chief.close();

  await fang.page.reload();
  await fang.page.getByText("L3 当面已核实").waitFor();
  assert.ok(!(await fang.page.content()).includes(FANG), "the number is shown in full");
  await fang.page.getByLabel("对方姓名或名称").fill("林芳");
  await fang.page.getByLabel("对方的身份号码或信用代码").fill(LIN);
  await fang.page.getByLabel("哪些事项").fill("work-points");
  await fang.page.getByLabel("哪些事项").press("Enter");
  await fang.page.getByLabel("事由").fill("行动不便");
  await fang.page.getByRole("button", { name: "提出授权" }).click();
  await fang.page.getByText("等待对方同意").waitFor();
  await look(fang.page, "identity");

  await lin.page.reload();
  await lin.page.getByText("等您同意").waitFor();
  await lin.page.getByRole("button", { name: /同\s*意/ }).click();
  await lin.page.getByRole("button", { name: "代其办事" }).click();
  await lin.page.getByText("正在代“方明”办事").first().waitFor();
  await look(lin.page, "identity-acting");

  await fang.page.reload();
  await fang.page.getByRole("button", { name: /撤\s*销/ }).click();
  await confirmed(fang.page, /撤\s*销/);
  await fang.page.locator(".light", { hasText: "已撤销" }).waitFor();
  await lin.page.reload();
  await lin.page.locator(".light", { hasText: "已撤销" }).waitFor();
  assert.equal(await lin.page.getByText("正在代“方明”办事").count(), 0);
  assert.deepEqual([...fang.errors, ...lin.errors], []);
});
