//! The component types of form-js (schema versions 16 to 19), and the properties that each may have.
//! Source: the JSON Schema and the viewer of form-js 1.23 (`form-json-schema`, `form-js-viewer`).

/// Properties of every component.
const ALL: &[&str] = &["type", "id", "layout", "conditional", "properties"];
const INPUT: &[&str] = &[
    "key",
    "label",
    "description",
    "disabled",
    "readonly",
    "validate",
    "defaultValue",
];
const CHOICE: &[&str] = &["values", "valuesKey", "valuesExpression"];
const CONTAINER: &[&str] = &["label", "path", "showOutline", "verticalAlignment", "components"];

pub(crate) struct Word {
    pub(crate) name: &'static str,
    groups: &'static [&'static [&'static str]],
    own: &'static [&'static str],
    /// Members of `validate`.
    pub(crate) validate: &'static [&'static str],
    /// Members of `properties` that mean something here.
    pub(crate) ours: &'static [&'static str],
}

impl Word {
    pub(crate) fn properties(&self) -> impl Iterator<Item = &'static str> + Clone {
        let groups = self.groups.iter().flat_map(|group| group.iter());
        ALL.iter().chain(groups).chain(self.own).copied()
    }

    pub(crate) fn is_input(&self) -> bool {
        self.groups.iter().any(|group| group.contains(&"key"))
    }

    pub(crate) fn is_container(&self) -> bool {
        self.groups.iter().any(|group| group.contains(&"components"))
    }
}

const OURS: &[&str] = &["source", "by", "field", "required_when", "default"];

const fn word(
    name: &'static str,
    groups: &'static [&'static [&'static str]],
    own: &'static [&'static str],
    validate: &'static [&'static str],
    ours: &'static [&'static str],
) -> Word {
    Word {
        name,
        groups,
        own,
        validate,
        ours,
    }
}

pub(crate) const WORDS: &[Word] = &[
    word(
        "textfield",
        &[INPUT],
        &["appearance"],
        &[
            "required",
            "minLength",
            "maxLength",
            "pattern",
            "patternErrorMessage",
            "validationType",
        ],
        OURS,
    ),
    word(
        "textarea",
        &[INPUT],
        &[],
        &["required", "minLength", "maxLength"],
        OURS,
    ),
    word(
        "number",
        &[INPUT],
        &["appearance", "increment", "decimalDigits", "serializeToString"],
        &["required", "min", "max"],
        OURS,
    ),
    word(
        "datetime",
        &[INPUT],
        &[
            "subtype",
            "dateLabel",
            "timeLabel",
            "use24h",
            "timeSerializingFormat",
            "timeInterval",
            "disallowPassedDates",
        ],
        &["required"],
        &["source", "by", "field", "required_when", "default", "min", "max"],
    ),
    word("checkbox", &[INPUT], &[], &["required"], OURS),
    word("checklist", &[INPUT, CHOICE], &[], &["required"], OURS),
    word("radio", &[INPUT, CHOICE], &[], &["required"], OURS),
    word("select", &[INPUT, CHOICE], &["searchable"], &["required"], OURS),
    word("taglist", &[INPUT, CHOICE], &[], &["required"], OURS),
    word(
        "filepicker",
        &[INPUT],
        &["accept", "multiple"],
        &["required"],
        OURS,
    ),
    // The property that keeps its value out of what is submitted is of schema version 19.
    word("expression", &[], &["key", "expression", "computeOn"], &[], &[]),
    word("group", &[CONTAINER], &[], &[], &[]),
    word(
        "dynamiclist",
        &[CONTAINER],
        &[
            "isRepeating",
            "allowAddRemove",
            "defaultRepetitions",
            "disableCollapse",
            "nonCollapsedItems",
        ],
        &[],
        &["min_repetitions", "max_repetitions"],
    ),
    word(
        "table",
        &[],
        &["label", "dataSource", "columns", "columnsExpression", "rowCount"],
        &[],
        &[],
    ),
    word("text", &[], &["text", "strict"], &[], &[]),
    word("html", &[], &["content", "strict"], &[], &[]),
    word("image", &[], &["source", "alt"], &[], &[]),
    word("button", &[], &["label", "action"], &[], &[]),
    word("spacer", &[], &["height"], &[], &[]),
    word("separator", &[], &[], &[], &[]),
];

/// Types of form-js that are not taken here, and what to use instead.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    (
        "iframe",
        "pages of others are not shown inside forms; link to them from a `text`",
    ),
    (
        "documentPreview",
        "show files with a `filepicker` that is read-only",
    ),
    ("columns", "put the components into one `layout.row`"),
    ("multipage", "use one form per task, or groups"),
    ("page", "use one form per task, or groups"),
];

pub(crate) fn find(name: &str) -> Option<&'static Word> {
    WORDS.iter().find(|word| word.name == name)
}
