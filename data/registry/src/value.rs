//! JSON to columns and back, with an error at each wrong field. Nothing here stops at the first mistake.

use banyan_base::{Ctx, FieldError, cn, timestamp_text};
use banyan_package::model::{CodeList, Field, FieldKind};
use banyan_store::Value;
use serde_json::{Map, Value as Json, json};

use crate::catalog::{Catalog, Column, Stored};

/// Collects field errors under `/fields/…`.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<FieldError>);

impl Faults {
    pub fn add(&mut self, field: &str, code: &str, message: impl Into<String>) {
        self.0.push(FieldError {
            pointer: format!("/fields/{field}"),
            code: code.into(),
            message: message.into(),
        });
    }
}

/// Most JSON text a json field may hold, and its depth.
const MAX_JSON: usize = 256 * 1024;
const MAX_JSON_DEPTH: usize = 32;

/// The code list of a code field: of the type's own package, or `<package>.<list>`.
pub fn code_list<'c>(catalog: &'c Catalog, package: &str, list: &str) -> Option<&'c CodeList> {
    let (package, list) = list.split_once('.').unwrap_or((package, list));
    catalog
        .packages
        .get(package)?
        .lists
        .iter()
        .find(|(name, _)| name == list)
        .map(|(_, list)| list)
}

/// Brings a value sent by someone into the one form it is kept in; what is wrong goes to `faults`. Texts from tables and
/// seeds (`"3"`, `"是"`) are understood as well as JSON's own. Null and blank text are no value.
pub fn normalise(
    cx: &Ctx,
    catalog: &Catalog,
    package: &str,
    name: &str,
    field: &Field,
    sent: &Json,
    faults: &mut Faults,
) -> Json {
    if sent.is_null() || sent.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Json::Null;
    }
    match normalised(cx, catalog, package, field, sent) {
        Ok(value) => value,
        Err((code, message)) => {
            faults.add(name, code, message);
            Json::Null
        }
    }
}

type Fault = (&'static str, String);

fn fault<T>(code: &'static str, message: impl Into<String>) -> Result<T, Fault> {
    Err((code, message.into()))
}

fn text_of(sent: &Json) -> Result<String, Fault> {
    match sent {
        Json::String(text) if text.contains('\0') => fault("pattern", "不能含有空字符"),
        Json::String(text) if text.contains('\u{fffd}') => {
            fault("encoding", "含有无法识别的字符,请检查文件的编码")
        }
        Json::String(text) => Ok(text.trim().to_owned()),
        Json::Number(number) => Ok(number.to_string()),
        _ => fault("type", "应为文本"),
    }
}

fn number_of(sent: &Json) -> Result<f64, Fault> {
    let text = match sent {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().replace([',', '\u{ff0c}'], ""),
        _ => return fault("type", "应为数字"),
    };
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => fault("type", format!("“{text}”不是数字")),
    }
}

fn integer_of(sent: &Json) -> Result<i64, Fault> {
    if let Some(value) = sent.as_i64() {
        return Ok(value);
    }
    let number = number_of(sent)?;
    if number.fract() != 0.0 || number.abs() > 9_007_199_254_740_991.0 {
        return fault("type", "应为整数");
    }
    Ok(number as i64)
}

fn in_range<T: PartialOrd + std::fmt::Display + Copy>(
    value: T,
    min: Option<T>,
    max: Option<T>,
) -> Result<(), Fault> {
    match (min, max) {
        (Some(min), _) if value < min => fault("range", format!("不能小于 {min}")),
        (_, Some(max)) if value > max => fault("range", format!("不能大于 {max}")),
        _ => Ok(()),
    }
}

