//! `task_view.*`: views of the inbox that people keep for themselves.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Call, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{object_schema, page, page_schema, with};
use crate::{Engine, view};

const ALL: &str = "/v1/task_views";

pub(super) fn rows(engine: &Arc<Engine>) -> Vec<Operation> {
    vec![
        Operation {
            audit: Audit::None,
            output: page_schema,
            ..Operation::read("task_view.list", "列出任务视图", ALL, with(engine, views))
        },
        Operation {
            input: || {
                json!({
                    "type": "object", "required": ["title", "query"], "additionalProperties": false,
                    "properties": { "title": { "type": "string", "minLength": 1, "maxLength": 40 }, "query": { "type": "object" } },
                })
            },
            output: object_schema,
            ..Operation::write(
                "task_view.create",
                "保存任务视图",
                Method::Post,
                ALL,
                with(engine, create_view),
            )
        },
        Operation::write(
            "task_view.delete",
            "删除任务视图",
            Method::Delete,
            "/v1/task_views/{id}",
            with(engine, delete_view),
        ),
    ]
}

fn views(_: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let items = view::list(call.cx, call.tx)?;
    page(items, None)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewView {
    title: String,
    query: Json,
}

fn create_view(_: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let sent: NewView = call.input.typed_body()?;
    let title = sent.title.trim();
    if title.is_empty() || title.chars().count() > 40 || sent.query.to_string().len() > 4_000 {
        return Err(Problem::new(
            codes::INVALID,
            "视图名称应为 1 到 40 个字,条件不超过 4000 字节。",
        ));
    }
    if view::list(call.cx, call.tx)?.len() >= 50 {
        return Err(Problem::new(
            codes::CONFLICT,
            "最多保存 50 个视图,请先删除不用的。",
        ));
    }
    let made = view::create(call.cx, call.tx, title, &sent.query)?;
    Reply::created(ALL, made)
}

fn delete_view(_: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    if view::delete(call.cx, call.tx, &id)? {
        Ok(Reply::empty())
    } else {
        Err(Problem::new(codes::NOT_FOUND, "没有这个视图。"))
    }
}
