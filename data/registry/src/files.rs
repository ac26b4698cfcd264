//! Stored files: sent before the record that will hold them, read through a record that holds them.

use std::io::Read;
use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Body, Decision, Handler, Method, Operation, Outside, Reply, Target};
use banyan_package::model::FieldKind;
use banyan_store::{Blobs, blobs};
use serde_json::{Value as Json, json};

use crate::{Registry, record};

const UPLOAD_LIMIT: u64 = 64 << 20;

/// The rows of stored files.
pub fn operations(registry: &Arc<Registry>, blobs: &Blobs) -> Vec<Operation> {
    let kept = blobs.clone();
    let (registry, held) = (Arc::clone(registry), blobs.clone());
    vec![
        Operation {
            uploads: &["*/*"],
            output: || {
                let text = || json!({ "type": "string" });
                json!({
                    "type": "object", "required": ["hash", "name", "size", "content_type"],
                    "properties": { "hash": text(), "name": text(), "size": { "type": "integer" }, "content_type": text() },
                })
            },
            body_limit: UPLOAD_LIMIT,
            ..Operation::write(
                "file.create",
                "上传文件",
                Method::Post,
                "/v1/files",
                Handler::outside(move |call| create(&kept, call)),
            )
        },
        Operation {
            query: &[
                ("record", "持有它的记录:<包>.<类型>/<编号>;自己刚上传的可不填"),
                ("name", "下载后的文件名"),
            ],
            ..Operation::read(
                "file.view",
                "下载文件",
                "/v1/files/{hash}",
                Handler::outside(move |call| view(&registry, &held, call)),
            )
        },
    ]
}

/// The last part of a name as sent; control characters and separators would deceive whoever saves the file.
fn clean_name(sent: Option<&str>) -> String {
    let decoded = sent.map(percent_decoded).unwrap_or_default();
    let last = decoded.rsplit(['/', '\\']).next().unwrap_or("");
    let name: String = last.chars().filter(|c| !c.is_control()).take(120).collect();
    if name.trim().is_empty() {
        "文件".to_owned()
    } else {
        name
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?')),
            _ => bytes.push(b'?'),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn create(store: &Blobs, call: &Outside<'_>) -> Result<Reply, Problem> {
    let (mut content, kind, name): (Box<dyn Read + Send>, String, Option<&str>) = match &call.input.body {
        Body::Upload(upload) => (
            upload.open().map_err(Problem::internal)?,
            upload.content_type.clone(),
            upload.file_name.as_deref(),
        ),
        Body::Json(value) => (
            Box::new(std::io::Cursor::new(value.to_string().into_bytes())),
            "application/json".into(),
            None,
        ),
        Body::None => return Err(Problem::new(codes::BAD_REQUEST, "请求体应为文件的内容。")),
    };
    let blob = store
        .put(call.cx, &mut content, UPLOAD_LIMIT)?
        .ok_or_else(|| Problem::new(codes::TOO_LARGE, "文件超过 64 MiB。"))?;
    let cx = call.cx.clone();
    let (hash, size) = (blob.hash.clone(), blob.size);
    call.db
        .write::<_, Problem>(move |tx| Ok(blobs::register(tx, &cx, &blob)?))?;
    Reply::created(
        format!("/v1/files/{hash}"),
        json!({ "hash": hash, "name": clean_name(name), "size": size, "content_type": kind }),
    )
}

/// Whether a kept value of a file field holds the file; gives its name and media type.
fn held(value: &Json, hash: &str) -> Option<(String, String)> {
    let one = |file: &Json| {
        (file.get("hash").and_then(Json::as_str) == Some(hash)).then(|| {
            let text = |name: &str| file.get(name).and_then(Json::as_str).unwrap_or("").to_owned();
            (text("name"), text("content_type"))
        })
    };
    match value {
        Json::Array(files) => files.iter().find_map(one),
        file => one(file),
    }
}

fn view(registry: &Arc<Registry>, store: &Blobs, call: &Outside<'_>) -> Result<Reply, Problem> {
    let hash = call.input.path_value("hash")?.to_owned();
    let missing = || Problem::new(codes::NOT_FOUND, "没有这个文件,或者您无权读取它。");
    let found = match call.input.query_value("record") {
        Some(of) => {
            let (kind, id) = of.split_once('/').ok_or_else(missing)?;
            let target = Target {
                action: format!("{kind}.view"),
                resource: kind.to_owned(),
            };
            // Whoever may not see the record does not learn that it holds the file.
            if matches!(
                call.door.decide(call.cx, "record.view", &target)?,
                Decision::Deny { .. }
            ) {
                return Err(missing());
            }
            call.db.read::<_, Problem>(|tx| {
                let info = registry.catalog(tx)?.find(kind)?;
                let record = record::get(tx, &info, id)?;
                Ok(info
                    .columns
                    .iter()
                    .filter(|column| matches!(column.field.kind, FieldKind::File { .. }))
                    .filter_map(|column| record.fields.get(&column.name))
                    .find_map(|value| held(value, &hash)))
            })?
        }
        None => call
            .db
            .read(|tx| blobs::find(tx, &hash))?
            .filter(|(_, by)| *by == call.cx.actor.id)
            .map(|_| (String::new(), String::new())),
    };
    let (name, kind) = found.ok_or_else(missing)?;
    let mut file = store.get(&hash)?.ok_or_else(missing)?;
    let name = call
        .input
        .query_value("name")
        .map_or(name, |name| clean_name(Some(name)));
    let kind = if kind.is_empty() {
        "application/octet-stream".into()
    } else {
        kind
    };
    let encoded: String = name
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let reply = Reply::stream(
        &kind,
        Box::new(move |out| {
            std::io::copy(&mut file, out)
                .map(|_| ())
                .map_err(Problem::internal)
        }),
    );
    // Always saved, never shown in our own origin: a stored page must not run as ours.
    Ok(reply.with_header(
        "Content-Disposition",
        format!("attachment; filename*=UTF-8''{encoded}"),
    ))
}
