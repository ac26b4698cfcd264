/** Shapes of the server's answers, as the desk uses them. */

export type Title = { zh: string; en?: string };
export type Named<T> = [string, T][];

export type Account = {
  id: string;
  login: string;
  name: string;
  unit: string | null;
  roles: string[];
  kind: "person" | "citizen" | "service";
};

export type PackageSummary = {
  id: string;
  title: Title;
  word: Word;
  clause: string | null;
  version: string;
  summary: Title;
  owner: string;
  hash: string;
  my_roles: string[];
};

export type Word = "data" | "service" | "governance" | "collaboration" | "decision";

export type CodeItem = {
  code: string;
  title: Title;
  color: string | null;
  from: string | null;
  until: string | null;
};
type CodeList = { title: Title; source: string | null; items: CodeItem[] };

export type Kind =
  | { type: "text"; max: number; min: number; pattern: string | null; multiline: boolean }
  | { type: "integer"; min: number | null; max: number | null; measure: string | null }
  | { type: "decimal"; scale: number; min: number | null; max: number | null; measure: string | null }
  | { type: "money"; min: number | null; max: number | null }
  | { type: "boolean" | "date_time" | "person_number" | "credit_code" | "phone" | "json" }
  | { type: "date"; min: string | null; max: string | null }
  | { type: "code"; list: string | null; registry: string | null; many: boolean }
  | { type: "region"; levels: number[] }
  | { type: "unit"; many: boolean }
  | { type: "ref"; to: string }
  | { type: "file"; accept: string[]; max_bytes: number; many: boolean }
  | { type: "geometry"; kinds: string[] }
  | { type: "computed"; feel: string; result: ComputedResult; daily: boolean };

export type ComputedResult =
  | "text"
  | "integer"
  | "money"
  | "boolean"
  | "date"
  | "date_time"
  | { decimal: { scale: number } }
  | { code: { list: string } };

export type Field = {
  title: Title;
  help: Title | null;
  kind: Kind;
  required: boolean;
  unique: boolean;
  search: boolean;
  immutable: boolean;
  grade: string;
  personal: boolean;
};

export type Transition = {
  title: Title;
  from: string[];
  to: string;
  require: string[];
  input: string[];
};

type Lifecycle = {
  initial: string;
  states: Named<{ title: Title; color: string | null; is_final: boolean; editable: string[] | null }>;
  transitions: Named<Transition>;
};

export type RecordType = {
  title: Title;
  about: Title;
  label: string;
  key: string[];
  grade: string;
  fields: Named<Field>;
  lifecycle: Lifecycle | null;
};

type Measure = { title: Title };

export type View = {
  title: Title;
  of: string;
  order: number;
  roles: string[];
  filter: string | null;
  sort: string[];
  kind: ViewKind;
};

export type ViewKind =
  | { kind: "list"; columns: string[] }
  | { kind: "board"; group: string; card: string[] }
  | {
      kind: "detail";
      sections: Named<{ title: Title; fields: string[] }>;
      related: { title: Title; of: string; by: string; columns: string[] }[];
    }
  | { kind: "ranking"; group: string; measures: Named<Measure>; order_by: string }
  | {
      kind: "bulletin";
      intro: Title;
      figures: Named<Measure>;
      tables: Named<{ title: Title; of: string; columns: string[] }>;
    };

export type Purpose = { name: string; title: Title; legal_basis: string; sunset: string | null };

export type Package = {
  id: string;
  title: Title;
  word: Word;
  clause: string | null;
  owner: string;
  version: string;
  summary: Title;
  needs: Record<string, string>;
  roles: Named<{ title: Title; about: Title }>;
  purposes: Named<{ title: Title; legal_basis: string; retention: string }>;
  lists: Named<CodeList>;
  types: Named<RecordType>;
  views: Named<View>;
  triggers: Named<{ title: Title }>;
  /** For what the reader may use its personal data. */
  my_purposes: Purpose[];
  /** What the reader may do with each type. */
  may: Record<string, Verb[]>;
};

type Verb = "list" | "view" | "create" | "update" | "delete" | "export" | "import" | "transition";

export type Value = string | number | boolean | null | Value[] | { [name: string]: Value };
export type Fields = Record<string, Value>;

export type RecordItem = {
  id: string;
  type: string;
  version: number;
  etag: string;
  created_at: string;
  created_by: string;
  updated_at: string;
  updated_by: string;
  state?: string;
  fields: Fields;
  labels: Record<string, string>;
  /** Fields that are not shown whole: what stands in `fields` is a part, or nothing. */
  masked?: string[];
  actions?: string[];
};

export type RecordPage = {
  items: RecordItem[];
  next: string | null;
  matched: number | null;
  matched_at_least: number | null;
};

export type HistoryEntry = {
  version: number;
  at: string;
  by: string;
  by_name?: string;
  /** Whose post it was done in, where that is another's. */
  on_behalf_of?: string | null;
  on_behalf_of_name?: string | null;
  verb: string;
  note: string | null;
  changes: { field: string; from: Value; to: Value }[];
};
