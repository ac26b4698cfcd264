use banyan_base::{Problem, codes};

use crate::engine::Refused;

/// What the engine refuses. Each says what was being done to what.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no process {0}")]
    NoProcess(String),
    #[error("there is no process instance {0}")]
    NoInstance(String),
    #[error("there is no task {0}")]
    NoTask(String),
    #[error("instance {instance}: {refused}")]
    Refused { instance: String, refused: Refused },
    #[error("process {process}: {what}")]
    Definition { process: String, what: String },
    #[error("{table} of {row} can't be read: {cause}")]
    Inconsistent {
        table: &'static str,
        row: String,
        cause: String,
    },
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match &error {
            Error::NoProcess(id) => Problem::new(codes::NOT_FOUND, format!("没有流程“{id}”。")),
            Error::NoInstance(_) => Problem::new(codes::NOT_FOUND, "没有这个流程实例。"),
            Error::NoTask(_) => Problem::new(codes::NOT_FOUND, "没有这项任务,或者它不归您办理。"),
            Error::Refused { refused, .. } => {
                let detail = match refused {
                    Refused::Ended => "流程实例已经结束。".to_owned(),
                    Refused::NoToken(_) => "流程已经往前走了,这一步不再等待办理。请刷新后再看。".to_owned(),
                    Refused::NoElement(element) => {
                        format!("不能从元素“{element}”开始:没有它,或它所在的子流程没有在运行。")
                    }
                    Refused::NoStart(why) => format!("流程不能这样启动:{why}。"),
                };
                Problem::new(codes::TRANSITION_REFUSED, detail)
            }
            Error::Definition { process, what } => {
                Problem::new(codes::PACKAGE_REFUSED, format!("流程“{process}”:{what}"))
            }
            Error::Inconsistent { .. } => Problem::internal(&error),
        }
    }
}
