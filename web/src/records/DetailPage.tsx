/** One record: where it stands, what may be done, its content, what refers to it, its history. */

import { DeleteOutlined, EditOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Alert, App, Button, Card, Descriptions, Input, Modal, Space, Steps, Table, Tabs } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/client";
import {
  pkg as packageQuery,
  record as recordQuery,
  records,
  remove,
  transition,
  useWrite,
} from "../api/queries";
import type { Fields, HistoryEntry, RecordItem, Transition } from "../api/types";
import { tr } from "../i18n";
import {
  columnTitle,
  defaultColumns,
  field,
  find,
  qualified,
  recordLabel,
  type TypeOf,
  typeOf,
} from "../model/declaration";
import { moment } from "../model/format";
import { Failure, Loading, sentence } from "../shell/States";
import { Cell, isFigure } from "./Cell";
import { History } from "./History";
import { RecordForm } from "./RecordForm";
import { useCodes } from "./useCodes";

export function DetailPage() {
  const params = useParams({ from: "/p/$pkg/r/$type/$id" });
  const full = `${params.pkg}.${params.type}`;
  const [then, setThen] = useState<HistoryEntry>();
  const home = useQuery(packageQuery(params.pkg));
  const one = useQuery(recordQuery(full, params.id, then?.at));
  if (home.isPending || one.isPending) return <Loading />;
  if (home.isError) return <Failure error={home.error} />;
  if (one.isError)
    return <Failure error={one.error} retry={() => void one.refetch()} owner={home.data.owner} />;
  const own = typeOf(home.data, params.type);
  if (!own) return <Failure error={new Refused({ status: 404, code: "", title: "", detail: "" })} />;
  return <Detail key={params.id} own={own} record={one.data} then={then} onThen={setThen} />;
}

type Props = { own: TypeOf; record: RecordItem; then?: HistoryEntry; onThen: (entry?: HistoryEntry) => void };

function Detail({ own, record, then, onThen }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { message, modal } = App.useApp();
  const [acting, setActing] = useState<[string, Transition]>();
  const params = { pkg: own.pkg.id, type: own.name, id: record.id };
  const drop = useWrite(own.full, () => remove(own.full, record.id, record.etag));
  const lifecycle = own.type.lifecycle;
  const may = own.pkg.may[own.name] ?? [];
  const actions =
    then || !may.includes("transition")
      ? []
      : (record.actions ?? []).flatMap((name) => {
          const declared = lifecycle && find(lifecycle.transitions, name);
          return declared ? [[name, declared] as [string, Transition]] : [];
        });
  const state = lifecycle && find(lifecycle.states, record.state ?? "");
  const detail = own.pkg.views
    .map(([, view]) => view)
    .find((view) => view.kind.kind === "detail" && view.of === own.name);
  const kind = detail?.kind.kind === "detail" ? detail.kind : undefined;
  const sections = kind?.sections ?? [
    ["all", { title: { zh: t("detail.basics") }, fields: own.type.fields.map(([name]) => name) }],
  ];
  const deleteIt = () =>
    void modal.confirm({
      title: t("detail.deleteSure", { label: recordLabel(own.type, record) }),
      content: t("detail.deleteHelp"),
      okButtonProps: { danger: true },
      okText: t("detail.delete"),
      onOk: async () => {
        try {
          await drop.mutateAsync(undefined);
          void message.success(t("detail.deleted"));
          void navigate({ to: "/p/$pkg/r/$type", params });
        } catch (error) {
          void message.error(sentence(error, t));
        }
      },
    });
  return (
    <>
      <p className="muted small">
        <Link to="/p/$pkg/r/$type" params={params}>
          {tr(own.type.title)}
        </Link>
        {own.type.key.map((name) => ` · ${String(record.fields[name] ?? "")}`)}
      </p>
      <div className="titled">
        <div>
          <h1>{recordLabel(own.type, record)}</h1>
        </div>
        {!then && (
          <Space wrap className="no-print">
            {actions.map(([name, declared]) => (
              <Button key={name} type="primary" onClick={() => setActing([name, declared])}>
                {tr(declared.title)}
              </Button>
            ))}
            {!state?.is_final && may.includes("update") && (
              <Link to="/p/$pkg/r/$type/$id/edit" params={params}>
                <Button icon={<EditOutlined />}>{t("detail.edit")}</Button>
              </Link>
            )}
            {may.includes("delete") && (
              <Button icon={<DeleteOutlined />} danger onClick={deleteIt}>
                {t("detail.delete")}
              </Button>
            )}
          </Space>
        )}
      </div>
      {then && (
        <Alert
          type="warning"
          showIcon
          className="gap"
          title={t("detail.asOfShown", { at: moment(then.at) })}
          action={<Button onClick={() => onThen(undefined)}>{t("detail.asOfBack")}</Button>}
        />
      )}
      {lifecycle && (
        <Steps
          className="steps"
          size="small"
          current={lifecycle.states.findIndex(([name]) => name === record.state)}
          items={lifecycle.states.map(([, one]) => ({ title: tr(one.title) }))}
          aria-label={t("detail.progress")}
        />
      )}
      <Tabs
        items={[
          {
            key: "info",
            label: t("detail.info"),
            children: (
              <Content
                own={own}
                record={record}
                sections={sections}
                related={then ? [] : (kind?.related ?? [])}
              />
            ),
          },
          {
            key: "history",
            label: t("detail.history"),
            children: (
              <Card>
                <History own={own} id={record.id} onAsOf={onThen} />
              </Card>
            ),
          },
        ]}
      />
      {acting && (
        <Act
          own={own}
          record={record}
          name={acting[0]}
          declared={acting[1]}
          onClose={() => setActing(undefined)}
        />
      )}
    </>
  );
}

