/** The desk's addresses. Pages that few open come in pieces of their own. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import type { TaskQuery } from "./api/tasks";
import { Home } from "./shell/Home";
import { Shell } from "./shell/Shell";
import { Failure } from "./shell/States";

const root = createRootRoute({ component: Shell });

const home = createRoute({ getParentRoute: () => root, path: "/", component: Home });

const account = createRoute({
  getParentRoute: () => root,
  path: "/account",
  component: lazyRouteComponent(() => import("./shell/AccountPage"), "AccountPage"),
});

const accounts = createRoute({
  getParentRoute: () => root,
  path: "/accounts",
  component: lazyRouteComponent(() => import("./accounts/AccountsPage"), "AccountsPage"),
});

const duties = createRoute({
  getParentRoute: () => root,
  path: "/duties",
  component: lazyRouteComponent(() => import("./people/DutiesPage"), "DutiesPage"),
});

const identity = createRoute({
  getParentRoute: () => root,
  path: "/identity",
  component: lazyRouteComponent(() => import("./people/IdentityPage"), "IdentityPage"),
});

const objections = createRoute({
  getParentRoute: () => root,
  path: "/objections",
  component: lazyRouteComponent(() => import("./objections/ObjectionsPage"), "ObjectionsPage"),
});

const approvals = createRoute({
  getParentRoute: () => root,
  path: "/approvals",
  component: lazyRouteComponent(() => import("./approvals/ApprovalsPage"), "ApprovalsPage"),
});

const emergencies = createRoute({
  getParentRoute: () => root,
  path: "/emergencies",
  component: lazyRouteComponent(() => import("./emergencies/EmergenciesPage"), "EmergenciesPage"),
});

const simulate = createRoute({
  getParentRoute: () => root,
  path: "/simulate",
  component: lazyRouteComponent(() => import("./policy/SimulatePage"), "SimulatePage"),
});

const packages = createRoute({
  getParentRoute: () => root,
  path: "/packages",
  component: lazyRouteComponent(() => import("./packages/PackagesPage"), "PackagesPage"),
});

const packageHome = createRoute({
  getParentRoute: () => root,
  path: "/p/$pkg",
  component: lazyRouteComponent(() => import("./views/PackageHome"), "PackageHome"),
});

/** What a list's address holds: it can be sent to a colleague. */
export type ListSearch = { q?: string; f?: string; sort?: string; month?: string; cql?: string };

const validateSearch = (search: Record<string, unknown>): ListSearch => {
  const text = (name: string) => (typeof search[name] === "string" ? (search[name] as string) : undefined);
  return { q: text("q"), f: text("f"), sort: text("sort"), month: text("month"), cql: text("cql") };
};

const view = createRoute({
  getParentRoute: () => root,
  path: "/p/$pkg/v/$view",
  validateSearch,
  component: lazyRouteComponent(() => import("./views/ViewPage"), "ViewPage"),
});

const list = createRoute({
  getParentRoute: () => root,
  path: "/p/$pkg/r/$type",
  validateSearch,
  component: lazyRouteComponent(() => import("./records/ListPage"), "TypePage"),
});

const create = createRoute({
  getParentRoute: () => root,
  path: "/p/$pkg/r/$type/new",
  // From a record's page: the field that points back, and the record.
  validateSearch: (search: Record<string, unknown>): { by?: string; to?: string } => {
    const text = (name: string) => (typeof search[name] === "string" ? (search[name] as string) : undefined);
    return { by: text("by"), to: text("to") };
  },
  component: lazyRouteComponent(() => import("./records/EditPage"), "CreatePage"),
});

const detail = createRoute({
  getParentRoute: () => root,
  path: "/p/$pkg/r/$type/$id",
  component: lazyRouteComponent(() => import("./records/DetailPage"), "DetailPage"),
});

const edit = createRoute({
  getParentRoute: () => root,
  path: "/p/$pkg/r/$type/$id/edit",
  component: lazyRouteComponent(() => import("./records/EditPage"), "EditPage"),
});

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const one =
  <T extends string>(...known: T[]) =>
  (value: unknown) =>
    known.find((each) => each === value);
const whole = (value: unknown) => (Number.isInteger(Number(value)) && value ? Number(value) : undefined);

const inbox = createRoute({
  getParentRoute: () => root,
  path: "/inbox",
  validateSearch: (search: Record<string, unknown>): TaskQuery => ({
    scope: one("mine", "group", "all")(search.scope),
    state: one("open", "done")(search.state),
    process: text(search.process),
    light: one("green", "yellow", "red")(search.light),
    q: text(search.q),
    sort: one("due", "created", "priority")(search.sort),
  }),
  component: lazyRouteComponent(() => import("./inbox/InboxPage"), "InboxPage"),
});

const task = createRoute({
  getParentRoute: () => root,
  path: "/inbox/$id",
  component: lazyRouteComponent(() => import("./inbox/TaskPage"), "TaskPage"),
});

type ProcessesSearch = {
  tab?: "definitions" | "instances" | "incidents";
  q?: string;
  process?: string;
  state?: string;
};

const processes = createRoute({
  getParentRoute: () => root,
  path: "/processes",
  validateSearch: (search: Record<string, unknown>): ProcessesSearch => ({
    tab: one("definitions", "instances", "incidents")(search.tab),
    q: text(search.q),
    process: text(search.process),
    state: text(search.state),
  }),
  component: lazyRouteComponent(() => import("./processes/ProcessesPage"), "ProcessesPage"),
});

const process = createRoute({
  getParentRoute: () => root,
  path: "/processes/$id",
  validateSearch: (search: Record<string, unknown>): { version?: number } => ({
    version: whole(search.version),
  }),
  component: lazyRouteComponent(() => import("./processes/ProcessPage"), "ProcessPage"),
});

const instance = createRoute({
  getParentRoute: () => root,
  path: "/instances/$id",
  component: lazyRouteComponent(() => import("./processes/InstancePage"), "InstancePage"),
});

const decisions = createRoute({
  getParentRoute: () => root,
  path: "/decisions",
  component: lazyRouteComponent(() => import("./decisions/DecisionsPage"), "DecisionsPage"),
});

const decision = createRoute({
  getParentRoute: () => root,
  path: "/decisions/$id",
  validateSearch: (search: Record<string, unknown>): { version?: number } => ({
    version: whole(search.version),
  }),
  component: lazyRouteComponent(() => import("./decisions/DecisionPage"), "DecisionPage"),
});

const studio = createRoute({
  getParentRoute: () => root,
  path: "/studio",
  component: lazyRouteComponent(() => import("./studio/StudioPage"), "StudioPage"),
});

const draft = createRoute({
  getParentRoute: () => root,
  path: "/studio/$id",
  validateSearch: (search: Record<string, unknown>): { file?: string } => ({ file: text(search.file) }),
  component: lazyRouteComponent(() => import("./studio/DraftPage"), "DraftPage"),
});

const review = createRoute({
  getParentRoute: () => root,
  path: "/studio/$id/review",
  component: lazyRouteComponent(() => import("./studio/ReviewPage"), "ReviewPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    account,
    accounts,
    duties,
    identity,
    objections,
    approvals,
    emergencies,
    simulate,
    packages,
    inbox,
    task,
    processes,
    process,
    instance,
    decisions,
    decision,
    studio,
    draft,
    review,
    packageHome,
    view,
    list,
    create,
    detail,
    edit,
  ]),
  basepath: "/desk",
  defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
