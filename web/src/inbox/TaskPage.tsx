/** One task: its form, what may be done with it, where it stands, what happened. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Alert, App, Button, Card, Descriptions, Space, Tag, Timeline } from "antd";
import { lazy, Suspense, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/client";
import { instanceView, processView } from "../api/processes";
import { act, type TaskVerb, type TaskView, task } from "../api/tasks";
import { type FormHandle, FormView } from "../formjs/FormView";
import { press } from "../formjs/press";
import { moment } from "../model/format";
import { namesOf } from "../processes/model";
import { Failure, Loading, sentence } from "../shell/States";
import { useRoleNames } from "../shell/useRoleNames";
import { Asking } from "../work/Asking";
import { Due } from "../work/Light";
import { Values } from "../work/Values";
import "../i18n/work";
import "../work/style";
import { Delegate } from "./Delegate";
import { useDraft } from "./useDraft";

const Diagram = lazy(() => import("../bpmn/Diagram").then((found) => ({ default: found.Diagram })));

export function TaskPage() {
  const { id } = useParams({ from: "/inbox/$id" });
  const found = useQuery(task(id));
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  // Whoever may fill it in now gets the form anew, with what is in it.
  return <One key={`${id}.${found.data.may.includes("complete")}`} one={found.data} />;
}

const SAID: Record<TaskVerb, string> = {
  claim: "claimed",
  release: "released",
  delegate: "delegated",
  hand_back: "handedBack",
  complete: "completed",
};

function One({ one }: { one: TaskView }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const roleName = useRoleNames();
  const form = useRef<FormHandle>(null);
  const draft = useDraft(one.id);
  const [busy, setBusy] = useState<TaskVerb>();
  const [asking, setAsking] = useState<"delegate" | "hand_back">();
  const [faults, setFaults] = useState<string[]>([]);
  const [anew, setAnew] = useState(0);
  const may = (verb: TaskVerb) => one.may.includes(verb);
  const fresh = () => {
    for (const key of ["tasks", "task", "task-counts", "instance", "instance-history", "instances"])
      void cache.invalidateQueries({ queryKey: [key] });
  };
  const perform = async (verb: TaskVerb, body: Record<string, unknown> = {}) => {
    await act(one.id, verb, body);
    void message.success(t(`work.inbox.${SAID[verb]}`));
    fresh();
    if (verb === "complete" || verb === "delegate" || verb === "hand_back") void navigate({ to: "/inbox" });
  };
  const plainly = async (verb: TaskVerb) => {
    setBusy(verb);
    try {
      await perform(verb);
    } catch (error) {
      void message.error(sentence(error, t));
      fresh();
    }
    setBusy(undefined);
  };
  const complete = async () => {
    setFaults([]);
    setBusy("complete");
    try {
      const values = one.form ? await form.current?.submit() : {};
      if (values) {
        draft.forget();
        await perform("complete", { values });
      }
    } catch (error) {
      const told = error instanceof Refused ? (error.problem.errors ?? []) : [];
      const rest = form.current ? form.current.refuse(told) : told;
      setFaults(
        told.length === 0
          ? [sentence(error, t)]
          : [t("work.inbox.faults", { n: told.length }), ...rest.map(({ message: text }) => text)],
      );
    }
    setBusy(undefined);
  };
  const fills = may("complete");
  const kept = anew === 0 && fills ? one.draft : null;
  // The same object as long as the same is shown: the form keeps what is typed.
  const data = useMemo(() => ({ ...one.data, ...(kept?.values ?? {}) }), [one.data, kept]);
  const about = one.about?.match(/^([^.]+)\.([^/]+)\/(.+)$/);
  return (
    <>
      <div className="titled">
        <div>
          <h1>{one.title}</h1>
          <p className="muted">{one.process.title}</p>
        </div>
        <Space wrap>
          {may("claim") && (
            <Button type="primary" loading={busy === "claim"} onClick={() => void plainly("claim")}>
              {t("work.inbox.claim")}
            </Button>
          )}
          {may("release") && (
            <Button loading={busy === "release"} onClick={() => void plainly("release")}>
              {t("work.inbox.release")}
            </Button>
          )}
          {may("delegate") && (
            <Button onClick={() => setAsking("delegate")}>{t("work.inbox.delegate")}</Button>
          )}
          {may("hand_back") && (
            <Button onClick={() => setAsking("hand_back")}>{t("work.inbox.hand_back")}</Button>
          )}
        </Space>
      </div>
      <Descriptions
        className="facts above"
        size="small"
        column={{ xs: 1, md: 2, xl: 3 }}
        items={[
          {
            key: "due",
            label: t("work.inbox.columns.due"),
            children: <Due at={one.due_at} light={one.light} />,
          },
          {
            key: "who",
            label: t("work.inbox.columns.who"),
            children: one.assignee?.name ?? t("work.inbox.nobody"),
          },
          { key: "since", label: t("work.inbox.columns.created"), children: moment(one.created_at) },
          ...(one.business_key
            ? [{ key: "key", label: t("work.inbox.columns.key"), children: one.business_key }]
            : []),
          ...(one.roles.length > 0
            ? [{ key: "roles", label: t("work.inbox.roles"), children: one.roles.map(roleName).join("、") }]
            : []),
          ...(about
            ? [
                {
                  key: "about",
                  label: t("work.inbox.about"),
                  children: (
                    <Link
                      to="/p/$pkg/r/$type/$id"
                      params={{ pkg: about[1] ?? "", type: about[2] ?? "", id: about[3] ?? "" }}
                    >
                      {t("work.inbox.openAbout")}
                    </Link>
                  ),
                },
              ]
            : []),
        ]}
      />
      <div className="columns">
        <Card
          title={fills ? t("work.inbox.formTitle") : t("work.inbox.data")}
          extra={<Tag>{t(`work.inbox.states.${one.state}`)}</Tag>}
        >
          {!fills && one.state !== "done" && (
            <Alert
              className="gap"
              type="info"
              showIcon
              title={
                one.assignee && !may("claim")
                  ? t("work.inbox.othersTask", { name: one.assignee.name })
                  : t("work.inbox.mustClaim")
              }
            />
          )}
          {one.state === "done" && (
            <Alert className="gap" type="success" showIcon title={t("work.inbox.over")} />
          )}
          {one.note && one.delegated_from && (
            <Alert
              className="gap"
              type="info"
              showIcon
              title={t("work.inbox.noteSaid", { note: one.note })}
            />
          )}
          {kept && (
            <Alert
              className="gap"
              type="info"
              showIcon
              title={t("work.inbox.draftRestored")}
              action={
                <Button
                  size="small"
                  onClick={() => {
                    draft.change({});
                    setAnew(anew + 1);
                  }}
                >
                  {t("work.inbox.draftDrop")}
                </Button>
              }
            />
          )}
          {faults.length > 0 && (
            <Alert
              className="gap"
              type="error"
              showIcon
              title={faults[0]}
              description={faults.length > 1 && faults.slice(1).map((text) => <div key={text}>{text}</div>)}
            />
          )}
          {one.form ? (
            <FormView
              key={anew}
              ref={form}
              schema={one.form}
              data={data}
              provenance={one.provenance}
              readOnly={!fills}
              onChange={fills ? draft.change : undefined}
            />
          ) : (
            <>
              <p>{fills && t("work.inbox.noForm")}</p>
              <Values of={one.data} />
            </>
          )}
          {fills && (
            <div className="ends">
              <Button type="primary" loading={busy === "complete"} {...press} onClick={() => void complete()}>
                {t("work.inbox.complete")}
              </Button>
              <span className="muted small" role="status">
                {draft.state.saving
                  ? t("work.inbox.draftSaving")
                  : draft.state.fault
                    ? t("work.inbox.draftFailed", { why: sentence(draft.state.fault, t) })
                    : draft.state.kept &&
                      t("work.inbox.draftKept", { at: moment(draft.state.kept.toISOString()).slice(11) })}
              </span>
            </div>
          )}
        </Card>
        <div>
          <Card title={t("work.inbox.diagram")} className="gap">
            <Suspense fallback={<Loading />}>
              <Where one={one} />
            </Suspense>
            <p className="small">
              <Link to="/instances/$id" params={{ id: one.instance }}>
                {t("work.inbox.openInstance")}
              </Link>
            </p>
          </Card>
          <Card title={t("work.inbox.history")}>
            {one.history.length === 0 ? (
              <p className="muted">{t("work.inbox.noHistory")}</p>
            ) : (
              <Past of={one} />
            )}
          </Card>
        </div>
      </div>
      {asking === "delegate" && (
        <Delegate close={() => setAsking(undefined)} send={(body) => perform("delegate", body)} />
      )}
      {asking === "hand_back" && (
        <Asking
          title={t("work.inbox.hand_back")}
          label={t("work.inbox.note")}
          help={t("work.inbox.noteHelp")}
          ok={t("work.inbox.hand_back")}
          close={() => setAsking(undefined)}
          send={(note) => perform("hand_back", { note })}
        />
      )}
    </>
  );
}

/** The steps of the case, by the names of the diagram. */
function Past({ of }: { of: TaskView }) {
  const { t } = useTranslation();
  const model = useModel(of);
  const name = useMemo(() => namesOf(model.data?.xml), [model.data]);
  return (
    <Timeline
      items={of.history.map((step, at) => ({
        key: at,
        content: (
          <>
            <b>{t(`work.instances.kinds.${step.kind}`, { defaultValue: step.kind })}</b>{" "}
            {step.element && name(step.element)}{" "}
            <span className="muted small">
              {[moment(step.at), step.actor === "system" ? t("detail.system") : step.actor].join(" · ")}
            </span>
          </>
        ),
      }))}
    />
  );
}

/** The process as the instance follows it. */
function useModel(of: TaskView) {
  const instance = useQuery({ ...instanceView(of.instance), retry: false });
  return useQuery({
    ...processView(of.process.id, instance.data?.version),
    enabled: !instance.isPending,
    retry: false,
  });
}

/** The diagram with the place of this task; nothing where the reader may not see the process. */
function Where({ one }: { one: TaskView }) {
  const { t } = useTranslation();
  const found = useModel(one);
  const marks = useMemo(() => ({ [one.element]: ["mark-token"] }), [one.element]);
  if (found.isPending) return <Loading />;
  if (found.isError) return <p className="muted">{sentence(found.error, t)}</p>;
  return (
    <Diagram xml={found.data.xml} label={t("work.inbox.diagram")} small marks={marks} focus={one.element} />
  );
}
