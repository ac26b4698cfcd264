import { CompressOutlined, MinusOutlined, PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { fitAll } from "./fit";
import type { Canvas, Drawing } from "./types";

/** Nearer, farther, all of it. Stands on the left: the library's mark on the right stays free. */
export function Zoom({ of, left }: { of: RefObject<Drawing | null>; left?: number }) {
  const { t } = useTranslation();
  const by = (factor: number) => {
    const canvas = of.current?.get<Canvas>("canvas");
    if (canvas) canvas.zoom(Math.min(4, Math.max(0.2, canvas.zoom() * factor)), "auto");
  };
  return (
    <div className="diagram-zoom">
      <Button
        size="small"
        icon={<PlusOutlined />}
        aria-label={t("work.bpmn.nearer")}
        onClick={() => by(1.25)}
      />
      <Button
        size="small"
        icon={<MinusOutlined />}
        aria-label={t("work.bpmn.farther")}
        onClick={() => by(0.8)}
      />
      <Button
        size="small"
        icon={<CompressOutlined />}
        aria-label={t("work.bpmn.whole")}
        onClick={() => of.current && fitAll(of.current, left)}
      />
    </div>
  );
}
