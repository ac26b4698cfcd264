import type { FormInstance } from "antd";
import { Refused } from "../api/client";

/** Shows what the server refused at its fields; whether there was any. */
export function atFields(form: FormInstance, error: unknown): boolean {
  const told = error instanceof Refused ? (error.problem.errors ?? []) : [];
  for (const one of told) form.setFields([{ name: one.pointer.slice(1), errors: [one.message] }]);
  return told.length > 0;
}
