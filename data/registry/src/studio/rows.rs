//! The rows of drafts in the door.

use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};
use std::sync::Arc;

use banyan_base::{Event, Problem, codes, has_errors};
use banyan_door::{Access, Audit, Call, Handler, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use zip::write::SimpleFileOptions;

use super::draft::{self, Draft, Files};
use super::publish;
use crate::Registry;
use crate::openapi::listing;
use crate::version;

const ALL: &str = "/v1/drafts";
const ONE: &str = "/v1/drafts/{id}";
/// Whole models are sent.
const BODY_LIMIT: u64 = 32 << 20;

type Row = fn(&Registry, &mut Call<'_, '_>) -> Result<Reply, Problem>;

/// The rows of drafts.
pub fn operations(registry: &Arc<Registry>) -> Vec<Operation> {
    let inside = |f: Row| {
        let registry = Arc::clone(registry);
        Handler::inside(move |call| f(&registry, call))
    };
    let act = |name, title, path, f: Row| Operation {
        input: note_schema,
        output: schema,
        ..Operation::write(name, title, Method::Post, path, inside(f))
    };
    vec![
        Operation {
            audit: Audit::None,
            about: "包里流程、决策、表单的文件,连同已经发布的本地修改。",
            output: || listing(file_schema()),
            ..Operation::read(
                "package.files",
                "列出包的模型文件",
                "/v1/packages/{id}/files",
                inside(files),
            )
        },
        Operation {
            query: &[
                ("package", "包"),
                ("state", "open、submitted、published 或 rejected"),
                ("before", "上一页给出的 next"),
                ("limit", "每页条数,1 到 200"),
            ],
            audit: Audit::None,
            output: || listing(schema()),
            ..Operation::read("draft.list", "列出设计草稿", ALL, inside(list))
        },
        Operation {
            input: || sent_schema(&["package", "title"]),
            output: schema,
            body_limit: BODY_LIMIT,
            ..Operation::write("draft.create", "新建设计草稿", Method::Post, ALL, inside(create))
        },
        Operation {
            audit: Audit::None,
            output: schema,
            ..Operation::read("draft.view", "查看设计草稿", ONE, inside(view))
        },
        Operation {
            about: "`files` 是草稿的全部文件:没有列出的不再由这份草稿修改。",
            input: || sent_schema(&[]),
            output: schema,
            if_match: true,
            body_limit: BODY_LIMIT,
            ..Operation::write("draft.update", "修改设计草稿", Method::Put, ONE, inside(update))
        },
        Operation::write(
            "draft.delete",
            "删除设计草稿",
            Method::Delete,
            ONE,
            inside(delete),
        ),
        Operation {
            output: checked_schema,
            access: Access::Read,
            idempotent: false,
            ..Operation::write(
                "draft.check",
                "检查设计草稿",
                Method::Post,
                "/v1/drafts/{id}/check",
                inside(check),
            )
        },
        act(
            "draft.submit",
            "提交设计草稿复核",
            "/v1/drafts/{id}/submit",
            submit,
        ),
        act("draft.reopen", "收回设计草稿", "/v1/drafts/{id}/reopen", reopen),
        Operation {
            about: "由起草人以外的人复核后发布:草稿并入该包的设计室本地修改并立即生效。检查不通过,或文件在起草后被别人改过,则什么也不改。",
            access: Access::Alone,
            ..act(
                "draft.publish",
                "复核并发布设计草稿",
                "/v1/drafts/{id}/publish",
                publish_draft,
            )
        },
        act("draft.reject", "退回设计草稿", "/v1/drafts/{id}/reject", reject),
        Operation {
            about: "本地修改包的全部文件(ZIP),可以存入版本库,或装到别的平台。",
            audit: Audit::Read,
            ..Operation::read(
                "draft.download",
                "下载设计草稿的本地修改包",
                "/v1/drafts/{id}/package.zip",
                inside(download),
            )
        },
    ]
}

fn files_schema() -> Json {
    json!({ "type": "object", "description": "路径 → 文本", "additionalProperties": { "type": "string" } })
}

fn file_schema() -> Json {
    let text = || json!({ "type": "string" });
    json!({ "type": "object", "properties": { "path": text(), "text": text() } })
}

fn sent_schema(required: &[&str]) -> Json {
    json!({
        "type": "object", "required": required, "additionalProperties": false,
        "properties": {
            "package": { "type": "string" }, "title": { "type": "string", "minLength": 1, "maxLength": 80 },
            "files": files_schema(),
        },
    })
}

fn note_schema() -> Json {
    json!({
        "type": "object", "additionalProperties": false,
        "properties": { "note": { "type": "string", "maxLength": 1000 } },
    })
}

fn schema() -> Json {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    json!({
        "type": "object", "required": ["id", "package", "title", "state", "version", "author"],
        "properties": {
            "id": text(), "package": text(), "title": text(),
            "state": { "type": "string", "enum": ["open", "submitted", "published", "rejected"] },
            "version": { "type": "integer" }, "author": text(), "author_name": maybe(), "mine": { "type": "boolean" },
            "paths": { "type": "array", "items": text() },
            "files": files_schema(), "base": files_schema(), "current": files_schema(),
            "overtaken": { "type": "array", "items": text(), "description": "起草后被别人改过的文件" },
            "created_at": text(), "updated_at": text(), "note": maybe(), "submitted_at": maybe(), "reviewer": maybe(),
            "reviewer_name": maybe(), "review_note": maybe(), "reviewed_at": maybe(), "published": maybe(),
        },
    })
}

fn checked_schema() -> Json {
    let finding = json!({ "type": "object", "properties": {
        "severity": { "type": "string" }, "rule": { "type": "string" }, "file": { "type": "string" },
        "line": { "type": "integer" }, "column": { "type": "integer" }, "message": { "type": "string" },
        "hint": { "type": "string" },
    } });
    json!({
        "type": "object", "properties": {
            "findings": { "type": "array", "items": finding }, "plan": {},
            "overtaken": { "type": "array", "items": { "type": "string" } },
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    package: Option<String>,
    title: Option<String>,
    files: Option<Files>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    #[serde(default)]
    note: String,
}

fn titled(title: &str) -> Result<String, Problem> {
    let title = title.trim();
    if (1..=80).contains(&title.chars().count()) {
        return Ok(title.to_owned());
    }
    let refusal = Problem::new(codes::INVALID, "请给草稿一个标题。");
    Err(refusal.with_error("/title", "length", "1 到 80 个字"))
}

fn noted(call: &Call<'_, '_>, needed: bool) -> Result<Option<String>, Problem> {
    let sent: Note = match &call.input.body {
        banyan_door::Body::None => Note::default(),
        _ => call.input.typed_body()?,
    };
    let note = sent.note.trim();
    let length = note.chars().count();
    if length > 1_000 || (needed && length == 0) {
        let refusal = Problem::new(codes::INVALID, "请写明意见。");
        return Err(refusal.with_error("/note", "length", "1 到 1000 个字"));
    }
    Ok((length > 0).then(|| note.to_owned()))
}

/// What everybody who designs sees of a draft; `whole` with its files.
fn shown(
    registry: &Registry,
    call: &mut Call<'_, '_>,
    drafts: &[Draft],
    whole: bool,
) -> Result<Vec<Json>, Problem> {
    let people = drafts
        .iter()
        .flat_map(|one| [Some(&one.author), one.reviewer.as_ref()]);
    let ids: BTreeSet<String> = people.flatten().cloned().collect();
    let names = registry.people(call.tx, &ids)?;
    let mut all = Vec::new();
    for one in drafts {
        let paths: Vec<&String> = one.files.keys().collect();
        let mut body = json!({
            "id": one.id, "package": one.package, "title": one.title, "state": one.state, "version": one.version,
            "author": one.author, "author_name": names.get(&one.author), "mine": one.author == call.cx.actor.id,
            "paths": paths, "created_at": one.created_at, "updated_at": one.updated_at, "note": one.note,
            "submitted_at": one.submitted_at, "reviewer": one.reviewer,
            "reviewer_name": one.reviewer.as_ref().and_then(|id| names.get(id)),
            "review_note": one.review_note, "reviewed_at": one.reviewed_at, "published": one.published,
        });
        if let Some(object) = body.as_object_mut().filter(|_| whole) {
            let now = publish::installed(registry, call.tx, &one.package).unwrap_or_default();
            object.insert("files".into(), json!(one.files));
            object.insert("base".into(), json!(one.base));
            object.insert("current".into(), json!(publish::of(&now, &one.files)));
            let overtaken = match one.state.as_str() {
                "open" | "submitted" => publish::overtaken(registry, call.tx, one)?,
                _ => Vec::new(),
            };
            object.insert("overtaken".into(), json!(overtaken));
        }
        all.push(body);
    }
    Ok(all)
}

fn reply(registry: &Registry, call: &mut Call<'_, '_>, draft: &Draft) -> Result<Reply, Problem> {
    let shown = shown(registry, call, std::slice::from_ref(draft), true)?;
    let body = shown.into_iter().next().unwrap_or_default();
    Ok(Reply::value(body).with_etag(version::etag(draft.version)))
}

fn files(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let all = publish::installed(registry, call.tx, &id)?;
    let all = all.into_iter().filter(|(path, _)| publish::is_studio_file(path));
    let items: Vec<Json> = all
        .map(|(path, text)| json!({ "path": path, "text": text }))
        .collect();
    Reply::json(json!({ "items": items, "next": null }))
}

fn list(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let text = |name: &str| call.input.query_value(name).unwrap_or("").to_owned();
    let (package, state, before) = (text("package"), text("state"), text("before"));
    let limit = call
        .input
        .query_parsed::<u32>("limit")?
        .unwrap_or(50)
        .clamp(1, 200);
    let found = draft::list(call.tx, &package, &state, &before, limit)?;
    let full = u32::try_from(found.len()).is_ok_and(|count| count == limit);
    let next = found.last().filter(|_| full).map(|last| last.id.clone());
    let items = shown(registry, call, &found, false)?;
    Reply::json(json!({ "items": items, "next": next }))
}

fn create(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let sent: Sent = call.input.typed_body()?;
    let package = sent.package.unwrap_or_default();
    let installed = publish::installed(registry, call.tx, &package)?;
    let files = sent.files.unwrap_or_default();
    publish::wrong_files(&files)?;
    let now = call.cx.now_text();
    let draft = Draft {
        id: call.cx.id().into_string(),
        package,
        title: titled(&sent.title.unwrap_or_default())?,
        base: publish::of(&installed, &files),
        files,
        state: "open".into(),
        version: 1,
        author: call.cx.actor.id.clone(),
        created_at: now.clone(),
        updated_at: now,
        note: None,
        submitted_at: None,
        reviewer: None,
        review_note: None,
        reviewed_at: None,
        published: None,
    };
    draft::insert(call.tx, &draft)?;
    let mut made = reply(registry, call, &draft)?;
    made.status = 201;
    made.location = Some(format!("{ALL}/{}", draft.id));
    Ok(made)
}

fn view(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let draft = known(call)?;
    reply(registry, call, &draft)
}

fn known(call: &mut Call<'_, '_>) -> Result<Draft, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    draft::find(call.tx, &id)
}

/// The draft, where it is the caller's and in that state.
fn own(call: &mut Call<'_, '_>, states: &[&str]) -> Result<Draft, Problem> {
    let draft = known(call)?;
    if draft.author != call.cx.actor.id && !call.cx.actor.is_admin() {
        let text = "这份草稿是别人的;可以另建一份,或请起草人修改。";
        return Err(Problem::new(codes::FORBIDDEN, text));
    }
    in_state(&draft, states)?;
    Ok(draft)
}

fn in_state(draft: &Draft, states: &[&str]) -> Result<(), Problem> {
    if states.contains(&draft.state.as_str()) {
        return Ok(());
    }
    let now = match draft.state.as_str() {
        "open" => "还没有提交",
        "submitted" => "已经提交复核",
        "published" => "已经发布",
        _ => "已经退回",
    };
    Err(Problem::new(
        codes::CONFLICT,
        format!("这份草稿{now},不能这样做。"),
    ))
}

fn update(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let mut draft = own(call, &["open", "rejected"])?;
    let tags = call.input.if_match.as_deref().unwrap_or("*");
    if !version::matches(tags, draft.version)? {
        let text = "这份草稿刚被改过,请重新打开再改。";
        return Err(Problem::new(codes::PRECONDITION_FAILED, text));
    }
    let sent: Sent = call.input.typed_body()?;
    if let Some(title) = sent.title {
        draft.title = titled(&title)?;
    }
    if sent.package.is_some_and(|package| package != draft.package) {
        let refusal = Problem::new(codes::INVALID, "草稿不能换到另一个包。");
        return Err(refusal.with_error("/package", "fixed", "请另建一份草稿"));
    }
    if let Some(files) = sent.files {
        publish::wrong_files(&files)?;
        let installed = publish::installed(registry, call.tx, &draft.package)?;
        // Files that were in the draft already keep what they were drafted from.
        let mut base = publish::of(&installed, &files);
        for path in files.keys().filter(|path| draft.files.contains_key(*path)) {
            match draft.base.get(path) {
                Some(text) => base.insert(path.clone(), text.clone()),
                None => base.remove(path),
            };
        }
        (draft.files, draft.base) = (files, base);
    }
    draft.state = "open".into();
    draft::update(call.cx, call.tx, &mut draft)?;
    reply(registry, call, &draft)
}

fn delete(_: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let draft = own(call, &["open", "submitted", "rejected"])?;
    draft::delete(call.tx, &draft.id)?;
    Ok(Reply::empty())
}

fn check(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let draft = known(call)?;
    let (findings, plan) = publish::look(registry, call.tx, &draft)?;
    let overtaken = publish::overtaken(registry, call.tx, &draft)?;
    Reply::json(json!({ "findings": findings, "plan": plan, "overtaken": overtaken }))
}

/// Refuses a draft that would not be applied as it is.
fn ready(registry: &Registry, call: &mut Call<'_, '_>, draft: &Draft) -> Result<(), Problem> {
    if draft.files.is_empty() {
        return Err(Problem::new(codes::INVALID, "草稿里还没有改动的文件。"));
    }
    let overtaken = publish::overtaken(registry, call.tx, draft)?;
    if !overtaken.is_empty() {
        let text = format!(
            "这些文件在起草后被别人改过:{}。请在现在的版本上重新修改。",
            overtaken.join("、")
        );
        return Err(Problem::new(codes::CONFLICT, text).with("overtaken", json!(overtaken)));
    }
    let (findings, _) = publish::look(registry, call.tx, draft)?;
    if has_errors(&findings) {
        return Err(crate::layers::refused(&findings));
    }
    Ok(())
}

fn submit(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let mut draft = own(call, &["open", "rejected"])?;
    ready(registry, call, &draft)?;
    draft.note = noted(call, false)?;
    draft.state = "submitted".into();
    draft.submitted_at = Some(call.cx.now_text());
    (draft.reviewer, draft.review_note, draft.reviewed_at) = (None, None, None);
    draft::update(call.cx, call.tx, &mut draft)?;
    told(call, &draft, "submitted")?;
    reply(registry, call, &draft)
}

fn reopen(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let mut draft = own(call, &["submitted", "rejected"])?;
    draft.state = "open".into();
    draft::update(call.cx, call.tx, &mut draft)?;
    reply(registry, call, &draft)
}

/// Nobody reviews his own draft, in whatever post.
fn reviewed(call: &mut Call<'_, '_>) -> Result<Draft, Problem> {
    let draft = known(call)?;
    in_state(&draft, &["submitted"])?;
    let actor = &call.cx.actor;
    let lent = actor.standing.on_behalf_of.as_deref() == Some(draft.author.as_str());
    if draft.author == actor.id || lent {
        let text = "草稿由起草人以外的人复核。";
        return Err(Problem::new(codes::FORBIDDEN, text));
    }
    Ok(draft)
}

fn close(
    call: &mut Call<'_, '_>,
    draft: &mut Draft,
    state: &str,
    note: Option<String>,
) -> Result<(), Problem> {
    draft.state = state.into();
    draft.reviewer = Some(call.cx.actor.id.clone());
    draft.reviewed_at = Some(call.cx.now_text());
    draft.review_note = note;
    draft::update(call.cx, call.tx, draft)?;
    told(call, draft, state)
}

fn publish_draft(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let mut draft = reviewed(call)?;
    ready(registry, call, &draft)?;
    let note = noted(call, false)?;
    draft.published = Some(publish::publish(registry, call.cx, call.tx, &draft)?);
    close(call, &mut draft, "published", note)?;
    reply(registry, call, &draft)
}

fn reject(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let mut draft = reviewed(call)?;
    let note = noted(call, true)?;
    close(call, &mut draft, "rejected", note)?;
    reply(registry, call, &draft)
}

fn told(call: &mut Call<'_, '_>, draft: &Draft, verb: &str) -> Result<(), Problem> {
    let data = json!({ "package": draft.package, "title": draft.title, "author": draft.author });
    call.tx.emit(&Event::new(
        call.cx,
        "/banyan/platform",
        &format!("banyan.platform.draft.{verb}"),
        Some(draft.id.clone()),
        data,
    ))?;
    Ok(())
}

fn download(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let draft = known(call)?;
    let pending = Some(&draft).filter(|draft| draft.state != "published");
    let overlay = publish::overlay(registry, call.tx, &draft.package, pending)?;
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for file in &overlay.files {
        let options = SimpleFileOptions::default();
        zip.start_file(format!("{}/{}", overlay.id, file.path), options)
            .map_err(Problem::internal)?;
        zip.write_all(&file.bytes).map_err(Problem::internal)?;
    }
    let data = zip.finish().map_err(Problem::internal)?.into_inner();
    let name = format!("attachment; filename=\"{}-{}.zip\"", overlay.id, overlay.version);
    Ok(Reply::bytes("application/zip", data).with_header("content-disposition", &name))
}
