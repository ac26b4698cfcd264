/** One instance on its diagram: where it stands, what it waits for, what went wrong, how it came there. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Alert, App, Button, Card, Descriptions, Slider, Space, Tabs } from "antd";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  cancelInstance,
  type Incident,
  type InstanceView,
  instanceHistory,
  instanceView,
  processView,
  type Step,
} from "../api/processes";
import { session } from "../api/queries";
import type { Badge, Marks } from "../bpmn/types";
import { moment } from "../model/format";
import { Failure, Loading } from "../shell/States";
import { Asking } from "../work/Asking";
import { Values } from "../work/Values";
import "../i18n/work";
import "../work/style";
import { StateTag } from "./InstancesTable";
import { Migrate } from "./Migrate";
import { Modify } from "./Modify";
import { namesOf, nodesOf } from "./model";
import { Retry } from "./Retry";
import { Steps } from "./Steps";

const Diagram = lazy(() => import("../bpmn/Diagram").then((found) => ({ default: found.Diagram })));

const NO_STEPS: Step[] = [];

export function InstancePage() {
  const { id } = useParams({ from: "/instances/$id" });
  const now = useQuery(instanceView(id));
  if (now.isPending) return <Loading />;
  if (now.isError) return <Failure error={now.error} retry={() => void now.refetch()} />;
  return <One now={now.data} />;
}

function One({ now }: { now: InstanceView }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const model = useQuery(processView(now.process, now.version));
  const told = useQuery(instanceHistory(now.id));
  const steps = told.data ?? NO_STEPS;
  // Which step one looks back to; none: now.
  const [back, setBack] = useState<number>();
  const step = back === undefined ? undefined : steps[back];
  const then = useQuery({ ...instanceView(now.id, step?.at), enabled: step !== undefined });
  const shown = step ? (then.data ?? now) : now;
  const [dialog, setDialog] = useState<"cancel" | "modify" | "migrate">();
  const [retrying, setRetrying] = useState<Incident>();
  const [focus, setFocus] = useState<string>();
  const nodes = useMemo(() => (model.data ? nodesOf(model.data.xml) : []), [model.data]);
  const name = useMemo(() => namesOf(model.data?.xml), [model.data]);
  const live = now.state === "running" || now.state === "incident";
  // Only whoever keeps the platform, or designs for it, may interfere.
  const me = useQuery(session);
  const keeps = me.data?.roles.some((role) => role === "admin" || role === "designer") ?? false;
  const { marks, badges } = useMemo(
    () => onDiagram(shown, steps.slice(0, back === undefined ? undefined : back + 1), t),
    [shown, steps, back, t],
  );
  return (
    <>
      <div className="titled">
        <div>
          <h1>{now.business_key || t("work.instances.noKey", { id: now.id.slice(-8) })}</h1>
          <p className="muted">
            <Link to="/processes/$id" params={{ id: now.process }} search={{ version: now.version }}>
              {now.title || now.process}
            </Link>{" "}
            · {t("version", { version: now.version })} <StateTag state={now.state} />
          </p>
        </div>
        {live && keeps && (
          <Space wrap>
            <Button onClick={() => setDialog("modify")}>{t("work.instances.modify")}</Button>
            <Button disabled={(model.data?.versions.length ?? 0) < 2} onClick={() => setDialog("migrate")}>
              {t("work.migrate.title")}
            </Button>
            <Button danger onClick={() => setDialog("cancel")}>
              {t("work.instances.cancel")}
            </Button>
          </Space>
        )}
      </div>
      {now.incidents?.map((one) => (
        <Alert
          key={one.id}
          className="gap"
          type="error"
          showIcon
          title={`${t("work.instances.incidents")}:${name(one.element)}`}
          description={<span className="break">{one.message}</span>}
          action={
            keeps && (
              <Button size="small" onClick={() => setRetrying(one)}>
                {t("work.instances.retry")}
              </Button>
            )
          }
        />
      ))}
      {now.error && (
        <Alert
          className="gap"
          type="error"
          showIcon
          title={[t("work.instances.endedWith"), now.error.code].filter(Boolean).join(" ")}
          description={<span className="break">{now.error.message}</span>}
        />
      )}
      {step && (
        <Alert
          className="gap"
          type="info"
          showIcon
          title={t("work.instances.asOfShown", { at: moment(step.at) })}
          action={
            <Button size="small" onClick={() => setBack(undefined)}>
              {t("work.instances.backToNow")}
            </Button>
          }
        />
      )}
      {model.isError ? (
        <Failure error={model.error} retry={() => void model.refetch()} />
      ) : model.isPending ? (
        <Loading />
      ) : (
        <Suspense fallback={<Loading />}>
          <Diagram
            xml={model.data.xml}
            label={`${t("work.processes.diagram")} ${model.data.title}`}
            marks={marks}
            badges={badges}
            focus={focus}
          />
        </Suspense>
      )}
      {steps.length > 1 && (
        <div className="look-back no-print">
          <span>{t("work.instances.asOf")}</span>
          <Slider
            min={0}
            max={steps.length}
            value={back ?? steps.length}
            onChange={(at) => setBack(at >= steps.length ? undefined : at)}
            tooltip={{
              formatter: (at) =>
                at === undefined || !steps[at] ? t("work.instances.now") : moment(steps[at].at),
            }}
            ariaLabelForHandle={t("work.instances.asOf")}
          />
          <span className="muted small">
            {step
              ? t("work.instances.step", { n: (back ?? 0) + 1, all: steps.length })
              : t("work.instances.now")}
          </span>
        </div>
      )}
      <div className="columns above">
        <Card>
          <Tabs
            items={[
              {
                key: "variables",
                label: t("work.instances.variables"),
                children: shown.variables_hidden ? (
                  <Alert type="info" showIcon message={t("work.instances.hidden")} />
                ) : (
                  <Values of={shown.variables} />
                ),
              },
              {
                key: "history",
                label: t("work.instances.history"),
                children: told.isError ? (
                  <Failure error={told.error} retry={() => void told.refetch()} />
                ) : told.isPending ? (
                  <Loading />
                ) : (
                  <Steps
                    of={steps}
                    name={name}
                    at={back}
                    onLook={(at) => {
                      setBack(at);
                      setFocus(steps[at]?.element ?? undefined);
                    }}
                  />
                ),
              },
            ]}
          />
        </Card>
        <Card title={t("work.instances.tokens")}>
          <Places of={shown} name={name} onChoose={setFocus} />
        </Card>
      </div>
      {dialog === "cancel" && (
        <Asking
          danger
          title={t("work.instances.cancel")}
          lead={t("work.instances.cancelLead")}
          label={t("work.instances.cancelReason")}
          ok={t("work.instances.cancel")}
          close={() => setDialog(undefined)}
          send={async (reason) => {
            await cancelInstance(now.id, reason);
            void message.success(t("work.instances.cancelled"));
            for (const key of ["instance", "instance-history", "instances", "tasks", "processes"])
              void cache.invalidateQueries({ queryKey: [key] });
          }}
        />
      )}
      {dialog === "modify" && (
        <Modify of={now} nodes={nodes} name={name} close={() => setDialog(undefined)} />
      )}
      {dialog === "migrate" && model.data && (
        <Migrate
          of={model.data}
          instance={{ id: now.id, version: now.version }}
          close={() => setDialog(undefined)}
        />
      )}
      {retrying && <Retry of={retrying} close={() => setRetrying(undefined)} />}
    </>
  );
}

/** In words what the diagram shows in colours. */
function Places({
  of,
  name,
  onChoose,
}: {
  of: InstanceView;
  name: (id: string) => string;
  onChoose: (element: string) => void;
}) {
  const { t } = useTranslation();
  const place = (element: string) => (
    <Button type="link" size="small" className="flat" onClick={() => onChoose(element)}>
      {name(element)}
    </Button>
  );
  if (of.tokens.length === 0) return <p className="muted">{t("work.instances.noTokens")}</p>;
  return (
    <Descriptions
      column={1}
      size="small"
      items={[
        ...of.tokens.map((token) => ({
          key: token.id,
          label: place(token.element),
          children: t("work.instances.since", { at: moment(token.since) }),
        })),
        ...(of.timers ?? []).map((timer) => ({
          key: `timer.${timer.element}.${timer.due_at}`,
          label: (
            <>
              {t("work.instances.timers")} {place(timer.element)}
            </>
          ),
          children: timer.due_at
            ? t("work.instances.dueAt", { at: moment(timer.due_at) })
            : t("work.instances.paused"),
        })),
        ...(of.subscriptions ?? []).map((one) => ({
          key: `waits.${one.element}.${one.name ?? ""}`,
          label: t("work.instances.waits"),
          children: (
            <>
              {place(one.element)} {one.name}
            </>
          ),
        })),
        ...(of.calls ?? []).map((one) => ({
          key: `call.${one.id}`,
          label: t("work.instances.calls"),
          children: (
            <Link to="/instances/$id" params={{ id: one.id }}>
              {one.process}
            </Link>
          ),
        })),
      ]}
    />
  );
}

