/** Texts of inbox, processes, decisions and studio: they come with those pages, not with the first one. */

import i18next from "i18next";
import { workEn } from "./work.en";
import { workZh } from "./work.zh-CN";

i18next.addResourceBundle("zh-CN", "translation", { work: workZh }, true, true);
i18next.addResourceBundle("en", "translation", { work: workEn }, true, true);
