/** One decision model: its tables, tried with inputs, and its cases. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Card, Select, Tabs } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { type DecisionView, decisionView } from "../api/decisions";
import type { Fired } from "../dmn/rows";
import { Failure, Loading } from "../shell/States";
import { FindingsList } from "../work/FindingsList";
import "../i18n/work";
import "../work/style";
import { Cases } from "./Cases";
import { Try } from "./Try";

const DmnViewer = lazy(() => import("../dmn/DmnViewer").then((found) => ({ default: found.DmnViewer })));

export function DecisionPage() {
  const { id } = useParams({ from: "/decisions/$id" });
  const { version } = useSearch({ from: "/decisions/$id" });
  const found = useQuery(decisionView(id, version));
  if (found.isPending) return <Loading />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return <One key={`${id}.${found.data.version}`} one={found.data} />;
}

function One({ one }: { one: DecisionView }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [fired, setFired] = useState<Fired[]>([]);
  const [given, setGiven] = useState<{ decision?: string; input: Record<string, unknown> }>();
  const [tab, setTab] = useState("try");
  const [focus, setFocus] = useState<{ decision: string; at: number }>();
  const findings = one.findings;
  return (
    <>
      <div className="titled">
        <div>
          <h1>{one.title}</h1>
          <p className="muted">{one.id}</p>
        </div>
        <Select
          className="filter"
          aria-label={t("work.decisions.versions")}
          value={one.version}
          onChange={(version) =>
            void navigate({ to: "/decisions/$id", params: { id: one.id }, search: { version } })
          }
          options={[...one.versions]
            .sort((a, b) => b.version - a.version)
            .map((own) => ({
              value: own.version,
              label: `${t("version", { version: own.version })} · ${own.effective_from}`,
            }))}
        />
      </div>
      <Suspense fallback={<Loading />}>
        <DmnViewer
          xml={one.xml}
          label={`${t("work.decisions.model")} ${one.title}`}
          fired={fired}
          focus={focus}
        />
      </Suspense>
      <Card className="above">
        <Tabs
          activeKey={tab}
          onChange={setTab}
          items={[
            {
              key: "try",
              label: t("work.decisions.try"),
              children: <Try xml={one.xml} imports={one.imports} given={given} onFired={setFired} />,
            },
            {
              key: "cases",
              label: t("work.decisions.cases"),
              children: (
                <Cases
                  xml={one.xml}
                  imports={one.imports}
                  cases={one.cases}
                  onUse={(decision, input) => {
                    setGiven({ decision, input });
                    setTab("try");
                  }}
                />
              ),
            },
            ...(findings.length > 0
              ? [
                  {
                    key: "findings",
                    label: t("work.processes.findings"),
                    children: (
                      <FindingsList
                        of={findings}
                        onChoose={({ decision, rules }) => {
                          if (!decision) return;
                          setFocus({ decision, at: Date.now() });
                          setFired([{ decision, rules: (rules ?? []).map((rule) => ({ rule })) }]);
                        }}
                      />
                    ),
                  },
                ]
              : []),
          ]}
        />
      </Card>
    </>
  );
}
