import { Tabs } from "antd";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Files } from "../api/drafts";
import { Cases } from "../decisions/Cases";
import { Try } from "../decisions/Try";
import { casesOf, importsOf } from "./model";
import type { Shown } from "./TestDrawer";

type Props = { path: string; xml: string; texts: Files; onShow: (shown: Shown) => void };

/** A decision tried with inputs, and its cases. */
export function DecisionTest({ path, xml, texts, onShow }: Props) {
  const { t } = useTranslation();
  const [tab, setTab] = useState("try");
  const [given, setGiven] = useState<{ decision?: string; input: Record<string, unknown> }>();
  const imports = useMemo(() => importsOf(texts, path), [texts, path]);
  const cases = useMemo(() => casesOf(texts, path), [texts, path]);
  return (
    <Tabs
      activeKey={tab}
      onChange={setTab}
      items={[
        {
          key: "try",
          label: t("work.decisions.try"),
          children: <Try xml={xml} imports={imports} given={given} onFired={(fired) => onShow({ fired })} />,
        },
        {
          key: "cases",
          label: t("work.decisions.cases"),
          children: (
            <Cases
              xml={xml}
              imports={imports}
              cases={cases}
              onUse={(decision, input) => {
                setGiven({ decision, input });
                setTab("try");
              }}
            />
          ),
        },
      ]}
    />
  );
}
