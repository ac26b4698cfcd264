/** An open draft: its files on the left, the one that is drawn on in the middle, what checks and trials say below. */

import { PlusOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Navigate, useBlocker, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Alert, App, Button, Card, Space } from "antd";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  checkDraft,
  type Draft,
  type DraftFinding,
  downloadOf,
  draft as draftQuery,
  type Files,
  packageFiles,
  submitDraft,
} from "../api/drafts";
import type { Finding } from "../api/processes";
import { pkg as packageQuery } from "../api/queries";
import { tr } from "../i18n";
import { moment } from "../model/format";
import { Failure, Loading, Nothing, sentence } from "../shell/States";
import { Asking } from "../work/Asking";
import { FindingsList, tally } from "../work/FindingsList";
import "../i18n/work";
import "../work/style";
import "./studio.css";
import { FileEditor, type Wish } from "./FileEditor";
import { FileList } from "./FileList";
import { entries, kindOf, knownOf } from "./model";
import { NewFile } from "./NewFile";
import { DraftTag } from "./StudioPage";
import { type Shown, TestDrawer } from "./TestDrawer";
import { useCheck } from "./useCheck";
import { useFiles } from "./useFiles";

const CompareDialog = lazy(() =>
  import("./CompareFiles").then((found) => ({ default: found.CompareDialog })),
);

export function DraftPage() {
  const { id } = useParams({ from: "/studio/$id" });
  const found = useQuery(draftQuery(id));
  const home = useQuery({ ...packageFiles(found.data?.package ?? ""), enabled: found.isSuccess });
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (home.isError) return <Failure error={home.error} retry={() => void home.refetch()} />;
  if (found.isPending || home.isPending) return <Loading />;
  const one = found.data;
  // What was submitted stands still; others look at it where it is reviewed.
  if (!one.mine || one.state === "submitted" || one.state === "published")
    return <Navigate to="/studio/$id/review" params={{ id }} replace />;
  return <Open key={id} one={one} base={home.data} />;
}

