/** The few services of the diagram libraries that the desk uses, as far as it uses them. */

/** An element of a BPMN file: attributes by name, `banyan:` ones with their prefix. */
export type Model = {
  $type: string;
  id?: string;
  name?: string;
  $parent?: Model;
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  $instanceOf?(type: string): boolean;
};

export type Element = {
  id: string;
  type: string;
  businessObject: Model;
  parent?: Element;
  labelTarget?: Element;
  /** Connections only. */
  waypoints?: unknown[];
  /** Shapes only. */
  x?: number;
  y?: number;
  width?: number;
  height?: number;
};

type Box = { x: number; y: number; width: number; height: number };

type Viewbox = Box & {
  scale: number;
  /** What is drawn, and the window it is drawn in. */
  inner?: Box;
  outer?: { width: number; height: number };
};

export type Canvas = {
  addMarker(id: string, name: string): void;
  removeMarker(id: string, name: string): void;
  zoom(to?: "fit-viewport" | number, center?: "auto"): number;
  viewbox(box?: Box): Viewbox;
  scrollToElement(id: string): void;
  resized(): void;
  getRootElement(): Element;
};

export type Overlays = {
  add(
    element: string,
    type: string,
    overlay: { position: Record<string, number>; html: HTMLElement },
  ): string;
  remove(filter: { type: string }): void;
};

export type Registry = {
  get(id: string): Element | undefined;
  getAll(): Element[];
  filter(keep: (element: Element) => boolean): Element[];
};

export type Selection = { select(element: Element | null): void; get(): Element[] };

export type Modeling = {
  updateProperties(element: Element, values: Record<string, unknown>): void;
  updateModdleProperties(element: Element, model: Model, values: Record<string, unknown>): void;
};

export type Factory = { create(type: string, values?: Record<string, unknown>): Model };

/** What viewer and modeler have in common. */
export type Drawing = {
  importXML(xml: string): Promise<{ warnings: unknown[] }>;
  saveXML(options: { format: boolean }): Promise<{ xml?: string }>;
  attachTo(parent: HTMLElement): void;
  destroy(): void;
  get<T>(service: string): T;
  on(event: string, listener: (event: never) => void): void;
  off(event: string, listener: (event: never) => void): void;
  getDefinitions(): Model;
};

/** A word or a figure at an element. */
export type Badge = {
  element: string;
  text: string;
  /** Said in full to who points at it. */
  title?: string;
  tone: "token" | "incident" | "timer" | "error" | "warning" | "info" | "heat";
  /** Corner: top right where nothing is said. */
  corner?: "left" | "right" | "below";
  onClick?: () => void;
};

/** Classes at elements: id → classes. */
export type Marks = Record<string, string[]>;
