import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type { Title } from "../api/types";
import { en } from "./en";
import { zh } from "./zh-CN";

const KEY = "banyan.language";

export type Language = "zh-CN" | "en";

export function language(): Language {
  return i18next.language === "en" ? "en" : "zh-CN";
}

export async function setLanguage(wanted: Language): Promise<void> {
  localStorage.setItem(KEY, wanted);
  document.documentElement.lang = wanted;
  await i18next.changeLanguage(wanted);
}

/** A declared title in the chosen language; Chinese where there is no English. */
export function tr(title: Title | null | undefined): string {
  if (!title) return "";
  return language() === "en" ? title.en || title.zh : title.zh;
}

void i18next.use(initReactI18next).init({
  lng: localStorage.getItem(KEY) === "en" ? "en" : "zh-CN",
  fallbackLng: "zh-CN",
  resources: { "zh-CN": { translation: zh }, en: { translation: en } },
  interpolation: { escapeValue: false },
});
document.documentElement.lang = language();
