import { bpmnZh } from "./bpmn.zh-CN";
import { inboxZh } from "./inbox.zh-CN";
import { processesZh } from "./processes.zh-CN";
import { studioZh } from "./studio.zh-CN";

export const workZh = { bpmn: bpmnZh, inbox: inboxZh, ...processesZh, studio: studioZh };
