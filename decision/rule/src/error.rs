//! What is refused, in the reader's words.

use banyan_base::{FieldError, Problem, codes};
use serde_json::json;

use crate::explain::Undecided;
use crate::guard::Refusal;
use crate::worker::Stopped;

/// The refusals of this crate. Each becomes a [`Problem`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no decision model {0}")]
    NoModel(String),
    #[error("{model} has no decision {decision}")]
    NoDecision { model: String, decision: String },
    #[error("{0} has more than one decision that could be meant")]
    WhichDecision(String),
    #[error("{model} has no version in force on {day}")]
    NotInForce { model: String, day: String },
    #[error("there is no evaluation {0}")]
    NoEvaluation(String),
    #[error("the model is refused")]
    Refused(Vec<Refusal>),
    #[error("the input does not fit")]
    Input(Vec<FieldError>),
    #[error("{0}")]
    TooLarge(String),
    #[error("only some roles may ask {0}")]
    Role(String),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<Undecided> for Error {
    fn from(error: Undecided) -> Error {
        match error {
            Undecided::NoDecision(decision) => Error::NoDecision {
                model: String::new(),
                decision,
            },
            Undecided::TooLarge(text) => Error::TooLarge(text),
            Undecided::Stopped(stopped) => Error::Stopped(stopped),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match error {
            Error::NoModel(name) => Problem::new(codes::NOT_FOUND, format!("没有名为 {name} 的决策模型。")),
            Error::NoDecision { model, decision } if model.is_empty() => {
                Problem::new(codes::NOT_FOUND, format!("模型中没有名为“{decision}”的决策。"))
            }
            Error::NoDecision { model, decision } => Problem::new(
                codes::NOT_FOUND,
                format!("决策模型 {model} 中没有名为“{decision}”的决策。"),
            ),
            Error::WhichDecision(model) => Problem::new(
                codes::INVALID,
                format!("决策模型 {model} 有几个决策,请用 decision 写明要哪一个。"),
            ),
            Error::NotInForce { model, day } => Problem::new(
                codes::CONFLICT,
                format!("决策模型 {model} 在 {day} 没有生效的版本。"),
            ),
            Error::NoEvaluation(id) => {
                Problem::new(codes::NOT_FOUND, format!("没有编号为 {id} 的评估记录。"))
            }
            Error::Refused(refusals) => {
                let count = refusals.len();
                Problem::new(
                    codes::INVALID,
                    format!("决策模型有 {count} 处不能接受,没有运行。"),
                )
                .with(
                    "findings",
                    json!(refusals.iter().map(crate::check::refused).collect::<Vec<_>>()),
                )
            }
            Error::Input(errors) => {
                let mut problem =
                    Problem::new(codes::INVALID, format!("输入有 {} 处不符合要求。", errors.len()));
                problem.errors = errors;
                problem
            }
            Error::TooLarge(text) => Problem::new(codes::TOO_LARGE, text),
            Error::Role(model) => Problem::new(
                codes::FORBIDDEN,
                format!("决策模型 {model} 只供指定的角色使用;需要的话请联系管理员授予角色。"),
            ),
            Error::Stopped(Stopped::Late(time)) => Problem::new(
                codes::TIMEOUT,
                format!(
                    "决策在 {} 秒内没有算完,已经放弃。请减少输入,或简化其中的循环。",
                    time.as_secs()
                ),
            ),
            Error::Stopped(Stopped::Busy) => Problem::new(
                codes::BUSY,
                "有决策一直没有算完,暂时不再接受新的计算。请稍后再试。",
            ),
            Error::Stopped(Stopped::Failed(cause)) => {
                let mut problem = Problem::new(
                    codes::INVALID,
                    "决策引擎无法计算这个模型,已记录。请检查其中的表达式。",
                );
                problem.internal = Some(cause);
                problem
            }
        }
    }
}