/// Several values: a JSON array, or text joined with `;` as tables have it.
fn list_of(sent: &Json) -> Result<Vec<String>, Fault> {
    match sent {
        Json::Array(items) => items.iter().map(text_of).collect(),
        Json::String(text) => Ok(text
            .split([';', '\u{ff1b}', '、'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()),
        _ => fault("type", "应为列表"),
    }
}

fn normalised(cx: &Ctx, catalog: &Catalog, package: &str, field: &Field, sent: &Json) -> Result<Json, Fault> {
    match &field.kind {
        FieldKind::Text {
            max,
            min,
            pattern,
            multiline,
        } => {
            let text = text_of(sent)?;
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            if length > *max {
                return fault("length", format!("最多 {max} 个字,现有 {length} 个"));
            }
            if length < *min {
                return fault("length", format!("至少 {min} 个字"));
            }
            if !multiline && text.contains('\n') {
                return fault("pattern", "不能换行");
            }
            if let Some(pattern) = pattern
                && regex::Regex::new(&format!("^(?:{pattern})$"))
                    .is_ok_and(|pattern| !pattern.is_match(&text))
            {
                return fault("pattern", format!("格式不符,应符合 {pattern}"));
            }
            Ok(Json::String(text))
        }
        FieldKind::Integer { min, max, .. } => {
            let value = integer_of(sent)?;
            in_range(value, *min, *max)?;
            Ok(json!(value))
        }
        FieldKind::Money { min, max } => {
            let value = integer_of(sent)?;
            in_range(value, *min, *max)?;
            Ok(json!(value))
        }
        FieldKind::Decimal { scale, min, max, .. } => {
            let value = number_of(sent)?;
            in_range(value, *min, *max)?;
            if value.abs() * 10f64.powi(i32::from(*scale)) > 9e15 {
                return fault("range", "数字过大");
            }
            let factor = 10f64.powi(i32::from(*scale));
            if ((value * factor).round() - value * factor).abs() > 1e-6 * factor.max(1.0) {
                return fault("scale", format!("最多 {scale} 位小数"));
            }
            Ok(scaled((value * factor).round() / factor))
        }
        FieldKind::Boolean => match sent {
            Json::Bool(value) => Ok(json!(value)),
            Json::String(text) => match text.trim() {
                "true" | "1" | "是" => Ok(json!(true)),
                "false" | "0" | "否" => Ok(json!(false)),
                _ => fault("type", "应为 是 或 否"),
            },
            _ => fault("type", "应为 true 或 false"),
        },
        FieldKind::Date { min, max } => {
            let text = text_of(sent)?.replace('/', "-");
            let Ok(date) = text.parse::<jiff::civil::Date>() else {
                return fault("type", format!("“{text}”不是日期,应如 2022-03-01"));
            };
            let text = date.to_string();
            in_range(text.as_str(), min.as_deref(), max.as_deref())?;
            Ok(Json::String(text))
        }
        FieldKind::DateTime => {
            let text = text_of(sent)?;
            match text.parse::<jiff::Timestamp>() {
                Ok(moment) => Ok(Json::String(timestamp_text(moment))),
                Err(_) => fault("type", format!("“{text}”不是时间,应如 2022-03-01T08:00:00+08:00")),
            }
        }
        FieldKind::Code {
            list: Some(list),
            many,
            ..
        } => {
            let codes = if *many {
                list_of(sent)?
            } else {
                vec![text_of(sent)?]
            };
            let Some(declared) = code_list(catalog, package, list) else {
                return fault("code", format!("代码表 {list} 不存在"));
            };
            let mut kept = Vec::new();
            for code in codes {
                // Tables are filled in by people: the title is as good as the code.
                let Some(item) = declared
                    .items
                    .iter()
                    .find(|item| item.code == code || item.title.zh == code)
                else {
                    let known: Vec<&str> = declared
                        .items
                        .iter()
                        .take(8)
                        .map(|item| item.title.zh.as_str())
                        .collect();
                    return fault(
                        "code",
                        format!(
                            "“{code}”不在代码表“{}”中,可用:{}",
                            declared.title.zh,
                            known.join("、")
                        ),
                    );
                };
                kept.push(item.code.clone());
            }
            Ok(if *many { json!(kept) } else { json!(kept.first()) })
        }
        FieldKind::Unit { many: true } | FieldKind::Code { many: true, .. } => Ok(json!(list_of(sent)?)),
        FieldKind::Region { levels, .. } => {
            let code = text_of(sent)?;
            cn::check_region_code(&code).map_err(|wrong| (wrong.code(), wrong.message().to_owned()))?;
            if !levels.is_empty() && !levels.iter().any(|level| usize::from(*level) == code.len()) {
                return fault("level", "行政区划的级别不符");
            }
            Ok(Json::String(code))
        }
        FieldKind::PersonNumber => {
            let text = text_of(sent)?.to_uppercase();
            cn::check_person_number(&text, cx.today())
                .map_err(|wrong| (wrong.code(), wrong.message().to_owned()))?;
            Ok(Json::String(text))
        }
        FieldKind::CreditCode => {
            let text = text_of(sent)?.to_uppercase();
            cn::check_credit_code(&text).map_err(|wrong| (wrong.code(), wrong.message().to_owned()))?;
            Ok(Json::String(text))
        }
        FieldKind::Phone => {
            let text = text_of(sent)?;
            cn::check_phone(&text).map_err(|_| ("pattern", "不是有效的电话号码".to_owned()))?;
            Ok(Json::String(text))
        }
        FieldKind::Unit { .. } | FieldKind::Code { .. } | FieldKind::Ref { .. } => {
            Ok(Json::String(text_of(sent)?))
        }
        FieldKind::Geometry { kinds } => geometry(sent, kinds),
        FieldKind::File { accept, many, .. } => stored_files(sent, accept, *many),
        FieldKind::Json => {
            let value = match sent {
                Json::String(text) if matches!(field.kind, FieldKind::Json) => {
                    serde_json::from_str(text).unwrap_or_else(|_| sent.clone())
                }
                other => other.clone(),
            };
            if depth(&value) > MAX_JSON_DEPTH || value.to_string().len() > MAX_JSON {
                return fault("length", "内容过大或嵌套过深");
            }
            if has_nul(&value) {
                return fault("pattern", "不能含有空字符");
            }
            Ok(value)
        }
        FieldKind::Computed { .. } => fault("computed", "这个字段由系统计算,不能填写"),
    }
}

/// PostgreSQL keeps no NUL in JSON, and who reads it later may end a text there.
fn has_nul(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(entries) => entries
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// Codes that were not there before must be in use today; those that were stay, whatever became of them.
pub fn in_force(
    cx: &Ctx,
    catalog: &Catalog,
    package: &str,
    name: &str,
    field: &Field,
    (kept, old): (&Json, &Json),
    faults: &mut Faults,
) {
    let FieldKind::Code { list: Some(list), .. } = &field.kind else {
        return;
    };
    let Some(list) = code_list(catalog, package, list) else {
        return;
    };
    let today = cx.today().to_string();
    let before = codes_of(Some(old));
    let newly = codes_of(Some(kept))
        .into_iter()
        .filter(|code| !before.contains(code));
    for item in newly.filter_map(|code| list.items.iter().find(|item| item.code == code)) {
        let title = &item.title.zh;
        if let Some(from) = item.from.as_deref().filter(|from| today.as_str() < *from) {
            faults.add(name, "code", format!("“{title}”自 {from} 起才能选用"));
        } else if let Some(until) = item.until.as_deref().filter(|until| today.as_str() > *until) {
            faults.add(name, "code", format!("“{title}”已于 {until} 停用,不能新选"));
        }
    }
}

/// The codes in a kept value: one, several or none.
pub fn codes_of(value: Option<&Json>) -> Vec<&str> {
    match value {
        Some(Json::String(code)) => vec![code],
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// GeoJSON geometry in longitude and latitude: structure, finite numbers in range, closed rings.
fn geometry(sent: &Json, kinds: &[String]) -> Result<Json, Fault> {
    let value = match sent {
        Json::String(text) => {
            serde_json::from_str(text).map_err(|_| ("type", "应为 GeoJSON 几何".to_owned()))?
        }
        other => other.clone(),
    };
    let kind = value.get("type").and_then(Json::as_str).unwrap_or("").to_owned();
    let levels = match kind.as_str() {
        "Point" => 0,
        "MultiPoint" | "LineString" => 1,
        "MultiLineString" | "Polygon" => 2,
        "MultiPolygon" => 3,
        _ => return fault("type", "应为 GeoJSON 几何(Point、LineString、Polygon 等)"),
    };
    if !kinds.is_empty() && !kinds.contains(&kind) {
        return fault("type", format!("几何类型应为 {}", kinds.join("、")));
    }
    let coordinates = value.get("coordinates").cloned().unwrap_or_default();
    positions(&coordinates, levels)?;
    if kind.ends_with("Polygon") {
        let rings: Vec<&Json> = match kind.as_str() {
            "Polygon" => coordinates.as_array().into_iter().flatten().collect(),
            _ => coordinates
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Json::as_array)
                .flatten()
                .collect(),
        };
        for ring in rings.into_iter().filter_map(Json::as_array) {
            if ring.len() < 4 || ring.first() != ring.last() {
                return fault("ring", "多边形的环应闭合,且至少四个点");
            }
        }
    }
    Ok(json!({ "type": kind, "coordinates": coordinates }))
}

fn positions(value: &Json, levels: u32) -> Result<(), Fault> {
    let Some(items) = value.as_array() else {
        return fault("type", "坐标的层次不对");
    };
    if levels > 0 {
        if items.is_empty() {
            return fault("type", "坐标不能为空");
        }
        return items.iter().try_for_each(|item| positions(item, levels - 1));
    }
    let numbers: Vec<f64> = items.iter().filter_map(Json::as_f64).collect();
    match numbers.as_slice() {
        [lon, lat] | [lon, lat, _] if numbers.len() == items.len() => {
            if lon.abs() <= 180.0 && lat.abs() <= 90.0 {
                Ok(())
            } else {
                fault("range", "经度应在 ±180、纬度应在 ±90 之内")
            }
        }
        _ => fault("type", "坐标应为 [经度, 纬度]"),
    }
}

/// A kept value as its column stores it.
pub fn to_column(column: &Column, value: &Json) -> Value {
    match (column.stored, value) {
        (_, Json::Null) => Value::Null,
        (Stored::Text, Json::String(text)) => Value::Text(text.clone()),
        (Stored::Text | Stored::Json, other) => Value::Text(other.to_string()),
        (Stored::Integer, value) => value.as_f64().map_or(Value::Null, |number| {
            Value::Int(value.as_i64().unwrap_or(number.round() as i64))
        }),
        (Stored::Scaled(scale), value) => value.as_f64().map_or(Value::Null, |number| {
            Value::Int((number * 10f64.powi(i32::from(scale))).round() as i64)
        }),
        (Stored::Boolean, value) => value.as_bool().map_or(Value::Null, Value::from),
    }
}

/// A decimal as JSON: whole numbers are shown without a point.
fn scaled(number: f64) -> Json {
    if number.fract() == 0.0 {
        json!(number as i64)
    } else {
        json!(number)
    }
}

/// The bounds of a kept geometry as their columns store them.
pub fn bounds(value: &Json) -> [Value; 4] {
    crate::query::shape::from_json(value)
        .ok()
        .and_then(|geometry| crate::query::shape::bounds(&geometry))
        .map_or([const { Value::Null }; 4], |ends| ends.map(Value::Real))
}

/// Files that were stored before: what `POST /v1/files` answered, one or a list.
fn stored_files(sent: &Json, accept: &[String], many: bool) -> Result<Json, Fault> {
    let all = match sent {
        Json::Array(all) if many => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    if all.len() > 100 {
        return fault("length", "最多 100 个文件");
    }
    for file in all {
        let text = |name: &str| file.get(name).and_then(Json::as_str).unwrap_or("");
        let (hash, name) = (text("hash"), text("name"));
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) || name.is_empty() {
            return fault("type", "应为已上传的文件(先上传,再填它的 hash 和 name)");
        }
        if file.to_string().len() > 4_096 {
            return fault("length", "文件名过长");
        }
        let ending = name
            .rsplit_once('.')
            .map_or("", |(_, ending)| ending)
            .to_lowercase();
        let known = |one: &String| one.trim_start_matches('.').eq_ignore_ascii_case(&ending);
        if !accept.is_empty() && !accept.iter().any(known) {
            return fault("accept", format!("“{name}”不能上传,只收 {}", accept.join("、")));
        }
    }
    Ok(match many {
        true => json!(all),
        false => sent.clone(),
    })
}

/// A column's content as JSON.
pub fn from_column(column: &Column, value: &Value) -> Json {
    match (column.stored, value) {
        (_, Value::Null) => Json::Null,
        (Stored::Text, Value::Text(text)) => Json::String(text.clone()),
        (Stored::Json, Value::Text(text)) => serde_json::from_str(text).unwrap_or(Json::Null),
        (Stored::Integer, Value::Int(value)) => json!(value),
        (Stored::Scaled(scale), Value::Int(value)) => scaled(*value as f64 / 10f64.powi(i32::from(scale))),
        (Stored::Boolean, Value::Int(value)) => json!(*value != 0),
        _ => Json::Null,
    }
}

/// What the columns of a type hold as one JSON object.
pub fn object(columns: &[Column], values: &[Value]) -> Map<String, Json> {
    columns
        .iter()
        .zip(values)
        .map(|(column, value)| (column.name.clone(), from_column(column, value)))
        .collect()
}
