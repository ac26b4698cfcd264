//! Imports in the door: start, follow, stop, fetch the faulty rows, fetch a template.

use std::sync::Arc;

use banyan_base::{Problem, codes, timestamp_text};
use banyan_door::{Audit, Body, Call, Handler, Method, Operation, Outside, Reply};
use banyan_package::model::FieldKind;
use banyan_store::jobs::NewJob;
use banyan_store::{Blobs, blobs};
use serde_json::{Value as Json, json};

use super::run::{self, JOB, Mode, Run};
use super::sealed;
use crate::openapi::listing;
use crate::operations::on;
use crate::{Registry, export};

const UPLOAD_LIMIT: u64 = 64 << 20;
/// The same, sealed: twice base64.
const SEALED_LIMIT: u64 = 128 << 20;
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const RUN: &str = "/v1/imports/{id}";

/// The rows of imports.
pub fn operations(registry: &Arc<Registry>, blobs: &Blobs) -> Vec<Operation> {
    let (starting, kept) = (Arc::clone(registry), blobs.clone());
    let template = Arc::clone(registry);
    let inside = |f: fn(&Registry, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let registry = Arc::clone(registry);
        Handler::inside(move |call| f(&registry, call))
    };
    let faulty = Arc::clone(registry);
    vec![
        Operation {
            query: &[
                ("dry_run", "true 则只检查,不写入"),
                ("mode", "create 只新增;upsert 按主键新增或更新"),
            ],
            output: schema,
            uploads: &["text/csv", XLSX, "application/octet-stream"],
            body_limit: UPLOAD_LIMIT,
            idempotent: true,
            ..Operation::write(
                "import.start",
                "导入记录",
                Method::Post,
                "/v1/records/{package}/{type}/imports",
                Handler::outside(move |call| start(&starting, &kept, call)),
            )
            .on(on!("import"))
        },
        Operation {
            audit: Audit::None,
            output: || listing(schema()),
            ..Operation::read(
                "import.list",
                "列出我的导入",
                "/v1/imports",
                Handler::inside(list),
            )
        },
        Operation {
            audit: Audit::None,
            output: schema,
            ..Operation::read("import.view", "查看导入进度", RUN, inside(view))
        },
        Operation {
            output: schema,
            ..Operation::write(
                "import.cancel",
                "停止导入",
                Method::Post,
                "/v1/imports/{id}/cancel",
                inside(cancel),
            )
        },
        Operation {
            query: &[("format", "csv 或 xlsx")],
            ..Operation::read(
                "import.errors",
                "下载有错的行",
                "/v1/imports/{id}/errors",
                Handler::outside(move |call| errors(&faulty, call)),
            )
        },
        Operation {
            query: &[("format", "csv 或 xlsx")],
            audit: Audit::None,
            ..Operation::read(
                "import.template",
                "下载导入模板",
                "/v1/records/{package}/{type}/template",
                Handler::outside(move |call| self::template(&template, call)),
            )
            .on(on!("import"))
        },
    ]
}

/// A run as it is shown.
fn schema() -> Json {
    let count = |about: &str| json!({ "type": "integer", "minimum": 0, "description": about });
    let text = || json!({ "type": ["string", "null"] });
    let error = json!({
        "type": "object",
        "properties": { "line": { "type": "integer" }, "column": { "type": "string" }, "message": { "type": "string" } },
    });
    json!({
        "type": "object", "required": ["id", "state"],
        "properties": {
            "id": { "type": "string" }, "state": { "type": "string" }, "file_name": { "type": "string" },
            "dry_run": { "type": "boolean" }, "mode": { "type": "string", "enum": ["create", "upsert"] },
            "total": count("行数"), "done": count("已处理"), "created": count("新增"), "updated": count("更新"),
            "failed": count("有错"), "message": text(), "ended_at": text(),
            "first_errors": { "type": "array", "items": error },
        },
    })
}

fn start(registry: &Arc<Registry>, store: &Blobs, call: &Outside<'_>) -> Result<Reply, Problem> {
    let kind = format!(
        "{}.{}",
        call.input.path_value("package")?,
        call.input.path_value("type")?
    );
    let info = call.db.read(|tx| registry.catalog(tx)?.find(&kind))?;
    let (id, vault) = (call.cx.id().into_string(), registry.vault());
    let Body::Upload(upload) = &call.input.body else {
        return Err(Problem::new(
            codes::UNSUPPORTED_MEDIA,
            "请求体应为 CSV 或 XLSX 文件(Content-Type: text/csv 或 XLSX 的类型)。",
        ));
    };
    let mode = match call.input.query_value("mode").unwrap_or("create") {
        "create" => Mode::Create,
        "upsert" => Mode::Upsert,
        other => {
            return Err(Problem::new(
                codes::BAD_REQUEST,
                format!("mode 应为 create 或 upsert,而不是“{other}”。"),
            ));
        }
    };
    let mut content = upload.open().map_err(Problem::internal)?;
    // What a file holds of persons is kept as its type keeps it.
    let sealed = info.sealed().next().is_some();
    let blob = match sealed {
        true => store.put(
            call.cx,
            &mut sealed::seal_file(&vault, &id, &mut content)?,
            SEALED_LIMIT,
        )?,
        false => store.put(call.cx, &mut content, UPLOAD_LIMIT)?,
    };
    let blob = blob.ok_or_else(|| Problem::new(codes::TOO_LARGE, "文件超过 64 MiB,请分成几个文件导入。"))?;
    let run = Run {
        id,
        kind,
        file_name: upload.file_name.clone().unwrap_or_else(|| "导入".into()),
        blob: blob.hash.clone(),
        sealed,
        dry_run: call.input.query_flag("dry_run"),
        mode,
        state: "queued".into(),
        header: Vec::new(),
        total: 0,
        done: 0,
        created: 0,
        updated: 0,
        failed: 0,
        message: None,
        created_at: timestamp_text(call.cx.now),
        created_by: call.cx.actor.id.clone(),
        ended_at: None,
    };
    let location = format!("/v1/imports/{}", run.id);
    let (cx, door, input) = (call.cx.clone(), call.door.clone(), call.input.clone());
    let obligations = Arc::clone(call.obligations);
    call.db.write::<_, Problem>(move |tx| {
        door.once(&cx, tx, "import.start", &input, |tx| {
            blobs::register(tx, &cx, &blob)?;
            run::insert(tx, &run)?;
            let payload =
                json!({ "run": run.id, "actor": cx.actor, "purpose": cx.purpose, "obligations": *obligations });
            tx.enqueue(&cx, &NewJob::now(&cx, JOB, payload))?;
            Reply::accepted(location, run::shown(tx, &vault, &run)?)
        })
    })
}