function onDiagram(
  of: InstanceView,
  past: Step[],
  t: (key: string, values?: Record<string, unknown>) => string,
): { marks: Marks; badges: Badge[] } {
  const marks: Marks = {};
  const put = (id: string, mark: string) => {
    marks[id] = [...(marks[id] ?? []), mark];
  };
  for (const element of new Set(past.map((one) => one.element))) if (element) put(element, "mark-past");
  const tokens = new Map<string, number>();
  for (const { element } of of.tokens) tokens.set(element, (tokens.get(element) ?? 0) + 1);
  for (const element of tokens.keys()) put(element, "mark-token");
  for (const { element } of of.incidents ?? []) put(element, "mark-incident");
  const badges: Badge[] = [
    ...[...tokens].map(([element, n]) => ({ element, text: String(n), tone: "token" as const })),
    ...(of.incidents ?? []).map((one) => ({
      element: one.element,
      text: "!",
      title: one.message,
      tone: "incident" as const,
      corner: "left" as const,
    })),
    ...(of.timers ?? []).map((one) => ({
      element: one.element,
      text: one.due_at ? moment(one.due_at) : t("work.instances.paused"),
      title: t("work.instances.timers"),
      tone: "timer" as const,
      corner: "below" as const,
    })),
  ];
  return { marks, badges };
}
