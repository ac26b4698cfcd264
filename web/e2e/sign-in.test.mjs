/** Signing in by passkey (Chromium's virtual authenticator) and by one-time codes, through the desk's own pages. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const root = resolve(import.meta.dirname, "../..");
const PASSWORD = "banyan-demo-2022";
let folder;
let server;
let browser;
let base;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "banyan-sign-in-"));
  const config = join(folder, "banyan.toml");
  writeFileSync(
    config,
    `[server]\nlisten = "127.0.0.1:0"\n[store]\nfolder = ${JSON.stringify(join(folder, "data"))}\n`,
  );
  const packages = ["--apply", "apps/0-base", "--apply", "apps/1.0-work-points"];
  server = spawn(process.env.BANYAN ?? "banyan", ["--config", config, "serve", "--demo", ...packages], {
    cwd: root,
    stdio: ["ignore", "pipe", process.env.SERVER_LOG ? "inherit" : "ignore"],
  });
  base = await new Promise((found, failed) => {
    let text = "";
    server.stdout.on("data", (data) => {
      text += data;
      const match = /http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
      // Passkeys belong to a name, not to an address.
      if (match) found(`http://localhost:${match[1]}`);
    });
    server.on("exit", (code) => failed(new Error(`the server ended with ${code}: ${text}`)));
  });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
});

after(async () => {
  await browser?.close();
  server?.removeAllListeners("exit");
  server?.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

async function open() {
  const context = await browser.newContext({ locale: "zh-CN" });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(`${base}/desk/`);
  return page;
}

async function password(page, login) {
  await page.getByLabel("登录名").fill(login);
  await page.getByLabel("密码").fill(PASSWORD);
  await page.getByRole("button", { name: /^登\s*录$/ }).click();
}

const inside = (page) => page.getByRole("heading", { name: /您好/ }).waitFor();

async function signOut(page) {
  await page.goto(`${base}/desk/`);
  await inside(page);
  await page.locator(".head-button").last().click();
  await page.getByText("退出登录").click();
  await page.getByLabel("登录名").waitFor();
}

/** RFC 6238 by Node's own hash: not the server's code. */
function codeAt(secret, seconds) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const seed = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)));
  const hash = createHmac("sha1", seed).update(counter).digest();
  const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

test("a passkey is added and signs in without a password", async () => {
  const page = await open();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await password(page, "fgw");
  await inside(page);
  await page.goto(`${base}/desk/account`);
  await page.getByLabel("给它起个名字").fill("办公室电脑");
  await page.getByRole("button", { name: "登记这台设备" }).click();
  await page.getByText("办公室电脑").waitFor();
  await signOut(page);
  await page.getByRole("button", { name: "使用通行密钥" }).click();
  await inside(page);
  await page.goto(`${base}/desk/account`);
  await page.getByText(/passkey · 最近使用/).waitFor();
  await page.context().close();
});

test("one-time codes are enrolled and asked for", async () => {
  const page = await open();
  await password(page, "leader");
  await inside(page);
  await page.goto(`${base}/desk/account`);
  await page.getByRole("button", { name: "登记动态口令" }).click();
  const secret = await page.locator(".ant-modal code").innerText();
  const now = Date.now() / 1000;
  await page.getByLabel("验证码").fill(codeAt(secret, now));
  await page.getByRole("button", { name: /继\s*续/ }).click();
  const codes = (await page.locator(".ant-modal pre").innerText()).split("\n");
  assert.equal(codes.length, 10);
  await page.getByRole("button", { name: "已抄好" }).click();
  await page.getByText("还剩 10 个恢复码").waitFor();
  await signOut(page);
  await password(page, "leader");
  // The code that enrolled is used up: the next one, which is good within the skew.
  await page.getByLabel("验证码").fill(codeAt(secret, now + 30));
  await page.getByRole("button", { name: /继\s*续/ }).click();
  await inside(page);
  await signOut(page);
  await password(page, "leader");
  await page.getByLabel("验证码").fill(codes[0]);
  await page.getByRole("button", { name: /继\s*续/ }).click();
  await inside(page);
  await page.context().close();
});
