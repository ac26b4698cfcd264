import { Alert, Button, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Case, type CaseResult, runCases } from "../api/decisions";
import { Nothing, sentence } from "../shell/States";
import { brief } from "../work/Values";

type Props = {
  xml: string;
  imports: string[];
  cases: Case[];
  /** Fills a case in elsewhere. */
  onUse?: (decision: string | undefined, input: Record<string, unknown>) => void;
  onResults?: (results: CaseResult[]) => void;
};

/** The cases beside a table, run all at once. */
export function Cases({ xml, imports, cases, onUse, onResults }: Props) {
  const { t } = useTranslation();
  const [results, setResults] = useState<CaseResult[]>();
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const run = async () => {
    setBusy(true);
    setFault("");
    try {
      const told = await runCases(xml, imports, cases);
      setResults(told);
      onResults?.(told);
    } catch (error) {
      setFault(sentence(error, t));
    }
    setBusy(false);
  };
  if (cases.length === 0)
    return <Nothing text={t("work.decisions.noCases")} help={t("work.decisions.noCasesHelp")} />;
  const passed = results?.filter((one) => one.passed).length ?? 0;
  const of = (name: string) => results?.find((one) => one.name === name);
  return (
    <>
      <div className="bar">
        <Button type="primary" loading={busy} onClick={() => void run()}>
          {t("work.decisions.runCases")}
        </Button>
        {results && (
          <span role="status">
            {t("work.decisions.casesDone", { passed, failed: results.length - passed })}
          </span>
        )}
      </div>
      {fault && <Alert type="error" showIcon title={fault} className="gap" />}
      <Table<Case>
        rowKey="name"
        size="small"
        pagination={cases.length > 20 ? { pageSize: 20 } : false}
        scroll={{ x: "max-content" }}
        dataSource={cases}
        columns={[
          { title: t("work.decisions.case"), dataIndex: "name" },
          {
            title: t("work.decisions.result"),
            render: (_, one) => {
              const told = of(one.name);
              if (!told) return "";
              return (
                <Tag color={told.passed ? "green" : "red"}>
                  {t(told.passed ? "work.decisions.passed" : "work.decisions.failedCase")}
                </Tag>
              );
            },
          },
          { title: t("work.decisions.inputs"), render: (_, one) => <code>{brief(one.input)}</code> },
          {
            title: t("work.decisions.expected"),
            render: (_, one) => <code>{brief(of(one.name)?.expected ?? one.expected)}</code>,
          },
          {
            title: t("work.decisions.got"),
            render: (_, one) => {
              const told = of(one.name);
              return (
                <>
                  <code>{brief(told?.got)}</code>
                  {told?.why && <div className="small">{told.why}</div>}
                </>
              );
            },
          },
          ...(onUse
            ? [
                {
                  title: t("work.decisions.useCase"),
                  render: (_: unknown, one: Case) => (
                    <Button size="small" onClick={() => onUse(one.decision, one.input)}>
                      {t("work.decisions.useCase")}
                    </Button>
                  ),
                },
              ]
            : []),
        ]}
      />
    </>
  );
}
