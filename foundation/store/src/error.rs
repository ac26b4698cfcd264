use banyan_base::{Problem, codes};

/// What can go wrong between us and the database. Each says what was being done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database can't be reached while {doing}: {cause}")]
    Unavailable { doing: String, cause: String },
    #[error("the database is busy while {doing}")]
    Busy { doing: String },
    /// A unique key would be broken. `columns` are `table.column` on SQLite and the columns of the key on PostgreSQL.
    #[error("a unique key is broken: {constraint}")]
    Unique {
        constraint: String,
        columns: Vec<String>,
    },
    #[error("a foreign key is broken: {0}")]
    ForeignKey(String),
    /// What is stored is not what the code expects: a mistake of ours or of whoever edited the database.
    #[error("{table}.{column} of row {row} is inconsistent")]
    Inconsistent {
        table: String,
        column: String,
        row: String,
    },
    #[error("migration {set} {number}: {what}")]
    Migration { set: String, number: u32, what: String },
    #[error("{doing}: {cause}")]
    Database { doing: String, cause: String },
    #[error("a write panicked: {0}")]
    Panicked(String),
    #[error("storing a file: {0}")]
    File(#[from] std::io::Error),
    #[error("the database is closed")]
    Closed,
}

impl Error {
    pub(crate) fn database(doing: &str, cause: impl std::fmt::Display) -> Error {
        Error::Database {
            doing: doing.to_owned(),
            cause: cause.to_string(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match &error {
            Error::Busy { .. } | Error::Unavailable { .. } | Error::Closed => {
                let mut problem = Problem::new(
                    codes::BUSY,
                    "数据库暂时繁忙或无法连接,什么也没有改动。请稍后重试。",
                );
                problem.internal = Some(error.to_string());
                problem
            }
            Error::Unique { constraint, .. } => {
                Problem::new(codes::CONFLICT, format!("与已有数据重复({constraint})。"))
            }
            Error::ForeignKey(_) => Problem::new(codes::CONFLICT, "所引用的数据不存在,或仍被别的数据引用。"),
            _ => Problem::internal(&error),
        }
    }
}
