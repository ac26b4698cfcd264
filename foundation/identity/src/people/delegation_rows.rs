//! The rows of delegation in the door.

use banyan_base::{Problem, codes};
use banyan_door::{Handler, Method, Operation, Reply};
use serde_json::{Value, json};

use super::delegation::{self, NewDelegation};
use super::{items, object, texts};

const DELEGATIONS: &str = "/v1/delegations";

pub(crate) fn rows() -> Vec<Operation> {
    let create = Handler::inside(|call| {
        let new: NewDelegation = call.input.typed_body()?;
        let made = delegation::create(call.cx, call.tx, &new)?;
        Reply::created(format!("{DELEGATIONS}/{}", made.id), json!(made))
    });
    let list = Handler::inside(|call| {
        let me = call.cx.actor.id.as_str();
        let whose = call.input.query_value("account").unwrap_or(me);
        if whose != me && !call.cx.actor.is_admin() {
            return Err(Problem::new(codes::FORBIDDEN, "只有管理员能查看他人的代办。"));
        }
        Reply::json(json!({ "items": delegation::list(call.tx, whose)? }))
    });
    let revoke = Handler::inside(|call| {
        delegation::revoke(call.cx, call.tx, call.input.path_value("id")?)?;
        Ok(Reply::empty())
    });
    vec![
        Operation {
            input: || {
                object(
                    &["post", "to", "from", "until", "reason"],
                    json!({
                        "post": { "type": "string", "format": "uuid", "description": "本人的岗位" },
                        "to": { "type": "string", "description": "代办人的登录名" },
                        "from": { "type": "string", "format": "date" },
                        "until": { "type": "string", "format": "date", "description": "最后一天;最长 90 天" },
                        "reason": { "type": "string", "maxLength": 200, "description": "事由" },
                        "roles": texts("只交其中这些角色;不填:除 admin 外的全部"),
                    }),
                )
            },
            output: described,
            about: "代办人以这个岗位办事,日志和历史同时记下两人;不能再转交。双方都收到通知。",
            ..Operation::write(
                "delegation.create",
                "把岗位交人代办",
                Method::Post,
                DELEGATIONS,
                create,
            )
        },
        Operation {
            query: &[("account", "管理员:查看这个账号(编号)的")],
            output: || items(described()),
            ..Operation::read("delegation.list", "列出本人的代办", DELEGATIONS, list)
        },
        Operation {
            about: "交办人、代办人、管理员都可以;即刻生效。",
            ..Operation::write(
                "delegation.revoke",
                "撤销代办",
                Method::Post,
                "/v1/delegations/{id}/revoke",
                revoke,
            )
        },
    ]
}

fn described() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "required": ["id", "post", "title", "unit", "holder", "holder_name", "account", "account_name", "roles", "reason", "from",
            "until", "created_at", "revoked_at", "revoked_by"],
        "properties": {
            "id": text(), "post": text(), "title": text(), "unit": text(), "holder": text(), "holder_name": text(),
            "account": text(), "account_name": text(),
            "roles": { "type": ["array", "null"], "items": { "type": "string" }, "description": "空:除 admin 外的全部" },
            "reason": text(), "from": text(), "until": text(), "created_at": text(), "revoked_at": maybe(), "revoked_by": maybe(),
        },
    })
}