function Open({ one, base }: { one: Draft; base: Files }) {
  const { t } = useTranslation();
  const { message, modal } = App.useApp();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const search = useSearch({ from: "/studio/$id" });
  const home = useQuery(packageQuery(one.package));
  const own = useFiles(one, base);
  const [making, setMaking] = useState(false);
  const [testing, setTesting] = useState(false);
  const [comparing, setComparing] = useState(false);
  const [submitting, setSubmitting] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wish, setWish] = useState<Wish>();
  const [shown, setShown] = useState<Shown>({});
  const [all, setAll] = useState<DraftFinding[]>();
  const texts = useMemo(() => ({ ...base, ...own.files }), [base, own.files]);
  const listed = useMemo(() => entries(own.files, base), [own.files, base]);
  const path = search.file && texts[search.file] !== undefined ? search.file : listed[0]?.path;
  const kind = path ? kindOf(path) : undefined;
  const roles = useMemo(() => (home.data?.roles ?? []).map(([name]) => name), [home.data]);
  const known = useMemo(() => knownOf(texts, one.package, roles), [texts, one.package, roles]);
  const check = useCheck(path, texts);
  const waiting = own.saving.state === "waiting" || own.saving.state === "saving";
  useBlocker({
    shouldBlockFn: async () => {
      await own.flush();
      return false;
    },
    enableBeforeUnload: waiting,
  });

  const open = useCallback(
    (next: string) => {
      setShown({});
      void navigate({ to: "/studio/$id", params: { id: one.id }, search: { file: next } });
    },
    [navigate, one.id],
  );
  const choose = (finding: Finding & { path?: string | null }) => {
    if (finding.path && finding.path !== path && texts[finding.path] !== undefined) open(finding.path);
    setWish({
      element: finding.element ?? finding.decision ?? "",
      rules: finding.rules ?? [],
      at: Date.now(),
    });
  };
  const checkAll = async () => {
    setBusy(true);
    try {
      await own.flush();
      const told = (await checkDraft(one.id)).findings;
      setAll(told);
      if (told.length === 0) void message.success(t("work.findings.none"));
    } catch (error) {
      void message.error(sentence(error, t));
    }
    setBusy(false);
  };
  const remove = (gone: string) =>
    modal.confirm({
      title: t(base[gone] === undefined ? "work.studio.removeSure" : "work.studio.revertSure", {
        name: gone,
      }),
      okText: t("detail.confirm"),
      cancelText: t("cancel"),
      onOk: () => own.drop(gone),
    });
  const findings = check.findings;
  const { errors, warnings } = tally(findings);
  return (
    <>
      <div className="titled">
        <div>
          <h1>{one.title}</h1>
          <p className="muted">
            {home.data ? tr(home.data.title) : one.package} <DraftTag state={one.state} />{" "}
            <span role="status">
              {own.saving.state === "kept"
                ? own.saving.at &&
                  t("work.studio.kept", { at: moment(own.saving.at.toISOString()).slice(11) })
                : own.saving.state === "failed" || own.saving.state === "conflict"
                  ? ""
                  : t("work.studio.keeping")}
            </span>
          </p>
        </div>
        <Space wrap>
          <Button loading={busy} onClick={() => void checkAll()}>
            {t("work.studio.checkAll")}
          </Button>
          <Button disabled={!path} onClick={() => setTesting(true)}>
            {t("work.studio.test")}
          </Button>
          <Button disabled={!path || base[path] === undefined} onClick={() => setComparing(true)}>
            {t("work.studio.compare")}
          </Button>
          <a href={downloadOf(one.id)} download>
            <Button>{t("work.studio.download")}</Button>
          </a>
          <Button
            type="primary"
            disabled={Object.keys(own.files).length === 0}
            onClick={() => setSubmitting(true)}
          >
            {t("work.studio.submit")}
          </Button>
        </Space>
      </div>
      {one.state === "rejected" && (
        <Alert
          className="gap"
          type="warning"
          showIcon
          title={t("work.studio.wasRejected", { name: one.reviewer_name ?? "" })}
          description={one.review_note}
        />
      )}
      {one.overtaken.length > 0 && (
        <Alert
          className="gap"
          type="warning"
          showIcon
          title={t("work.studio.overtaken", { files: one.overtaken.join("、") })}
          description={t("work.studio.overtakenHelp")}
        />
      )}
      {(own.saving.state === "failed" || own.saving.state === "conflict") && (
        <Alert
          className="gap"
          type="error"
          showIcon
          title={t(own.saving.state === "conflict" ? "work.studio.conflict" : "work.studio.notKept")}
          description={sentence(own.saving.fault, t)}
          action={
            own.saving.state === "conflict" ? (
              <Button size="small" onClick={() => void cache.resetQueries({ queryKey: ["draft", one.id] })}>
                {t("form.takeLatest")}
              </Button>
            ) : (
              <Button size="small" onClick={() => path && own.change(path, `${texts[path] ?? ""}`)}>
                {t("retry")}
              </Button>
            )
          }
        />
      )}
      <div className={testing ? "studio studio-testing" : "studio"}>
        <FileList
          of={listed}
          current={path}
          onChoose={open}
          onRemove={remove}
          canRemove={(gone) =>
            own.files[gone] !== undefined &&
            listed.some((entry) => entry.path === gone && entry.state !== "same")
          }
        >
          <Button icon={<PlusOutlined />} onClick={() => setMaking(true)} block>
            {t("work.studio.newFile")}
          </Button>
        </FileList>
        <div className="studio-main">
          {path && kind ? (
            <Suspense fallback={<Loading />}>
              <FileEditor
                key={path}
                path={path}
                kind={kind}
                text={texts[path] ?? ""}
                known={known}
                findings={findings}
                shown={shown}
                wish={wish}
                onChange={(text) => own.change(path, text)}
                onElement={(element) => setWish({ element, rules: [], at: Date.now() })}
              />
            </Suspense>
          ) : (
            <Card>
              <Nothing text={t("work.studio.noFiles")} help={t("work.studio.noFilesHelp")}>
                <Button type="primary" onClick={() => setMaking(true)}>
                  {t("work.studio.newFile")}
                </Button>
              </Nothing>
            </Card>
          )}
          {path && (
            <Card
              size="small"
              className="above"
              title={
                <>
                  {t("work.processes.findings")}{" "}
                  <span className="muted small" role="status">
                    {check.busy
                      ? t("work.studio.checking")
                      : check.fault
                        ? ""
                        : findings.length === 0
                          ? t("work.findings.none")
                          : t("work.studio.tally", { errors, warnings })}
                  </span>
                </>
              }
            >
              {check.fault ? (
                <p className="muted">{sentence(check.fault, t)}</p>
              ) : (
                <FindingsList of={findings} onChoose={choose} />
              )}
            </Card>
          )}
          {all && all.length > 0 && (
            <Card size="small" className="above" title={t("work.studio.allFindings")}>
              <FindingsList of={all} onChoose={choose} />
            </Card>
          )}
        </div>
      </div>
      {making && (
        <NewFile
          taken={Object.keys(texts)}
          close={() => setMaking(false)}
          make={(made, text) => {
            own.change(made, text);
            setMaking(false);
            open(made);
          }}
        />
      )}
      {path && kind && (
        <TestDrawer
          open={testing}
          path={path}
          kind={kind}
          texts={texts}
          onShow={setShown}
          close={() => {
            setTesting(false);
            setShown({});
          }}
        />
      )}
      {comparing && path && (
        <Suspense fallback={null}>
          <CompareDialog
            path={path}
            before={base[path] ?? ""}
            after={texts[path] ?? ""}
            close={() => setComparing(false)}
          />
        </Suspense>
      )}
      {submitting && (
        <Asking
          title={t("work.studio.submit")}
          lead={t("work.studio.submitLead")}
          label={t("work.studio.note")}
          help={t("work.studio.noteHelp")}
          ok={t("work.studio.submit")}
          close={() => setSubmitting(false)}
          send={async (note) => {
            await own.flush();
            await submitDraft(one.id, note);
            void message.success(t("work.studio.submitted"));
            for (const key of ["drafts", "draft"]) void cache.invalidateQueries({ queryKey: [key] });
            void navigate({ to: "/studio/$id/review", params: { id: one.id } });
          }}
        />
      )}
    </>
  );
}
