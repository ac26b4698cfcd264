/** The modeler's own words in Chinese: the community's translation, with the terms that GB/T and the desk use. */

import zh from "bpmn-js-i18n/translations/zn.js";
import { language } from "../i18n";

const OURS: Record<string, string> = {
  "Activate create/remove space tool": "增减空间",
  "Activate global connect tool": "连线",
  "Activate hand tool": "移动画布",
  "Activate lasso tool": "框选",
  "Ad-hoc sub-process": "特设子流程",
  "Align elements": "对齐",
  "Change element": "更改类型",
  "Connect to other element": "连线到另一元素",
  "Create expanded sub-process": "新建展开的子流程",
  "Create pool/participant": "新建泳池",
  "Distribute elements horizontally": "水平等距",
  "Distribute elements vertically": "垂直等距",
  "Event based instantiating Gateway": "启动流程的事件网关",
  "Exclusive gateway": "排他网关",
  "Inclusive gateway": "相容网关",
  "Parallel gateway": "并行网关",
  "Parallel Event based instantiating Gateway": "启动流程的并行事件网关",
  "Toggle non-interrupting": "切换中断与非中断",
  Process: "流程",
  Collaboration: "协作图",
  Participant: "泳池",
  Lane: "泳道",
  "User task": "用户任务(人办)",
  "Service task": "服务任务(系统办)",
  "Business rule task": "规则任务(查决策)",
  "Call activity": "调用活动(另一流程)",
};

const WORDS: Record<string, string> = { ...zh, ...OURS };

/** In the reader's language; parameters in braces. */
export function translate(text: string, values: Record<string, string> = {}): string {
  const found = language() === "en" ? text : (WORDS[text] ?? text);
  return found.replace(/{([^}]+)}/g, (whole, name: string) => values[name] ?? whole);
}

export const translation = { translate: ["value", translate] };
