//! One value against its component: its type, then its constraints.

use banyan_base::Ctx;
use banyan_feel::{EvalError, Expression};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::{Fault, escaped, fault, limit};
use crate::model::{Bound, Choices, Component, Kind, NumberRules, Rows, Rule, TextRules, Validation};
use crate::moment::{self, Moment, Part, Zone};
use crate::number;

/// Longest text that is taken where the form sets no limit, in UTF-16 units as JavaScript counts.
const MAX_TEXT: usize = 100_000;
/// Most files of one field, as the registry has it.
const MAX_FILES: usize = 50;
/// Most choices of one field.
const MAX_CHOICES: usize = 1_000;

/// What is sent as it is kept, or why it can't be.
pub(crate) fn kept(component: &Component, sent: &Json) -> Result<Json, (&'static str, String)> {
    if sent.is_null() {
        return Ok(component.empty());
    }
    let wrong = |message: &str| Err(("type", message.to_owned()));
    match &component.kind {
        Kind::Text(rules) => match sent {
            Json::String(text) if text.contains('\0') => wrong("不能含有空字符"),
            // As form-js does with what is pasted.
            Json::String(text) if !rules.lines => Ok(Json::String(text.replace(['\r', '\n', '\t'], " "))),
            Json::String(_) => Ok(sent.clone()),
            _ => wrong("应为文本"),
        },
        Kind::Number(rules) => number_kept(rules, sent),
        Kind::Moment { part, zone, .. } => {
            let like = moment::example(*part, *zone);
            let Some(text) = sent.as_str() else {
                return wrong(&format!("应为文本,如 {like}"));
            };
            if text.is_empty() {
                return Ok(Json::Null);
            }
            match moment::read(text, *part) {
                Some((_, found)) if *part == Part::Date || moment::agrees(found, *zone) => Ok(sent.clone()),
                Some((_, Zone::None)) => Err(("zone", format!("应写明时区,如 {like}"))),
                Some(_) => Err(("zone", format!("不应写时区,如 {like}"))),
                None => Err(("format", format!("没有这样的日期或时间,应如 {like}"))),
            }
        }
        Kind::Checkbox => match sent {
            Json::Bool(_) => Ok(sent.clone()),
            _ => wrong("应为是或否(true、false)"),
        },
        Kind::Choice { many: true, .. } => match sent {
            Json::Array(_) => Ok(sent.clone()),
            _ => wrong("应为若干选项(数组)"),
        },
        Kind::Choice { many: false, .. } => match sent {
            Json::Array(_) => wrong("只能选一项"),
            Json::String(text) if text.is_empty() => Ok(Json::Null),
            _ => Ok(sent.clone()),
        },
        Kind::Files { .. } => files_kept(sent),
        Kind::Rows(_) | Kind::Group | Kind::Computed(_) | Kind::Shown => Ok(Json::Null),
    }
}

fn number_kept(rules: &NumberRules, sent: &Json) -> Result<Json, (&'static str, String)> {
    let text = match sent {
        Json::String(text) if rules.as_text => text.trim(),
        Json::String(_) => return Err(("type", "应为数字,不加引号".into())),
        Json::Number(number) => &number.to_string(),
        _ => return Err(("type", "应为数字".into())),
    };
    if text.is_empty() {
        return Ok(Json::Null);
    }
    let Some(value) = number::parse(text) else {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let numeric = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        return Err(if numeric && digits > 0 {
            ("range", format!("数字太长或太大,最多 {} 位", number::MOST_DIGITS))
        } else {
            ("type", "应为数字,如 12.50".into())
        });
    };
    Ok(match sent {
        Json::Number(_) if !rules.as_text => sent.clone(),
        _ => Json::String(value.to_string()),
    })
}

/// Files as the registry describes them: sent before, named here by hash.
fn files_kept(sent: &Json) -> Result<Json, (&'static str, String)> {
    let files: Vec<&Json> = match sent {
        Json::Array(files) => files.iter().collect(),
        Json::String(text) if text.is_empty() => Vec::new(),
        file => vec![file],
    };
    let text = "应为上传后得到的 hash、name、size、content_type,请先上传文件";
    let mut kept = Vec::new();
    for file in files {
        let Some(file) = described(file) else {
            return Err(("type", text.into()));
        };
        kept.push(file);
    }
    Ok(Json::Array(kept))
}

