//! The engine over both databases.
