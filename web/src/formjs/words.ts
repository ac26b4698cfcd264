/** form-js has no translations: its own fixed words are put into Chinese where they stand. */

import { language } from "../i18n";

/** Faults found in the browser, as form-js words them. */
const FAULTS: [RegExp, (found: string[]) => string][] = [
  [/^Field is required\.$/, () => "必填。"],
  [/^Field must have minimum value of (.+)\.$/, ([, n]) => `不能小于 ${n}。`],
  [/^Field must have maximum value of (.+)\.$/, ([, n]) => `不能大于 ${n}。`],
  [/^Field must have minimum length of (.+)\.$/, ([, n]) => `至少 ${n} 个字。`],
  [/^Field must have maximum length of (.+)\.$/, ([, n]) => `最多 ${n} 个字。`],
  [/^Field must match pattern (.+)\.$/, ([, n]) => `格式不对,应符合 ${n}。`],
  [/^Field must be a valid email\.$/, () => "不是有效的电子邮箱。"],
  [
    /^Field must be a valid\s+international phone number.*$/,
    () => "不是有效的电话号码,例如 +8659187654321。",
  ],
  [/^Value is not a number\.$/, () => "不是数字。"],
  [/^Value is expected to be an integer\.$/, () => "应为整数。"],
  [/^Value is expected to have at most (\d+) decimal digits?\.$/, ([, n]) => `最多 ${n} 位小数。`],
  [
    /^Please select a valid value, the two nearest valid values are (.+) and (.+)\.$/,
    ([, a, b]) => `最近的可用值是 ${a} 和 ${b}。`,
  ],
  [/^Date and time must both be entered\.$/, () => "日期和时间都要填。"],
];

export function fault(text: string): string {
  if (language() === "en") return text;
  for (const [pattern, say] of FAULTS) {
    const found = pattern.exec(text);
    if (found) return say(found);
  }
  return text;
}

const WORDS: Record<string, string> = {
  "No results": "没有结果",
  "All values selected": "都已选",
  "Nothing to show.": "没有内容。",
  "No files selected": "没有选文件",
  Browse: "选择文件",
  Search: "搜索",
  Select: "请选择",
  Increment: "加",
  Decrement: "减",
  "Remove tag": "去掉",
  "Skip to search": "跳到搜索",
  "Previous page": "上一页",
  "Next page": "下一页",
  "Add new": "增加一项",
  "mm/dd/yyyy": "年/月/日",
  // The editor.
  Components: "组件",
  "Search components": "搜索组件",
  "No components found.": "没有这样的组件。",
  "Build your form": "开始画表单",
  "Drag and drop components here to start designing.": "把左边的组件拖到这里。",
  "Drag and drop components here.": "把组件拖到这里。",
  "Use the preview window to test your form.": "用试填看效果。",
  Selection: "选择",
  Presentation: "展示",
  Containers: "容器",
  Action: "操作",
  Button: "按钮",
  Checkbox: "勾选框",
  "Checkbox group": "多选",
  "Date time": "日期时间",
  "Date & time": "日期和时间",
  Group: "分组",
  "Image view": "图片",
  Number: "数字",
  "Radio group": "单选",
  Separator: "分隔线",
  Spacer: "空白",
  "Dynamic list": "可增减的列表",
  "Tag list": "标签选择",
  "Text view": "说明文字",
  "HTML view": "HTML",
  Expression: "表达式(计算)",
  "Text field": "单行文本",
  "Text area": "多行文本",
  Table: "表格",
  "File picker": "文件",
  "Document preview": "文件预览",
  iFrame: "网页框",
  Form: "表单",
  General: "基本",
  Condition: "条件",
  Layout: "排版",
  Appearance: "外观",
  Serialization: "保存格式",
  Constraints: "约束",
  Validation: "校验",
  "Custom properties": "自定义属性",
  "Options source": "选项来源",
  "Static options": "固定选项",
  "Dynamic options": "随数据的选项",
  "Options expression": "选项表达式",
  "Headers source": "表头来源",
  "Header items": "表头",
  "Field label": "字段名称",
  "Field description": "字段说明",
  Label: "名称",
  "Group label": "分组名称",
  Title: "标题",
  Key: "键(变量名)",
  Path: "路径",
  ID: "标识",
  Type: "类型",
  Value: "值",
  Text: "文字",
  "Default value": "默认值",
  "Read only": "只读",
  Disabled: "停用",
  Required: "必填",
  Minimum: "最小值",
  Maximum: "最大值",
  "Minimum length": "最少字数",
  "Maximum length": "最多字数",
  "Validation pattern": "格式",
  Custom: "自定义",
  "Custom regular expression": "正则表达式",
  "Custom error message": "不符合时的提示",
  Email: "电子邮箱",
  Phone: "电话",
  "Decimal digits": "小数位数",
  "Output as string": "按文字保存",
  Prefix: "前缀",
  Suffix: "后缀",
  Searchable: "可搜索",
  Columns: "列宽",
  Auto: "自动",
  "Vertical alignment": "垂直对齐",
  Top: "上",
  Center: "中",
  Bottom: "下",
  "Hide if": "隐藏条件",
  Subtype: "子类型",
  "Use 24h": "24 小时制",
  "Disallow past dates": "不许过去的日期",
  "Time interval": "时间间隔",
  "Date label": "日期的名称",
  "Time label": "时间的名称",
  "Binds to a form variable": "对应流程变量的名字",
  "Input values key": "选项所在的变量",
  "Target value": "目标值",
  "Compute on": "何时计算",
  "Value changes": "值变化时",
  "Form submission": "提交时",
  "Data source": "数据来源",
  Pagination: "分页",
  "Number of rows per page": "每页行数",
  "Supported file formats": "允许的文件类型",
  "Upload multiple files": "可传多个文件",
  "Allow add/delete items": "可增减",
  "Default number of items": "默认项数",
  "Disable collapse": "不折叠",
  "Show outline": "显示边框",
  "Alternative text": "替代文字",
  "Image source": "图片地址",
  Height: "高度",
  Checked: "勾选",
  "Not checked": "不勾选",
  Submit: "提交",
  Reset: "重填",
  Content: "内容",
  "Version tag": "版本标记",
  "Toggle section": "展开或收起",
  "Section contains edits": "有改动",
  "Section contains an error": "有错误",
  "Toggle list item": "展开或收起",
  "Create new list item": "增加一项",
  "Delete item": "删除这一项",
  "Click to set a dynamic value with FEEL expression": "改用 FEEL 表达式",
  "Open pop-up editor": "在大窗口里编辑",
  "Must not be empty.": "不能为空。",
  "Must be unique.": "不能重复。",
};

