//! The log over HTTP, as a C2SP tlog-tiles client reads it, and its proofs as JSON.
//!
//! Checkpoint and hashes are open to everybody: they tell nothing of what the entries say. Entries are for auditors.

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Handler, Input, Operation, Outside, Reply};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::hash::Hash;
use super::log::Log;
use super::note::Checkpoint;
use super::tiles::{Column, Tile};

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

/// All rows of the audit log.
pub fn operations(log: &Log) -> Vec<Operation> {
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