fn described(file: &Json) -> Option<Json> {
    let members = file.as_object()?;
    let known = ["hash", "name", "size", "content_type"];
    if !members.keys().all(|name| known.contains(&name.as_str())) {
        return None;
    }
    let hash = members.get("hash")?.as_str()?;
    let hex = hash.len() == 64
        && hash
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let name = members.get("name")?.as_str()?;
    let clean = !name.trim().is_empty()
        && name.chars().count() <= 120
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'));
    let size = match members.get("size") {
        Some(size) => size.as_u64()?,
        None => 0,
    };
    let media = match members.get("content_type") {
        Some(media) => media.as_str()?,
        None => "application/octet-stream",
    };
    // It goes out as a header.
    let plain = media.len() <= 200 && media.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    (hex && clean && plain)
        .then(|| json!({ "hash": hash, "name": name, "size": size, "content_type": media }))
}

/// A check of one value at its place.
pub(crate) struct Check<'c> {
    pub(crate) cx: &'c Ctx,
    pub(crate) component: &'c Component,
    pub(crate) required: bool,
    pub(crate) given: &'c Map<String, Json>,
    /// How many rows were given, for lists.
    pub(crate) shown_rows: Option<usize>,
    pub(crate) eval: &'c dyn Fn(&Expression) -> Result<Json, EvalError>,
}

