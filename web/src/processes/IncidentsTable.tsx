import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Button, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Incident, incidents } from "../api/processes";
import { moment } from "../model/format";
import { Failure, Loading, Nothing } from "../shell/States";
import { Pager, useTrail } from "../work/Pager";
import { Retry } from "./Retry";

/** What stands still over all instances. */
export function IncidentsTable() {
  const { t } = useTranslation();
  const trail = useTrail("");
  const page = useQuery(incidents({ cursor: trail.cursor, limit: 20 }));
  const [retrying, setRetrying] = useState<Incident>();
  if (page.isPending) return <Loading />;
  if (page.isError) return <Failure error={page.error} retry={() => void page.refetch()} />;
  return (
    <>
      <Table<Incident>
        rowKey="id"
        size="middle"
        pagination={false}
        scroll={{ x: "max-content" }}
        dataSource={page.data.items}
        locale={{
          emptyText: <Nothing text={t("work.incidents.empty")} help={t("work.incidents.emptyHelp")} />,
        }}
        columns={[
          { title: t("work.incidents.element"), dataIndex: "element" },
          { title: t("work.incidents.message"), dataIndex: "message", width: 420 },
          { title: t("work.incidents.at"), render: (_, one) => one.opened_at && moment(one.opened_at) },
          {
            title: t("work.incidents.instance"),
            render: (_, one) =>
              one.instance && (
                <Link to="/instances/$id" params={{ id: one.instance }}>
                  {t("work.processes.show")}
                </Link>
              ),
          },
          {
            title: t("work.instances.retry"),
            render: (_, one) => (
              <Button size="small" onClick={() => setRetrying(one)}>
                {t("work.instances.retry")}
              </Button>
            ),
          },
        ]}
      />
      <Pager trail={trail} next={page.data.next} />
      {retrying && <Retry of={retrying} close={() => setRetrying(undefined)} />}
    </>
  );
}
