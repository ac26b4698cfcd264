/** What the walks stand on: a server of its own in the plan's year with its demonstration, and a browser. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const root = resolve(import.meta.dirname, "../..");
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const PASSWORD = "banyan-demo-2022";
/** Screenshots go here where asked for. */
const pictures = process.env.PICTURES;

/** Starts both; `stop` ends them and removes every trace. */
export async function stand({ apply = ["apps/1.0-work-points", "apps/1.1-petitions"] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "banyan-e2e-"));
  const settings = `[server]\nlisten = "127.0.0.1:0"\n[store]\nfolder = ${JSON.stringify(join(folder, "data"))}\n`;
  writeFileSync(join(folder, "banyan.toml"), settings);
  const args = ["--config", join(folder, "banyan.toml"), "serve", "--demo", "--year", "2022"];
  const server = spawn(
    process.env.BANYAN ?? "banyan",
    [...args, ...["apps/0-base", ...apply].flatMap((folder) => ["--apply", folder])],
    // The access log would drown the results.
    { cwd: root, stdio: ["ignore", "pipe", process.env.SERVER_LOG ? "inherit" : "ignore"] },
  );
  const { base, admin } = await new Promise((found, failed) => {
    let text = "";
    server.stdout.on("data", (data) => {
      text += data;
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
      const password = /初始密码 ([0-9a-f]+)/.exec(text);
      if (address && password) found({ base: address[0], admin: password[1] });
    });
    server.on("exit", (code) => failed(new Error(`the server ended with ${code}: ${text}`)));
  });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

  /** A page of someone who has logged in, and the errors it met. */
  async function enter(login, { size = { width: 1280, height: 800 }, password } = {}) {
    const context = await browser.newContext({
      viewport: size,
      locale: "zh-CN",
      timezoneId: "Asia/Shanghai",
      acceptDownloads: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${base}/desk/`);
    await page.getByLabel("登录名").fill(login);
    await page.getByLabel("密码").fill(password ?? (login === "admin" ? admin : PASSWORD));
    await page.getByRole("button", { name: /登\s*录/ }).click();
    await page.getByRole("heading", { name: /您好/ }).waitFor();
    return { page, errors, close: () => context.close() };
  }

  async function stop() {
    await browser.close();
    server.removeAllListeners("exit");
    server.kill("SIGTERM");
    // The server may still be writing its last.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }
  return { base, browser, folder, enter, stop };
}

export async function picture(page, name) {
  if (!pictures) return;
  await page.waitForTimeout(600);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

/** No serious fault against WCAG 2 A and AA; nothing wider than the window. */
export async function accessible(page, what) {
  // Evaluated, not added: the page's content security policy forbids scripts from elsewhere.
  await page.evaluate(readFileSync(axe, "utf8"));
  // Colours on their way from one to another are nobody's fault.
  await page.evaluate(async () => {
    const finite = () =>
      document
        .getAnimations()
        .filter((one) => one.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    for (let round = 0; round < 20; round += 1) {
      await Promise.allSettled(finite().map((one) => one.finished));
      await new Promise((go) => requestAnimationFrame(() => setTimeout(go, 50)));
      if (finite().every((one) => one.playState === "finished")) return;
    }
  });
  const result = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa"] }));
  const serious = result.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  assert.deepEqual(
    serious.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3)}`),
    [],
    what,
  );
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${what} is ${wide} px wider than the window`);
}
