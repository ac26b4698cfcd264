import { Modal, Tag } from "antd";
import { useTranslation } from "react-i18next";
import type { BatchResult, Task } from "../api/tasks";

export type Told = { id: string; title: string; fault: string | null };

/** What became of each; in the order they were chosen. */
export function told(results: BatchResult[], of: Task[]): Told[] {
  return of.map(({ id, title }) => {
    const one = results.find((result) => result.id === id);
    return { id, title, fault: one?.ok ? null : (one?.problem?.detail ?? one?.problem?.title ?? "") };
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
