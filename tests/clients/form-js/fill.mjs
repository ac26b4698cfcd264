// Fills forms in with form-js itself, without a browser. Each line of the input is {schema, data}; each line of the answer
// what form-js would submit and what it finds wrong, or why it does not take the schema.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { JSDOM } from "jsdom";

const dom = new JSDOM("<!doctype html><body></body>", { pretendToBeVisual: true, url: "http://localhost/" });
const names = [
  "document", "navigator", "Node", "Element", "HTMLElement", "KeyboardEvent", "MutationObserver", "CustomEvent", "Event",
  "getComputedStyle", "DOMParser", "NodeFilter",
  "HTMLTemplateElement", "DocumentFragment", "NamedNodeMap", "HTMLFormElement",
];
const put = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
put("window", dom.window);
for (const name of names) put(name, dom.window[name]);
// Nobody looks: what is to be drawn is drawn at once.
put("requestAnimationFrame", (draw) => setTimeout(() => draw(performance.now()), 0));
put("cancelAnimationFrame", clearTimeout);
// What jsdom does not have, and what only layout needs.
class Nothing {
  observe() {}
  unobserve() {}
  disconnect() {}
}
put("ResizeObserver", Nothing);
put("IntersectionObserver", Nothing);
const empty = Object.assign(document.createElement("input"), { type: "file" }).files;
put("DataTransfer", class { files = empty; items = { add() {} }; });

// Its module build names files without endings, which Node does not find; the other one is the same code.
const { createForm } = createRequire(import.meta.url)("@bpmn-io/form-js-viewer");

// Conditions and expressions are looked at when it is drawn: waits until what it holds stays the same.
const settled = async (form) => {
  let before;
  for (let [round, same] = [0, 0]; round < 200 && same < 8; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    const now = JSON.stringify(form._getState().data);
    same = now === before ? same + 1 : 0;
    before = now;
  }
};

const fill = async ({ schema, data }) => {
  const container = document.createElement("div");
  document.body.append(container);
  let form;
  try {
    form = await createForm({ container, schema, data });
    await settled(form);
    const { data: submitted, errors } = form.submit();
    return { submitted, errors };
  } catch (error) {
    return { refused: String(error.message ?? error) };
  } finally {
    form?.destroy();
    container.remove();
  }
};

console.warn = () => {};
console.error = () => {};
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await fill(JSON.parse(line)))}\n`);
}
process.exit(0);
