import { Modal, Tag } from "antd";
import { useTranslation } from "react-i18next";
import type { BatchResult, Task } from "../api/tasks";

export type Told = { id: string; title: string; fault: string | null };

/** What became of each; in the order they were chosen. */
export function told(answer: { items?: BatchResult[]; results?: BatchResult[] }, of: Task[]): Told[] {
  const all = answer.items ?? answer.results ?? [];
  return of.map(({ id, title }) => {
    const one = all.find((result) => result.id === id);
    if (!one || one.ok === true || (one.ok === undefined && !one.error)) return { id, title, fault: null };
    const why = typeof one.error === "string" ? one.error : (one.error?.detail ?? one.error?.title);
    return { id, title, fault: why ?? "" };
  });
}

export function Results({ of, close }: { of: Told[]; close: () => void }) {
  const { t } = useTranslation();
  const failed = of.filter((one) => one.fault !== null).length;
  return (
    <Modal
      open
      title={t("work.inbox.batchResult")}
      onCancel={close}
      onOk={close}
      footer={(_, { OkBtn }) => <OkBtn />}
    >
      <p>{t("work.inbox.batchDone", { ok: of.length - failed, failed })}</p>
      <ul className="findings">
        {of.map((one) => (
          <li key={one.id}>
            <Tag color={one.fault === null ? "green" : "red"}>
              {one.fault === null ? t("work.inbox.done") : t("failed")}
            </Tag>
            {one.title}
            {one.fault && <div className="small">{one.fault}</div>}
          </li>
        ))}
      </ul>
    </Modal>
  );
}
