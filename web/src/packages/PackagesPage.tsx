import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Card, Collapse, Descriptions, Space, Table, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { pkg as packageQuery, packages } from "../api/queries";
import type { Field, RecordType } from "../api/types";
import { tr } from "../i18n";
import { Failure, Loading } from "../shell/States";

/** The installed systems and what they declare. */
export function PackagesPage() {
  const { t } = useTranslation();
  const all = useQuery(packages);
  if (all.isPending) return <Loading />;
  if (all.isError) return <Failure error={all.error} retry={() => void all.refetch()} />;
  return (
    <>
      <h1>{t("pkg.title")}</h1>
      <p className="muted">
        {t("pkg.lead")} <a href="/openapi.json">{t("pkg.openapi")}</a> · <a href="/ogc">{t("pkg.ogc")}</a>
      </p>
      <Collapse
        items={all.data.items.map((one) => ({
          key: one.id,
          label: (
            <>
              <b>{tr(one.title)}</b>{" "}
              <span className="muted">
                {one.id} {one.version}
              </span>
            </>
          ),
          extra: <Tag>{t(`words.${one.word}`)}</Tag>,
          children: <Declared id={one.id} />,
        }))}
      />
    </>
  );
}

function Declared({ id }: { id: string }) {
  const { t } = useTranslation();
  const one = useQuery(packageQuery(id));
  if (one.isPending) return <Loading />;
  if (one.isError) return <Failure error={one.error} />;
  const pkg = one.data;
  return (
    <>
      <Descriptions
        column={{ xs: 1, md: 2 }}
        items={[
          { key: "owner", label: t("pkg.owner"), children: pkg.owner },
          { key: "version", label: t("pkg.version"), children: pkg.version },
          {
            key: "needs",
            label: t("pkg.needs"),
            children:
              Object.entries(pkg.needs)
                .map(([name, version]) => `${name} ${version}`)
                .join("、") || t("none"),
          },
          {
            key: "roles",
            label: t("pkg.roles"),
            children: (
              <Space wrap size={4}>
                {pkg.roles.map(([name, role]) => (
                  <Tag key={name}>{tr(role.title)}</Tag>
                ))}
              </Space>
            ),
          },
          {
            key: "views",
            label: t("pkg.views"),
            children: (
              <Space wrap size={4}>
                {pkg.views.map(([name, view]) => (
                  <Tag key={name}>{tr(view.title)}</Tag>
                ))}
              </Space>
            ),
          },
          {
            key: "triggers",
            label: t("pkg.triggers"),
            children: (
              <Space wrap size={4}>
                {pkg.triggers.map(([name, trigger]) => (
                  <Tag key={name}>{tr(trigger.title)}</Tag>
                ))}
              </Space>
            ),
          },
        ]}
      />
      {pkg.types.map(([name, type]) => (
        <Card
          key={name}
          size="small"
          className="gap"
          title={`${tr(type.title)} (${pkg.id}.${name})`}
          extra={
            <Link to="/p/$pkg/r/$type" params={{ pkg: pkg.id, type: name }}>
              {t("pkg.records")}
            </Link>
          }
        >
          <p className="muted">{tr(type.about)}</p>
          <FieldTable type={type} />
        </Card>
      ))}
    </>
  );
}

function FieldTable({ type }: { type: RecordType }) {
  const { t } = useTranslation();
  return (
    <Table<[string, Field]>
      size="small"
      rowKey={([name]) => name}
      pagination={false}
      tableLayout="fixed"
      dataSource={type.fields}
      columns={[
        { key: "name", title: t("pkg.name"), render: (_v, [name]) => <code>{name}</code> },
        { key: "title", title: t("list.field"), render: (_v, [, field]) => tr(field.title) },
        { key: "kind", title: t("pkg.kind"), render: (_v, [, field]) => field.kind.type },
        {
          key: "key",
          title: t("pkg.key"),
          render: (_v, [name]) => (type.key.includes(name) ? t("yes") : ""),
        },
        {
          key: "required",
          title: t("pkg.required"),
          render: (_v, [, field]) => (field.required ? t("yes") : ""),
        },
        {
          key: "about",
          title: t("pkg.about"),
          render: (_v, [, field]) =>
            tr(field.help) || ("feel" in field.kind ? <code>{field.kind.feel}</code> : ""),
        },
      ]}
    />
  );
}
