/** The frame of every page: brand, systems, the views of the system one is in, the account. */

import {
  AlertOutlined,
  ApartmentOutlined,
  AppstoreOutlined,
  AuditOutlined,
  EditOutlined,
  EyeOutlined,
  HomeOutlined,
  IdcardOutlined,
  InboxOutlined,
  MenuOutlined,
  SafetyOutlined,
  SettingOutlined,
  TableOutlined,
  TeamOutlined,
  UserOutlined,
} from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { Button, Drawer, Dropdown, Grid, Layout, Menu } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../api/client";
import { party } from "../api/people";
import { become, packages, pkg, session } from "../api/queries";
import { due } from "../api/signing";
import { counts, waiting } from "../api/tasks";
import type { Account } from "../api/types";
import { language, setLanguage, tr } from "../i18n";
import { menuViews } from "../model/declaration";
import { moment } from "../model/format";
import { Login } from "./Login";
import { ForPurpose } from "./Purpose";
import { Failure, Loading } from "./States";

export function Shell() {
  const me = useQuery(session);
  if (me.isPending) return <Loading />;
  if (me.isError) return <Failure error={me.error} retry={() => void me.refetch()} />;
  if (!me.data) return <Login />;
  return <Entered me={me.data} />;
}

const AccountPage = lazy(() => import("./AccountPage").then((page) => ({ default: page.AccountPage })));

/** Whoever must do something first sees only where to do it. */
function Entered({ me }: { me: Account }) {
  const { t } = useTranslation();
  const owed = useQuery(due);
  if (owed.isPending) return <Loading />;
  if (owed.data) {
    return (
      <main className="content">
        <Suspense fallback={<Loading />}>
          <AccountPage />
        </Suspense>
      </main>
    );
  }
  return <Frame me={me} title={t("brandLong")} />;
}

