//! The rows of posts in the door.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Handler, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Value, json};

use super::capacity::{self, Acting, OWN};
use super::post::{self, Post};
use super::{items, object, texts};
use crate::sign::{Accounts, session};

const POSTS: &str = "/v1/posts";
const POST: &str = "/v1/posts/{id}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    /// Id of a post; `own`: the account's own unit and roles; nothing: the main post.
    post: Option<String>,
}

fn told(post: &Post) -> Result<Reply, Problem> {
    Ok(Reply::json(json!(post))?.with_etag(post.etag()))
}

pub(crate) fn rows(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let list = Handler::inside(|call| {
        let asked = |name: &str| call.input.query_value(name).unwrap_or("");
        let (account, unit, after) = (asked("account"), asked("unit"), asked("cursor"));
        let posts = post::list(call.tx, account, unit, after)?;
        let next = posts
            .last()
            .filter(|_| posts.len() == 1000)
            .map(|post| post.id.clone());
        Reply::json(json!({ "items": posts, "next": next }))
    });
    let view = Handler::inside(|call| told(&post::view(call.tx, call.input.path_value("id")?)?));
    let create = Handler::inside(|call| {
        let made = post::create(call.cx, call.tx, call.input.typed_body()?)?;
        Ok(Reply::created(format!("{POSTS}/{}", made.id), json!(made))?.with_etag(made.etag()))
    });
    let update = Handler::inside(|call| {
        let (id, change) = (call.input.path_value("id")?, call.input.typed_body()?);
        let tag = call.input.if_match.as_deref();
        told(&post::update(call.cx, call.tx, id, tag, change)?)
    });
    let end = Handler::inside(|call| told(&post::end(call.cx, call.tx, call.input.path_value("id")?)?));
    let mine = Handler::inside(|call| {
        let (actor, today) = (&call.cx.actor, call.cx.today().to_string());
        let main = capacity::main(call.tx, &actor.id, &today)?.map(|acting| acting.post);
        let posts = capacity::reach(call.tx, &actor.id, &today)?;
        let holders = posts.iter().filter_map(|acting| acting.holder.clone()).collect();
        let names = crate::account::names(call.tx, &holders)?;
        let shown = |acting: &Acting| {
            json!({
                "id": acting.post, "unit": acting.unit, "title": acting.title, "roles": acting.roles,
                "regions": acting.regions, "lines": acting.lines, "main": main.as_ref() == Some(&acting.post),
                "on_behalf_of": acting.holder.as_ref().map(|id| json!({ "id": id, "name": names.get(id) })),
            })
        };
        let items: Vec<Value> = posts.iter().map(shown).collect();
        Reply::json(json!({ "items": items, "current": actor.standing.post }))
    });
    let own = Arc::clone(accounts);
    let choose = Handler::inside(move |call| {
        let chosen = call.input.typed_body::<Choice>()?.post;
        let (session, me) = (session::own(call.cx)?, call.cx.actor.id.as_str());
        let today = own.today();
        if let Some(id) = chosen.as_deref().filter(|id| *id != OWN)
            && capacity::one(call.tx, me, &today, id)?.is_none()
        {
            return Err(capacity::refused());
        }
        let sql = "UPDATE session SET post = ?3 WHERE id = ?1 AND account = ?2";
        match call
            .tx
            .execute(sql, &[session.into(), me.into(), chosen.into()])?
        {
            1 => Ok(Reply::empty()),
            _ => Err(Problem::new(codes::UNAUTHENTICATED, "登录已失效,请重新登录。")),
        }
    });
    vec![
        Operation {
            query: &[
                ("account", "只列这个账号(编号)的"),
                ("unit", "只列这个单位(代码)的"),
                ("cursor", "上一页给出的 next"),
            ],
            output: || {
                let mut all = items(described());
                if let Some(properties) = all.get_mut("properties").and_then(Value::as_object_mut) {
                    properties.insert("next".into(), json!({ "type": ["string", "null"] }));
                }
                all
            },
            ..Operation::read("post.list", "列出岗位", POSTS, list)
        },
        Operation {
            output: described,
            ..Operation::read("post.view", "查看岗位", POST, view)
        },
        Operation {
            input: || {
                let mut all = changes(&["account", "unit", "title", "from"]);
                if let Some(properties) = all.get_mut("properties").and_then(Value::as_object_mut) {
                    let about = "任职的人员账号(编号)";
                    properties.insert(
                        "account".into(),
                        json!({ "type": "string", "format": "uuid", "description": about }),
                    );
                }
                all
            },
            output: described,
            about: "一人可任几个岗位;办事时只以其中一个的单位和角色。起止日期都含当天。",
            ..Operation::write("post.create", "设岗", Method::Post, POSTS, create)
        },
        Operation {
            input: || changes(&[]),
            output: described,
            if_match: true,
            ..Operation::write("post.update", "修改岗位", Method::Patch, POST, update)
        },
        Operation {
            output: described,
            about: "即刻结束,由它代办的一并结束。",
            ..Operation::write("post.end", "结束岗位", Method::Post, "/v1/posts/{id}/end", end)
        },
        Operation {
            output: || {
                let one = json!({ "type": "object", "required": ["id", "unit", "title", "roles", "regions", "lines", "main", "on_behalf_of"], "properties": {
                    "id": { "type": "string", "format": "uuid" }, "unit": { "type": "string" }, "title": { "type": "string" },
                    "roles": texts("角色"), "regions": texts("区划"), "lines": texts("条线"), "main": { "type": "boolean" },
                    "on_behalf_of": { "type": ["object", "null"], "description": "替谁办", "properties": { "id": { "type": "string" }, "name": { "type": ["string", "null"] } } } } });
                let current = json!({ "type": ["string", "null"], "description": "现在的岗位;没有:以账号自己的单位和角色" });
                json!({ "type": "object", "required": ["items", "current"], "properties": { "items": { "type": "array", "items": one }, "current": current } })
            },
            ..Operation::read("post.mine", "列出本人可用的岗位", "/v1/session/posts", mine)
        },
        Operation {
            input: || {
                object(
                    &[],
                    json!({ "post": { "type": ["string", "null"], "description": "岗位编号;own:账号自己的单位和角色;空:主岗" } }),
                )
            },
            about: "只管本次登录。单个请求也可用请求头 `Banyan-Post` 指明。",
            ..Operation::write("post.choose", "切换岗位", Method::Put, "/v1/session/post", choose)
        },
    ]
}

