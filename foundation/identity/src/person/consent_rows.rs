//! The operations of consent.

use std::sync::Arc;

use banyan_base::Problem;
use banyan_door::{Call, Handler, Method, Operation, Reply, Touch};
use serde_json::{Value as Json, json};

use super::declared::CONSENT;
use super::rows::{items, list_of, text};
use super::{PersonLog, consent, whose};

const CONSENTS: &str = "/v1/consents";

/// A guardian's look leaves an entry; one's own is no news.
fn seen(call: &Call<'_, '_>, party: &str) -> Result<(), Problem> {
    if call.cx.actor.standing.party.as_deref() == Some(party) {
        return Ok(());
    }
    let touch = Touch {
        purpose: Some(CONSENT.into()),
        ..Touch::of("platform.consent")
    };
    call.touched(&touch, [party])
}

fn list(person: &PersonLog, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let party = whose(call.cx)?.to_owned();
    seen(call, &party)?;
    Reply::json(json!({ "items": consent::list(person, call.cx, call.tx, &party)? }))
}

fn give(person: &PersonLog, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let party = whose(call.cx)?.to_owned();
    let purpose = call.input.path_value("id")?;
    let sent = call.input.typed_body()?;
    seen(call, &party)?;
    Reply::json(consent::give(person, call.cx, call.tx, (&party, purpose), &sent)?)
}

fn withdraw(person: &PersonLog, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let party = whose(call.cx)?.to_owned();
    let purpose = call.input.path_value("id")?;
    seen(call, &party)?;
    Reply::json(consent::withdraw(person, call.cx, call.tx, &party, purpose)?)
}

fn title() -> Json {
    json!({ "type": ["object", "null"], "properties": { "zh": { "type": "string" }, "en": text() } })
}

fn told() -> Json {
    json!({
        "type": ["object", "null"], "description": "同意书",
        "properties": {
            "title": { "type": "string", "description": "用途" }, "system": { "type": "string" }, "owner": { "type": "string" },
            "legal_basis": { "type": "string" }, "retention": { "type": "string", "description": "保存期限,ISO 8601" },
            "sunset": text(), "text": title(), "effects": title(), "sensitive": { "type": "boolean" },
            "fields": list_of(&json!({ "type": "string" })),
        },
    })
}

fn described() -> Json {
    let past = json!({ "type": "object", "properties": {
        "version": { "type": "integer" }, "given_at": { "type": "string", "format": "date-time" },
        "via": { "type": "string", "enum": ["self", "guardian"] }, "via_title": { "type": "string" },
        "withdrawn_at": text(), "told": told(),
    } });
    json!({
        "type": "object", "required": ["purpose", "state", "state_title", "history"],
        "properties": {
            "purpose": { "type": "string" },
            "state": { "type": "string", "enum": ["none", "given", "outdated", "withdrawn", "over"] },
            "state_title": { "type": "string" },
            "version": { "type": ["integer", "null"], "description": "同意书现在的版本" },
            "told": told(), "given_at": text(), "history": list_of(&past),
        },
    })
}

/// Their rows.
pub(super) fn operations(person: &Arc<PersonLog>) -> Vec<Operation> {
    let with = |f: fn(&PersonLog, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let person = Arc::clone(person);
        Handler::inside(move |call| f(&person, call))
    };
    vec![
        Operation {
            about: "需要本人(或所监护的未成年人)同意的各个用途,连同历次同意和撤回。",
            output: || items(&described()),
            ..Operation::read("consent.list", "我的同意", CONSENTS, with(list))
        },
        Operation {
            about: "一次只同意一个用途;敏感个人信息须另行确认。未满十四周岁的由监护人同意。",
            input: || {
                json!({ "type": "object", "required": ["version"], "additionalProperties": false, "properties": {
                    "version": { "type": "integer", "minimum": 1, "description": "所读的同意书的版本" },
                    "sensitive": { "type": "boolean", "default": false, "description": "确认同意处理敏感个人信息" },
                } })
            },
            output: described,
            ..Operation::write(
                "consent.give",
                "同意",
                Method::Post,
                "/v1/consents/{id}/give",
                with(give),
            )
        },
        Operation {
            about: "立即生效:此后不再为这一用途使用您的信息。",
            output: described,
            ..Operation::write(
                "consent.withdraw",
                "撤回同意",
                Method::Post,
                "/v1/consents/{id}/withdraw",
                with(withdraw),
            )
        },
    ]
}
