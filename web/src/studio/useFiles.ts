/** The files of an open draft: changed here, kept on the server a moment later. */

import { useCallback, useEffect, useRef, useState } from "react";
import { Refused } from "../api/client";
import { type Draft, type Files, updateDraft } from "../api/drafts";
import { changedOnly } from "./model";

const PAUSE = 900;

type Saving = { state: "kept" | "waiting" | "saving" | "failed" | "conflict"; at?: Date; fault?: unknown };

export function useFiles(draft: Draft, base: Files) {
  const [files, setFiles] = useState<Files>(draft.files);
  const [saving, setSaving] = useState<Saving>({ state: "kept" });
  const now = useRef({ files, version: draft.version, busy: false, again: false });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const save = useCallback(async () => {
    const own = now.current;
    clearTimeout(timer.current);
    timer.current = undefined;
    // One after the other: each knows the mark of the one before.
    if (own.busy) {
      own.again = true;
      return;
    }
    own.busy = true;
    setSaving({ state: "saving" });
    try {
      const kept = await updateDraft(draft.id, own.version, changedOnly(own.files, base));
      own.version = kept.version;
      setSaving({ state: "kept", at: new Date() });
    } catch (fault) {
      const conflict = fault instanceof Refused && [409, 412].includes(fault.problem.status);
      setSaving({ state: conflict ? "conflict" : "failed", fault });
    }
    own.busy = false;
    if (own.again) {
      own.again = false;
      await save();
    }
  }, [draft.id, base]);

  const put = useCallback(
    (next: Files) => {
      now.current.files = next;
      setFiles(next);
      setSaving({ state: "waiting" });
      clearTimeout(timer.current);
      timer.current = setTimeout(() => void save(), PAUSE);
    },
    [save],
  );

  const change = useCallback(
    (path: string, text: string) => {
      if (now.current.files[path] === text) return;
      put({ ...now.current.files, [path]: text });
    },
    [put],
  );
  const drop = useCallback(
    (path: string) => {
      const { [path]: _, ...rest } = now.current.files;
      put(rest);
    },
    [put],
  );

  /** Keeps what waits; to be called before the server is to know all. */
  const flush = useCallback(async () => {
    if (timer.current !== undefined) await save();
  }, [save]);

  useEffect(
    () => () => {
      if (timer.current !== undefined) void save();
    },
    [save],
  );
  return { files, change, drop, flush, saving };
}
