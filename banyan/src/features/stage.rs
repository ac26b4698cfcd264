//! What a scenario remembers between its steps, and how records, fields and values are found by what people call them.

use std::collections::BTreeMap;
use std::time::Instant;

use banyan_door::Input;
use banyan_package::Package;
use banyan_package::model::{FieldKind, RecordType};
use serde_json::{Map, Value as Json, json};

use super::entrance::{Answer, Entrance, Fault};

/// The packages that are installed, read once a run.
pub type Installed = BTreeMap<String, Package>;

/// A scenario as it runs.
pub struct Stage<'e> {
    pub entrance: &'e mut dyn Entrance,
    installed: &'e mut Installed,
    /// What the last act answered.
    answer: Option<Answer>,
    /// The last act was refused, and no step has said that it should be.
    unsaid: Option<String>,
    /// The type that was listed last.
    listed: Option<String>,
    /// The type that was last acted on.
    acted: Option<String>,
    /// The record that was last acted on.
    record: Option<(String, String)>,
    /// The form that was last filled in.
    form: Option<Json>,
}

/// A type of record as declared.
#[derive(Clone)]
pub struct Kind {
    pub name: String,
    pub package: String,
    pub short: String,
    pub declared: RecordType,
}

/// A record as the one who checks sees it.
pub struct Found {
    pub id: String,
    pub body: Json,
}

