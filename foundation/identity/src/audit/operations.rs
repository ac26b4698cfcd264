//! The log over HTTP, as a C2SP tlog-tiles client reads it, and its proofs as JSON.
//!
//! Checkpoint and hashes are open to everybody: they tell nothing of what the entries say. Entries are for auditors.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Body, Handler, Input, Method, Operation, Outside, Reply};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::entry::AuditTrail;
use super::hash::Hash;
use super::log::Log;
use super::note::Checkpoint;
use super::tiles::{Column, Tile};
use super::witness::Refused;
use super::witnesses::most_cosigned;

const TEXT: &str = "text/plain; charset=utf-8";

fn sealed(log: &Log) -> Result<(String, Checkpoint), Problem> {
    let note = log.checkpoint().map_err(Problem::internal)?;
    let note = note.ok_or_else(|| Problem::new(codes::NOT_FOUND, "审计日志还没有检查点。"))?;
    let checkpoint = log
        .verifier()
        .open(&note)
        .ok_or_else(|| Problem::internal("the checkpoint is not signed by this log's key"))?;
    Ok((note, checkpoint))
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

fn number(input: &Input, name: &str, default: Option<u64>) -> Result<u64, Problem> {
    let missing = || Problem::new(codes::BAD_REQUEST, format!("缺少查询参数 {name}。"));
    input.query_parsed(name)?.or(default).ok_or_else(missing)
}

fn out_of_range(size: u64) -> Problem {
    Problem::new(
        codes::BAD_REQUEST,
        format!("序号或大小超出范围:已签名的条目有 {size} 条。"),
    )
}

fn tile(log: &Log, call: &Outside<'_>, column: fn(&Column) -> bool) -> Result<Reply, Problem> {
    let nothing = || Problem::new(codes::NOT_FOUND, "没有这个文件。");
    let path = format!("tile/{}", call.input.path_value("path")?);
    let tile = Tile::parse(&path)
        .filter(|tile| column(&tile.column))
        .ok_or_else(nothing)?;
    // Nothing beyond the signed tree is shown.
    let (_, checkpoint) = sealed(log)?;
    let places = match tile.column {
        Column::Entries => checkpoint.size,
        Column::Level(level) => checkpoint.size >> (8 * u32::from(level)),
    };
    let end = tile
        .number
        .checked_mul(super::TILE)
        .and_then(|begin| begin.checked_add(tile.width));
    if end.is_none_or(|end| end > places) {
        return Err(nothing());
    }
    match std::fs::read(log.reader().folder.join(tile.path())) {
        Ok(data) => Ok(Reply::bytes("application/octet-stream", data)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(nothing()),
        Err(error) => Err(Problem::internal(error)),
    }
}

/// Longest request to a witness: a checkpoint with some signatures, and 63 hashes.
const LONGEST_REQUEST: u64 = 64 << 10;

/// `add-checkpoint` of C2SP tlog-witness.
fn add_checkpoint(trail: &AuditTrail, call: &Outside<'_>) -> Result<Reply, Problem> {
    let malformed = || {
        Problem::new(
            codes::BAD_REQUEST,
            "请求体应为 C2SP tlog-witness 的 add-checkpoint 文本。",
        )
    };
    let unknown = || Problem::new(codes::NOT_FOUND, "本平台不见证这个日志。");
    let witness = trail.witness().ok_or_else(unknown)?;
    let Body::Upload(sent) = &call.input.body else {
        return Err(malformed());
    };
    let sent = sent.read_all().map_err(Problem::internal)?;
    let body = String::from_utf8(sent).map_err(|_| malformed())?;
    let time = u64::try_from(call.cx.world.outside_now().as_second()).map_err(Problem::internal)?;
    match witness.add(&body, time) {
        Ok(line) => Ok(Reply::bytes(TEXT, line.into_bytes())),
        Err(Refused::Malformed(what)) => {
            let text = format!("请求体不合 C2SP tlog-witness 的格式:{what}。");
            Err(Problem::new(codes::BAD_REQUEST, text))
        }
        Err(Refused::Unknown) => Err(unknown()),
        Err(Refused::Unsigned) => Err(Problem::new(codes::FORBIDDEN, "检查点没有这个日志的签名。")),
        Err(Refused::Conflict(size)) => {
            let mut reply = Reply::bytes("text/x.tlog.size", format!("{size}\n").into_bytes());
            reply.status = 409;
            Ok(reply)
        }
        Err(Refused::Inconsistent) => {
            tracing::error!("a witnessed log sent a checkpoint that does not extend the one cosigned last");
            Err(Problem::new(
                codes::INVALID,
                "一致性证明不成立:日志被回退、改写或分叉。",
            ))
        }
        Err(Refused::Io(error)) => Err(Problem::internal(error)),
    }
}

/// The rows of witnessing: this platform's witness, and what others cosigned of its own log.
fn witness_operations(trail: &Arc<AuditTrail>) -> Vec<Operation> {
    let handler = |f: fn(&AuditTrail, &Outside<'_>) -> Result<Reply, Problem>| {
        let trail = Arc::clone(trail);
        Handler::outside(move |call| f(&trail, call))
    };
    let open = |row: Operation| Operation {
        audit: Audit::None,
        open: true,
        ..row
    };
    vec![
        open(Operation {
            about: "C2SP tlog-witness:检查点若从上次联署的长出来,就联署;不需要登录,以日志自己的签名为准。",
            uploads: &["*/*"],
            body_limit: LONGEST_REQUEST,
            ..Operation::write(
                "audit.witness",
                "联署其他平台的检查点",
                Method::Post,
                "/audit/witness/add-checkpoint",
                handler(add_checkpoint),
            )
        }),
        open(Operation::read(
            "audit.witness_key",
            "联署的验签公钥",
            "/audit/witness/key",
            handler(|trail, _| {
                let unknown = || Problem::new(codes::NOT_FOUND, "本平台不见证其他日志。");
                let key = trail.witness().ok_or_else(unknown)?.key();
                Ok(Reply::bytes(TEXT, format!("{}\n", key.vkey()).into_bytes()))
            }),
        )),
        open(Operation {
            about: "最多见证人联署过的检查点;日志现在的检查点从它长出来。",
            ..Operation::read(
                "audit.cosigned",
                "其他平台联署过的检查点",
                "/audit/cosigned",
                handler(|trail, _| {
                    let log = trail.log();
                    let found = most_cosigned(&log.reader().folder, log.verifier(), trail.witnesses());
                    let nothing = || Problem::new(codes::NOT_FOUND, "还没有检查点得到联署。");
                    let note = found.map_err(Problem::internal)?.ok_or_else(nothing)?;
                    Ok(Reply::bytes(TEXT, note.into_bytes()))
                }),
            )
        }),
    ]
}

/// All rows of the audit log.
pub fn operations(trail: &Arc<AuditTrail>) -> Vec<Operation> {
    let mut all = witness_operations(trail);
    all.extend(log_operations(trail.log()));
    all
}

fn log_operations(log: &Log) -> Vec<Operation> {
    let handler = |f: fn(&Log, &Outside<'_>) -> Result<Reply, Problem>| {
        let log = log.clone();
        Handler::outside(move |call| f(&log, call))
    };
    let open = |row: Operation| Operation {
        audit: Audit::None,
        open: true,
        ..row
    };
    vec![
        open(Operation::read(
            "audit.checkpoint",
            "审计日志的检查点",
            "/audit/checkpoint",
            handler(|log, _| Ok(Reply::bytes(TEXT, sealed(log)?.0.into_bytes()))),
        )),
        open(Operation::read(
            "audit.key",
            "审计日志的验签公钥",
            "/audit/key",
            handler(|log, _| {
                Ok(Reply::bytes(
                    TEXT,
                    format!("{}\n", log.verifier().vkey()).into_bytes(),
                ))
            }),
        )),
        open(Operation::read(
            "audit.tile",
            "审计日志的哈希瓦片",
            "/audit/tile/{*path}",
            handler(|log, call| tile(log, call, |column| matches!(column, Column::Level(_)))),
        )),
        Operation::read(
            "audit.entries",
            "审计日志的条目",
            "/audit/entries/{*path}",
            handler(|log, call| {
                let path = format!("entries/{}", call.input.path_value("path")?);
                let input = call.input.clone().with_path("path", path);
                let call = Outside {
                    input: &input,
                    ..*call
                };
                tile(log, &call, |column| *column == Column::Entries)
            }),
        ),
        open(Operation {
            query: &[
                ("index", "条目序号,从 0 起"),
                ("size", "树的大小;缺省为检查点的大小"),
            ],
            ..Operation::read(
                "audit.inclusion",
                "条目在日志里的证明",
                "/v1/audit/inclusion",
                handler(|log, call| {
                    let (note, checkpoint) = sealed(log)?;
                    let size = number(call.input, "size", Some(checkpoint.size))?;
                    let index = number(call.input, "index", None)?;
                    if size > checkpoint.size || index >= size {
                        return Err(out_of_range(checkpoint.size));
                    }
                    let path = log
                        .reader()
                        .inclusion(index, size, checkpoint.size)
                        .map_err(Problem::internal)?;
                    Reply::json(
                        json!({ "index": index, "size": size, "path": texts(&path), "checkpoint": note }),
                    )
                }),
            )
        }),
        open(Operation {
            query: &[("from", "先前的大小"), ("to", "后来的大小;缺省为检查点的大小")],
            ..Operation::read(
                "audit.consistency",
                "日志只增不改的证明",
                "/v1/audit/consistency",
                handler(|log, call| {
                    let (note, checkpoint) = sealed(log)?;
                    let to = number(call.input, "to", Some(checkpoint.size))?;
                    let from = number(call.input, "from", None)?;
                    if to > checkpoint.size || from > to {
                        return Err(out_of_range(checkpoint.size));
                    }
                    let proof = log
                        .reader()
                        .consistency(from, to, checkpoint.size)
                        .map_err(Problem::internal)?;
                    Reply::json(json!({ "from": from, "to": to, "proof": texts(&proof), "checkpoint": note }))
                }),
            )
        }),
    ]
}
