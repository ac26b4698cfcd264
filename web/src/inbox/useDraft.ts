/** Keeps what is being filled in, a moment after the last change, and before one goes elsewhere. */

import { useCallback, useEffect, useRef, useState } from "react";
import type { Variables } from "../api/processes";
import { keepDraft } from "../api/tasks";

const PAUSE = 1200;

export type DraftState = { kept?: Date; saving: boolean; fault?: unknown };

export function useDraft(id: string) {
  const [state, setState] = useState<DraftState>({ saving: false });
  const waiting = useRef<{ timer: ReturnType<typeof setTimeout>; values: Variables }>(undefined);
  const send = useCallback(
    async (values: Variables) => {
      setState((was) => ({ ...was, saving: true }));
      try {
        await keepDraft(id, values);
        setState({ kept: new Date(), saving: false });
      } catch (fault) {
        setState((was) => ({ ...was, saving: false, fault }));
      }
    },
    [id],
  );
  const forget = useCallback(() => {
    clearTimeout(waiting.current?.timer);
    waiting.current = undefined;
  }, []);
  const change = useCallback(
    (values: Variables) => {
      forget();
      const timer = setTimeout(() => {
        waiting.current = undefined;
        void send(values);
      }, PAUSE);
      waiting.current = { timer, values };
    },
    [forget, send],
  );
  useEffect(
    () => () => {
      const left = waiting.current;
      forget();
      if (left) void keepDraft(id, left.values).catch(() => undefined);
    },
    [id, forget],
  );
  return { state, change, forget };
}
