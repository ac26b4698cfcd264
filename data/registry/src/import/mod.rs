//! Tables as people send them: read row by row (`table`, `encoding`), put in by runs (`run`), kept meanwhile (`sealed`), offered by the door
//! (`operations`).

pub mod encoding;
pub mod operations;
pub mod run;
pub(crate) mod sealed;
pub mod table;
