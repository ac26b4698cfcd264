/** Views of the inbox that somebody keeps by name. */

import { DeleteOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Dropdown, Space } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { dropView, keepView, keptViews, type TaskQuery } from "../api/tasks";
import { sentence } from "../shell/States";
import { Naming } from "./Naming";

export function KeptViews({ now, onChoose }: { now: TaskQuery; onChoose: (query: TaskQuery) => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const kept = useQuery({ ...keptViews, retry: false });
  const [naming, setNaming] = useState(false);
  const fresh = () => void cache.invalidateQueries({ queryKey: ["task-views"] });
  const items = (kept.data ?? []).map((one) => ({
    key: one.id,
    label: (
      <Space>
        {one.title}
        <Button
          type="text"
          size="small"
          icon={<DeleteOutlined />}
          aria-label={`${t("list.remove")} ${one.title}`}
          onClick={(event) => {
            event.stopPropagation();
            void dropView(one.id).then(fresh, (error) => message.error(sentence(error, t)));
          }}
        />
      </Space>
    ),
    onClick: () => onChoose(one.query),
  }));
  return (
    <>
      <Dropdown
        trigger={["click"]}
        menu={{
          items: [
            ...(items.length > 0 ? items : [{ key: "none", disabled: true, label: t("work.inbox.noSaved") }]),
            { type: "divider" as const },
            { key: "save", label: t("work.inbox.save"), onClick: () => setNaming(true) },
          ],
        }}
      >
        <Button>{t("work.inbox.saved")}</Button>
      </Dropdown>
      {naming && (
        <Naming
          title={t("work.inbox.save")}
          label={t("work.inbox.saveName")}
          ok={t("form.save")}
          close={() => setNaming(false)}
          send={async (name) => {
            await keepView(name, now);
            void message.success(t("work.inbox.savedDone"));
            fresh();
          }}
        />
      )}
    </>
  );
}
