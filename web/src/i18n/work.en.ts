import { bpmnEn } from "./bpmn.en";
import { inboxEn } from "./inbox.en";
import { processesEn } from "./processes.en";
import { studioEn } from "./studio.en";

export const workEn = { bpmn: bpmnEn, inbox: inboxEn, ...processesEn, studio: studioEn };
