/** What can be said of an element beside its picture: one list of fields, read from and written to the model. */

import type { Drawing, Element, Factory, Model, Modeling } from "./types";

/** Names that may be chosen from; others may be typed. */
export type Known = {
  forms: string[];
  decisions: string[];
  processes: string[];
  roles: string[];
};

type Kind = "text" | "feel" | "long" | "flag" | "tags" | "choice";

export type Field = {
  /** Key of its label and its help among the texts. */
  key: string;
  kind: Kind;
  value: string;
  set: (value: string) => void;
  options?: string[];
  suggest?: keyof Known;
};

export type Pair = { name: string; feel: string };

export type Pairs = { key: "inputs" | "outputs"; value: Pair[]; set: (pairs: Pair[]) => void };

export type Group = { key: string; fields: Field[]; pairs?: Pairs[] };

type Extra = Pick<Field, "options" | "suggest">;

/** An id that XML can hold. */
export const goodId = (id: string) => /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(id);

export function groupsOf(drawing: Drawing, element: Element): Group[] {
  const modeling = drawing.get<Modeling>("modeling");
  const factory = drawing.get<Factory>("bpmnFactory");
  const own = element.businessObject;
  const is = (type: string) => own.$instanceOf?.(type) ?? false;

  const write = (model: Model, values: Record<string, unknown>) =>
    model === own
      ? modeling.updateProperties(element, values)
      : modeling.updateModdleProperties(element, model, values);

  const attr = (key: string, model: Model, name: string, kind: Kind = "text", extra: Extra = {}): Field => ({
    key,
    kind,
    ...extra,
    value: String(model.get(name) ?? ""),
    set: (value) =>
      write(model, { [name]: kind === "flag" ? value === "true" || undefined : value.trim() || undefined }),
  });

  /** An expression that stands in an element of its own. */
  const expression = (key: string, model: Model, name: string): Field => ({
    key,
    kind: "feel",
    value: String((model.get(name) as Model | undefined)?.get("body") ?? ""),
    set: (value) => {
      const body = value.trim();
      if (!body) return write(model, { [name]: undefined });
      const made = factory.create("bpmn:FormalExpression", { body });
      made.$parent = model;
      write(model, { [name]: made });
    },
  });

  /** A message, signal, error or escalation: shared by the file, named here. */
  const shared = (key: string, model: Model, ref: string, type: string, name: string): Field => ({
    key,
    kind: "text",
    value: String((model.get(ref) as Model | undefined)?.get(name) ?? ""),
    set: (value) => {
      const text = value.trim();
      if (!text) return write(model, { [ref]: undefined });
      const file = drawing.getDefinitions();
      const all = file.get("rootElements") as Model[];
      let found = all.find((one) => one.$type === type && one.get(name) === text);
      if (!found) {
        found = factory.create(type, name === "name" ? { name: text } : { name: text, [name]: text });
        found.$parent = file;
        modeling.updateModdleProperties(element, file, { rootElements: [...all, found] });
      }
      write(model, { [ref]: found });
    },
  });

  const documentation = (model: Model): Field => ({
    key: "documentation",
    kind: "long",
    value: String((model.get("documentation") as Model[])[0]?.get("text") ?? ""),
    set: (value) => {
      const made = value.trim() ? [factory.create("bpmn:Documentation", { text: value.trim() })] : [];
      for (const one of made) one.$parent = model;
      write(model, { documentation: made });
    },
  });

  const pairs = (key: "inputs" | "outputs"): Pairs => {
    const type = key === "inputs" ? "banyan:Input" : "banyan:Output";
    const holder = own.get("extensionElements") as Model | undefined;
    const values = (holder?.get("values") ?? []) as Model[];
    return {
      key,
      value: values
        .filter((one) => one.$type === type)
        .map((one) => ({ name: String(one.get("name") ?? ""), feel: String(one.get("feel") ?? "") })),
      set: (next) => {
        const made = next.map(({ name, feel }) => factory.create(type, { name, feel }));
        const rest = values.filter((one) => one.$type !== type);
        const all = [...rest, ...made];
        if (all.length === 0) return write(own, { extensionElements: undefined });
        const place = factory.create("bpmn:ExtensionElements", { values: all });
        place.$parent = own;
        for (const one of all) one.$parent = place;
        write(own, { extensionElements: place });
      },
    };
  };

  const groups: Group[] = [];
  const put = (key: string, fields: Field[], own?: Pairs[]) => groups.push({ key, fields, pairs: own });

  const id: Field = {
    key: "id",
    kind: "text",
    value: own.id ?? "",
    set: (value) => {
      if (goodId(value) && value !== own.id) modeling.updateProperties(element, { id: value });
    },
  };
  const process = is("bpmn:Participant") ? (own.get("processRef") as Model | undefined) : own;
  put("general", [attr("name", own, "name"), id, documentation(own)]);
  if (process?.$type === "bpmn:Process")
    put("process", [
      ...(process === own
        ? []
        : [
            {
              key: "processId",
              kind: "text" as const,
              value: process.id ?? "",
              set: (value: string) => goodId(value) && write(process, { id: value }),
            },
          ]),
      attr("executable", process, "isExecutable", "flag"),
      attr("starters", process, "banyan:starters", "tags", { suggest: "roles" }),
      attr("businessKey", process, "banyan:businessKey", "feel"),
    ]);
  if (is("bpmn:UserTask")) {
    put("user", [
      attr("form", own, "banyan:form", "text", { suggest: "forms" }),
      attr("roles", own, "banyan:roles", "tags", { suggest: "roles" }),
      attr("assignee", own, "banyan:assignee", "feel"),
      attr("unit", own, "banyan:unit", "feel"),
      attr("region", own, "banyan:region", "feel"),
      attr("line", own, "banyan:line", "feel"),
      attr("excluded", own, "banyan:excluded", "feel"),
      attr("notDoersOf", own, "banyan:notDoersOf", "tags"),
    ]);
    put("deadline", [
      attr("due", own, "banyan:due"),
      attr("dueDays", own, "banyan:dueDays", "choice", { options: ["working", "calendar"] }),
      attr("warn", own, "banyan:warn"),
    ]);
    put("inbox", [
      attr("title", own, "banyan:title", "feel"),
      attr("about", own, "banyan:about", "feel"),
      attr("priority", own, "banyan:priority", "feel"),
      attr("batch", own, "banyan:batch", "flag"),
    ]);
  }
  if (own.$type === "bpmn:ServiceTask")
    put("service", [
      attr("operation", own, "banyan:operation"),
      attr("topic", own, "banyan:topic"),
      attr("purpose", own, "banyan:purpose"),
      attr("retries", own, "banyan:retries"),
    ]);
  if (is("bpmn:BusinessRuleTask"))
    put("rule", [
      attr("decision", own, "banyan:decision", "text", { suggest: "decisions" }),
      attr("result", own, "banyan:result"),
    ]);
  if (is("bpmn:ScriptTask"))
    put("script", [
      attr("script", own, "script", "feel"),
      attr("scriptFormat", own, "scriptFormat"),
      attr("result", own, "banyan:result"),
    ]);
  if (is("bpmn:CallActivity"))
    put("call", [
      attr("calledElement", own, "calledElement", "text", { suggest: "processes" }),
      attr("passAll", own, "banyan:passAll", "choice", { options: ["true", "false"] }),
    ]);
  if (is("bpmn:StartEvent") && !(own.get("eventDefinitions") as Model[] | undefined)?.length)
    put("start", [attr("startForm", own, "banyan:form", "text", { suggest: "forms" })]);
  if (is("bpmn:SequenceFlow")) {
    const source = own.get("sourceRef") as Model | undefined;
    const splits = source?.$instanceOf?.("bpmn:Gateway") || source?.$instanceOf?.("bpmn:Activity");
    const byDefault = source?.get("default") === own;
    if (splits)
      put("flow", [
        expression("condition", own, "conditionExpression"),
        {
          key: "default",
          kind: "flag",
          value: String(byDefault),
          set: (value) => {
            const place = drawing.get<{ get(id: string): Element }>("elementRegistry").get(source?.id ?? "");
            if (place) modeling.updateProperties(place, { default: value === "true" ? own : undefined });
          },
        },
      ]);
  }
  for (const one of (own.get("eventDefinitions") as Model[] | undefined) ?? [])
    put("event", eventFields(one));
  if (is("bpmn:ReceiveTask") || is("bpmn:SendTask"))
    put("event", [
      shared("message", own, "messageRef", "bpmn:Message", "name"),
      ...(is("bpmn:SendTask") ? sender() : [attr("correlation", own, "banyan:correlation", "feel")]),
    ]);

  function sender(): Field[] {
    return [attr("messageKey", own, "banyan:key", "feel"), attr("ttl", own, "banyan:ttl")];
  }

  function eventFields(one: Model): Field[] {
    const throws = is("bpmn:ThrowEvent");
    switch (one.$type) {
      case "bpmn:TimerEventDefinition":
        return timerFields(one);
      case "bpmn:MessageEventDefinition":
        return [
          shared("message", one, "messageRef", "bpmn:Message", "name"),
          ...(throws ? sender() : [attr("correlation", own, "banyan:correlation", "feel")]),
        ];
      case "bpmn:SignalEventDefinition":
        return [shared("signal", one, "signalRef", "bpmn:Signal", "name")];
      case "bpmn:ErrorEventDefinition":
        return [shared("error", one, "errorRef", "bpmn:Error", "errorCode")];
      case "bpmn:EscalationEventDefinition":
        return [shared("escalation", one, "escalationRef", "bpmn:Escalation", "escalationCode")];
      case "bpmn:ConditionalEventDefinition":
        return [expression("condition", one, "condition")];
      case "bpmn:LinkEventDefinition":
        return [attr("link", one, "name")];
      default:
        return [];
    }
  }

  function timerFields(one: Model): Field[] {
    const kinds = ["timeDuration", "timeDate", "timeCycle"];
    const kind = kinds.find((name) => one.get(name)) ?? "timeDuration";
    const text = String((one.get(kind) as Model | undefined)?.get("body") ?? "");
    const keep = (to: string, body: string) => {
      const values: Record<string, unknown> = Object.fromEntries(kinds.map((name) => [name, undefined]));
      const made = factory.create("bpmn:FormalExpression", { body });
      made.$parent = one;
      values[to] = made;
      write(one, values);
    };
    return [
      { key: "timerKind", kind: "choice", options: kinds, value: kind, set: (to) => keep(to || kind, text) },
      { key: "timer", kind: "text", value: text, set: (body) => keep(kind, body.trim()) },
      attr("timerDays", one, "banyan:days", "choice", { options: ["working", "calendar"] }),
      attr("pausedWhile", one, "banyan:pausedWhile", "feel"),
    ];
  }

  const loop = own.get("loopCharacteristics") as Model | undefined;
  if (loop?.$type === "bpmn:MultiInstanceLoopCharacteristics")
    put("multi", [
      attr("collection", loop, "banyan:collection", "feel"),
      attr("element", loop, "banyan:element"),
      expression("cardinality", loop, "loopCardinality"),
      attr("outputElement", loop, "banyan:outputElement", "feel"),
      attr("outputCollection", loop, "banyan:outputCollection"),
      expression("completion", loop, "completionCondition"),
      attr("vote", loop, "banyan:vote"),
      attr("voteVariable", loop, "banyan:voteVariable"),
      attr("voteResult", loop, "banyan:voteResult"),
    ]);
  if (loop?.$type === "bpmn:StandardLoopCharacteristics")
    put("loop", [
      expression("loopCondition", loop, "loopCondition"),
      attr("loopMaximum", loop, "loopMaximum"),
      attr("testBefore", loop, "testBefore", "flag"),
    ]);
  if (is("bpmn:AdHocSubProcess"))
    put("adHoc", [
      attr("active", own, "banyan:active", "feel"),
      expression("completion", own, "completionCondition"),
    ]);
  if (is("bpmn:Activity")) put("data", [], [pairs("inputs"), pairs("outputs")]);
  return groups;
}