/// The schema of a post as it is sent.
fn changes(required: &[&str]) -> Value {
    let day = |about: &str| json!({ "type": "string", "format": "date", "description": about });
    object(
        required,
        json!({
            "unit": { "type": "string", "maxLength": 40, "description": "单位代码" },
            "title": { "type": "string", "maxLength": 60, "description": "岗位名称" },
            "roles": texts("admin 或“包.角色”"), "regions": texts("管辖的区划代码,各含其下"), "lines": texts("管辖的条线"),
            "from": day("起:第一天"), "until": { "type": "string", "description": "止:最后一天;空串:无止期" },
            "main": { "type": "boolean", "description": "主岗:不另说明时以它办事" },
        }),
    )
}

/// The schema of a post as it is told.
fn described() -> Value {
    let maybe = |about: &str| json!({ "type": ["string", "null"], "description": about });
    json!({
        "type": "object",
        "required": ["id", "account", "unit", "title", "roles", "regions", "lines", "from", "until", "main", "ended_at", "version"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "account": { "type": "string", "format": "uuid" },
            "unit": { "type": "string" }, "title": { "type": "string" }, "roles": texts("角色"), "regions": texts("区划"),
            "lines": texts("条线"), "from": { "type": "string", "format": "date" }, "until": maybe("最后一天"),
            "main": { "type": "boolean" }, "ended_at": maybe("提前结束的时刻"), "version": { "type": "integer" },
        },
    })
}
