//! Tables as people send them, read row by row.

pub mod encoding;
pub mod table;
