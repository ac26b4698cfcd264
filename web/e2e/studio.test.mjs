/** A process with a gateway and a form is drawn, reviewed by a second person, and run to its end by two people in two sessions. */

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

/** Lets somebody design, beside what he may already. */
async function designs(chief, login) {
  const told = await chief.page.evaluate(async (who) => {
    const { items } = await (await fetch("/v1/accounts?limit=200")).json();
    const one = items.find((account) => account.login === who);
    const answer = await fetch(`/v1/accounts/${one.id}`, {
      method: "PATCH",
      headers: { "content-type": "application/json", "x-banyan": "1", "if-match": `"${one.version}"` },
      body: JSON.stringify({ roles: [...one.roles, "designer"] }),
    });
    return [answer.status, await answer.text()];
  }, login);
  assert.equal(told[0], 200, told[1]);
}

const shape = (page, id) => page.locator(`.djs-element[data-element-id="${id}"]`).first();
const button = (page, name) => page.getByRole("button", { name });

/** Says something of the element that is chosen. */
async function say(page, label, text) {
  const field = page.locator(".properties").getByLabel(label, { exact: true });
  await field.fill(text);
  await field.blur();
}

async function roles(page, name) {
  const field = page.locator(".properties").getByLabel("角色", { exact: true });
  await field.click();
  await field.fill(name);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
}

/** A form of its template, a field more, and a rule that only the server knows: whoever refuses says why. */
async function drawForm(page) {
  await button(page, "新建文件").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("表单", { exact: true }).click();
  await dialog.getByLabel("文件名").fill("seal_check");
  await dialog.getByLabel("名称", { exact: true }).fill("用印审核意见");
  await button(dialog, /新\s*建/).click();
  const editor = page.locator(".form-editor");
  const field = (type) => editor.locator(`.fjs-element[data-field-type="${type}"]`);
  const panel = editor.locator(".fjs-properties-container");
  const opened = async (name) => {
    const group = panel.locator(".bio-properties-panel-group").filter({ hasText: name });
    const header = group.locator(".bio-properties-panel-group-header").first();
    if (!/\bopen\b/.test((await header.getAttribute("class")) ?? "")) await header.click();
    return group;
  };
  const put = async (place, text) => {
    await place.fill(text);
    await place.blur();
  };
  await field("textarea").waitFor();
  await editor.locator('.fjs-palette-field[data-field-type="number"]').press("Enter");
  await field("number").click();
  const general = await opened("基本");
  await put(general.getByLabel("字段名称"), "用印份数");
  await put(general.getByLabel("键(变量名)"), "copies");
  await put((await opened("校验")).getByLabel("最小值"), "1");
  await field("textarea").click();
  const own = await opened("自定义属性");
  await own.locator(".bio-properties-panel-add-entry").click();
  await put(own.locator('[data-entry-id="property-0-key"] input'), "required_when");
  await put(own.locator('[data-entry-id="property-0-value"] input'), '= conclusion = "refuse"');
  await page.getByText("没有发现问题").waitFor();
  await page.getByText(/\d\d:\d\d 已保存/).waitFor();
  await look(page, "studio-form");

  // Tried with the server: refused at its field, then kept.
  await button(page, "试运行").click();
  const drawer = page.locator(".ant-drawer-body");
  await drawer.getByLabel("不同意").check();
  await button(drawer, "由服务器校验").click();
  await drawer.getByText("有 1 处需要改正").waitFor();
  assert.match(await faultAt(drawer, "textarea"), /必填/);
  await drawer.getByLabel("意见").fill("没有用印依据");
  await button(drawer, "由服务器校验").click();
  await drawer.getByText("校验通过").waitFor();
  await look(page, "studio-form-trial");
  await page.locator(".ant-drawer-close").click();
}

/** What a field of a form that is filled in says of its fault. */
const faultAt = (place, type) =>
  place.locator(`.fjs-form-field-${type} .fjs-form-field-error`).first().innerText();

