// The walk that takes the README's pictures: a server of its own in the plan's year with its
// demonstration, and pages as they are. Started by pictures.sh: node scripts/pictures.mjs BINARY FOLDER

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [binary, target] = process.argv.slice(2).map((path) => resolve(path));
const root = resolve(import.meta.dirname, "..");
const { chromium } = createRequire(join(root, "web/package.json"))("playwright-core");
const PASSWORD = "banyan-demo-2022";

const folder = mkdtempSync(join(tmpdir(), "banyan-pictures-"));
writeFileSync(
  join(folder, "banyan.toml"),
  `[server]\nlisten = "127.0.0.1:0"\n[store]\nfolder = ${JSON.stringify(join(folder, "data"))}\n`,
);
const server = spawn(
  binary,
  ["--config", join(folder, "banyan.toml"), "serve", "--demo", "--year", "2022"].concat([
    "--apply",
    "apps/0-base",
    "--apply",
    "apps/1.0-work-points",
    "--apply",
    "apps/1.1-petitions",
  ]),
  { cwd: root, stdio: ["ignore", "pipe", "ignore"] },
);
const base = await new Promise((found, failed) => {
  let text = "";
  server.stdout.on("data", (data) => {
    text += data;
    const match = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
    if (match) found(match[0]);
  });
  server.on("exit", (code) => failed(new Error(`the server ended with ${code}: ${text}`)));
});

async function signIn(login) {
  const answer = await fetch(`${base}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login, password: PASSWORD }),
  });
  const cookie = answer.headers.get("set-cookie")?.split(";")[0];
  return async (method, path, body) => {
    const reply = await fetch(`${base}/v1/records/work-points/${path}`, {
      method,
      headers: { cookie, "x-banyan": "1", "if-match": "*", "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const answered = await reply.json();
    if (!reply.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answered)}`);
    return answered;
  };
}

const unit = await signIn("fgw");
const { items: tasks } = await unit("GET", "task?filter=lead='FJ001'&sortby=clause&limit=20");
const of = (clause) => tasks.find((task) => task.fields.clause === clause);
// One that waits to be signed for, and one that the demonstration has moved on.
const [waiting, moving] = [of("1.1.1"), of("2.2")];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});

async function open(size) {
  const context = await browser.newContext({ viewport: size, locale: "zh-CN", timezoneId: "Asia/Shanghai" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return page;
}

async function enter(login, size) {
  const page = await open(size);
  await page.goto(`${base}/desk/`);
  await page.getByLabel("登录名").fill(login);
  await page.getByLabel("密码").fill(PASSWORD);
  await page.getByRole("button", { name: /登\s*录/ }).click();
  await page.getByRole("heading", { name: /您好/ }).waitFor();
  return page;
}

/** Goes to a page of the desk, waits until some text stands there, and takes it. */
async function take(page, name, path, text) {
  if (path) await page.goto(`${base}${path}`);
  if (text) await page.getByText(text).first().waitFor();
  await page.waitForTimeout(900);
  await page.screenshot({ path: join(target, `${name}.png`) });
}

try {
  const size = { width: 1280, height: 800 };
  const page = await enter("fgw", size);
  const views = "/desk/p/work-points/v";
  await take(page, "board", `${views}/board`, waiting.fields.title);
  await take(page, "list", `${views}/tasks`, "共 38 条");
  await take(page, "ranking", `${views}/ranking`, "省发改委");
  await take(page, "bulletin", `${views}/bulletin`, "任务总数");
  const task = `/desk/p/work-points/r/task/${moving.id}`;
  await take(page, "detail", task, moving.fields.title);
  await page.getByRole("tab", { name: "历史" }).click();
  await take(page, "history", "", "查看当时的内容");
  await page.goto(`${base}/desk/p/work-points/r/task/${waiting.id}`);
  await page.getByRole("button", { name: /签\s*收/ }).click();
  await page.getByRole("button", { name: /确\s*定/ }).click();
  await take(page, "sign", "", "必填");
  const registrar = await enter("xfdj", size);
  await take(registrar, "purpose", "/desk/p/petitions/v/petitions", "以此用途进入");
  await registrar.getByRole("button", { name: "以此用途进入:登记转送" }).click();
  await take(registrar, "masked", "", "共 16 条");
  const phone = await enter("fgw", { width: 390, height: 844 });
  await take(phone, "phone", `${views}/board`, waiting.fields.title);
} finally {
  await browser.close();
  server.removeAllListeners("exit");
  server.kill("SIGTERM");
  await new Promise((ended) => server.on("exit", ended));
  rmSync(folder, { recursive: true, force: true });
}
