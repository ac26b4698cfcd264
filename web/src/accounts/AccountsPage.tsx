import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input, Space, Table, Tag } from "antd";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import type { Account } from "../api/types";
import { ConfirmDialog } from "../people/ConfirmDialog";
import { PostsDialog } from "../people/PostsDialog";
import { Failure, Loading, Nothing, sentence } from "../shell/States";
import { useRoleNames } from "../shell/useRoleNames";
import { AccountDialog } from "./AccountDialog";
import { PasswordDialog } from "./PasswordDialog";

/** An account as administrators see it. */
export type Managed = Account & { disabled: boolean; version: number };
type Page = { items: Managed[]; next: string | null };

/** Administrators find, make, change, disable and rescue accounts here. */
export function AccountsPage() {
  const { t } = useTranslation();
  const { message, modal } = App.useApp();
  const cache = useQueryClient();
  const roleName = useRoleNames();
  const [typed, setTyped] = useState("");
  const [edited, setEdited] = useState<Managed | "new" | null>(null);
  const [rescued, setRescued] = useState<Managed | null>(null);
  const [posted, setPosted] = useState<Managed | null>(null);
  const [confirmed, setConfirmed] = useState<Managed | null>(null);
  const q = useDeferredValue(typed.trim());
  const found = useInfiniteQuery({
    queryKey: ["accounts", q],
    queryFn: ({ pageParam, signal }) =>
      call<Page>("/v1/accounts", { query: { q, cursor: pageParam, limit: 50 }, signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  const refresh = () => void cache.invalidateQueries({ queryKey: ["accounts"] });
  const switchTo = async (one: Managed, disabled: boolean) => {
    try {
      await call(`/v1/accounts/${one.id}`, {
        method: "PATCH",
        body: { disabled },
        headers: { "if-match": `"${one.version}"` },
      });
      void message.success(t(disabled ? "acc.disabledNow" : "acc.enabledNow", { name: one.name }));
    } catch (error) {
      void message.error(sentence(error, t));
    }
    refresh();
  };
  const disable = (one: Managed) =>
    modal.confirm({
      title: t("acc.disableAsk", { name: one.name }),
      content: t("acc.disableHelp"),
      okText: t("acc.disable"),
      cancelText: t("cancel"),
      okButtonProps: { danger: true },
      onOk: () => switchTo(one, true),
    });
  const items = found.data.pages.flatMap((page) => page.items);
  return (
    <>
      <h1>{t("acc.title")}</h1>
      <Space wrap className="gap">
        <Input.Search
          allowClear
          aria-label={t("search")}
          placeholder={t("acc.search")}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          style={{ width: 260 }}
        />
        <Button type="primary" onClick={() => setEdited("new")}>
          {t("acc.new")}
        </Button>
      </Space>
      {items.length === 0 ? (
        <Nothing text={t("acc.none")} help={q ? t("acc.noneHelp") : undefined} />
      ) : (
        <Table<Managed>
          rowKey="id"
          size="middle"
          pagination={false}
          scroll={{ x: 760 }}
          dataSource={items}
          columns={[
            { key: "login", title: t("login"), dataIndex: "login" },
            {
              key: "name",
              title: t("acc.name"),
              render: (_v, one) => (
                <>
                  {one.name} {one.kind === "citizen" && <Tag>{t("ppl.citizen")}</Tag>}
                  {one.disabled && <Tag>{t("acc.disabled")}</Tag>}
                </>
              ),
            },
            { key: "unit", title: t("me.unit"), render: (_v, one) => one.unit ?? t("none") },
            {
              key: "roles",
              title: t("me.roles"),
              render: (_v, one) => (
                <Space wrap size={4}>
                  {one.roles.map((role) => (
                    <Tag key={role}>{roleName(role)}</Tag>
                  ))}
                </Space>
              ),
            },
            {
              key: "acts",
              title: t("acc.acts"),
              render: (_v, one) => (
                <Space wrap size={0}>
                  {one.kind !== "citizen" && (
                    <Button type="link" onClick={() => setEdited(one)}>
                      {t("acc.edit")}
                    </Button>
                  )}
                  {one.kind === "person" && (
                    <Button type="link" onClick={() => setPosted(one)}>
                      {t("ppl.posts")}
                    </Button>
                  )}
                  {one.kind === "citizen" && !one.disabled && (
                    <Button type="link" onClick={() => setConfirmed(one)}>
                      {t("ppl.confirm")}
                    </Button>
                  )}
                  {one.kind !== "service" && (
                    <Button type="link" onClick={() => setRescued(one)}>
                      {t("acc.reset")}
                    </Button>
                  )}
                  {one.disabled ? (
                    <Button type="link" onClick={() => void switchTo(one, false)}>
                      {t("acc.enable")}
                    </Button>
                  ) : (
                    <Button type="link" danger onClick={() => void disable(one)}>
                      {t("acc.disable")}
                    </Button>
                  )}
                </Space>
              ),
            },
          ]}
        />
      )}
      {found.hasNextPage && (
        <Button className="gap" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {t("acc.more")}
        </Button>
      )}
      {edited && (
        <AccountDialog
          account={edited === "new" ? null : edited}
          close={() => {
            setEdited(null);
            refresh();
          }}
        />
      )}
      {posted && <PostsDialog account={posted} close={() => setPosted(null)} />}
      {confirmed && <ConfirmDialog account={confirmed} close={() => setConfirmed(null)} />}
      {rescued && <PasswordDialog account={rescued} close={() => setRescued(null)} />}
    </>
  );
}