impl<'e> Stage<'e> {
    pub fn new(entrance: &'e mut dyn Entrance, installed: &'e mut Installed) -> Stage<'e> {
        Stage {
            entrance,
            installed,
            answer: None,
            unsaid: None,
            listed: None,
            acted: None,
            record: None,
            form: None,
        }
    }

    /// The form that is about to be sent.
    pub fn filled_in(&mut self, form: Json) {
        self.form = Some(form);
    }

    /// The pointer to a value of the form that was last sent, by what people call it.
    pub fn form_pointer(&self, called: &str) -> Option<String> {
        super::tasks::pointer(self.form.as_ref()?, called)
    }

    /// A refusal that no step has named yet.
    pub fn unsaid(&self) -> Option<&str> {
        self.unsaid.as_deref()
    }

    /// Does something as whoever has signed in.
    pub fn act(&mut self, operation: &str, input: Input) -> Result<&Answer, Fault> {
        if let Some(refusal) = self.unsaid.take() {
            return Err(Fault::wrong(format!(
                "前一个操作{refusal}。若本应如此,请在它之后写明“被拒绝,原因包含…”"
            )));
        }
        let answer = self.entrance.call(operation, input)?;
        self.unsaid = answer.refused().then(|| answer.told());
        Ok(self.answer.insert(answer))
    }

    /// The answer to the last act; whoever asks has something to say of it.
    pub fn answer(&mut self) -> Result<&Answer, Fault> {
        self.unsaid = None;
        self.answer
            .as_ref()
            .ok_or_else(|| Fault::wrong("还没有做任何操作,没有结果可查"))
    }

    /// The answer to the last list, which must not have been refused.
    pub fn list(&mut self) -> Result<(Kind, Answer), Fault> {
        let answer = self.answer()?.clone();
        if answer.refused() {
            return Err(Fault::mismatch("有结果", answer.told()));
        }
        let Some(of) = self.listed.clone() else {
            return Err(Fault::wrong("还没有查找过,没有结果可查"));
        };
        Ok((self.kind(&of)?, answer))
    }

    /// Lists records as whoever has signed in.
    pub fn find(&mut self, of: &str, query: Vec<(String, String)>) -> Result<(), Fault> {
        let kind = self.kind(of)?;
        let mut input = kind.input();
        input.query = query;
        input
            .query
            .extend([("limit".into(), "1000".into()), ("count".into(), "1".into())]);
        self.act("record.list", input)?;
        self.listed = Some(of.to_owned());
        Ok(())
    }

    /// Acts on one record; `change` completes what is sent.
    pub fn act_on(
        &mut self,
        operation: &str,
        kind: &Kind,
        id: &str,
        change: impl FnOnce(&mut Input),
    ) -> Result<&Answer, Fault> {
        let mut input = kind.input().with_path("id", id);
        change(&mut input);
        self.acted = Some(kind.name.clone());
        self.record = Some((kind.name.clone(), id.to_owned()));
        self.act(operation, input)
    }

    pub fn create(&mut self, kind: &Kind, fields: Map<String, Json>) -> Result<(), Fault> {
        let mut input = Input::json(json!({ "fields": fields }));
        input.path = kind.input().path;
        self.acted = Some(kind.name.clone());
        let made = self.act("record.create", input)?;
        let id = made.body.get("id").and_then(Json::as_str).map(str::to_owned);
        self.record = id.map(|id| (kind.name.clone(), id));
        Ok(())
    }

    /// The type that was last acted on.
    pub fn acted_on(&mut self) -> Result<Kind, Fault> {
        match self.acted.clone() {
            Some(of) => self.kind(&of),
            None => Err(Fault::wrong("还没有操作过哪条记录")),
        }
    }

    /// The record that was last acted on, as it is now.
    pub fn last_record(&mut self) -> Result<(Kind, Found), Fault> {
        let Some((of, id)) = self.record.clone() else {
            return Err(Fault::wrong("还没有操作过哪条记录"));
        };
        let kind = self.kind(&of)?;
        let answer = self
            .entrance
            .look("record.view", kind.input().with_path("id", &id))?;
        if answer.refused() {
            return Err(Fault::wrong(format!("查看“{of}”:{}", answer.told())));
        }
        let body = answer.body;
        Ok((kind, Found { id, body }))
    }

    /// A declared type by its name, `<package>.<type>`.
    pub fn kind(&mut self, name: &str) -> Result<Kind, Fault> {
        let Some((package, short)) = name.split_once('.') else {
            return Err(Fault::wrong(format!("“{name}”应写作“包.类型”,如 base.region")));
        };
        if !self.installed.contains_key(package) {
            let input = Input::default().with_path("id", package);
            let answer = self.entrance.look("package.view", input)?;
            if answer.refused() {
                return Err(Fault::wrong(format!("没有安装名为 {package} 的包")));
            }
            let mut body = answer.body;
            // Of what engines read, only the names are told: types are all that is asked for here.
            for name in ["processes", "decisions", "decision_cases", "forms"] {
                if let Some(names) = body.get_mut(name) {
                    *names = json!([]);
                }
            }
            let model: Package = serde_json::from_value(body)
                .map_err(|error| Fault::wrong(format!("包 {package} 的声明无法理解:{error}")))?;
            self.installed.insert(package.to_owned(), model);
        }
        let types = self
            .installed
            .get(package)
            .map_or(&[][..], |package| package.types.as_slice());
        match types.iter().find(|(known, _)| known == short) {
            Some((_, declared)) => Ok(Kind {
                name: name.to_owned(),
                package: package.to_owned(),
                short: short.to_owned(),
                declared: declared.clone(),
            }),
            None => {
                let known: Vec<String> = types
                    .iter()
                    .map(|(name, _)| format!("{package}.{name}"))
                    .collect();
                Err(Fault::wrong(format!(
                    "没有类型“{name}”;有的是 {}",
                    known.join("、")
                )))
            }
        }
    }

    /// How many records there are by a condition, for the one who checks.
    pub fn count(&mut self, kind: &Kind, filter: &str) -> Result<Answer, Fault> {
        let mut input = kind.input();
        input.query = vec![
            ("filter".into(), filter.into()),
            ("limit".into(), "1000".into()),
            ("count".into(), "1".into()),
        ];
        let answer = self.entrance.look("record.list", input)?;
        if answer.refused() {
            return Err(Fault::wrong(format!("按“{filter}”查找:{}", answer.told())));
        }
        Ok(answer)
    }

    /// The record with this key, if there is one. Several key fields are joined with `/`; a type without a key is found by
    /// its label.
    pub fn seek(&mut self, kind: &Kind, key: &str) -> Result<Option<Found>, Fault> {
        let answer = self.count(kind, &kind.filter(key)?)?;
        let found = match answer.items() {
            [] => None,
            [one] => Some(Found {
                id: one.get("id").and_then(Json::as_str).unwrap_or("").to_owned(),
                body: one.clone(),
            }),
            many => {
                return Err(Fault::wrong(format!(
                    "“{}”里有 {} 条“{key}”",
                    kind.name,
                    many.len()
                )));
            }
        };
        Ok(found)
    }

    /// The record with this key; it must be there.
    pub fn record(&mut self, of: &str, key: &str) -> Result<(Kind, Found), Fault> {
        let kind = self.kind(of)?;
        match self.seek(&kind, key)? {
            Some(found) => Ok((kind, found)),
            None => Err(Fault::wrong(format!("“{of}”里没有“{key}”"))),
        }
    }

    /// Checks something that may take a moment to come true where triggers run beside us.
    pub fn check(&mut self, mut f: impl FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        let (started, patience) = (Instant::now(), self.entrance.patience());
        loop {
            match f(self) {
                Err(Fault::Mismatch { .. }) if started.elapsed() < patience => {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                result => return result,
            }
        }
    }
}

impl Kind {
    /// An input with the path of this type.
    pub fn input(&self) -> Input {
        Input::default()
            .with_path("package", &self.package)
            .with_path("type", &self.short)
    }

    /// A field's name, from its name or its Chinese title. What is neither stays as it is: the platform answers for it.
    pub fn field(&self, called: &str) -> String {
        let mut fields = self.declared.fields.iter();
        match fields.find(|(name, field)| name == called || field.title.zh == called) {
            Some((name, _)) => name.clone(),
            None => called.to_owned(),
        }
    }

