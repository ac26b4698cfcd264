/** Trials of the open file, beside the picture that shows them. */

import { Drawer } from "antd";
import { useTranslation } from "react-i18next";
import type { Files } from "../api/drafts";
import type { Badge, Marks } from "../bpmn/types";
import type { Fired } from "../dmn/rows";
import { DecisionTest } from "./DecisionTest";
import { FormTest } from "./FormTest";
import { type FileKind, nameOf, pathOf } from "./model";
import { ProcessTest } from "./ProcessTest";

/** What a trial wants to be seen on the picture. */
export type Shown = { marks?: Marks; badges?: Badge[]; fired?: Fired[]; focus?: string };

type Props = {
  open: boolean;
  path: string;
  kind: FileKind;
  texts: Files;
  onShow: (shown: Shown) => void;
  close: () => void;
};

export function TestDrawer({ open, path, kind, texts, onShow, close }: Props) {
  const { t } = useTranslation();
  // Cases are tried on the model that they stand beside.
  const of = kind === "cases" ? pathOf("decision", nameOf(path)) : path;
  const text = texts[of] ?? "";
  return (
    <Drawer
      open={open}
      onClose={close}
      mask={false}
      size={460}
      destroyOnHidden
      title={`${t("work.studio.test")} · ${nameOf(path)}`}
    >
      {kind === "process" ? (
        <ProcessTest key={of} xml={text} texts={texts} onShow={onShow} />
      ) : kind === "form" ? (
        <FormTest key={of} text={text} />
      ) : (
        <DecisionTest key={of} path={of} xml={text} texts={texts} onShow={onShow} />
      )}
    </Drawer>
  );
}
