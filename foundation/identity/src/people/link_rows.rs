//! The rows of links in the door.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Handler, Method, Operation, Reply, Touch};
use serde_json::{Value, json};

use super::link;
use super::link_making::{self, Asked, Granted};
use super::{clerk, is_clerk, items, object, quiet_body, texts};
use crate::sign::Accounts;

const LINKS: &str = "/v1/party-links";

pub(crate) fn rows(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let own = Arc::clone(accounts);
    let ask = Handler::inside(move |call| {
        let asked: Asked = quiet_body(call.input, "way、name、number、packages、from、until、reason")?;
        let made = link_making::ask(call.cx, call.tx, &own.secrets, &asked)?;
        Ok(Reply {
            status: 201,
            ..Reply::json(made)?
        })
    });
    let own = Arc::clone(accounts);
    let list = Handler::inside(move |call| {
        let side = match call.input.query_value("party") {
            Some(other) => {
                clerk(&own, call.cx)?;
                Some(other.to_owned())
            }
            None => link::seen(call.cx, call.tx)?,
        };
        let Some(side) = side else {
            return Err(Problem::new(codes::NOT_FOUND, "只有公众账号有授权。"));
        };
        let (items, shown) = link::list(call.cx, call.tx, &own.secrets, &side)?;
        call.touched(&Touch::of("platform.party").fields(["name"]), &shown)?;
        Reply::json(json!({ "items": items }))
    });
    let own = Arc::clone(accounts);
    let grant = Handler::inside(move |call| {
        clerk(&own, call.cx)?;
        let granted: Granted = call.input.typed_body()?;
        let made = link_making::grant(call.cx, call.tx, &own.secrets, &granted)?;
        call.touched(&Touch::of("platform.party"), granted.parties())?;
        Ok(Reply {
            status: 201,
            ..Reply::json(made)?
        })
    });
    let agree = Handler::inside(|call| {
        link::agree(call.cx, call.tx, call.input.path_value("id")?)?;
        Ok(Reply::empty())
    });
    let own = Arc::clone(accounts);
    let revoke = Handler::inside(move |call| {
        let clerk = is_clerk(&own, call.cx) && call.cx.actor.grant.token.is_none();
        link::revoke(call.cx, call.tx, call.input.path_value("id")?, clerk)?;
        Ok(Reply::empty())
    });
    vec![
        Operation {
            idempotent: false,
            input: || {
                object(
                    &["way", "name", "number", "packages", "from", "until", "reason"],
                    json!({
                        "way": { "type": "string", "enum": ["give", "ask"], "description": "give:请对方代我办事;ask:我要代对方办事" },
                        "name": { "type": "string", "maxLength": 60, "description": "对方姓名或名称" },
                        "number": { "type": "string", "description": "对方的公民身份号码或统一社会信用代码" },
                        "packages": texts("哪些事项,包的编号"),
                        "from": day("第一天"), "until": day("最后一天;最长 366 天"),
                        "reason": { "type": "string", "maxLength": 200, "description": "事由" },
                    }),
                )
            },
            output: || {
                json!({ "type": "object", "required": ["id", "state"], "properties": {
                    "id": { "type": "string", "format": "uuid" }, "state": { "type": "string" } } })
            },
            about: "对方在 14 天内同意才生效。不论有没有这个人,答复都一样;对方拒绝也不告知。一人 24 小时最多 20 次。",
            ..Operation::write("party_link.ask", "提出授权", Method::Post, LINKS, ask)
        },
        Operation {
            query: &[("party", "经办人员:查看这一方(编号)的")],
            output: || items(described()),
            ..Operation::read("party_link.list", "列出本人给出和得到的授权", LINKS, list)
        },
        Operation {
            input: || {
                object(
                    &["kind", "party", "person", "from", "evidence"],
                    json!({
                        "kind": { "type": "string", "enum": ["legal", "guardian"], "description": "法定代表人、监护人" },
                        "party": { "type": "string", "format": "uuid", "description": "被代表的一方(编号)" },
                        "person": { "type": "string", "format": "uuid", "description": "代表的人(编号)" },
                        "packages": { "type": ["array", "null"], "items": { "type": "string" }, "description": "哪些事项;不填:全部" },
                        "from": day("第一天"),
                        "until": { "type": ["string", "null"], "description": "最后一天;监护最迟到十八岁前一天" },
                        "evidence": { "type": "string", "maxLength": 200, "description": "查验了什么" },
                    }),
                )
            },
            output: || {
                json!({ "type": "object", "required": ["id", "state", "until"], "properties": {
                    "id": { "type": "string", "format": "uuid" }, "state": { "type": "string" }, "until": { "type": ["string", "null"] } } })
            },
            ..Operation::write(
                "party_link.grant",
                "登记法定代表人或监护人",
                Method::Post,
                "/v1/party-links/grant",
                grant,
            )
        },
        Operation {
            about: "只有被请求的一方可以。",
            ..Operation::write(
                "party_link.agree",
                "同意授权",
                Method::Post,
                "/v1/party-links/{id}/agree",
                agree,
            )
        },
        Operation {
            about: "任何一方、经办人员都可以;即刻生效。还没同意的:撤回或拒绝。",
            ..Operation::write(
                "party_link.revoke",
                "撤销授权",
                Method::Post,
                "/v1/party-links/{id}/revoke",
                revoke,
            )
        },
    ]
}

fn day(about: &str) -> Value {
    json!({ "type": "string", "format": "date", "description": about })
}

fn described() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let states = [
        "asked", "waiting", "coming", "standing", "ended", "lapsed", "revoked",
    ];
    json!({
        "type": "object",
        "required": ["id", "kind", "way", "state", "other", "packages", "reason", "from", "until", "created_at", "agreed_at", "revoked_at"],
        "properties": {
            "id": text(), "kind": { "type": "string", "enum": ["legal", "agent", "guardian"] },
            "way": { "type": "string", "enum": ["given", "received"], "description": "given:对方可代我;received:我可代对方" },
            "state": { "type": "string", "enum": states },
            "other": { "type": "object", "required": ["id", "name", "number"], "properties": { "id": maybe(), "name": text(), "number": maybe() } },
            "packages": { "type": ["array", "null"], "items": { "type": "string" }, "description": "空:全部" },
            "reason": text(), "from": text(), "until": maybe(), "created_at": text(), "agreed_at": maybe(), "revoked_at": maybe(),
        },
    })
}
