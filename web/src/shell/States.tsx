/** What a page shows when it has nothing to show: loading, empty, refused, failed. */

import { useParams } from "@tanstack/react-router";
import { Button, Empty, Result, Spin } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { type Problem, Refused } from "../api/client";
import { changePurpose } from "../api/queries";

export function Loading() {
  const { t } = useTranslation();
  return (
    <div className="state" role="status">
      <Spin />
      <p className="muted">{t("loading")}</p>
    </div>
  );
}

export function Nothing({ text, help, children }: { text: string; help?: string; children?: ReactNode }) {
  return (
    <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={text} className="state">
      {help && <p className="muted">{help}</p>}
      {children}
    </Empty>
  );
}

const heading = (text: string) => <h1 className="result-title">{text}</h1>;

export function Failure({ error, retry, owner }: { error: unknown; retry?: () => void; owner?: string }) {
  const { t } = useTranslation();
  const problem = error instanceof Refused ? error.problem : undefined;
  const again = retry && (
    <Button key="retry" type="primary" onClick={retry}>
      {t("retry")}
    </Button>
  );
  if (problem?.status === 0)
    return (
      <Result status="warning" title={heading(t("offline"))} subTitle={t("offlineHelp")} extra={again} />
    );
  if (problem?.code === "purpose-required") return <NoPurpose problem={problem} owner={owner} />;
  if (problem?.status === 403)
    return (
      <Result
        status="403"
        title={heading(t("refused"))}
        subTitle={problem.detail || t("refusedHelp", { owner: owner ?? t("admin") })}
      />
    );
  if (problem?.status === 404)
    return (
      <Result status="404" title={heading(t("notFound"))} subTitle={problem.detail || t("notFoundHelp")} />
    );
  const detail = problem?.detail || (error instanceof Error ? error.message : String(error));
  return (
    <Result
      status="error"
      title={heading(t("failed"))}
      subTitle={
        <>
          <span>{detail}</span>
          {problem?.trace && <span className="muted block">{t("trace", { trace: problem.trace })}</span>}
        </>
      }
      extra={again}
    />
  );
}

/** Personal data without a good purpose: which there are, or whom to ask. */
function NoPurpose({ problem, owner }: { problem: Problem; owner?: string }) {
  const { t } = useTranslation();
  const { pkg } = useParams({ strict: false }) as { pkg?: string };
  if (!problem.purposes?.length)
    return (
      <Result
        status="403"
        title={heading(t("purpose.none"))}
        subTitle={t("purpose.noneHelp", { owner: owner ?? t("admin") })}
      />
    );
  return (
    <Result
      status="warning"
      title={heading(t("purpose.needed"))}
      subTitle={problem.detail}
      extra={
        pkg && (
          <Button type="primary" onClick={() => changePurpose(pkg, undefined)}>
            {t("purpose.choose")}
          </Button>
        )
      }
    />
  );
}

/** One sentence for a message box. */
export function sentence(error: unknown, t: (key: string) => string): string {
  if (!(error instanceof Refused)) return error instanceof Error ? error.message : String(error);
  if (error.problem.status === 0) return `${t("offline")}。${t("offlineHelp")}`;
  return error.problem.detail || error.problem.title || t("failed");
}