/** Words that mean something else where a form is drawn. */
const DRAWN: Record<string, string> = {
  Select: "下拉选择",
  Input: "输入",
  Button: "按钮",
  Increment: "步长",
};

const own = (text: string, drawn: boolean): string | undefined => {
  const trimmed = text.trim();
  const files = /^(\d+) files selected$/.exec(trimmed);
  if (files) return `已选 ${files[1]} 个文件`;
  const made = /^Create an? (.+) element$/.exec(trimmed)?.[1];
  if (made) return `添加“${own(made, drawn) ?? made}”`;
  return trimmed ? (drawn && DRAWN[trimmed]) || WORDS[trimmed] : undefined;
};

/** Attributes that are read out or shown. */
const ATTRIBUTES = ["title", "aria-label", "placeholder"];

function inside(node: Node, keep: (text: Element) => boolean, drawn: boolean): void {
  const element = node instanceof Element ? node : node.parentElement;
  if (!element || !keep(element)) return;
  if (node instanceof Text) {
    const found = own(node.data, drawn);
    if (found !== undefined && found !== node.data) node.data = found;
    return;
  }
  if (!(node instanceof Element)) return;
  for (const name of ATTRIBUTES) {
    const found = own(node.getAttribute(name) ?? "", drawn);
    if (found !== undefined) node.setAttribute(name, found);
  }
  for (const inner of node.childNodes) inside(inner, keep, drawn);
}

/** What a form's author wrote is not touched: only the library's own places are. */
const AUTHORS =
  ".fjs-form-field-label, .fjs-input, input, textarea, .fjs-form-field-text, .cm-editor, option";

/** Puts the library's words in the box into Chinese, now and whenever it draws anew; gives what ends that. */
export function localize(box: HTMLElement, places?: string): () => void {
  if (language() === "en") return () => undefined;
  const keep = (element: Element) => {
    if (places && !element.closest(places) && !element.querySelector(places)) return false;
    // An editor of expressions has a name of the library's, and a text of the author's.
    if (
      element.matches("input, textarea, .cm-editor, .cm-scroller, .cm-content") ||
      element.closest(".fjs-filepicker-container")
    )
      return true;
    return !element.closest(AUTHORS);
  };
  const drawn = places !== undefined;
  inside(box, keep, drawn);
  const watch = new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "characterData") inside(change.target, keep, drawn);
      for (const node of change.addedNodes) inside(node, keep, drawn);
    }
  });
  watch.observe(box, { childList: true, subtree: true, characterData: true });
  return () => watch.disconnect();
}
