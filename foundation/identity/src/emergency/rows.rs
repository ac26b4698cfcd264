//! The rows of emergency access in the door.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Call, Handler, Method, Operation, Reply};
use serde_json::{Value, json};

use super::grant::{self, Grant};
use super::{Emergencies, oversees, reads};
use crate::people::{items, object, texts};

const ALL: &str = "/v1/emergencies";
const ONE: &str = "/v1/emergencies/{id}";

fn told(call: &Call<'_, '_>, grant: &Grant) -> Reply {
    Reply::value(grant.to_json(call.cx))
}

/// The rows of emergency access.
pub fn operations(emergencies: &Arc<Emergencies>) -> Vec<Operation> {
    let opening = Arc::clone(emergencies);
    let open = Handler::inside(move |call| {
        let made = grant::create(&opening, call.cx, call.tx, &call.input.typed_body()?)?;
        Reply::created(format!("{ALL}/{}", made.id), made.to_json(call.cx))
    });
    let list = Handler::inside(|call| {
        let which = call.input.query_value("which").unwrap_or("review");
        if !matches!(which, "review" | "mine" | "all") {
            let text = format!("which 应为 review、mine 或 all,而不是“{which}”。");
            return Err(Problem::new(codes::BAD_REQUEST, text));
        }
        let found = grant::list(call.cx, call.tx, which)?;
        let items: Vec<Value> = found.iter().map(|one| one.to_json(call.cx)).collect();
        Reply::json(json!({ "items": items }))
    });
    let looking = Arc::clone(emergencies);
    let view = Handler::inside(move |call| {
        let found = grant::find(call.tx, call.input.path_value("id")?)?;
        if found.account != call.cx.actor.id && !oversees(&call.cx.actor, &found.package) {
            return Err(grant::none());
        }
        let mut body = found.to_json(call.cx);
        let read = looking
            .trail
            .as_ref()
            .map(|trail| reads::of(trail, &found))
            .transpose()?;
        if let Some(object) = body.as_object_mut() {
            object.insert("reads".into(), json!(read));
        }
        Ok(Reply::value(body))
    });
    let close = Handler::inside(|call| {
        let closed = grant::close(call.cx, call.tx, call.input.path_value("id")?)?;
        Ok(told(call, &closed))
    });
    let review = Handler::inside(|call| {
        let (id, sent) = (call.input.path_value("id")?, call.input.typed_body()?);
        let reviewed = grant::review(call.cx, call.tx, id, &sent)?;
        Ok(told(call, &reviewed))
    });
    vec![
        Operation {
            input: || {
                object(
                    &["package", "reason"],
                    json!({
                        "package": { "type": "string", "description": "系统" },
                        "types": texts("其中的类型,短名;不填:含有个人信息的全部"),
                        "reason": { "type": "string", "minLength": 5, "maxLength": 500, "description": "发生了什么,为什么等不及" },
                    }),
                )
            },
            output: described,
            about: "打开后 3 小时内以用途 `emergency`(请求头 `Banyan-Purpose`)查看和导出;不能修改。主管收到通知,被看到的人\
                    在自己的查阅记录里看得到,3 个工作日内由另一人复核;逾期没有复核的,不能再打开。",
            ..Operation::write("emergency.open", "打开应急访问", Method::Post, ALL, open)
        },
        Operation {
            query: &[(
                "which",
                "review:等待复核的和还开着的(默认);mine:我的;all:我看得到的全部",
            )],
            output: || items(described()),
            about: "最近的 500 次。",
            ..Operation::read("emergency.list", "列出应急访问", ALL, list)
        },
        Operation {
            output: described,
            about: "附期间看了什么:按类型的次数和人数,来自审计日志(最近几秒的可能还没有计入)。",
            ..Operation::read("emergency.view", "查看应急访问", ONE, view)
        },
        Operation {
            output: described,
            about: "打开的人、主管和管理员都可以;即刻生效。",
            ..Operation::write(
                "emergency.close",
                "关闭应急访问",
                Method::Post,
                "/v1/emergencies/{id}/close",
                close,
            )
        },
        Operation {
            input: || {
                object(
                    &["outcome", "text"],
                    json!({
                        "outcome": { "type": "string", "enum": ["justified", "unjustified"] },
                        "text": { "type": "string", "minLength": 1, "maxLength": 1000, "description": "复核意见" },
                    }),
                )
            },
            output: described,
            ..Operation::write(
                "emergency.review",
                "复核应急访问",
                Method::Post,
                "/v1/emergencies/{id}/review",
                review,
            )
        },
    ]
}

fn described() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let read = json!({ "type": "object", "required": ["type", "acts", "persons"], "properties": {
        "type": text(), "acts": { "type": "integer" }, "persons": { "type": "integer" } } });
    json!({
        "type": "object",
        "required": ["id", "state", "mine", "account", "name", "package", "types", "reason", "opened_at", "ends_at", "review_by"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "state": { "type": "string", "enum": ["open", "due", "overdue", "justified", "unjustified"] },
            "mine": { "type": "boolean" }, "account": text(), "name": text(), "unit": maybe(), "post": maybe(),
            "on_behalf_of": maybe(), "package": text(), "types": texts("类型"), "reason": text(),
            "opened_at": text(), "ends_at": text(), "closed_at": maybe(), "closed_by": maybe(),
            "review_by": { "type": "string", "format": "date", "description": "复核期限,含当天" }, "outcome": maybe(),
            "review": maybe(), "reviewed_by": maybe(), "reviewed_name": maybe(), "reviewed_at": maybe(),
            "may_review": { "type": "boolean" }, "reads": { "type": ["array", "null"], "items": read },
        },
    })
}