test("drawn by one, published by another, run to the end by two", async () => {
  const chief = await it.enter("admin");
  await designs(chief, "fgw");
  await designs(chief, "office");
  await chief.close();

  // One draws.
  const one = await it.enter("fgw", { size: { width: 1440, height: 900 } });
  const { page } = one;
  await page.goto(at("studio"));
  await page.getByText("没有草稿").first().waitFor();
  await look(page, "studio-empty");
  await button(page, "新建草稿").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("系统").click();
  await page.locator(".ant-select-item-option").filter({ hasText: "工作要点督办" }).click();
  await dialog.getByLabel("这次要改什么").fill("加一个用印流程");
  await button(dialog, "开始起草").click();
  // What is in force is there to be changed.
  await page.locator(".files").getByRole("button", { name: "supervision", exact: true }).waitFor();
  await drawForm(page);

  await button(page, "新建文件").click();
  await page.getByRole("dialog").getByLabel("文件名").fill("Seal Use");
  await page.getByRole("dialog").getByLabel("名称").fill("用印申请");
  await button(page.getByRole("dialog"), /新\s*建/).click();
  await page.getByText("文件名以小写字母开头").waitFor();
  await page.getByRole("dialog").getByLabel("文件名").fill("seal_use");
  await button(page.getByRole("dialog"), /新\s*建/).click();
  await shape(page, "work").waitFor();

  // What is missing is told at its place and in words.
  await page.locator(".badge-error").first().waitFor();
  await look(page, "studio-findings");
  await page.locator(".findings").getByRole("button").first().click();
  await say(page, "名称", "填写用印申请");
  await roles(page, "unit");

  // A gateway behind it: to the end, or first to the office.
  await shape(page, "end").click();
  await page.keyboard.press("Delete");
  await shape(page, "work").click();
  await page.locator('.djs-context-pad .entry[data-action="append.gateway"]').click();
  await page.locator('.djs-context-pad .entry[data-action="append.append-task"]').click();
  await page.keyboard.press("Escape");
  await page.locator('.djs-context-pad .entry[data-action="replace"]').click();
  await page.locator('.djs-popup .entry[data-id="replace-with-user-task"]').click();
  await say(page, "名称", "办公厅审核");
  await say(page, "标识", "review");
  await roles(page, "office");
  await page.locator(".properties").getByLabel("表单", { exact: true }).fill("seal");
  await page.locator(".ant-select-item-option").filter({ hasText: "seal_check" }).click();
  await page.locator('.djs-context-pad .entry[data-action="append.end-event"]').click();
  await say(page, "名称", "办结");
  await say(page, "标识", "done");
  const gateway = page.locator('.djs-element[data-element-id^="Gateway_"]').first();
  await gateway.click();
  await say(page, "名称", "要审核吗");
  await say(page, "标识", "which");
  await page.locator('.djs-context-pad .entry[data-action="append.end-event"]').click();
  await say(page, "名称", "不用审核");
  await say(page, "标识", "direct");
  await chooseFlow(page, "which", "review");
  await say(page, "条件", "pages > 3");
  await chooseFlow(page, "which", "direct");
  await page.locator(".properties").getByText("其他条件都不成立时走这里").click();
  // Who may start it is said of the process.
  const canvas = page.locator(".djs-container").first();
  const { width } = await canvas.boundingBox();
  await canvas.click({ position: { x: width - 40, y: 40 } });
  const starters = page.locator(".properties").getByLabel("谁可以发起");
  await starters.click();
  await starters.fill("unit");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.getByText("没有发现问题").waitFor();
  await page.getByText(/\d\d:\d\d 已保存/).waitFor();
  assert.equal(await page.locator(".bjs-powered-by").isVisible(), true, "bpmn.io's mark must stay visible");
  await look(page, "studio-drawn");

  // It is tried: a token with data, and many at random.
  await button(page, "试运行").click();
  await page.getByLabel("变量(JSON)").fill('{ "pages": 5 }');
  await button(page, "走一遍").click();
  await page.getByText("停在“填写用印申请”").waitFor();
  await button(page, /作\s*答/).click();
  const answer = page.locator(".answer").filter({ hasText: "停在“办公厅审核”" });
  await answer.getByLabel("同意", { exact: true }).check();
  await picture(page, "studio-trial");
  await button(page, /作\s*答/).click();
  await page.getByText("已走到终点").waitFor();
  await page.getByRole("tab", { name: "模拟" }).click();
  await button(page, /^模\s*拟$/).click();
  await page.getByText("每个环节都走得到").waitFor();
  await picture(page, "studio-simulated");
  await page.locator(".ant-drawer-close").click();

  await button(page, "提交审核").click();
  await page.getByRole("dialog").getByLabel("说明").fill("用印须有据可查");
  await button(page.getByRole("dialog"), "提交审核").click();
  await page.getByText("须由另一人审核").waitFor();
  assert.equal(await button(page, "审核通过并发布").count(), 0);
  const address = page.url();

  // Another looks, sends it back once, and publishes it.
  const two = await it.enter("office");
  await two.page.goto(address);
  await two.page.getByText("用印须有据可查").waitFor();
  await shape(two.page, "review").waitFor();
  await two.page.getByText("没有发现问题").waitFor();
  await look(two.page, "studio-review");
  await button(two.page, /^退\s*回$/).click();
  await two.page.getByRole("dialog").getByLabel("审核意见").fill("写明不用审核的情形");
  await button(two.page.getByRole("dialog"), /^退\s*回$/).click();
  await two.page.waitForURL(/studio$/);

  await page.goto(at("studio"));
  await page.getByRole("link", { name: "加一个用印流程" }).click();
  await page.getByText("写明不用审核的情形").waitFor();
  await shape(page, "direct").click();
  await say(page, "名称", "三页以内不用审核");
  await page.getByText(/\d\d:\d\d 已保存/).waitFor();
  await button(page, "提交审核").click();
  await page.getByRole("dialog").getByLabel("说明").fill("已写明");
  await button(page.getByRole("dialog"), "提交审核").click();
  await page.getByText("须由另一人审核").waitFor();

  await two.page.goto(address);
  await two.page.getByText("已写明").waitFor();
  await button(two.page, "审核通过并发布").click();
  await two.page.getByRole("dialog").getByLabel("审核意见").fill("同意");
  await button(two.page.getByRole("dialog"), "审核通过并发布").click();
  await two.page.getByText("已发布").first().waitFor();
  assert.deepEqual(one.errors.concat(two.errors), []);
  await one.close();
  await two.close();

  // A clerk starts it and fills it in; the office ends it, each in a session of his own.
  const clerk = await it.enter("fgw");
  await clerk.page.goto(at("processes"));
  await clerk.page.getByRole("link", { name: "用印申请" }).click();
  await button(clerk.page, /^发\s*起$/).click();
  await clerk.page.getByRole("dialog").getByLabel("业务编号").fill("YY-2022-001");
  await clerk.page.getByRole("dialog").getByLabel("变量(JSON)").fill('{ "pages": 5 }');
  await button(clerk.page.getByRole("dialog"), /^发\s*起$/).click();
  await clerk.page.getByRole("heading", { name: "YY-2022-001" }).waitFor();
  await clerk.page.locator(".badge-token").first().waitFor();
  await look(clerk.page, "instance");
  await clerk.page.goto(at("inbox?scope=group"));
  await clerk.page.getByRole("link", { name: "填写用印申请" }).click();
  await button(clerk.page, /^领\s*取$/).click();
  await button(clerk.page, /^办\s*结$/).click();
  await clerk.page.getByText("已办结").waitFor();

  const office = await it.enter("office");
  await office.page.getByRole("link", { name: /待办/ }).click();
  await office.page.getByText(/^可领取 [1-9]/).click();
  await office.page.getByLabel("搜索待办").fill("办公厅审核");
  await office.page.keyboard.press("Enter");
  await office.page.waitForURL(/q=/);
  await office.page.getByLabel("搜索待办").blur();
  await office.page.getByRole("link", { name: "办公厅审核" }).waitFor();
  await look(office.page, "inbox");
  // By keyboard alone: claimed, opened.
  await office.page.keyboard.press("c");
  await office.page.getByText("已领取").waitFor();
  await office.page.goto(at("inbox"));
  await office.page.getByRole("link", { name: "办公厅审核" }).waitFor();
  await office.page.keyboard.press("Enter");
  await office.page.getByRole("heading", { name: "办公厅审核" }).waitFor();
  await shape(office.page, "review").waitFor();

  // What is filled in stays, though nobody sent it.
  await office.page.getByLabel("不同意").check();
  await office.page.getByLabel("用印份数").fill("2");
  await office.page.getByText(/草稿已于 .* 保存/).waitFor();
  await office.page.reload();
  await office.page.getByText("已恢复您上次没有提交的内容").waitFor();
  assert.equal(await office.page.getByLabel("不同意").isChecked(), true);
  assert.equal(await office.page.getByLabel("用印份数").inputValue(), "2");
  await look(office.page, "task");

  // The browser lets it go, the server does not: it is told at the field.
  const refused = office.page.waitForResponse((answer) => answer.url().endsWith("/complete"));
  await button(office.page, /^办\s*结$/).click();
  assert.equal((await refused).status(), 422);
  await office.page.getByText("有 1 处需要改正").waitFor();
  assert.match(await faultAt(office.page, "textarea"), /必填/);
  await look(office.page, "task-refused");
  await office.page.getByLabel("意见").fill("超过三页,须附用印依据");
  // The icon of the first sending may still be on its way out, with its name.
  await button(office.page, /办\s*结$/).click();
  await office.page.getByText("已办结").waitFor();

  await clerk.page.goto(at("processes?tab=instances"));
  await clerk.page.getByRole("link", { name: "YY-2022-001" }).click();
  await clerk.page.locator(".ant-tag").filter({ hasText: "已办完" }).waitFor();
  // What was filled in is the case's.
  await clerk.page.getByText("超过三页,须附用印依据").first().waitFor();
  // What comes later moves what is below it.
  await shape(clerk.page, "review").waitFor();
  await clerk.page.getByRole("tab", { name: "经过" }).click();
  await clerk.page.getByRole("button", { name: /办完 办公厅审核/ }).click();
  await clerk.page.getByText(/时的样子/).waitFor();
  await look(clerk.page, "instance-past");
  assert.deepEqual(clerk.errors.concat(office.errors), []);
  await clerk.close();
  await office.close();
});

/** Chooses the flow between two elements, by what the drawing says of it. */
async function chooseFlow(page, from, to) {
  const ends = async (id) =>
    (await page.locator(`.djs-element[data-element-id="${id}"]`).first().boundingBox()) ?? {};
  const [a, b] = [await ends(from), await ends(to)];
  // Flows leave the gateway on its right or below it: a little before the target it is surely the flow.
  const target = { x: b.x - 6, y: b.y + b.height / 2 };
  assert.ok(a.x < b.x, "the target stands to the right");
  await page.mouse.click(target.x, target.y);
}
