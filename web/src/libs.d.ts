/** Shapes of libraries that bring none, as far as the desk uses them. */

declare module "bpmn-js-i18n/translations/zn.js" {
  const words: Record<string, string>;
  export default words;
}

declare module "bpmn-js-differ" {
  type Model = { $type: string; id?: string; name?: string };
  export function diff(
    from: unknown,
    to: unknown,
  ): {
    _added: Record<string, Model>;
    _removed: Record<string, Model>;
    _layoutChanged: Record<string, Model>;
    _changed: Record<
      string,
      { model: Model; attrs: Record<string, { oldValue: unknown; newValue: unknown }> }
    >;
  };
}

declare module "bpmn-moddle" {
  export class BpmnModdle {
    constructor(extensions?: Record<string, unknown>);
    fromXML(xml: string): Promise<{
      rootElement: unknown;
      elementsById: Record<string, Record<string, unknown>>;
      warnings: { message: string }[];
    }>;
  }
}

declare module "dmn-js/lib/*" {
  export default class {
    constructor(options: Record<string, unknown>);
  }
}