/// White space as JavaScript's `trim` has it.
fn is_blank(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

/// Length as JavaScript counts.
fn length(text: &str) -> usize {
    text.trim_matches(is_blank).encode_utf16().count()
}

impl Check<'_> {
    pub(crate) fn faults(&self, value: &Json) -> Result<Vec<Fault>, EvalError> {
        let empty = match value {
            Json::Null => true,
            Json::String(text) => text.chars().all(is_blank),
            Json::Array(items) => items.is_empty() && !matches!(self.component.kind, Kind::Rows(_)),
            Json::Bool(set) => !set && matches!(self.component.kind, Kind::Checkbox),
            _ => false,
        };
        if empty && self.required {
            let message = match &self.component.kind {
                Kind::Checkbox => "必须勾选",
                Kind::Choice { .. } => "必填,请选择",
                Kind::Files { .. } => "必填,请上传文件",
                _ => "必填,请填写",
            };
            return Ok(vec![fault("required", message)]);
        }
        match (&self.component.kind, value) {
            (Kind::Text(rules), Json::String(text)) if !text.is_empty() => self.text(rules, text),
            (Kind::Number(rules), value) if !value.is_null() => self.number(rules, value),
            (Kind::Moment { .. }, Json::String(text)) => self.moment(text),
            (Kind::Choice { many, choices }, value) if !value.is_null() => self.choice(*many, choices, value),
            (Kind::Files { many, accept }, Json::Array(files)) => self.files(many, accept, files),
            (Kind::Rows(rows), Json::Array(items)) => self.rows(rows, items.len()),
            _ => Ok(Vec::new()),
        }
    }

    fn limit(&self, bound: Option<&Bound<Decimal>>) -> Result<Option<Decimal>, EvalError> {
        bound.map_or(Ok(None), |bound| limit(bound, self.eval))
    }

    fn text(&self, rules: &TextRules, text: &str) -> Result<Vec<Fault>, EvalError> {
        let mut found = Vec::new();
        let count = Decimal::from(length(text));
        if let Some(least) = self.limit(rules.min_length.as_ref())?
            && count < least
        {
            found.push(fault("length", format!("最少 {least} 个字,现有 {count} 个")));
        }
        let most = self.limit(rules.max_length.as_ref())?;
        if let Some(most) = most.or(Some(Decimal::from(MAX_TEXT)))
            && count > most
        {
            found.push(fault("length", format!("最多 {most} 个字,现有 {count} 个")));
        }
        if let Some(pattern) = &rules.pattern
            && !pattern.fits(text)
        {
            let own = rules
                .pattern_message
                .clone()
                .filter(|message| !message.is_empty());
            let message = own.unwrap_or_else(|| format!("格式不符,应符合 {}", pattern.text));
            found.push(fault("pattern", message));
        }
        match rules.validation {
            Some(Validation::Email) if !is_email(text) => {
                found.push(fault("email", "应为电子邮件地址,如 name@example.com"));
            }
            Some(Validation::Phone) if !is_phone(text) => {
                found.push(fault("phone", "应为带国家代码的电话号码,如 +8613800000000"));
            }
            _ => {}
        }
        Ok(found)
    }

    fn number(&self, rules: &NumberRules, value: &Json) -> Result<Vec<Fault>, EvalError> {
        let Some(value) = number::of(value) else {
            return Ok(vec![fault("type", "应为数字")]);
        };
        let mut found = Vec::new();
        if let Some(least) = self.limit(rules.min.as_ref())?
            && value < least
        {
            found.push(fault("range", format!("不得小于 {least}")));
        }
        if let Some(most) = self.limit(rules.max.as_ref())?
            && value > most
        {
            found.push(fault("range", format!("不得大于 {most}")));
        }
        if let Some(digits) = rules.digits
            && number::decimals(value) > digits
        {
            let message = match digits {
                0 => "应为整数".to_owned(),
                digits => format!("最多 {digits} 位小数"),
            };
            found.push(fault("digits", message));
        }
        if let Some(step) = rules.step
            && value.checked_rem(step) != Some(Decimal::ZERO)
        {
            let below = value
                .checked_rem(step)
                .and_then(|rest| value.checked_sub(rest))
                .map(|below| (below, below.checked_add(step)));
            let message = match below {
                Some((below, Some(above))) => {
                    format!(
                        "应为 {step} 的倍数,最近的是 {} 和 {}",
                        below.normalize(),
                        above.normalize()
                    )
                }
                _ => format!("应为 {step} 的倍数"),
            };
            found.push(fault("step", message));
        }
        Ok(found)
    }

    fn moment(&self, text: &str) -> Result<Vec<Fault>, EvalError> {
        let Kind::Moment {
            part,
            interval,
            no_past,
            min,
            max,
            ..
        } = &self.component.kind
        else {
            return Ok(Vec::new());
        };
        let Some((value, _)) = moment::read(text, *part) else {
            return Ok(vec![fault("format", "没有这样的日期或时间")]);
        };
        let mut found = Vec::new();
        if *no_past && value.day().is_some_and(|day| day < self.cx.today()) {
            let message = format!("不得早于今天({})", self.cx.today());
            found.push(fault("range", message));
        }
        let minute = match value {
            Moment::Time(time) => Some(time.minute()),
            Moment::DateTime(moment) => Some(moment.minute()),
            Moment::Date(_) => None,
        };
        if let (Some(interval), Some(minute)) = (*interval, minute)
            && u32::try_from(minute).is_ok_and(|minute| minute % interval != 0)
        {
            found.push(fault("step", format!("时间应以 {interval} 分钟为间隔")));
        }
        if let Some((least, shown)) = self.moment_limit(min.as_ref(), *part)?
            && value < least
        {
            found.push(fault("range", format!("不得早于 {shown}")));
        }
        if let Some((most, shown)) = self.moment_limit(max.as_ref(), *part)?
            && value > most
        {
            found.push(fault("range", format!("不得晚于 {shown}")));
        }
        Ok(found)
    }

    fn moment_limit(
        &self,
        bound: Option<&Bound<String>>,
        part: Part,
    ) -> Result<Option<(Moment, String)>, EvalError> {
        let text = match bound {
            None => return Ok(None),
            Some(Bound::Fixed(text)) => text.clone(),
            Some(Bound::Computed(expression)) => match (self.eval)(expression)? {
                Json::String(text) => text,
                _ => return Ok(None),
            },
        };
        Ok(moment::read(&text, part).map(|(moment, _)| (moment, text)))
    }

    /// The values that may be chosen.
    fn options(&self, choices: &Choices) -> Result<Vec<Json>, EvalError> {
        let list = match choices {
            Choices::Fixed(options) => return Ok(options.iter().map(|(_, value)| value.clone()).collect()),
            Choices::Key(name) => self.given.get(name).cloned().unwrap_or_default(),
            Choices::Computed(expression) => (self.eval)(expression)?,
        };
        let Json::Array(items) = list else {
            return Ok(Vec::new());
        };
        let scalar = |value: &Json| match value {
            Json::String(text) => !text.is_empty(),
            Json::Number(_) | Json::Bool(_) => true,
            Json::Object(members) => !members.is_empty(),
            _ => false,
        };
        Ok(items
            .into_iter()
            .filter_map(|item| match item {
                Json::Object(mut members) => members.shift_remove("value"),
                item => Some(item),
            })
            .filter(scalar)
            .collect())
    }

    fn choice(&self, many: bool, choices: &Choices, value: &Json) -> Result<Vec<Fault>, EvalError> {
        let options = self.options(choices)?;
        let known = |value: &Json| options.iter().any(|option| number::same(option, value));
        let shown = || {
            let plain = |option: &Json| option.as_str().map_or_else(|| option.to_string(), str::to_owned);
            let some: Vec<String> = options.iter().take(10).map(plain).collect();
            match options.len() {
                0 => "现在没有可选的项".to_owned(),
                1..=10 => format!("可选:{}", some.join("、")),
                more => format!("可选:{} 等 {more} 项", some.join("、")),
            }
        };
        let items = match value {
            Json::Array(items) if many => items,
            value if known(value) => return Ok(Vec::new()),
            _ => return Ok(vec![fault("code", format!("不在可选项中。{}", shown()))]),
        };
        if items.len() > MAX_CHOICES {
            return Ok(vec![fault("length", format!("最多选 {MAX_CHOICES} 项"))]);
        }
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let tail = format!("/{}", escaped(&index.to_string()));
            let twice = items.iter().take(index).any(|other| number::same(other, item));
            let (code, message) = match (known(item), twice) {
                (false, _) => ("code", format!("不在可选项中。{}", shown())),
                (_, true) => ("unique", "同一项选了两次".to_owned()),
                _ => continue,
            };
            found.push(Fault { tail, code, message });
        }
        Ok(found)
    }

    fn files(&self, many: &Rule, accept: &[String], files: &[Json]) -> Result<Vec<Fault>, EvalError> {
        let many = match many {
            Rule::Always => true,
            Rule::Never => false,
            Rule::When(when) => (self.eval)(when)? == Json::Bool(true),
        };
        if !many && files.len() > 1 {
            return Ok(vec![fault("length", "只能放一个文件")]);
        }
        if files.len() > MAX_FILES {
            return Ok(vec![fault("length", format!("最多 {MAX_FILES} 个文件"))]);
        }
        let text = |file: &Json, name: &str| {
            let text = file.get(name).and_then(Json::as_str).unwrap_or("");
            text.to_lowercase()
        };
        let fits = |file: &Json| {
            let (name, media) = (text(file, "name"), text(file, "content_type"));
            accept.is_empty()
                || accept.iter().any(|wanted| match wanted.strip_suffix("/*") {
                    Some(family) => media.starts_with(&format!("{family}/")),
                    None if wanted.starts_with('.') => name.ends_with(wanted),
                    None => media == *wanted,
                })
        };
        let mut found = Vec::new();
        for (index, file) in files.iter().enumerate().filter(|(_, file)| !fits(file)) {
            let name = file.get("name").and_then(Json::as_str).unwrap_or("");
            found.push(Fault {
                tail: format!("/{index}"),
                code: "ending",
                message: format!("“{name}”的类型不符,可用:{}", accept.join("、")),
            });
        }
        Ok(found)
    }

    fn rows(&self, rows: &Rows, count: usize) -> Result<Vec<Fault>, EvalError> {
        let number = Decimal::from(count);
        let mut found = Vec::new();
        if rows.fixed {
            let wanted = self.shown_rows.unwrap_or(rows.first);
            if count != wanted {
                found.push(fault(
                    "length",
                    format!("行数不能改,应为 {wanted} 行,现有 {count} 行"),
                ));
            }
        }
        if let Some(least) = self.limit(rows.min.as_ref())?
            && number < least
        {
            found.push(fault("length", format!("最少 {least} 行,现有 {count} 行")));
        }
        if let Some(most) = self.limit(rows.max.as_ref())?
            && number > most
        {
            found.push(fault("length", format!("最多 {most} 行,现有 {count} 行")));
        }
        Ok(found)
    }
}

/// A valid e-mail address as the HTML standard has it ("4.10.5.1.5 E-mail state").
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let mark = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !local.is_empty() && local.bytes().all(mark) && domain.split('.').all(label)
}

/// An international number (ITU-T E.164): `+` or `00`, then at most 15 digits that begin with the country.
fn is_phone(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+').or_else(|| text.strip_prefix("00")) else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}
