import { useTranslation } from "react-i18next";
import type { Light as Colour } from "../api/tasks";
import { moment } from "../model/format";

/** A deadline with its light: shape and colour, and a word for those who see neither. */
export function Due({ at, light }: { at: string | null; light: Colour | null }) {
  const { t } = useTranslation();
  if (!at) return <span className="muted">{t("work.inbox.noDue")}</span>;
  return (
    <span className={`light ${light ?? ""}`}>
      {moment(at)}
      {light && (
        <span className={light === "green" ? "unseen" : "small"}>{t(`work.inbox.light.${light}`)}</span>
      )}
    </span>
  );
}
