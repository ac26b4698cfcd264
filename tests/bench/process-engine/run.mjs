// Instances a CPU-second of bpmn-engine: three user tasks, its state written to a file and synced after each step.
// run.mjs MODEL.bpmn [SECONDS]
import { closeSync, fdatasyncSync, ftruncateSync, mkdtempSync, openSync, readFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventEmitter, once } from "node:events";
import { Engine } from "bpmn-engine";

const [, , model, seconds = "10"] = process.argv;
const source = readFileSync(model, "utf8");
const file = openSync(join(mkdtempSync(join(tmpdir(), "bench-")), "state.json"), "w+");

function keep(state) {
  ftruncateSync(file, 0);
  writeSync(file, JSON.stringify(state), 0);
  fdatasyncSync(file);
}

async function one() {
  const listener = new EventEmitter();
  let engine = new Engine({ name: "bench", source });
  let waiting = null;
  listener.on("activity.wait", (api) => {
    waiting = api;
  });
  let execution = await engine.execute({ listener });
  for (let step = 0; step < 3; step += 1) {
    keep(await engine.getState());
    const state = await engine.getState();
    engine.stop();
    // As a server that keeps nothing in memory: the next step begins from what was written.
    const again = new Engine({ name: "bench" }).recover(JSON.parse(JSON.stringify(state)));
    waiting = null;
    execution = await again.resume({ listener });
    engine = again;
    const ended = step === 2 ? once(engine, "end") : null;
    waiting.signal({});
    await ended;
  }
  keep(await engine.getState());
}

const begun = performance.now();
const used = process.cpuUsage();
let done = 0;
while (performance.now() - begun < Number(seconds) * 1000) {
  await one();
  done += 1;
}
const { user, system } = process.cpuUsage(used);
const cpu = (user + system) / 1e6;
closeSync(file);
console.log(
  JSON.stringify({
    peer: "bpmn-engine 25.0.1, file",
    instances: done,
    per_cpu_second: done / cpu,
    per_second: done / ((performance.now() - begun) / 1000),
  }),
);
