//! What the registry refuses, in the reader's words.

use banyan_base::{FieldError, Problem, codes};

/// The refusals of this crate. Each becomes a [`Problem`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no type {0}")]
    NoType(String),
    #[error("there is no record {id} of {kind}")]
    NoRecord { kind: String, id: String },
    #[error("{0} fields are wrong")]
    Invalid(usize, Vec<FieldError>),
    #[error("the record is at version {current}, not {given}")]
    Version { current: i64, given: String },
    #[error("If-Match is missing")]
    NoVersion,
    #[error("the transition is refused: {0}")]
    Transition(String),
    #[error("still in use: {0}")]
    InUse(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match error {
            Error::NoType(name) => Problem::new(codes::NOT_FOUND, format!("没有名为 {name} 的记录类型。")),
            Error::NoRecord { kind, id } => {
                Problem::new(codes::NOT_FOUND, format!("{kind} 里没有编号为 {id} 的记录。"))
            }
            Error::Invalid(count, errors) => {
                let mut problem = Problem::new(
                    codes::INVALID,
                    format!("有 {count} 处不符合要求,什么也没有保存。"),
                );
                problem.errors = errors;
                problem
            }
            Error::Version { current, given } => Problem::new(
                codes::PRECONDITION_FAILED,
                format!("这条记录已被他人修改(现为第 {current} 版,您看到的是 {given})。请刷新后重做。"),
            )
            .with("current_version", current),
            Error::NoVersion => Problem::new(
                codes::PRECONDITION_REQUIRED,
                "修改须带 If-Match,内容为读到的 ETag,以免覆盖他人的修改。",
            ),
            Error::Transition(text) => Problem::new(codes::TRANSITION_REFUSED, text),
            Error::InUse(text) => Problem::new(codes::IN_USE, text),
        }
    }
}
