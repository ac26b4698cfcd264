import { useQuery } from "@tanstack/react-query";
import { useBlocker, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { App, Button, Card, Modal, Space } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/client";
import {
  client,
  create,
  pkg as packageQuery,
  record as recordQuery,
  session,
  unitName,
  update,
  useWrite,
} from "../api/queries";
import type { Fields, RecordItem } from "../api/types";
import { tr } from "../i18n";
import { field, qualified, recordLabel, type TypeOf, typeOf } from "../model/declaration";
import { text } from "../model/format";
import { Failure, Loading } from "../shell/States";
import { editable, RecordForm } from "./RecordForm";

function useUnsaved() {
  const { t } = useTranslation();
  const [dirty, setDirty] = useState(false);
  useBlocker({ shouldBlockFn: () => dirty && !window.confirm(t("form.leave")), enableBeforeUnload: dirty });
  return setDirty;
}

const refusal = () => new Refused({ status: 403, code: "", title: "", detail: "" });

type Given = {
  fields: Fields;
  labels: Record<string, string>;
  back?: { pkg: string; type: string; id: string };
};

/** What a new record has already: the one it was begun from, and in that case the reader's unit. */
function useGiven(own: TypeOf | undefined, from: { by?: string; to?: string }): Given | undefined {
  const kind = own && from.by ? field(own.type, from.by)?.kind : undefined;
  const target = own && kind?.type === "ref" ? qualified(own.pkg, kind.to) : undefined;
  const me = useQuery(session);
  const unit = me.data?.unit ?? "";
  const asked = Boolean(target && from.to);
  const [pkg = "", type = ""] = target ?? [];
  const home = useQuery({ ...packageQuery(pkg), enabled: asked });
  const one = useQuery({ ...recordQuery(`${pkg}.${type}`, from.to ?? ""), enabled: asked });
  const named = useQuery({ ...unitName(unit), enabled: asked && unit !== "" });
  if (!own) return undefined;
  if (!asked || !from.by || !from.to) return { fields: {}, labels: {} };
  if (one.isError || home.isError) return { fields: {}, labels: {} };
  const targetType = home.data && typeOf(home.data, type);
  if (!one.data || !targetType || (unit && named.isPending)) return undefined;
  const given: Given = {
    fields: { [from.by]: from.to },
    labels: { [from.by]: recordLabel(targetType.type, one.data) },
    back: { pkg, type, id: from.to },
  };
  for (const [name, declared] of own.type.fields) {
    if (declared.kind.type !== "unit" || declared.kind.many || !declared.required || !unit) continue;
    given.fields[name] = unit;
    given.labels[name] = named.data ?? unit;
  }
  return given;
}

export function CreatePage() {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const params = useParams({ from: "/p/$pkg/r/$type/new" });
  const from = useSearch({ from: "/p/$pkg/r/$type/new" });
  const navigate = useNavigate();
  const home = useQuery(packageQuery(params.pkg));
  const full = `${params.pkg}.${params.type}`;
  const setDirty = useUnsaved();
  const given = useGiven(home.data && typeOf(home.data, params.type), from);
  const write = useWrite(full, (fields: Fields) => create(full, fields));
  if (home.isPending) return <Loading />;
  if (home.isError) return <Failure error={home.error} />;
  const own = typeOf(home.data, params.type);
  if (!own) return <Failure error={new Refused({ status: 404, code: "", title: "", detail: "" })} />;
  if (!own.pkg.may[own.name]?.includes("create")) return <Failure error={refusal()} owner={own.pkg.owner} />;
  if (!given) return <Loading />;
  const submit = async (fields: Fields) => {
    const made = await write.mutateAsync(fields);
    setDirty(false);
    void message.success(t("form.created"));
    const at = given.back ?? { ...params, id: made.id };
    void navigate({ to: "/p/$pkg/r/$type/$id", params: at, ignoreBlocker: true });
  };
  return (
    <>
      <h1>{t("form.create", { title: tr(own.type.title) })}</h1>
      <p className="muted">{tr(own.type.about)}</p>
      <Card>
        <RecordForm
          pkg={own.pkg}
          type={own.type}
          names={editable(own.type)}
          given={given}
          submitLabel={t("form.save")}
          onSubmit={submit}
          onCancel={() =>
            given.back
              ? void navigate({ to: "/p/$pkg/r/$type/$id", params: given.back })
              : void navigate({ to: "/p/$pkg/r/$type", params })
          }
          onDirty={setDirty}
        />
      </Card>
    </>
  );
}

export function EditPage() {
  const params = useParams({ from: "/p/$pkg/r/$type/$id/edit" });
  const home = useQuery(packageQuery(params.pkg));
  const one = useQuery({
    ...recordQuery(`${params.pkg}.${params.type}`, params.id),
    refetchOnWindowFocus: false,
  });
  if (home.isPending || one.isPending) return <Loading />;
  if (home.isError || one.isError) return <Failure error={home.error ?? one.error} />;
  const own = typeOf(home.data, params.type);
  if (!own) return <Failure error={new Refused({ status: 404, code: "", title: "", detail: "" })} />;
  if (!own.pkg.may[own.name]?.includes("update")) return <Failure error={refusal()} owner={own.pkg.owner} />;
  return <Editor own={own} opened={one.data} />;
}

function Editor({ own, opened }: { own: TypeOf; opened: RecordItem }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const setDirty = useUnsaved();
  // The version that was opened stays the base until the person decides otherwise.
  const [base, setBase] = useState(opened);
  const [conflict, setConflict] = useState<{ mine: Fields; current: RecordItem }>();
  const write = useWrite(own.full, (input: { etag: string; fields: Fields }) =>
    update(own.full, base.id, input.etag, input.fields),
  );
  const params = { pkg: own.pkg.id, type: own.name, id: base.id };
  const leave = () => void navigate({ to: "/p/$pkg/r/$type/$id", params, ignoreBlocker: true });
  const send = async (fields: Fields, etag: string) => {
    try {
      await write.mutateAsync({ etag, fields });
      setDirty(false);
      setConflict(undefined);
      void message.success(t("form.saved"));
      leave();
    } catch (error) {
      if (error instanceof Refused && error.problem.status === 412) {
        const current = await client.fetchQuery({ ...recordQuery(own.full, base.id), staleTime: 0 });
        setConflict({ mine: fields, current });
        return;
      }
      throw error;
    }
  };
  const differing = conflict
    ? own.type.fields.filter(
        ([name]) => JSON.stringify(base.fields[name]) !== JSON.stringify(conflict.current.fields[name]),
      )
    : [];
  const words = { yes: t("yes"), no: t("no") };
  return (
    <>
      <h1>{t("form.edit", { title: recordLabel(own.type, base) })}</h1>
      <Card>
        <RecordForm
          key={base.version}
          pkg={own.pkg}
          type={own.type}
          names={editable(own.type)}
          record={base}
          submitLabel={t("form.save")}
          onSubmit={(fields) =>
            Object.keys(fields).length === 0 ? Promise.resolve(leave()) : send(fields, base.etag)
          }
          onCancel={() => void navigate({ to: "/p/$pkg/r/$type/$id", params })}
          onDirty={setDirty}
        />
      </Card>
      <Modal
        open={conflict !== undefined}
        title={t("form.changedMeanwhile")}
        onCancel={() => setConflict(undefined)}
        footer={
          <Space wrap>
            <Button
              onClick={() => {
                if (conflict) setBase(conflict.current);
                setConflict(undefined);
                setDirty(false);
              }}
            >
              {t("form.takeLatest")}
            </Button>
            <Button
              type="primary"
              onClick={() => conflict && void send(conflict.mine, conflict.current.etag)}
            >
              {t("form.keepMine")}
            </Button>
          </Space>
        }
      >
        <p>{t("form.changedMeanwhileHelp")}</p>
        {differing.map(([name, one]) => (
          <div key={name} className="history-change">
            <span>{tr(one.title)}</span>
            <del>{text(field(own.type, name)?.kind, base.fields[name], base.labels[name], words)}</del>
            <ins>
              {text(
                field(own.type, name)?.kind,
                conflict?.current.fields[name],
                conflict?.current.labels?.[name],
                words,
              )}
            </ins>
          </div>
        ))}
      </Modal>
    </>
  );
}
