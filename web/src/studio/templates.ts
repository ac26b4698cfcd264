/** What a new file begins with. */

import type { FileKind } from "./model";

const escaped = (text: string) =>
  text.replace(
    /[&<>"]/g,
    (found) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[found] ?? "",
  );

function process(name: string, title: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:di="http://www.omg.org/spec/DD/20100524/DI" xmlns:banyan="https://banyan.local/bpmn/1.0" id="definitions_${name}" targetNamespace="https://banyan.local/processes/${name}">
  <bpmn:process id="${name}" name="${title}" isExecutable="true">
    <bpmn:startEvent id="start" name="发起">
      <bpmn:outgoing>to_work</bpmn:outgoing>
    </bpmn:startEvent>
    <bpmn:sequenceFlow id="to_work" sourceRef="start" targetRef="work" />
    <bpmn:userTask id="work" name="办理" banyan:due="P5D" banyan:dueDays="working">
      <bpmn:incoming>to_work</bpmn:incoming>
      <bpmn:outgoing>to_end</bpmn:outgoing>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="to_end" sourceRef="work" targetRef="end" />
    <bpmn:endEvent id="end" name="办结">
      <bpmn:incoming>to_end</bpmn:incoming>
    </bpmn:endEvent>
  </bpmn:process>
  <bpmndi:BPMNDiagram id="diagram">
    <bpmndi:BPMNPlane id="plane" bpmnElement="${name}">
      <bpmndi:BPMNShape id="start_di" bpmnElement="start">
        <dc:Bounds x="180" y="102" width="36" height="36" />
        <bpmndi:BPMNLabel><dc:Bounds x="187" y="145" width="22" height="14" /></bpmndi:BPMNLabel>
      </bpmndi:BPMNShape>
      <bpmndi:BPMNShape id="work_di" bpmnElement="work">
        <dc:Bounds x="280" y="80" width="100" height="80" />
      </bpmndi:BPMNShape>
      <bpmndi:BPMNShape id="end_di" bpmnElement="end">
        <dc:Bounds x="442" y="102" width="36" height="36" />
        <bpmndi:BPMNLabel><dc:Bounds x="449" y="145" width="22" height="14" /></bpmndi:BPMNLabel>
      </bpmndi:BPMNShape>
      <bpmndi:BPMNEdge id="to_work_di" bpmnElement="to_work">
        <di:waypoint x="216" y="120" />
        <di:waypoint x="280" y="120" />
      </bpmndi:BPMNEdge>
      <bpmndi:BPMNEdge id="to_end_di" bpmnElement="to_end">
        <di:waypoint x="380" y="120" />
        <di:waypoint x="442" y="120" />
      </bpmndi:BPMNEdge>
    </bpmndi:BPMNPlane>
  </bpmndi:BPMNDiagram>
</bpmn:definitions>
`;
}

function decision(name: string, title: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" xmlns:dmndi="https://www.omg.org/spec/DMN/20191111/DMNDI/" xmlns:dc="http://www.omg.org/spec/DMN/20180521/DC/" xmlns:di="http://www.omg.org/spec/DMN/20180521/DI/" id="definitions_${name}" name="${title}" namespace="https://banyan.local/decisions/${name}">
  <inputData id="input_amount" name="金额">
    <variable id="variable_amount" name="金额" typeRef="number" />
  </inputData>
  <decision id="decision_${name}" name="${title}">
    <variable id="variable_${name}" name="${title}" typeRef="string" />
    <informationRequirement id="requires_amount">
      <requiredInput href="#input_amount" />
    </informationRequirement>
    <decisionTable id="table_${name}" hitPolicy="UNIQUE">
      <input id="column_amount" label="金额">
        <inputExpression id="expression_amount" typeRef="number">
          <text>金额</text>
        </inputExpression>
      </input>
      <output id="column_result" label="结果" name="${title}" typeRef="string" />
      <annotation name="依据" />
      <rule id="rule_1">
        <inputEntry id="in_1"><text>&lt; 100000</text></inputEntry>
        <outputEntry id="out_1"><text>"部门审批"</text></outputEntry>
        <annotationEntry><text></text></annotationEntry>
      </rule>
      <rule id="rule_2">
        <inputEntry id="in_2"><text>&gt;= 100000</text></inputEntry>
        <outputEntry id="out_2"><text>"分管领导审批"</text></outputEntry>
        <annotationEntry><text></text></annotationEntry>
      </rule>
    </decisionTable>
  </decision>
  <dmndi:DMNDI>
    <dmndi:DMNDiagram id="diagram">
      <dmndi:DMNShape id="shape_decision" dmnElementRef="decision_${name}">
        <dc:Bounds height="80" width="180" x="160" y="80" />
      </dmndi:DMNShape>
      <dmndi:DMNShape id="shape_amount" dmnElementRef="input_amount">
        <dc:Bounds height="45" width="125" x="187" y="240" />
      </dmndi:DMNShape>
      <dmndi:DMNEdge id="edge_amount" dmnElementRef="requires_amount">
        <di:waypoint x="250" y="240" />
        <di:waypoint x="250" y="180" />
        <di:waypoint x="250" y="160" />
      </dmndi:DMNEdge>
    </dmndi:DMNDiagram>
  </dmndi:DMNDI>
</definitions>
`;
}

function form(name: string, title: string): string {
  const schema = {
    type: "default",
    id: name,
    schemaVersion: 19,
    components: [
      { type: "text", id: "heading", text: `### ${title}` },
      {
        type: "radio",
        id: "conclusion",
        key: "conclusion",
        label: "结论",
        values: [
          { label: "同意", value: "agree" },
          { label: "不同意", value: "refuse" },
        ],
        validate: { required: true },
      },
      {
        type: "textarea",
        id: "opinion",
        key: "opinion",
        label: "意见",
        validate: { maxLength: 500 },
      },
    ],
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

export function template(kind: FileKind, name: string, title: string): string {
  switch (kind) {
    case "process":
      return process(name, escaped(title));
    case "decision":
      return decision(name, escaped(title));
    case "form":
      return form(name, title);
    case "cases":
      return "[]\n";
  }
}
