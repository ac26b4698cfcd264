/** A draft before a second person: what changes, what checks and cases say, and the decision. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Alert, App, Button, Card, Descriptions, Space } from "antd";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  checkDraft,
  type Draft,
  downloadOf,
  draft as draftQuery,
  publishDraft,
  rejectDraft,
  reopenDraft,
} from "../api/drafts";
import { Cases } from "../decisions/Cases";
import { FormView } from "../formjs/FormView";
import type { Schema } from "../formjs/schema";
import { moment } from "../model/format";
import { Failure, Loading, sentence } from "../shell/States";
import { Asking } from "../work/Asking";
import { FindingsList, tally } from "../work/FindingsList";
import "../i18n/work";
import "../work/style";
import "./studio.css";
import { FileList } from "./FileList";
import { casesOf, changedOnly, entries, importsOf, kindOf } from "./model";
import { DraftTag } from "./StudioPage";

const Diagram = lazy(() => import("../bpmn/Diagram").then((found) => ({ default: found.Diagram })));
const DmnViewer = lazy(() => import("../dmn/DmnViewer").then((found) => ({ default: found.DmnViewer })));
const CompareFile = lazy(() => import("./CompareFiles").then((found) => ({ default: found.CompareFile })));

export function ReviewPage() {
  const { id } = useParams({ from: "/studio/$id/review" });
  const found = useQuery({ ...draftQuery(id), staleTime: 0 });
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return <One one={found.data} />;
}

function One({ one }: { one: Draft }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const told = useQuery({
    queryKey: ["draft-check", one.id, one.version],
    queryFn: () => checkDraft(one.id),
  });
  const base = one.base;
  const changed = changedOnly(one.files, base);
  const listed = useMemo(() => entries(one.files, one.base).filter((entry) => entry.state !== "same"), [one]);
  const [path, setPath] = useState(listed[0]?.path);
  const [deciding, setDeciding] = useState<"publish" | "reject">();
  const mine = one.mine;
  const waits = one.state === "submitted";
  const may = waits && !mine;
  const findings = told.data?.findings ?? [];
  const { errors, warnings } = tally(findings);
  const decide = async (verb: "publish" | "reject", note: string) => {
    await (verb === "publish" ? publishDraft(one.id, note) : rejectDraft(one.id, note));
    void message.success(t(verb === "publish" ? "work.studio.published" : "work.studio.rejected"));
    for (const key of [
      "drafts",
      "draft",
      "processes",
      "process",
      "decisions",
      "decision",
      "packages",
      "package",
    ])
      void cache.invalidateQueries({ queryKey: [key] });
    void navigate({ to: "/studio" });
  };
  const reopen = async () => {
    try {
      await reopenDraft(one.id);
      for (const key of ["drafts", "draft"]) void cache.invalidateQueries({ queryKey: [key] });
      void navigate({ to: "/studio/$id", params: { id: one.id } });
    } catch (error) {
      void message.error(sentence(error, t));
    }
  };
  return (
    <>
      <div className="titled">
        <div>
          <h1>{t("work.studio.reviewOf", { title: one.title })}</h1>
          <p className="muted">
            {one.package} <DraftTag state={one.state} />
          </p>
        </div>
        <Space wrap>
          <a href={downloadOf(one.id)} download>
            <Button>{t("work.studio.download")}</Button>
          </a>
          {mine && waits && <Button onClick={() => void reopen()}>{t("work.studio.reopen")}</Button>}
          {mine && !waits && one.state !== "published" && (
            <Link to="/studio/$id" params={{ id: one.id }}>
              <Button>{t("work.studio.openDraft")}</Button>
            </Link>
          )}
          {may && <Button onClick={() => setDeciding("reject")}>{t("work.studio.reject")}</Button>}
          {may && (
            <Button
              type="primary"
              disabled={errors > 0 || told.isPending}
              onClick={() => setDeciding("publish")}
            >
              {t("work.studio.publish")}
            </Button>
          )}
        </Space>
      </div>
      {waits && mine && <Alert className="gap" type="info" showIcon title={t("work.studio.needsOther")} />}
      <Descriptions
        className="facts"
        size="small"
        column={{ xs: 1, md: 3 }}
        items={[
          { key: "author", label: t("work.studio.columns.author"), children: one.author_name ?? one.author },
          { key: "updated", label: t("work.studio.columns.updated"), children: moment(one.updated_at) },
          { key: "note", label: t("work.studio.note"), children: one.note || t("none") },
          ...(one.reviewer_name
            ? [{ key: "by", label: t("work.studio.reviewer"), children: one.reviewer_name }]
            : []),
          ...(one.review_note
            ? [{ key: "why", label: t("work.studio.reason"), children: one.review_note }]
            : []),
          ...(one.published
            ? [{ key: "as", label: t("work.studio.publishedAs"), children: one.published }]
            : []),
        ]}
      />
      <Card
        size="small"
        className="gap"
        title={
          <>
            {t("work.processes.findings")}{" "}
            <span className="muted small">
              {told.data &&
                (findings.length === 0
                  ? t("work.findings.none")
                  : t("work.studio.tally", { errors, warnings }))}
            </span>
          </>
        }
      >
        {told.isError ? (
          <Failure error={told.error} retry={() => void told.refetch()} />
        ) : told.isPending ? (
          <Loading />
        ) : (
          <FindingsList
            of={findings}
            onChoose={(finding) =>
              finding.path && changed[finding.path] !== undefined && setPath(finding.path)
            }
          />
        )}
      </Card>
      <div className="studio">
        <FileList of={listed} current={path} onChoose={setPath} />
        <div className="studio-main">
          {path && (
            <Suspense fallback={<Loading />}>
              <Card size="small" title={path}>
                {base[path] === undefined ? (
                  <Whole path={path} text={one.files[path] ?? ""} />
                ) : (
                  <CompareFile path={path} before={base[path] ?? ""} after={one.files[path] ?? ""} />
                )}
              </Card>
            </Suspense>
          )}
          {path && kindOf(path) === "decision" && (
            <Card size="small" className="above" title={t("work.decisions.cases")}>
              <Cases
                xml={one.files[path] ?? ""}
                imports={importsOf({ ...base, ...one.files }, path)}
                cases={casesOf({ ...base, ...one.files }, path)}
              />
            </Card>
          )}
        </div>
      </div>
      {deciding && (
        <Asking
          title={t(`work.studio.${deciding}`)}
          lead={t(`work.studio.${deciding}Lead`)}
          label={t("work.studio.reason")}
          help={t("work.studio.noteHelp")}
          ok={t(`work.studio.${deciding}`)}
          danger={deciding === "reject"}
          close={() => setDeciding(undefined)}
          send={(note) => decide(deciding, note)}
        />
      )}
    </>
  );
}

/** A new file has nothing to be compared with: it is shown. */
function Whole({ path, text }: { path: string; text: string }) {
  const { t } = useTranslation();
  const form = useMemo(() => {
    try {
      return kindOf(path) === "form" ? (JSON.parse(text) as Schema) : undefined;
    } catch {
      return undefined;
    }
  }, [path, text]);
  if (kindOf(path) === "process") return <Diagram xml={text} label={path} />;
  if (kindOf(path) === "decision") return <DmnViewer xml={text} label={path} />;
  if (form) return <FormView schema={form} readOnly />;
  return (
    <>
      <p className="muted">{t("work.studio.newText")}</p>
      <pre className="sent">{text}</pre>
    </>
  );
}
