//! Record files: fields, rules, life cycle.

use banyan_base::SourceFile;
use serde_json::Value as Json;

use crate::forms;
use crate::model::*;
use crate::raw::*;
use crate::read::{Reader, is_name};

/// The form admits no other words.
fn grade(text: Option<&str>) -> Grade {
    match text {
        Some("重要") => Grade::Important,
        Some("核心") => Grade::Core,
        _ => Grade::General,
    }
}

impl Reader {
    pub(crate) fn record(&mut self, file: &SourceFile, name: &str) {
        self.name(file, name);
        let Some(raw) = self.parse::<RawRecord>(file, &forms::RECORD) else {
            return;
        };
        let mut fields = Vec::new();
        for (field_name, raw) in raw.fields {
            if !is_name(&field_name) || matches!(field_name.as_str(), "state" | "id" | "type" | "version") {
                let message = format!("`{field_name}` can't be a field's name");
                let hint = "at most 31 of a–z, 0–9 and _; not state, id, type, version";
                self.add(file, &["fields", &field_name], "name", message, Some(hint));
                continue;
            }
            if let Some(field) = self.field(file, &field_name, raw) {
                fields.push((field_name, field));
            }
        }
        let rule = |raw: RawRule| RecordRule {
            feel: raw.feel,
            message: raw.message,
            field: raw.field,
        };
        for (name, field) in &mut fields {
            let subject = raw.subject.as_deref() == Some(name);
            if field.sealed.is_none() && !subject && field.can_be_sealed() {
                field.sealed = Some(true);
            }
        }
        let record = RecordType {
            title: raw.title,
            about: raw.about,
            label: raw.label,
            key: raw.key,
            grade: grade(raw.grade.as_deref()),
            subject: raw.subject,
            retention: raw.retention,
            fields,
            unique: raw.unique,
            index: raw.index,
            rules: raw
                .rules
                .into_iter()
                .map(|(name, raw)| (name, rule(raw)))
                .collect(),
            lifecycle: raw.lifecycle.map(lifecycle),
        };
        self.package.types.push((name.into(), record));
    }

    fn field(&mut self, file: &SourceFile, name: &str, raw: RawField) -> Option<Field> {
        let integer = |value: &Option<Json>| value.as_ref().and_then(Json::as_i64);
        let float = |value: &Option<Json>| value.as_ref().and_then(Json::as_f64);
        let text = |value: &Option<Json>| value.as_ref().and_then(Json::as_str).map(str::to_owned);
        let scale = self.small(file, name, "scale", raw.scale, 2, 6);
        let kind = match raw.kind.as_str() {
            "text" => FieldKind::Text {
                max: self.count(file, name, "max", integer(&raw.max), 200),
                min: self.count(file, name, "min", integer(&raw.min), 0),
                pattern: raw.pattern.clone(),
                multiline: raw.multiline,
            },
            "integer" => FieldKind::Integer {
                min: integer(&raw.min),
                max: integer(&raw.max),
                measure: raw.measure.clone(),
            },
            "decimal" => FieldKind::Decimal {
                scale,
                min: float(&raw.min),
                max: float(&raw.max),
                measure: raw.measure.clone(),
            },
            "money" => FieldKind::Money {
                min: integer(&raw.min),
                max: integer(&raw.max),
            },
            "boolean" => FieldKind::Boolean,
            "date" => FieldKind::Date {
                min: text(&raw.min),
                max: text(&raw.max),
            },
            "date_time" => FieldKind::DateTime,
            "code" => FieldKind::Code {
                list: raw.list.clone(),
                registry: raw.registry.clone(),
                many: raw.many,
            },
            "region" => FieldKind::Region {
                levels: raw
                    .levels
                    .iter()
                    .filter_map(|level| u8::try_from(*level).ok())
                    .collect(),
                at: raw.at.clone(),
            },
            "unit" => FieldKind::Unit { many: raw.many },
            "person_number" => FieldKind::PersonNumber,
            "credit_code" => FieldKind::CreditCode,
            "phone" => FieldKind::Phone,
            "ref" => FieldKind::Ref {
                to: raw.to.clone().unwrap_or_default(),
                on_delete: raw.on_delete,
            },
            "file" => FieldKind::File {
                accept: raw.accept.clone(),
                max_bytes: raw
                    .max_bytes
                    .and_then(|max| u64::try_from(max).ok())
                    .unwrap_or(20 << 20),
                many: raw.many,
            },
            "geometry" => FieldKind::Geometry {
                kinds: raw.kinds.clone(),
            },
            "json" => FieldKind::Json,
            "computed" => self.computed(file, name, &raw)?,
            // The form knows no other word.
            _ => return None,
        };
        Some(Field {
            title: raw.title,
            help: raw.help,
            kind,
            required: raw.required,
            unique: raw.unique,
            index: raw.index,
            search: raw.search,
            immutable: raw.immutable,
            grade: grade(raw.grade.as_deref()),
            personal: raw.personal,
            sealed: raw.sealed,
            mask: raw.mask,
            retention: raw.retention,
            default: raw.default,
            when: raw.when,
        })
    }