    fn field_kind(&self, name: &str) -> Option<&FieldKind> {
        let mut fields = self.declared.fields.iter();
        fields
            .find(|(known, _)| known == name)
            .map(|(_, field)| &field.kind)
    }

    /// Fields as sent: texts, which the platform reads by the field's type; an empty cell clears.
    pub fn fields<'r>(&self, rows: impl IntoIterator<Item = (&'r str, &'r str)>) -> Map<String, Json> {
        let value = |(called, text): (&str, &str)| {
            let name = self.field(called);
            let structured = matches!(
                self.field_kind(&name),
                Some(FieldKind::Json | FieldKind::Geometry { .. } | FieldKind::File { .. })
            );
            let sent = match text {
                "" => Json::Null,
                text if structured => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
                text => json!(text),
            };
            (name, sent)
        };
        rows.into_iter().map(value).collect()
    }

    /// The condition that picks the record with this key.
    fn filter(&self, key: &str) -> Result<String, Fault> {
        let label = [self.declared.label.clone()];
        let fields: &[String] = if self.declared.key.is_empty() {
            &label
        } else {
            &self.declared.key
        };
        let parts: Vec<&str> = if fields.len() == 1 {
            vec![key]
        } else {
            key.split('/').collect()
        };
        if parts.len() != fields.len() {
            return Err(Fault::wrong(format!(
                "“{}”的键由 {} 组成,用 / 连接",
                self.name,
                fields.join("、")
            )));
        }
        let condition = |(field, part): (&String, &str)| match self.field_kind(field) {
            Some(FieldKind::Integer { .. } | FieldKind::Decimal { .. } | FieldKind::Money { .. }) => {
                format!("{field} = {part}")
            }
            Some(FieldKind::Date { .. }) => format!("{field} = DATE('{part}')"),
            _ => format!("{field} = '{}'", part.replace('\'', "''")),
        };
        let conditions: Vec<String> = fields.iter().zip(parts).map(condition).collect();
        Ok(conditions.join(" AND "))
    }

    /// A state's name, from its name or its Chinese title.
    pub fn state(&self, called: &str) -> Result<String, Fault> {
        let Some(lifecycle) = &self.declared.lifecycle else {
            return Err(Fault::wrong(format!("“{}”没有状态", self.name)));
        };
        let mut states = lifecycle.states.iter();
        match states.find(|(name, state)| name == called || state.title.zh == called) {
            Some((name, _)) => Ok(name.clone()),
            None => {
                let known: Vec<&str> = lifecycle.states.iter().map(|(name, _)| name.as_str()).collect();
                Err(Fault::wrong(format!(
                    "“{}”没有状态“{called}”;有的是 {}",
                    self.name,
                    known.join("、")
                )))
            }
        }
    }

    /// A transition's name, from its name or its Chinese title.
    pub fn transition(&self, called: &str) -> String {
        let transitions = self.declared.lifecycle.iter().flat_map(|life| &life.transitions);
        let mut matching =
            transitions.filter(|(name, transition)| name == called || transition.title.zh == called);
        matching
            .next()
            .map_or_else(|| called.to_owned(), |(name, _)| name.clone())
    }

    /// Checks one value of a record: its value or what it is called, e.g. `FJ001` or `省发改委`.
    pub fn check(&self, record: &Json, called: &str, expected: &str) -> Result<(), Fault> {
        let name = self.field(called);
        let declared = self.field_kind(&name).is_some();
        let value = match name.as_str() {
            "状态" | "state" if !declared => record.get("state"),
            "版本" | "version" if !declared => record.get("version"),
            "id" if !declared => record.get("id"),
            _ if !declared => {
                let known: Vec<&str> = self
                    .declared
                    .fields
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect();
                return Err(Fault::wrong(format!(
                    "“{}”没有字段“{called}”;有的是 {}",
                    self.name,
                    known.join("、")
                )));
            }
            _ => record.pointer(&format!("/fields/{name}")),
        };
        let value = value.unwrap_or(&Json::Null);
        let label = record.pointer(&format!("/labels/{name}")).unwrap_or(&Json::Null);
        let (value_text, label_text) = (text(value), text(label));
        let number = value
            .as_f64()
            .zip(expected.parse::<f64>().ok())
            .is_some_and(|(value, expected)| value == expected);
        if value_text == expected || label_text == expected && !expected.is_empty() || number {
            return Ok(());
        }
        let found = match (value_text.as_str(), label_text.as_str()) {
            ("", _) => "空".to_owned(),
            (value, "") => format!("“{value}”"),
            (value, label) if value == label => format!("“{value}”"),
            (value, label) => format!("“{value}”({label})"),
        };
        let expected = if expected.is_empty() {
            "空".to_owned()
        } else {
            format!("“{expected}”")
        };
        Err(Fault::mismatch(
            format!("{called} 为{expected}"),
            format!("{called} 为{found}"),
        ))
    }
}

/// A value as people write it in a feature.
pub fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Bool(true) => "是".into(),
        Json::Bool(false) => "否".into(),
        Json::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}
