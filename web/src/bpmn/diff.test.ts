import { BpmnModdle } from "bpmn-moddle";
import { expect, it } from "vitest";
import { template } from "../studio/templates";
import banyan from "./banyan.json";
import { differences, sides } from "./diff";

const before = template("process", "approve", "审批");

it("a change tells what was and what is", async () => {
  const after = before
    .replace('name="办理" banyan:due="P5D"', 'name="复核" banyan:due="P3D" banyan:form="review"')
    .replace(' banyan:dueDays="working"', "");
  expect(await differences(before, after)).toEqual([
    {
      id: "work",
      change: "changed",
      type: "bpmn:UserTask",
      name: "复核",
      attributes: [
        { name: "name", from: "办理", to: "复核" },
        { name: "form", from: "", to: "review" },
        { name: "due", from: "P5D", to: "P3D" },
        { name: "dueDays", from: "working", to: "" },
      ],
    },
  ]);
});

it("what is added, removed and moved is told apart, each on its side", async () => {
  const after = before
    .replace('<bpmn:endEvent id="end"', '<bpmn:task id="file" name="归档" />\n<bpmn:endEvent id="end"')
    .replace(
      '<bpmndi:BPMNShape id="end_di"',
      '<bpmndi:BPMNShape id="file_di" bpmnElement="file"><dc:Bounds x="280" y="240" width="100" height="80" /></bpmndi:BPMNShape>\n<bpmndi:BPMNShape id="end_di"',
    )
    .replace('<dc:Bounds x="180" y="102"', '<dc:Bounds x="120" y="102"');
  const all = await differences(before, after);
  expect(all.map(({ id, change }) => `${change} ${id}`).sort()).toEqual(["added file", "layout start"]);
  expect(sides(all)).toEqual({
    before: { start: ["mark-layout"] },
    after: { file: ["mark-added"], start: ["mark-layout"] },
  });
  const back = await differences(after, before);
  expect(back.filter(({ change }) => change === "removed").map(({ id }) => id)).toEqual(["file"]);
});

it("nothing of our vocabulary is lost when a diagram is read and written", async () => {
  const moddle = new BpmnModdle({ banyan }) as unknown as {
    fromXML(xml: string): Promise<{ rootElement: unknown; warnings: unknown[] }>;
    toXML(root: unknown, options: object): Promise<{ xml: string }>;
  };
  const given = before.replace(
    'banyan:dueDays="working">',
    'banyan:dueDays="working" banyan:roles="unit office" banyan:batch="true"><bpmn:extensionElements><banyan:input name="body.amount" feel="amount * 2" /></bpmn:extensionElements><bpmn:multiInstanceLoopCharacteristics banyan:collection="experts" banyan:vote="ratio:0.67" />',
  );
  const { rootElement, warnings } = await moddle.fromXML(given);
  expect(warnings).toEqual([]);
  const { xml } = await moddle.toXML(rootElement, { format: true });
  for (const part of [
    'banyan:due="P5D"',
    'banyan:roles="unit office"',
    'banyan:batch="true"',
    '<banyan:input name="body.amount" feel="amount * 2" />',
    'banyan:vote="ratio:0.67"',
  ])
    expect(xml).toContain(part);
});
