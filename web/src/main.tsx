import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { App, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import "dayjs/locale/zh-cn";
import dayjs from "dayjs";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { useTranslation } from "react-i18next";
import { client } from "./api/queries";
import "./i18n";
import { router } from "./router";
import "./style.css";

const FONT =
  'system-ui, -apple-system, "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif';

function Desk() {
  const { i18n } = useTranslation();
  const english = i18n.language === "en";
  dayjs.locale(english ? "en" : "zh-cn");
  return (
    <ConfigProvider
      locale={english ? enUS : zhCN}
      theme={{
        token: {
          colorPrimary: "#12507b",
          borderRadius: 4,
          fontFamily: FONT,
          colorLink: "#12507b",
          colorError: "#b3261e",
          colorTextPlaceholder: "#5f6b79",
          colorTextTertiary: "#5b6774",
          colorTextDescription: "#5b6774",
        },
        components: { Menu: { itemSelectedBg: "#dce8f2", itemSelectedColor: "#0d3f62" } },
      }}
    >
      <App>
        <QueryClientProvider client={client}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </App>
    </ConfigProvider>
  );
}

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <Desk />
    </StrictMode>,
  );
