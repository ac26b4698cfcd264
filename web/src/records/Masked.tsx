import { LockOutlined } from "@ant-design/icons";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

/** A value that is shown in part, or not at all, with a mark that says so and why. */
export function Masked({
  empty,
  spell,
  children,
}: {
  empty: boolean;
  spell?: boolean;
  children?: ReactNode;
}) {
  const { t } = useTranslation();
  const word = t(empty ? "masked.hidden" : "masked.part");
  return (
    <span className="masked" title={t("masked.why")}>
      {children}
      <LockOutlined aria-hidden="true" />
      <span className={spell || empty ? "muted" : "unseen"}>{word}</span>
      <span className="unseen">{t("masked.why")}</span>
    </span>
  );
}
