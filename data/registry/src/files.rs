//! Stored files: sent before the record that will hold them, read through a record that holds them.

use std::io::Read;
use std::sync::Arc;

use banyan_base::{ActorKind, Ctx, Problem, codes};
use banyan_door::{Body, Handler, Method, Operation, Outside, Reply};
use banyan_package::model::FieldKind;
use banyan_store::{Blobs, Tx, blobs};
use serde_json::{Value as Json, json};

use crate::owed::touch;
use crate::sight::Eyes;
use crate::value::Faults;
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

/// Files that one field may hold.
const MOST: usize = 50;

/// A value sent for a file field as it is kept: each file was sent before by whoever names it now, or was here already;
/// its size is the stored one. `None` where something is wrong, which goes to `faults`.
pub fn checked(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    kind: &FieldKind,
    name: &str,
    value: &Json,
    before: Option<&Json>,
    faults: &mut Faults,
) -> Result<Option<Json>, Problem> {
    let FieldKind::File {
        accept,
        max_bytes,
        many,
    } = kind
    else {
        return Ok(None);
    };
    let sent: Vec<&Json> = match value {
        Json::Array(files) if *many => files.iter().collect(),
        Json::Array(_) => {
            faults.add(name, "type", "只能放一个文件");
            return Ok(None);
        }
        file => vec![file],
    };
    if sent.len() > MOST {
        faults.add(name, "length", format!("最多 {MOST} 个文件"));
        return Ok(None);
    }
    let mut kept = Vec::new();
    for file in sent {
        let Some((hash, title, media)) = described(file) else {
            let text = "应为上传后得到的 hash、name、size、content_type";
            faults.add(name, "type", text);
            return Ok(None);
        };
        let here = before.is_some_and(|before| held(before, hash).is_some());
        let own = here || cx.actor.kind == ActorKind::System || blobs::is_sent_by(tx, hash, &cx.actor.id)?;
        let Some((size, _)) = blobs::find(tx, hash)?.filter(|_| own) else {
            faults.add(name, "file", format!("“{title}”没有上传,请先上传"));
            return Ok(None);
        };
        let lower = title.to_lowercase();
        let ends =
            |ending: &String| lower.ends_with(&format!(".{}", ending.trim_start_matches('.').to_lowercase()));
        if !accept.is_empty() && !accept.iter().any(ends) {
            faults.add(
                name,
                "ending",
                format!("“{title}”的类型不符,可用:{}", accept.join("、")),
            );
            return Ok(None);
        }
        if size > *max_bytes {
            let text = format!("“{title}”有 {size} 字节,最多 {max_bytes} 字节");
            faults.add(name, "size", text);
            return Ok(None);
        }
        kept.push(json!({ "hash": hash, "name": title, "size": size, "content_type": media }));
    }
    Ok(Some(if value.is_array() {
        Json::Array(kept)
    } else {
        kept.pop().unwrap_or_default()
    }))
}

/// Hash, name and media type of a file as it is named in a field; nothing else may stand there.
fn described(file: &Json) -> Option<(&str, &str, &str)> {
    let members = file.as_object()?;
    if members
        .keys()
        .any(|name| !matches!(name.as_str(), "hash" | "name" | "size" | "content_type"))
    {
        return None;
    }
    let hash = members.get("hash")?.as_str()?;
    let title = members.get("name")?.as_str()?;
    let media = match members.get("content_type") {
        None => "application/octet-stream",
        Some(media) => media.as_str()?,
    };
    // It goes out as a header.
    let plain = media.len() <= 200 && media.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    (plain && clean_name(Some(&title.replace('%', "%25"))) == title).then_some((hash, title, media))
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
            call.db.read::<_, Problem>(|tx| {
                let catalog = registry.catalog(tx)?;
                let eyes = Eyes {
                    cx: call.cx,
                    door: call.door,
                    catalog: &catalog,
                    dialect: tx.dialect(),
                };
                // Whoever may not see the record, or its field, does not learn that it holds the file.
                let Some(info) = eyes.viewed(kind)? else {
                    return Ok(None);
                };
                let Some(record) = record::find(tx, &info, id)? else {
                    return Ok(None);
                };
                touch(call.touches, &info, [&record])?;
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
            .read(|tx| blobs::is_sent_by(tx, &hash, &call.cx.actor.id))?
            .then(|| (String::new(), String::new())),
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