type Sections = [string, { title: { zh: string; en?: string }; fields: string[] }][];
type RelatedList = { title: { zh: string; en?: string }; of: string; by: string; columns: string[] };

function Content({
  own,
  record,
  sections,
  related,
}: {
  own: TypeOf;
  record: RecordItem;
  sections: Sections;
  related: RelatedList[];
}) {
  const { t } = useTranslation();
  const codesOf = useCodes(own.pkg);
  return (
    <>
      {sections.map(([name, section]) => (
        <Card key={name} title={tr(section.title)} className="gap" size="small">
          <Descriptions
            column={{ xs: 1, sm: 1, md: 2 }}
            items={section.fields.map((one) => {
              const declared = field(own.type, one);
              const long = declared?.kind.type === "text" && declared.kind.multiline;
              return {
                key: one,
                label: columnTitle(own.type, one, t),
                span: long ? "filled" : 1,
                children: (
                  <span className={long ? "long" : undefined}>
                    {!record.masked?.includes(one) &&
                    (record.fields[one] === null || record.fields[one] === undefined) ? (
                      <span className="muted">{declared?.kind.type === "computed" ? "—" : t("none")}</span>
                    ) : (
                      <Cell type={own.type} record={record} name={one} codesOf={codesOf} spell />
                    )}
                  </span>
                ),
              };
            })}
          />
        </Card>
      ))}
      {related.map((one) => (
        <Related key={`${one.of}.${one.by}`} own={own} record={record} related={one} />
      ))}
      <p className="muted small">
        {t("list.created")} {moment(record.created_at)} · {t("list.updated")} {moment(record.updated_at)} ·{" "}
        {t("version", { version: record.version })}
      </p>
    </>
  );
}

function Related({ own, record, related }: { own: TypeOf; record: RecordItem; related: RelatedList }) {
  const { t } = useTranslation();
  const [pkgId, name] = qualified(own.pkg, related.of);
  const home = useQuery({ ...packageQuery(pkgId), staleTime: 300_000 });
  const full = `${pkgId}.${name}`;
  const list = useQuery(records(full, { filter: `${related.by} = '${record.id}'`, limit: 50, count: 1 }));
  const codesOf = useCodes(own.pkg);
  const target = home.data && typeOf(home.data, name);
  if (!target || !home.data) return null;
  const columns = related.columns.length > 0 ? related.columns : defaultColumns(target.type);
  return (
    <Card
      title={t("detail.related", { title: tr(related.title), n: list.data?.matched ?? 0 })}
      className="gap"
      size="small"
      extra={
        home.data.may[name]?.includes("create") && (
          <Link
            to="/p/$pkg/r/$type/new"
            params={{ pkg: pkgId, type: name }}
            search={{ by: related.by, to: record.id }}
            className="no-print"
            aria-label={t("form.create", { title: tr(target.type.title) })}
          >
            <PlusOutlined /> {t("list.create")}
          </Link>
        )
      }
    >
      {list.isError ? (
        <Failure error={list.error} retry={() => void list.refetch()} />
      ) : list.data?.items.length === 0 ? (
        <p className="muted state tight">{t("list.empty", { title: tr(related.title) })}</p>
      ) : (
        <Table<RecordItem>
          rowKey="id"
          size="small"
          pagination={false}
          loading={list.isPending}
          dataSource={list.data?.items ?? []}
          scroll={{ x: "max-content" }}
          columns={columns.map((column, index) => ({
            key: column,
            title: columnTitle(target.type, column, t),
            align: isFigure(field(target.type, column)?.kind) ? ("right" as const) : undefined,
            render: (_: unknown, item: RecordItem) => {
              const cell = <Cell type={target.type} record={item} name={column} codesOf={codesOf} />;
              return index === 0 ? (
                <Link to="/p/$pkg/r/$type/$id" params={{ pkg: pkgId, type: name, id: item.id }}>
                  {cell}
                </Link>
              ) : (
                cell
              );
            },
          }))}
        />
      )}
    </Card>
  );
}

function Act({
  own,
  record,
  name,
  declared,
  onClose,
}: {
  own: TypeOf;
  record: RecordItem;
  name: string;
  declared: Transition;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [note, setNote] = useState("");
  const act = useWrite(own.full, (fields: Fields) =>
    transition(own.full, record.id, record.etag, name, fields, note.trim() || undefined),
  );
  const names = [...new Set([...declared.input, ...declared.require])].filter((one) => field(own.type, one));
  return (
    <Modal open title={tr(declared.title)} footer={null} onCancel={onClose} destroyOnHidden>
      <p className="muted">{recordLabel(own.type, record)}</p>
      <label htmlFor="act-note">{t("detail.note")}</label>
      <Input.TextArea
        id="act-note"
        className="gap"
        maxLength={2000}
        placeholder={t("detail.noteHint")}
        autoSize={{ minRows: 2, maxRows: 6 }}
        value={note}
        onChange={(event) => setNote(event.target.value)}
      />
      <RecordForm
        pkg={own.pkg}
        type={own.type}
        names={names}
        require={declared.require}
        record={record}
        submitLabel={t("detail.confirm")}
        onCancel={onClose}
        onSubmit={async (fields) => {
          await act.mutateAsync(fields);
          void message.success(t("detail.done", { title: tr(declared.title) }));
          onClose();
        }}
      />
    </Modal>
  );
}
