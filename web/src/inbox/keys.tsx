/** The inbox by keyboard alone. */

import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

type Acts = {
  move: (by: 1 | -1) => void;
  open: () => void;
  select: () => void;
  claim: () => void;
  find: () => void;
};

export function useKeys(acts: Acts): void {
  const now = useRef(acts);
  now.current = acts;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const place = event.target as HTMLElement;
      // What is typed into a field is its own; at a button, a link or a choice only letters are ours.
      if (place.closest(FIELDS)) return;
      if (place.closest("button, a, input") && event.key.length > 1) return;
      const act = ACTS[event.key];
      if (!act) return;
      event.preventDefault();
      act(now.current);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

const FIELDS =
  "textarea, select, input:not([type=radio], [type=checkbox]), [role=dialog], [role=combobox], [role=menu]";

const ACTS: Record<string, (acts: Acts) => void> = {
  j: (acts) => acts.move(1),
  ArrowDown: (acts) => acts.move(1),
  k: (acts) => acts.move(-1),
  ArrowUp: (acts) => acts.move(-1),
  Enter: (acts) => acts.open(),
  x: (acts) => acts.select(),
  c: (acts) => acts.claim(),
  "/": (acts) => acts.find(),
};

const SHOWN: [string[], string][] = [
  [["k", "j"], "move"],
  [["Enter"], "open"],
  [["x"], "select"],
  [["c"], "claim"],
  [["/"], "find"],
];

export function Keys() {
  const { t } = useTranslation();
  return (
    <dl className="keys">
      {SHOWN.map(([keys, what]) => (
        <div key={what} style={{ display: "contents" }}>
          <dt>
            {keys.map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{t(`work.inbox.keysHelp.${what}`)}</dd>
        </div>
      ))}
    </dl>
  );
}
