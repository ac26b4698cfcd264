import type { accountsZh } from "./accounts.zh-CN";

export const accountsEn: typeof accountsZh = {
  title: "Accounts",
  search: "Login, name or code of a unit",
  new: "New account",
  none: "No account was found",
  noneHelp: "Try another word, or clear the search to see all.",
  name: "Name",
  acts: "Actions",
  edit: "Edit",
  editTitle: "Edit account {{login}}",
  save: "Save",
  saved: "Saved",
  reset: "Reset password",
  resetTitle: "Reset the password of {{name}}",
  resetHelp:
    "All log-ins of this account end, and a lock after wrong passwords is lifted. Tell the person in a safe way.",
  resetDone: "The password of {{name}} has been reset",
  enable: "Enable",
  disable: "Disable",
  disabled: "disabled",
  disableAsk: "Disable the account of {{name}}?",
  disableHelp:
    "It can't log in any more and its log-ins end; what it did stays in the history. You can enable it again.",
  disabledNow: "{{name}} has been disabled",
  enabledNow: "{{name}} has been enabled",
  more: "More accounts",
  loginHelp: "2 to 40 letters, digits or -_.; can't be changed later.",
  rolesHelp: "Grant only the roles that the work needs.",
  firstPassword: "First password",
};
