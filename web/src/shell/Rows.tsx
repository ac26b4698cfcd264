/** Lists with something to do at the end of each row. */

import { type UseQueryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, List } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { sentence } from "./States";

/** Does something and tells what came of it; what it changed is asked for again. */
export function useAct(...keys: string[]) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  return async (work: () => Promise<unknown>, done?: string) => {
    try {
      await work();
      if (done) void message.success(done);
      void cache.invalidateQueries({ queryKey: ["due"] });
    } catch (error) {
      void message.error(error instanceof DOMException ? t("sec.passkeyFailed") : sentence(error, t));
    }
    await Promise.all(keys.map((key) => cache.invalidateQueries({ queryKey: [key] })));
  };
}

/** A list with a button at the end of each row. */
export function Rows<T extends { id: string }>(props: {
  of: UseQueryOptions<T[], Error, T[], string[]>;
  none: string;
  /** Which of them; all where nothing is said. */
  only?: (one: T) => boolean;
  line: (one: T) => ReactNode;
  end: (one: T) => ReactNode;
}) {
  const asked = useQuery(props.of);
  const { only = () => true } = props;
  return (
    <List
      size="small"
      loading={asked.isPending}
      locale={{ emptyText: props.none }}
      dataSource={(asked.data ?? []).filter(only)}
      rowKey="id"
      renderItem={(one) => (
        <List.Item className="row-item" actions={[props.end(one)].filter(Boolean)}>
          {props.line(one)}
        </List.Item>
      )}
    />
  );
}