    fn computed(&mut self, file: &SourceFile, name: &str, raw: &RawField) -> Option<FieldKind> {
        let result = match raw.result.as_deref().unwrap_or("") {
            "text" => ComputedType::Text,
            "integer" => ComputedType::Integer,
            "decimal" => ComputedType::Decimal {
                scale: self.small(file, name, "scale", raw.scale, 2, 6),
            },
            "money" => ComputedType::Money,
            "boolean" => ComputedType::Boolean,
            "date" => ComputedType::Date,
            "date_time" => ComputedType::DateTime,
            other => match other.strip_prefix("code:") {
                Some(list) => ComputedType::Code {
                    list: list.to_owned(),
                },
                None => {
                    let hint = "text, integer, decimal, money, boolean, date, date_time or code:<list>";
                    let message = format!("a computed field can't give `{other}`");
                    self.add(
                        file,
                        &["fields", name, "result"],
                        "computed-result",
                        message,
                        Some(hint),
                    );
                    return None;
                }
            },
        };
        let feel = raw.feel.clone()?;
        let daily = feel.contains("today()") || feel.contains("now()");
        Some(FieldKind::Computed { feel, result, daily })
    }

    /// A number of characters.
    fn count(&mut self, file: &SourceFile, name: &str, key: &str, given: Option<i64>, default: u32) -> u32 {
        let Some(given) = given else { return default };
        match u32::try_from(given) {
            Ok(count) if count <= 1_000_000 => count,
            _ => {
                let message = format!("`{key}` is a number of characters from 0 to 1000000, not {given}");
                self.add(file, &["fields", name, key], "range", message, None);
                default
            }
        }
    }

    fn small(
        &mut self,
        file: &SourceFile,
        name: &str,
        key: &str,
        given: Option<i64>,
        default: u8,
        max: u8,
    ) -> u8 {
        let Some(given) = given else { return default };
        match u8::try_from(given) {
            Ok(number) if number <= max => number,
            _ => {
                let message = format!("`{key}` is from 0 to {max}, not {given}");
                self.add(file, &["fields", name, key], "range", message, None);
                default
            }
        }
    }
}

fn lifecycle(raw: RawLifecycle) -> Lifecycle {
    let state = |raw: RawState| State {
        title: raw.title,
        color: raw.color,
        is_final: raw.is_final,
        editable: raw.editable,
    };
    let transition = |raw: RawTransition| Transition {
        title: raw.title,
        from: raw.from,
        to: raw.to,
        who: raw.who,
        guard: raw.guard,
        refusal: raw.refusal,
        require: raw.require,
        input: raw.input,
        set: raw.set,
    };
    let clock = |raw: RawClock| StateClock {
        state: raw.state,
        after: raw.after,
        working_days: raw.working_days,
        transition: raw.transition,
    };
    Lifecycle {
        initial: raw.initial,
        states: raw
            .states
            .into_iter()
            .map(|(name, raw)| (name, state(raw)))
            .collect(),
        transitions: raw
            .transitions
            .into_iter()
            .map(|(name, raw)| (name, transition(raw)))
            .collect(),
        clocks: raw
            .clocks
            .into_iter()
            .map(|(name, raw)| (name, clock(raw)))
            .collect(),
    }
}