function Frame({ me, title }: { me: Account; title: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const here = useParams({ strict: false }) as { pkg?: string };
  const wide = Grid.useBreakpoint().md ?? true;
  const [open, setOpen] = useState(false);
  const signOut = async () => {
    await call("/v1/session", { method: "DELETE" }).catch(() => undefined);
    become(null);
    void navigate({ to: "/" });
  };
  const Nav = me.kind === "citizen" ? CitizenNavigation : Navigation;
  const nav = <Nav onChoose={() => setOpen(false)} />;
  return (
    <Layout className="frame">
      <a className="skip" href="#content">
        {t("detail.info")}
      </a>
      <Layout.Header className="head">
        {!wide && (
          <Button
            type="text"
            className="head-button"
            icon={<MenuOutlined />}
            aria-label={t("menu")}
            onClick={() => setOpen(true)}
          />
        )}
        <Link to="/" className="brand">
          {wide ? title : t("brand")}
        </Link>
        <span className="grow" />
        {me.kind === "citizen" ? <ActingFor /> : <DemoClock />}
        <Button
          type="text"
          className="head-button"
          onClick={() => void setLanguage(language() === "en" ? "zh-CN" : "en")}
        >
          {t("language")}
        </Button>
        <Dropdown
          trigger={["click"]}
          menu={{
            items: [
              { key: "account", label: <Link to="/account">{t("account")}</Link> },
              me.kind === "citizen"
                ? { key: "identity", label: <Link to="/identity">{t("ppl.identity")}</Link> }
                : { key: "duties", label: <Link to="/duties">{t("ppl.duties")}</Link> },
              { type: "divider" },
              { key: "out", label: t("signOut"), onClick: () => void signOut() },
            ],
          }}
        >
          <Button type="text" className="head-button" icon={<UserOutlined />}>
            {me.name}
          </Button>
        </Dropdown>
      </Layout.Header>
      <Layout>
        {wide ? (
          <Layout.Sider width={216} theme="light" className="side">
            {nav}
          </Layout.Sider>
        ) : (
          <Drawer
            open={open}
            onClose={() => setOpen(false)}
            placement="left"
            size={264}
            title={t("menu")}
            className="side"
          >
            {me.kind !== "citizen" && <DemoClock />}
            {nav}
          </Drawer>
        )}
        <Layout.Content id="content" className="content">
          {here.pkg === undefined ? (
            <Outlet />
          ) : (
            <ForPurpose key={here.pkg} id={here.pkg}>
              <Outlet />
            </ForPurpose>
          )}
        </Layout.Content>
      </Layout>
    </Layout>
  );
}

/** Said where the platform's clock is not the reader's: today means another day then. */
function DemoClock() {
  const { t } = useTranslation();
  const all = useQuery(packages);
  const now = all.data && new Date(all.data.now);
  if (!now || Math.abs(now.getTime() - Date.now()) < 86_400_000) return null;
  return <span className="clock">{t("clock", { at: moment(now.toISOString()).slice(0, 10) })}</span>;
}

/** Said to a citizen who acts for another, on every page. */
function ActingFor() {
  const { t } = useTranslation();
  const who = useQuery(party).data?.represents;
  return who ? <span className="clock">{t("ppl.actingFor", { name: who.name })}</span> : null;
}

/** Systems are for colleagues; a citizen has his own affairs. */
function CitizenNavigation({ onChoose }: { onChoose: () => void }) {
  const { t } = useTranslation();
  const place = useLocation({ select: (location) => location.pathname.split("/").at(-1) });
  const items = [
    { key: "identity", icon: <IdcardOutlined />, label: <Link to="/identity">{t("ppl.identity")}</Link> },
    { key: "account", icon: <UserOutlined />, label: <Link to="/account">{t("account")}</Link> },
  ];
  return (
    <nav aria-label={t("menu")}>
      <Menu
        mode="inline"
        items={items}
        selectedKeys={[place === "account" ? "account" : "identity"]}
        onClick={onChoose}
      />
    </nav>
  );
}

/** Pages that are no system's. */
const FIXED = [
  "inbox",
  "processes",
  "instances",
  "decisions",
  "studio",
  "packages",
  "accounts",
  "objections",
  "approvals",
  "emergencies",
  "simulate",
];

/** How many tasks wait; nothing where there are none or they can't be counted. */
function Waiting() {
  const { t } = useTranslation();
  const n = waiting(useQuery({ ...counts, retry: false }).data);
  if (n === 0) return null;
  return (
    <span className="count" title={t("nav.waiting", { n })}>
      {n > 999 ? "999+" : n}
    </span>
  );
}

function Navigation({ onChoose }: { onChoose: () => void }) {
  const { t } = useTranslation();
  const here = useParams({ strict: false }) as { pkg?: string; view?: string };
  const all = useQuery(packages);
  const current = useQuery({ ...pkg(here.pkg ?? ""), enabled: here.pkg !== undefined });
  const me = useQuery(session);
  const roles = me.data?.roles ?? [];
  const views = current.data && here.pkg ? menuViews(current.data, roles) : [];
  const items = [
    { key: "home", icon: <HomeOutlined />, label: <Link to="/">{t("home")}</Link> },
    {
      key: "inbox",
      icon: <InboxOutlined />,
      label: (
        <Link to="/inbox">
          {t("nav.inbox")}
          <Waiting />
        </Link>
      ),
    },
    ...(all.data?.items ?? []).map((one) => ({
      key: `p.${one.id}`,
      icon: <AppstoreOutlined />,
      label: (
        <Link to="/p/$pkg" params={{ pkg: one.id }}>
          {tr(one.title)}
        </Link>
      ),
    })),
    {
      key: "processes",
      icon: <ApartmentOutlined />,
      label: <Link to="/processes">{t("nav.processes")}</Link>,
    },
    { key: "decisions", icon: <TableOutlined />, label: <Link to="/decisions">{t("nav.decisions")}</Link> },
    { key: "studio", icon: <EditOutlined />, label: <Link to="/studio">{t("nav.studio")}</Link> },
    { key: "packages", icon: <SettingOutlined />, label: <Link to="/packages">{t("packages")}</Link> },
    ...((me.data?.roles.length ?? 0) > 0
      ? [
          {
            key: "objections",
            icon: <AuditOutlined />,
            label: <Link to="/objections">{t("obj.title")}</Link>,
          },
          {
            key: "approvals",
            icon: <SafetyOutlined />,
            label: <Link to="/approvals">{t("trust.approvals")}</Link>,
          },
          {
            key: "emergencies",
            icon: <AlertOutlined />,
            label: <Link to="/emergencies">{t("trust.emergencies")}</Link>,
          },
          {
            key: "simulate",
            icon: <EyeOutlined />,
            label: <Link to="/simulate">{t("trust.simulate")}</Link>,
          },
        ]
      : []),
    ...(me.data?.roles.includes("admin")
      ? [{ key: "accounts", icon: <TeamOutlined />, label: <Link to="/accounts">{t("acc.title")}</Link> }]
      : []),
  ];
  const withViews = items.flatMap((item) => {
    if (item.key !== `p.${here.pkg}`) return [item];
    const own = views.map(([name, view]) => ({
      key: `v.${name}`,
      className: "view-item",
      label: (
        <Link to="/p/$pkg/v/$view" params={{ pkg: here.pkg ?? "", view: name }}>
          {tr(view.title)}
        </Link>
      ),
    }));
    return [item, ...own];
  });
  const places = useLocation({ select: (location) => location.pathname }).split("/");
  const place = places.find((one) => FIXED.includes(one));
  const fixed = place
    ? [place === "instances" ? "processes" : place]
    : places.includes("account")
      ? []
      : ["home"];
  const selected = here.view ? [`v.${here.view}`] : here.pkg ? [`p.${here.pkg}`] : fixed;
  return (
    <nav aria-label={t("menu")}>
      <Menu mode="inline" items={withViews} selectedKeys={selected} onClick={onChoose} />
    </nav>
  );
}
