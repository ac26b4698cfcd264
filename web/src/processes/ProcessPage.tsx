/** One process: its diagram by version, what a check says of it, what runs of it. */

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Button, Card, Modal, Select, Space, Table, Tag } from "antd";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { type ProcessView, processView, type Version } from "../api/processes";
import { session } from "../api/queries";
import { findingBadges } from "../bpmn/findings";
import { moment } from "../model/format";
import { Failure, Loading } from "../shell/States";
import { FindingsList } from "../work/FindingsList";
import "../i18n/work";
import "../work/style";
import { InstancesTable } from "./InstancesTable";
import { Migrate } from "./Migrate";
import { Start } from "./Start";

const Diagram = lazy(() => import("../bpmn/Diagram").then((found) => ({ default: found.Diagram })));
const Compare = lazy(() => import("../bpmn/Compare").then((found) => ({ default: found.Compare })));

export function ProcessPage() {
  const { id } = useParams({ from: "/processes/$id" });
  const { version } = useSearch({ from: "/processes/$id" });
  const found = useQuery(processView(id, version));
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return <One one={found.data} />;
}

function One({ one }: { one: ProcessView }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"start" | "migrate">();
  const [against, setAgainst] = useState<number>();
  const [asked, setAsked] = useState<{ state?: string; q?: string }>({});
  const [focus, setFocus] = useState<string>();
  const me = useQuery(session);
  const keeps = me.data?.roles.some((role) => role === "admin" || role === "designer") ?? false;
  const findings = one.findings;
  const { marks, badges } = useMemo(() => findingBadges(findings), [findings]);
  const newest = Math.max(...one.versions.map(({ version }) => version), one.version);
  const others = one.versions.filter(({ version }) => version !== one.version);
  return (
    <>
      <div className="titled">
        <div>
          <h1>{one.title}</h1>
          <p className="muted">
            {one.id} · {t("version", { version: one.version })}{" "}
            {one.version === newest && <Tag color="blue">{t("work.processes.inForce")}</Tag>}
          </p>
        </div>
        <Space wrap>
          {one.may_start && (
            <Button type="primary" onClick={() => setDialog("start")}>
              {t("work.processes.start")}
            </Button>
          )}
          {keeps && (
            <>
              <Button disabled={others.length === 0} onClick={() => setDialog("migrate")}>
                {t("work.processes.migrate")}
              </Button>
              <Link to="/studio">
                <Button>{t("work.processes.openStudio")}</Button>
              </Link>
            </>
          )}
        </Space>
      </div>
      <Suspense fallback={<Loading />}>
        <Diagram
          xml={one.xml}
          label={`${t("work.processes.diagram")} ${one.title}`}
          marks={marks}
          badges={badges}
          focus={focus}
        />
      </Suspense>
      {findings.length > 0 && (
        <Card title={t("work.processes.findings")} className="above">
          <FindingsList of={findings} onChoose={(finding) => setFocus(finding.element ?? undefined)} />
        </Card>
      )}
      <Card title={t("work.processes.versions")} className="above" size="small">
        <Table<Version>
          rowKey="version"
          size="small"
          pagination={one.versions.length > 10 ? { pageSize: 10 } : false}
          scroll={{ x: "max-content" }}
          dataSource={[...one.versions].sort((a, b) => b.version - a.version)}
          columns={[
            { title: t("work.processes.columns.version"), dataIndex: "version" },
            { title: t("work.processes.columns.deployed"), render: (_, own) => moment(own.deployed_at) },
            { title: t("work.processes.columns.running"), dataIndex: "running", align: "right" },
            {
              title: t("work.processes.hash"),
              render: (_, own) => <code title={own.hash}>{own.hash.slice(0, 12)}</code>,
            },
            {
              title: t("work.processes.show"),
              render: (_, own) =>
                own.version === one.version ? (
                  <Tag>{t("work.processes.show")}</Tag>
                ) : (
                  <Space>
                    <Link to="/processes/$id" params={{ id: one.id }} search={{ version: own.version }}>
                      {t("work.processes.show")}
                    </Link>
                    <Button type="link" size="small" onClick={() => setAgainst(own.version)}>
                      {t("work.processes.compare")}
                    </Button>
                  </Space>
                ),
            },
          ]}
        />
      </Card>
      <h2>{t("work.processes.tabs.instances")}</h2>
      <InstancesTable of={one.id} asked={asked} onAsk={setAsked} />
      {dialog === "start" && (
        <Start
          of={one}
          close={() => setDialog(undefined)}
          done={(made) => void navigate({ to: "/instances/$id", params: { id: made } })}
        />
      )}
      {dialog === "migrate" && <Migrate of={one} close={() => setDialog(undefined)} />}
      {against !== undefined && (
        <Comparison one={one} against={against} onAgainst={setAgainst} close={() => setAgainst(undefined)} />
      )}
    </>
  );
}

type ComparisonProps = {
  one: ProcessView;
  against: number;
  onAgainst: (version: number) => void;
  close: () => void;
};

/** Two versions in force, the older one on the left. */
function Comparison({ one, against, onAgainst, close }: ComparisonProps) {
  const { t } = useTranslation();
  const other = useQuery(processView(one.id, against));
  const sorted = other.data && (against < one.version ? [other.data, one] : [one, other.data]);
  const [before, after] = sorted ?? [];
  return (
    <Modal
      open
      width="min(1400px, 96vw)"
      footer={null}
      onCancel={close}
      title={t("work.processes.compareTitle", {
        a: Math.min(against, one.version),
        b: Math.max(against, one.version),
      })}
    >
      <div className="bar">
        <Select
          aria-label={t("work.processes.compareWith")}
          value={against}
          onChange={onAgainst}
          options={one.versions
            .filter(({ version }) => version !== one.version)
            .map(({ version }) => ({ value: version, label: t("version", { version }) }))}
        />
      </div>
      {other.isError ? (
        <Failure error={other.error} retry={() => void other.refetch()} />
      ) : before && after ? (
        <Suspense fallback={<Loading />}>
          <Compare
            before={before.xml}
            after={after.xml}
            titles={[t("version", { version: before.version }), t("version", { version: after.version })]}
          />
        </Suspense>
      ) : (
        <Loading />
      )}
    </Modal>
  );
}