/// A run is seen by who started it and by administrators; for others it isn't there.
fn own(call: &mut Call<'_, '_>) -> Result<Run, Problem> {
    let id = call.input.path_value("id")?;
    run::find(call.tx, id)?
        .filter(|run| run.created_by == call.cx.actor.id || call.cx.actor.is_admin())
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有编号为 {id} 的导入。")))
}

fn list(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    Reply::json(json!({ "items": run::recent(call.tx, &call.cx.actor.id)?, "next": null }))
}

fn view(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let run = own(call)?;
    Reply::json(run::shown(call.tx, &registry.vault(), &run)?)
}

fn cancel(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let run = own(call)?;
    call.tx.execute(
        "UPDATE import_run SET state = 'cancelled', ended_at = ?2 WHERE id = ?1 AND state IN ('queued', 'running')",
        &[run.id.as_str().into(), call.cx.now_text().into()],
    )?;
    let run = own(call)?;
    Reply::json(run::shown(call.tx, &registry.vault(), &run)?)
}

/// The faulty rows as they were sent, with two more columns that say what is wrong: corrected, the file can be imported.
fn errors(registry: &Registry, call: &Outside<'_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let run = call
        .db
        .read(|tx| run::find(tx, &id))?
        .filter(|run| run.created_by == call.cx.actor.id || call.cx.actor.is_admin())
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有编号为 {id} 的导入。")))?;
    let mut header: Vec<String> = run.header.clone();
    let width = header.len();
    header.extend(["错误列".to_owned(), "错误原因".to_owned()]);
    let (db, vault) = (call.db.clone(), registry.vault());
    table(call, "errors", header, move |put| {
        let mut after = -1;
        loop {
            let rows = db.read(|tx| run::faulty(tx, &vault, &id, after, 500))?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.line;
            for row in rows {
                let mut cells = row.cells;
                cells.resize(width, String::new());
                let columns: Vec<&str> = row.errors.iter().map(|(column, _)| column.as_str()).collect();
                let reasons: Vec<&str> = row.errors.iter().map(|(_, reason)| reason.as_str()).collect();
                cells.push(columns.join(";"));
                cells.push(reasons.join(";"));
                put(&cells)?;
            }
        }
    })
}

fn template(registry: &Arc<Registry>, call: &Outside<'_>) -> Result<Reply, Problem> {
    let kind = format!(
        "{}.{}",
        call.input.path_value("package")?,
        call.input.path_value("type")?
    );
    let info = call.db.read(|tx| registry.catalog(tx)?.find(&kind))?;
    let header = info
        .columns
        .iter()
        .filter(|column| !matches!(column.field.kind, FieldKind::Computed { .. }))
        .map(|column| column.field.title.zh.clone())
        .collect();
    table(call, &info.short.clone(), header, |_| Ok(()))
}

/// A table as CSV or XLSX, by what the address asks for.
fn table(
    call: &Outside<'_>,
    name: &str,
    header: Vec<String>,
    rows: impl FnOnce(&mut export::PutRow<'_>) -> Result<(), Problem> + Send + 'static,
) -> Result<Reply, Problem> {
    let format = call.input.query_value("format").unwrap_or("csv");
    let disposition = format!("attachment; filename=\"{name}.{format}\"");
    let mut rows = Some(rows);
    let mut once = move |put: &mut export::PutRow<'_>| rows.take().map_or(Ok(()), |rows| rows(put));
    let reply = match format {
        "csv" => Reply::stream(
            "text/csv; charset=utf-8",
            Box::new(move |out| export::csv_table(&header, out, &mut once)),
        ),
        "xlsx" => Reply::stream(
            XLSX,
            Box::new(move |out| export::sheet("数据", &header, out, &mut once)),
        ),
        other => {
            return Err(Problem::new(
                codes::NOT_ACCEPTABLE,
                format!("不支持 {other};可用 csv、xlsx。"),
            ));
        }
    };
    Ok(reply.with_header("Content-Disposition", disposition))
}
