/** What the pages read from a BPMN file themselves. */

const BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL";
const BANYAN = "https://banyan.local/bpmn/1.0";

export type Node = { id: string; name: string; type: string };

function parsed(xml: string): Document | undefined {
  const file = new DOMParser().parseFromString(xml, "application/xml");
  return file.querySelector("parsererror") ? undefined : file;
}

const PLACES =
  /Task$|^task$|^subProcess$|^adHocSubProcess$|^transaction$|^callActivity$|Gateway$|CatchEvent$|EndEvent$|^endEvent$|ThrowEvent$|^startEvent$/;

/** Elements where a token can be. */
export function nodesOf(xml: string): Node[] {
  const found: Node[] = [];
  for (const element of parsed(xml)?.getElementsByTagNameNS(BPMN, "*") ?? []) {
    const id = element.getAttribute("id");
    if (!id || !PLACES.test(element.localName)) continue;
    found.push({ id, name: element.getAttribute("name") ?? "", type: element.localName });
  }
  return found;
}

/** What people call an element: its name, else its id; a flow without a name by its ends. */
export function namesOf(xml: string | undefined): (id: string) => string {
  if (xml === undefined) return (id) => id;
  const by = new Map(nodesOf(xml).map((one) => [one.id, one.name || one.id]));
  for (const flow of parsed(xml)?.getElementsByTagNameNS(BPMN, "sequenceFlow") ?? []) {
    const end = (name: string) => by.get(flow.getAttribute(name) ?? "") ?? "";
    const name = flow.getAttribute("name") || `${end("sourceRef")} → ${end("targetRef")}`;
    by.set(flow.getAttribute("id") ?? "", name);
  }
  return (id) => by.get(id) ?? id;
}

/** Ids of user tasks with their forms, of this package unless it says another. */
export function userTasksOf(xml: string): { id: string; name: string; form: string }[] {
  return [...(parsed(xml)?.getElementsByTagNameNS(BPMN, "userTask") ?? [])].map((element) => ({
    id: element.getAttribute("id") ?? "",
    name: element.getAttribute("name") ?? "",
    form: element.getAttributeNS(BANYAN, "form") ?? "",
  }));
}
