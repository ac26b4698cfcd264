/** A decision model on the page: its picture and its tables, one at a time. */

import { Segmented } from "antd";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { annotate, type Model } from "./annotations";
import { type Fired, firedIds, type Logic, rowsOf } from "./rows";
import { translation } from "./zh";
import "./style";

type View = { id: string; type: string; name?: string; element: Logic & { id: string } };

type Viewer = { on(event: string, listener: () => void): void };

/** What viewer and editor have in common. */
export type Manager = {
  importXML(xml: string): Promise<{ warnings: unknown[] }>;
  saveXML(options: { format: boolean }): Promise<{ xml: string }>;
  getViews(): View[];
  getActiveView(): View | undefined;
  getDefinitions(): Model & { drgElement?: Logic[] };
  open(view: View): Promise<unknown>;
  on(event: string, listener: (event: never) => void): void;
  destroy(): void;
};

export type DmnProps = {
  xml: string;
  label: string;
  /** Rules that fired, by decision: shown in colour. */
  fired?: Fired[];
  /** Rules that a check has something to say of. */
  faulty?: Fired[];
  /** Opened when it changes. */
  focus?: { decision: string; at: number };
  children?: ReactNode;
};

type Props = DmnProps & {
  make: (options: Record<string, unknown>) => unknown;
  onChange?: (xml: string) => void;
};

/** Namespaces of DMN 1.4 and 1.5; the library reads those of 1.3, whose tables and graphs are written alike. */
const LATER = /(https:\/\/www\.omg\.org\/spec\/DMN\/)(20211108|20230324)(\/(?:MODEL|DMNDI)\/)/g;

const readable = (xml: string) =>
  xml.replace(LATER, (_, start: string, _version: string, end: string) => `${start}20191111${end}`);

/** As the library wrote it, in the version of DMN that the file had. */
function asWas(before: string, xml: string): string {
  const version = new RegExp(LATER.source).exec(before)?.[2];
  return version
    ? xml.replace(
        /(\/spec\/DMN\/)20191111(\/(?:MODEL|DMNDI)\/)/g,
        (_, start: string, end: string) => `${start}${version}${end}`,
      )
    : xml;
}

export function DmnCanvas({ xml, label, fired, faulty, focus, make, onChange, children }: Props) {
  const { t } = useTranslation();
  const scope = `dmn${useId().replace(/[^a-zA-Z0-9]/g, "")}`;
  const box = useRef<HTMLDivElement>(null);
  const managed = useRef<Manager>(null);
  const mine = useRef<string>(undefined);
  const made = useRef(make);
  const told = useRef(onChange);
  told.current = onChange;
  const [views, setViews] = useState<{ all: View[]; active?: string }>({ all: [] });
  const [fault, setFault] = useState("");
  const [logics, setLogics] = useState<Logic[]>([]);

  useEffect(() => {
    if (!box.current) return;
    const manager = made.current({
      container: box.current,
      height: "100%",
      drd: { additionalModules: [translation] },
      decisionTable: { additionalModules: [translation] },
      literalExpression: { additionalModules: [translation] },
      boxedExpression: { additionalModules: [translation] },
    }) as Manager;
    managed.current = manager;
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const tell = async () => {
      waiting = undefined;
      const text = asWas(mine.current ?? "", (await manager.saveXML({ format: true })).xml);
      mine.current = text;
      setLogics([...(manager.getDefinitions().drgElement ?? [])]);
      told.current?.(text);
    };
    annotate(manager);
    const look = () => {
      setViews({ all: [...manager.getViews()], active: keyOf(manager.getActiveView()) });
      // A table wider than the page is scrolled by keyboard too.
      for (const table of box.current?.querySelectorAll<HTMLElement>(".tjs-table-container") ?? [])
        table.tabIndex = 0;
    };
    manager.on("views.changed", look);
    manager.on("viewer.created", (({ viewer }: { viewer: Viewer }) => {
      if (!told.current) return;
      viewer.on("commandStack.changed", () => {
        // Opening a view clears its stack, which is no change.
        if (!(viewer as unknown as { get(name: string): Stack }).get("commandStack").canUndo()) return;
        clearTimeout(waiting);
        waiting = setTimeout(() => void tell(), 200);
      });
    }) as (event: never) => void);
    return () => {
      managed.current = null;
      mine.current = undefined;
      if (waiting) {
        clearTimeout(waiting);
        void tell();
      }
      manager.destroy();
    };
  }, []);

  useEffect(() => {
    const manager = managed.current;
    if (!manager || xml === mine.current) return;
    let gone = false;
    mine.current = xml;
    setFault("");
    manager.importXML(readable(xml)).then(
      () => {
        if (gone) return;
        setLogics([...(manager.getDefinitions().drgElement ?? [])]);
        // One table says more than a picture of one box.
        const tables = manager.getViews().filter((view) => view.type !== "drd");
        if (tables.length === 1 && tables[0]) void manager.open(tables[0]);
      },
      (error: Error) => !gone && setFault(error.message),
    );
    return () => {
      gone = true;
    };
  }, [xml]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new wish opens a view, a change of the views does not.
  useEffect(() => {
    const view = views.all.find((one) => one.element.id === focus?.decision || one.name === focus?.decision);
    if (view && focus) void managed.current?.open(view);
  }, [focus]);

  const options = views.all.map((view) => ({
    value: keyOf(view) ?? "",
    label: view.type === "drd" ? t("work.dmn.overview") : view.name || view.element.id,
  }));
  return (
    <div className={`dmn ${scope}`}>
      <div className="bar">
        <Segmented
          aria-label={t("work.dmn.views")}
          value={views.active}
          options={options}
          onChange={(key) => {
            const view = views.all.find((one) => keyOf(one) === key);
            if (view) void managed.current?.open(view);
          }}
        />
        {children}
      </div>
      <style>
        {rowsOf(scope, firedIds(logics, fired ?? []), "background: #dff2e6 !important; font-weight: 600;")}
        {rowsOf(scope, firedIds(logics, faulty ?? []), "box-shadow: inset 0 0 0 1px #b3261e;")}
      </style>
      <figure className="dmn-figure" aria-label={label}>
        {fault && (
          <p className="diagram-fault" role="alert">
            {t("work.bpmn.unreadable", { why: fault })}
          </p>
        )}
        <div ref={box} className="dmn-canvas" />
      </figure>
    </div>
  );
}

type Stack = { canUndo(): boolean };

const keyOf = (view: View | undefined) => view && `${view.type}.${view.element.id}`;
