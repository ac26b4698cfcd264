/** Personal data are read for a purpose: it is shown above the page, and asked for where there are several. */

import { useQuery } from "@tanstack/react-query";
import { Button, Modal, Tag } from "antd";
import type { ReactNode } from "react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePurpose } from "../api/purposes";
import { changePurpose, pkg as packageQuery } from "../api/queries";
import type { Package, Purpose } from "../api/types";
import { tr } from "../i18n";
import { Loading } from "./States";

/** A page of a package, for the purpose that its reader has. */
export function ForPurpose({ id, children }: { id: string; children: ReactNode }) {
  const home = useQuery(packageQuery(id));
  const chosen = usePurpose(id);
  const [asking, setAsking] = useState(false);
  // Not before it is known which purposes there are: what is read without one is refused.
  if (home.isPending) return <Loading />;
  const usable = home.data?.my_purposes ?? [];
  if (!home.data || usable.length === 0) return children;
  const current = usable.find((one) => one.name === chosen);
  const answer = (name: string) => {
    setAsking(false);
    if (name !== chosen) changePurpose(id, name);
  };
  return (
    <>
      {current && <Chip purpose={current} onChange={usable.length > 1 ? () => setAsking(true) : undefined} />}
      {(!current || asking) && (
        <Choice
          pkg={home.data}
          usable={usable}
          current={current?.name}
          onChoose={answer}
          onCancel={current ? () => setAsking(false) : undefined}
        />
      )}
      {current && children}
    </>
  );
}

function Chip({ purpose, onChange }: { purpose: Purpose; onChange?: () => void }) {
  const { t } = useTranslation();
  return (
    <p className="purpose no-print">
      <Tag color="blue">
        {t("purpose.label")}:{tr(purpose.title)}
      </Tag>
      <Basis purpose={purpose} />
      {onChange && (
        <Button type="link" size="small" onClick={onChange}>
          {t("purpose.change")}
        </Button>
      )}
    </p>
  );
}

function Basis({ purpose }: { purpose: Purpose }) {
  const { t } = useTranslation();
  return (
    <span className="muted small">
      {t("purpose.basis", { basis: purpose.legal_basis })}
      {purpose.sunset && ` · ${t("purpose.until", { day: purpose.sunset })}`}
    </span>
  );
}

type ChoiceProps = {
  pkg: Package;
  usable: Purpose[];
  current?: string;
  onChoose: (name: string) => void;
  /** Absent where one must be chosen. */
  onCancel?: () => void;
};

function Choice({ pkg, usable, current, onChoose, onCancel }: ChoiceProps) {
  const { t } = useTranslation();
  return (
    <Modal
      open
      title={t("purpose.ask")}
      footer={null}
      closable={onCancel !== undefined}
      keyboard={onCancel !== undefined}
      mask={{ closable: onCancel !== undefined }}
      onCancel={onCancel}
    >
      <p>{t("purpose.lead", { title: tr(pkg.title) })}</p>
      <ul className="purposes">
        {usable.map((one) => (
          <li key={one.name}>
            <b>{tr(one.title)}</b>
            <Basis purpose={one} />
            <Button
              type={one.name === current ? "default" : "primary"}
              aria-label={`${t("purpose.use")}:${tr(one.title)}`}
              onClick={() => onChoose(one.name)}
            >
              {t("purpose.use")}
            </Button>
          </li>
        ))}
      </ul>
    </Modal>
  );
}
