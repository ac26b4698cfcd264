import { DeleteOutlined } from "@ant-design/icons";
import { Button, Grid, Select, Tag } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Entry, FileKind } from "./model";

type Props = {
  of: Entry[];
  current?: string;
  onChoose: (path: string) => void;
  onRemove?: (path: string) => void;
  canRemove?: (path: string) => boolean;
  children?: ReactNode;
};

const KINDS: FileKind[] = ["process", "decision", "cases", "form"];
const COLOURS = { new: "green", changed: "orange", same: undefined };

/** The files of the package by kind; on a phone one list to choose from. */
export function FileList({ of, current, onChoose, onRemove, canRemove, children }: Props) {
  const { t } = useTranslation();
  const wide = Grid.useBreakpoint().lg ?? true;
  const removing = (path: string, name: string) =>
    onRemove &&
    canRemove?.(path) && (
      <Button
        type="text"
        size="small"
        icon={<DeleteOutlined />}
        aria-label={`${t("list.remove")} ${name}`}
        onClick={() => onRemove(path)}
      />
    );
  if (!wide)
    return (
      <div className="files-narrow">
        <Select
          aria-label={t("work.studio.files")}
          value={current}
          onChange={onChoose}
          placeholder={t("work.studio.noFiles")}
          options={KINDS.map((kind) => ({
            label: t(`work.studio.kinds.${kind}`),
            options: of
              .filter((one) => one.kind === kind)
              .map((one) => ({
                value: one.path,
                label:
                  one.state === "same"
                    ? one.name
                    : `${one.name} · ${t(`work.studio.fileStates.${one.state}`)}`,
              })),
          })).filter((group) => group.options.length > 0)}
        />
        {current && removing(current, current)}
        {children}
      </div>
    );
  return (
    <nav className="files" aria-label={t("work.studio.files")}>
      {KINDS.map((kind) => {
        const own = of.filter((one) => one.kind === kind);
        if (own.length === 0) return null;
        return (
          <section key={kind}>
            <h2>{t(`work.studio.kinds.${kind}`)}</h2>
            <ul>
              {own.map((one) => (
                <li key={one.path} className={one.path === current ? "current" : undefined}>
                  <Button
                    type="text"
                    size="small"
                    title={one.path}
                    aria-current={one.path === current ? "page" : undefined}
                    onClick={() => onChoose(one.path)}
                  >
                    {one.name}
                  </Button>
                  {one.state !== "same" && (
                    <Tag color={COLOURS[one.state]}>{t(`work.studio.fileStates.${one.state}`)}</Tag>
                  )}
                  {removing(one.path, one.name)}
                </li>
              ))}
            </ul>
          </section>
        );
      })}
      {children}
    </nav>
  );
}
