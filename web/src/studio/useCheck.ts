/** Asks the server what it thinks of the open file, a moment after the last change. */

import { useEffect, useState } from "react";
import { checkDecision } from "../api/decisions";
import { checkForm, type Files } from "../api/drafts";
import { checkProcess, type Finding } from "../api/processes";
import { casesOf, importsOf, kindOf } from "./model";

const PAUSE = 1000;

type Checked = { findings: Finding[]; busy: boolean; fault?: unknown };

const NONE: Finding[] = [];

/** A form or a set of cases that is no JSON: told here, as it can't be sent. */
function unreadable(text: string): Finding | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return {
      severity: "error",
      rule: "json",
      message: error instanceof Error ? error.message : String(error),
    };
  }
}

async function ask(path: string, texts: Files): Promise<Finding[]> {
  const text = texts[path] ?? "";
  switch (kindOf(path)) {
    case "process":
      return (await checkProcess(text)).findings;
    case "decision": {
      const cases = casesOf(texts, path);
      return (await checkDecision(text, importsOf(texts, path), cases.length > 0 ? cases : undefined))
        .findings;
    }
    case "form": {
      const fault = unreadable(text);
      return fault ? [fault] : (await checkForm(JSON.parse(text))).findings;
    }
    case "cases": {
      const fault = unreadable(text);
      return fault ? [fault] : [];
    }
    default:
      return [];
  }
}

export function useCheck(path: string | undefined, texts: Files): Checked {
  const [state, setState] = useState<Checked & { path?: string }>({ findings: NONE, busy: false });
  const text = path ? texts[path] : undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the open file's own text asks anew.
  useEffect(() => {
    if (!path || text === undefined) return;
    let gone = false;
    setState((was) => ({ ...was, busy: true }));
    const timer = setTimeout(() => {
      ask(path, texts).then(
        (findings) => !gone && setState({ findings, busy: false, path }),
        (fault: unknown) => !gone && setState({ findings: NONE, busy: false, fault, path }),
      );
    }, PAUSE);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [path, text]);
  // What was said of another file is not shown at this one.
  return state.path === path ? state : { findings: NONE, busy: state.busy };
}
