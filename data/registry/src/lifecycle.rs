//! Life cycles: who may make which transition when, and what it does.

use banyan_base::{Ctx, Problem};
use banyan_store::Tx;
use serde_json::{Map, Value as Json, json};

use crate::Error;
use crate::catalog::{Catalog, ReadyTransition, TypeInfo};
use crate::record::{self, Change, Record};
use crate::sight::Eyes;
use crate::value::Faults;

/// The names guards and settings see.
pub fn names(
    cx: &Ctx,
    record: &Record,
    before: Option<&Map<String, Json>>,
    input: &Map<String, Json>,
) -> Map<String, Json> {
    let actor = json!({
        "id": cx.actor.id, "name": cx.actor.name, "unit": cx.actor.unit,
        "roles": cx.actor.roles.iter().collect::<Vec<_>>(),
    });
    let whole = record.names();
    let before = before.cloned().unwrap_or_else(|| whole.clone());
    [
        ("record".to_owned(), Json::Object(whole)),
        ("before".to_owned(), Json::Object(before)),
        ("input".to_owned(), Json::Object(input.clone())),
        ("actor".to_owned(), actor),
    ]
    .into_iter()
    .collect()
}

fn refusal(
    cx: &Ctx,
    info: &TypeInfo,
    record: &Record,
    transition: &ReadyTransition,
    input: &Map<String, Json>,
) -> Result<Option<String>, Problem> {
    let declared = &transition.declared;
    let state = record.state.as_deref().unwrap_or("");
    let title = declared.title.zh.as_str();
    if !declared.from.iter().any(|from| from == state) {
        let lifecycle = info.declared.lifecycle.as_ref();
        let now = lifecycle
            .and_then(|lifecycle| lifecycle.state(state))
            .map_or(state, |state| &state.title.zh);
        return Ok(Some(format!("现在的状态是“{now}”,不能“{title}”。")));
    }
    let role = |role: &String| {
        let whole = crate::catalog::qualified(&info.package, role);
        cx.actor.has_role(&whole)
    };
    if !declared.who.is_empty() && !cx.actor.is_admin() && !declared.who.iter().any(role) {
        return Ok(Some(format!("您的角色不能“{title}”。")));
    }
    if let Some(guard) = &transition.guard
        && !guard
            .holds(cx, &names(cx, record, None, input))
            .map_err(Problem::internal)?
    {
        let text = declared.refusal.as_ref().map(|refusal| refusal.zh.clone());
        return Ok(Some(text.unwrap_or_else(|| format!("不满足“{title}”的条件。"))));
    }
    Ok(None)
}

/// The transitions that this caller could make now.
pub fn possible(cx: &Ctx, info: &TypeInfo, record: &Record) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    for (name, transition) in &info.transitions {
        if refusal(cx, info, record, transition, &Map::new())?.is_none() {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// Makes a transition of a record read with [`record::get_for_change`].
pub fn transition(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    (catalog, eyes): (&Catalog, Option<Eyes<'_>>),
    info: &TypeInfo,
    before: &Record,
    name: &str,
    input: &Map<String, Json>,
    note: Option<String>,
) -> Result<Record, Problem> {
    let Some((_, ready)) = info.transitions.iter().find(|(known, _)| known == name) else {
        return Err(
            Error::Transition(format!("“{}”没有名为 {name} 的流转。", info.declared.title.zh)).into(),
        );
    };
    let declared = &ready.declared;
    if let Some(text) = refusal(cx, info, before, ready, input)? {
        return Err(Error::Transition(text).into());
    }
    let mut faults = Faults::default();
    for field in input.keys() {
        if !declared.input.contains(field) && !declared.require.contains(field) {
            faults.add(
                field,
                "unknown",
                format!("“{}”时不能填写这个字段", declared.title.zh),
            );
        }
    }
    let blank = |value: Option<&Json>| {
        value.is_none_or(|value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()))
    };
    for field in &declared.require {
        if blank(input.get(field)) && (input.contains_key(field) || blank(before.fields.get(field))) {
            let title = info
                .column(field)
                .map_or(field.as_str(), |column| &column.field.title.zh);
            faults.add(
                field,
                "required",
                format!("“{}”须填写“{title}”", declared.title.zh),
            );
        }
    }
    if !faults.0.is_empty() {
        return Err(Error::Invalid(faults.0.len(), faults.0).into());
    }
    let mut fields = input.clone();
    for (field, expression) in &ready.set {
        let value = expression
            .evaluate(cx, &names(cx, before, None, input))
            .map_err(Problem::internal)?;
        fields.insert(field.clone(), value);
    }
    let change = Change {
        fields: &fields,
        state: Some(declared.to.clone()),
        verb: name,
        note,
        unrestricted: true,
        eyes,
    };
    record::update(cx, tx, catalog, info, before, &change)
}
