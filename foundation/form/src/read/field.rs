//! Inputs: their kinds, their constraints, and the properties that are ours.

use banyan_feel::{Expression, Type};
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::{Inside, Reader};
use crate::json::{Kind as NodeKind, Node};
use crate::model::{Bound, Choices, Kind, NumberRules, Rule, TextRules, Validation};
use crate::moment::{self, Part, Zone};
use crate::number;
use crate::pattern::Pattern;
use crate::prefill::Prefill;
use crate::words::Word;

/// Minutes that form-js can step by; it takes 15 for any other.
const INTERVALS: &[u64] = &[1, 5, 10, 15, 30, 60];
/// Most options that stand in the form itself.
const MAX_OPTIONS: usize = 1_000;

impl Reader<'_> {
    pub(crate) fn kind(&mut self, word: &Word, node: &Node) -> Option<Kind> {
        let none = Node {
            at: node.at,
            kind: NodeKind::Table(Vec::new()),
        };
        let validate = if word.is_input() {
            self.table(node, "validate").unwrap_or(&none)
        } else {
            &none
        };
        self.known(
            validate,
            word.validate.iter().copied(),
            &format!("`validate` of a `{}`", word.name),
        );
        let kind = match word.name {
            "textfield" => self.text_rules(validate, false),
            "textarea" => self.text_rules(validate, true),
            "number" => self.number(node, validate),
            "datetime" => self.moment(node),
            "checkbox" => Kind::Checkbox,
            "radio" | "select" => self.choice(node, false)?,
            "checklist" | "taglist" => self.choice(node, true)?,
            "filepicker" => self.files(node),
            "expression" => Kind::Computed(self.computed(node)?),
            "group" => Kind::Group,
            "dynamiclist" => self.rows(node),
            _ => {
                self.shown(word, node);
                Kind::Shown
            }
        };
        Some(kind)
    }

    fn computed(&mut self, node: &Node) -> Option<Expression> {
        let Some(expression) = node.get("expression") else {
            let hint = "add `expression`, e.g. `\"=price * count\"`";
            self.out.error(
                node.at,
                "form-expression-missing",
                "the expression is missing",
                hint,
            );
            return None;
        };
        if let Some(when) = self.text(node, "computeOn")
            && !matches!(when, "change" | "presubmit")
        {
            let at = node.get("computeOn").map_or(node.at, |node| node.at);
            let message = format!("`computeOn` is `change` or `presubmit`, not `{when}`");
            self.out.error(at, "form-property-value", message, "");
        }
        self.feel(expression, &Type::Any)
    }

    /// A number, or FEEL that gives one.
    fn bound(&mut self, node: &Node, name: &str) -> Option<Bound<Decimal>> {
        let value = node.get(name)?;
        match &value.kind {
            NodeKind::Text(text) if text.is_empty() => None,
            NodeKind::Text(text) if text.starts_with('=') => {
                self.feel(value, &Type::Number).map(Bound::Computed)
            }
            NodeKind::Number(digits) | NodeKind::Text(digits) => {
                let number = number::parse(digits);
                if number.is_none() {
                    let message = format!("`{name}` must be a number or FEEL that begins with `=`");
                    self.out.error(value.at, "form-property-type", message, "");
                }
                number.map(Bound::Fixed)
            }
            _ => {
                self.wrong(value, name, "a number or FEEL");
                None
            }
        }
    }

    /// As [`Reader::bound`], of something that is counted.
    fn count(&mut self, node: &Node, name: &str) -> Option<Bound<Decimal>> {
        let bound = self.bound(node, name)?;
        if let Bound::Fixed(value) = bound
            && number::count(value).is_none()
        {
            let at = node.get(name).map_or(node.at, |node| node.at);
            let message = format!("`{name}` must be a whole number from 0 on");
            self.out.error(at, "form-property-value", message, "");
        }
        Some(bound)
    }

    fn in_order<T: PartialOrd>(
        &mut self,
        node: &Node,
        names: (&str, &str),
        low: Option<&Bound<T>>,
        high: Option<&Bound<T>>,
    ) {
        if let (Some(Bound::Fixed(low)), Some(Bound::Fixed(high))) = (low, high)
            && low > high
        {
            let at = node.get(names.0).map_or(node.at, |node| node.at);
            let message = format!("`{}` is above `{}`: no value fits", names.0, names.1);
            self.out.error(at, "form-limits", message, "swap them");
        }
    }

    fn text_rules(&mut self, validate: &Node, lines: bool) -> Kind {
        let min_length = self.count(validate, "minLength");
        let max_length = self.count(validate, "maxLength");
        self.in_order(
            validate,
            ("minLength", "maxLength"),
            min_length.as_ref(),
            max_length.as_ref(),
        );
        let mut rules = TextRules {
            lines,
            min_length,
            max_length,
            pattern: None,
            pattern_message: self.text(validate, "patternErrorMessage").map(str::to_owned),
            validation: None,
        };
        if lines {
            return Kind::Text(rules);
        }
        if let Some(text) = self.text(validate, "pattern").filter(|text| !text.is_empty()) {
            match Pattern::new(text) {
                Ok(pattern) => rules.pattern = Some(pattern),
                Err(wrong) => {
                    let at = validate.get("pattern").map_or(validate.at, |node| node.at);
                    self.out.error(at, "form-pattern", wrong.message, wrong.hint);
                }
            }
        }
        match self.text(validate, "validationType") {
            None | Some("" | "custom") => {}
            Some("email") => rules.validation = Some(Validation::Email),
            Some("phone") => rules.validation = Some(Validation::Phone),
            Some(other) => {
                let at = validate.get("validationType").map_or(validate.at, |node| node.at);
                let message = format!("`validationType` is `email`, `phone` or `custom`, not `{other}`");
                self.out.error(at, "form-property-value", message, "");
            }
        }
        Kind::Text(rules)
    }

    fn number(&mut self, node: &Node, validate: &Node) -> Kind {
        let min = self.bound(validate, "min");
        let max = self.bound(validate, "max");
        self.in_order(validate, ("min", "max"), min.as_ref(), max.as_ref());
        let digits = self.whole(node, "decimalDigits");
        if digits.is_some_and(|digits| digits > 20) {
            let at = node.get("decimalDigits").map_or(node.at, |node| node.at);
            self.out
                .error(at, "form-property-value", "`decimalDigits` is at most 20", "");
        }
        let step = match self.bound(node, "increment") {
            Some(Bound::Fixed(step)) if step > Decimal::ZERO => Some(step),
            None => None,
            Some(_) => {
                let at = node.get("increment").map_or(node.at, |node| node.at);
                let message = "`increment` must be a number above 0";
                self.out.error(at, "form-property-value", message, "");
                None
            }
        };
        Kind::Number(NumberRules {
            min,
            max,
            digits: digits.and_then(|digits| u32::try_from(digits).ok()),
            step,
            as_text: self.flag(node, "serializeToString") == Some(true),
        })
    }

    fn moment(&mut self, node: &Node) -> Kind {
        let part = match self.text(node, "subtype") {
            None | Some("date") => Part::Date,
            Some("time") => Part::Time,
            Some("datetime") => Part::DateTime,
            Some(other) => {
                let at = node.get("subtype").map_or(node.at, |node| node.at);
                let message = format!("`subtype` is `date`, `time` or `datetime`, not `{other}`");
                self.out.error(at, "form-property-value", message, "");
                Part::Date
            }
        };
        let zone = match self.text(node, "timeSerializingFormat") {
            None => Zone::Any,
            Some("utc_offset") => Zone::Offset,
            Some("utc_normalized") => Zone::Utc,
            Some("no_timezone") => Zone::None,
            Some(other) => {
                let at = node.get("timeSerializingFormat").map_or(node.at, |node| node.at);
                let message = format!(
                    "`timeSerializingFormat` is `utc_offset`, `utc_normalized` or `no_timezone`, not `{other}`"
                );
                self.out.error(at, "form-property-value", message, "");
                Zone::Any
            }
        };
        let interval = self.whole(node, "timeInterval");
        if interval.is_some_and(|interval| !INTERVALS.contains(&interval)) {
            let at = node.get("timeInterval").map_or(node.at, |node| node.at);
            let message = "`timeInterval` is 1, 5, 10, 15, 30 or 60; form-js takes 15 for any other";
            self.out.error(at, "form-property-value", message, "");
        }
        self.flag(node, "use24h");
        let no_past = self.flag(node, "disallowPassedDates") == Some(true);
        let (min, max) = (
            self.moment_bound(node, "min", part),
            self.moment_bound(node, "max", part),
        );
        let read = |bound: &Option<Bound<String>>| match bound {
            Some(Bound::Fixed(text)) => moment::read(text, part).map(|(moment, _)| Bound::Fixed(moment)),
            _ => None,
        };
        let at = node.get("properties").unwrap_or(node);
        self.in_order(at, ("min", "max"), read(&min).as_ref(), read(&max).as_ref());
        Kind::Moment {
            part,
            zone,
            interval: interval.and_then(|interval| u32::try_from(interval).ok()),
            no_past,
            min,
            max,
        }
    }

    fn moment_bound(&mut self, node: &Node, name: &str, part: Part) -> Option<Bound<String>> {
        let value = node.get("properties")?.get(name)?;
        match value.text() {
            Some(text) if text.starts_with('=') => self.feel(value, &Type::Any).map(Bound::Computed),
            Some(text) if moment::read(text, part).is_some() => Some(Bound::Fixed(text.to_owned())),
            _ => {
                let like = moment::example(part, Zone::Any);
                let message = format!("`{name}` must be like `{like}`, or FEEL that begins with `=`");
                self.out.error(value.at, "form-property-value", message, "");
                None
            }
        }
    }

    fn choice(&mut self, node: &Node, many: bool) -> Option<Kind> {
        let sources = ["values", "valuesKey", "valuesExpression"];
        let given: Vec<&str> = sources
            .into_iter()
            .filter(|name| node.get(name).is_some())
            .collect();
        self.flag(node, "searchable");
        let choices = match given.as_slice() {
            ["values"] => Choices::Fixed(self.options(node)),
            ["valuesKey"] => Choices::Key(self.text(node, "valuesKey")?.to_owned()),
            ["valuesExpression"] => {
                let value = node.get("valuesExpression")?;
                Choices::Computed(self.feel(value, &Type::List(Box::new(Type::Any)))?)
            }
            _ => {
                let message = "options come from one of `values`, `valuesKey` and `valuesExpression`";
                self.out.error(
                    node.at,
                    "form-options-source",
                    message,
                    "keep exactly one of them",
                );
                return None;
            }
        };
        Some(Kind::Choice { many, choices })
    }

    fn options(&mut self, node: &Node) -> Vec<(String, Json)> {
        let Some(values) = node.get("values") else {
            return Vec::new();
        };
        if !matches!(values.kind, NodeKind::List(_)) {
            self.wrong(values, "values", "a list");
        } else if values.items().is_empty() {
            let message = "there is nothing to choose from";
            self.out
                .error(values.at, "form-options-empty", message, "add options");
        }
        if values.items().len() > MAX_OPTIONS {
            let message = format!("there are more than {MAX_OPTIONS} options");
            let hint = "give them by `valuesKey` or `valuesExpression`";
            self.out.error(values.at, "form-size", message, hint);
            return Vec::new();
        }
        let mut options: Vec<(String, Json)> = Vec::new();
        for item in values.items() {
            let value = match &item.kind {
                NodeKind::Table(_) => item.get("value").map(Node::json),
                _ => Some(item.json()),
            };
            let scalar = |value: &Json| {
                matches!(value, Json::String(text) if !text.is_empty())
                    || value.is_number()
                    || value.is_boolean()
            };
            let Some(value) = value.filter(scalar) else {
                let message = "an option needs a value: a text, a number, true or false";
                let hint = "write `{ \"label\": \"…\", \"value\": \"…\" }`";
                self.out.error(item.at, "form-option", message, hint);
                continue;
            };
            let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let label = match item.get("label") {
                Some(_) => self.text(item, "label").unwrap_or("").to_owned(),
                None => plain.clone(),
            };
            if options.iter().any(|(_, known)| number::same(known, &value)) {
                let message = format!("the option `{plain}` stands here twice");
                self.out.error(
                    item.at,
                    "form-option-twice",
                    message,
                    "give each option its own value",
                );
                continue;
            }
            options.push((label, value));
        }
        options
    }

    fn files(&mut self, node: &Node) -> Kind {
        let accept = self.text(node, "accept").unwrap_or("");
        let at = node.get("accept").map_or(node.at, |node| node.at);
        if accept.starts_with('=') || accept.contains("{{") {
            let message = "`accept` is a list of endings or media types, written out";
            self.out
                .error(at, "form-accept", message, "write e.g. `.pdf,.docx,image/*`");
            return Kind::Files {
                many: self.rule(node, "multiple"),
                accept: Vec::new(),
            };
        }
        let accept: Vec<String> = accept
            .split(',')
            .map(|part| part.trim().to_lowercase())
            .filter(|part| !part.is_empty())
            .collect();
        if let Some(odd) = accept
            .iter()
            .find(|part| !part.starts_with('.') && !part.contains('/'))
        {
            let message = format!("`{odd}` is neither an ending nor a media type");
            self.out
                .error(at, "form-accept", message, &format!("write `.{odd}`"));
        }
        Kind::Files {
            many: self.rule(node, "multiple"),
            accept,
        }
    }

    pub(crate) fn disabled(&mut self, node: &Node) -> bool {
        let Some(value) = node.get("disabled") else {
            return false;
        };
        match &value.kind {
            NodeKind::Bool(flag) => *flag,
            NodeKind::Text(text) if text.is_empty() => false,
            _ => {
                let message = "`disabled` is true or false; form-js takes any text for true, FEEL too";
                let hint = "use `readonly` for a condition: `\"readonly\": \"=…\"`";
                self.out.error(value.at, "form-disabled", message, hint);
                true
            }
        }
    }

    pub(crate) fn required(&mut self, word: &Word, node: &Node, disabled: bool) -> Rule {
        let validate = node.get("validate").filter(|_| word.is_input());
        let always = match validate.and_then(|validate| validate.get("required")) {
            None => false,
            Some(value) => match value.kind {
                NodeKind::Bool(flag) => flag,
                _ => {
                    let message = "`required` is true or false; form-js takes any text for true, FEEL too";
                    let hint = "for a condition write `\"properties\": { \"required_when\": \"=…\" }`";
                    self.out.error(value.at, "form-required", message, hint);
                    false
                }
            },
        };
        let when = self.own(word, node, "required_when");
        if disabled && (always || when.is_some()) {
            let message = "the field is disabled and required: nobody can fill it in";
            self.out.warning(
                node.at,
                "form-required-disabled",
                message,
                "leave one of them out",
            );
        }
        match when {
            Some(_) if always => Rule::Always,
            Some(value) => self.feel(value, &Type::Boolean).map_or(Rule::Always, Rule::When),
            None if always => Rule::Always,
            None => Rule::Never,
        }
    }

    /// A property of `properties` that means something here for this type.
    fn own<'n>(&self, word: &Word, node: &'n Node, name: &str) -> Option<&'n Node> {
        let value = node.get("properties")?.get(name)?;
        word.ours.contains(&name).then_some(value)
    }

    pub(crate) fn first(&mut self, word: &Word, node: &Node) -> Option<Expression> {
        let value = self.own(word, node, "default")?;
        self.feel(value, &Type::Any)
    }

    pub(crate) fn repetitions(&mut self, node: &Node) -> (Option<Bound<Decimal>>, Option<Bound<Decimal>>) {
        let Some(properties) = self.table(node, "properties") else {
            return (None, None);
        };
        let low = self.count(properties, "min_repetitions");
        let high = self.count(properties, "max_repetitions");
        self.in_order(
            properties,
            ("min_repetitions", "max_repetitions"),
            low.as_ref(),
            high.as_ref(),
        );
        (low, high)
    }

    pub(crate) fn default(&mut self, node: &Node, kind: &Kind) -> Option<Json> {
        let value = node.get("defaultValue")?;
        let json = value.json();
        let wanted = match kind {
            Kind::Text(_) if json.is_string() => None,
            Kind::Text(_) => Some("a text".to_owned()),
            Kind::Number(_) if number::of(&json).is_some() => None,
            Kind::Number(_) => Some("a number".to_owned()),
            Kind::Moment { part, .. } => {
                let fits = json
                    .as_str()
                    .is_some_and(|text| moment::read(text, *part).is_some());
                (!fits).then(|| format!("like `{}`", moment::example(*part, Zone::Any)))
            }
            Kind::Checkbox => (!json.is_boolean()).then(|| "true or false".to_owned()),
            Kind::Choice { many, choices } => {
                let items: Vec<&Json> = match &json {
                    Json::Array(items) if *many => items.iter().collect(),
                    other => vec![other],
                };
                let known = |item: &&Json| match choices {
                    Choices::Fixed(options) => options.iter().any(|(_, option)| number::same(option, item)),
                    _ => true,
                };
                if *many && !json.is_array() {
                    Some("a list".to_owned())
                } else {
                    (!items.iter().all(known)).then(|| "one of the options".to_owned())
                }
            }
            _ => Some("left out".to_owned()),
        };
        let feel = json.as_str().is_some_and(|text| text.starts_with('='));
        if feel || wanted.is_some() {
            let wanted = wanted.unwrap_or_else(|| "a plain value; form-js does not evaluate it".to_owned());
            let hint = if feel {
                "for FEEL write `\"properties\": { \"default\": \"=…\" }`"
            } else {
                ""
            };
            let message = format!("`defaultValue` must be {wanted}");
            self.out.error(value.at, "form-default", message, hint);
            return None;
        }
        Some(json)
    }

    /// The properties that mean something here: their names, and the record that a value comes from.
    pub(crate) fn ours(&mut self, word: &Word, node: &Node, within: &Inside) {
        let Some(properties) = self.table(node, "properties") else {
            return;
        };
        for entry in properties.entries() {
            if !matches!(entry.value.kind, NodeKind::Text(_) | NodeKind::Number(_)) {
                self.wrong(&entry.value, &entry.name, "a text");
            }
            let ours = [
                "source",
                "by",
                "field",
                "required_when",
                "min_repetitions",
                "max_repetitions",
            ];
            if ours.contains(&entry.name.as_str()) && !word.ours.contains(&entry.name.as_str()) {
                let message = format!("`{}` does nothing at a `{}`", entry.name, word.name);
                self.out
                    .warning(entry.at, "form-unknown-property", message, "leave it out");
            }
        }
        let parts = ["source", "by", "field"].map(|name| self.own(word, node, name));
        let (source, by, field) = match parts {
            [None, None, None] => return,
            [Some(source), Some(by), Some(field)] => (source, by, field),
            _ => {
                let message = "`source`, `by` and `field` stand together";
                let hint = "`source` names a type, `by` gives the record's id, `field` what is taken from it";
                self.out.error(properties.at, "form-prefill", message, hint);
                return;
            }
        };
        if !within.lists.is_empty() {
            let message = "values inside dynamic lists can't come from records";
            let hint = "give the whole list in the data that the form is given";
            self.out.error(source.at, "form-prefill-list", message, hint);
            return;
        }
        let text = |node: &Node| node.text().unwrap_or("").to_owned();
        let well = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        };
        if !text(source)
            .split_once('.')
            .is_some_and(|(package, name)| well(package) && well(name))
        {
            let message = "`source` names a record type with its package";
            self.out
                .error(source.at, "form-prefill", message, "write e.g. `register.person`");
            return;
        }
        if !well(&text(field)) {
            self.out.error(
                field.at,
                "form-prefill",
                "`field` names one field of the record",
                "",
            );
            return;
        }
        if let Some(by) = self.feel(by, &Type::Any) {
            self.prefills.push(Prefill {
                path: within.path.clone(),
                source: text(source),
                by,
                field: text(field),
                place: self.out.place(source.at),
            });
        }
    }
}
