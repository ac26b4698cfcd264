//! The package language: parse → check → diff → plan. Pure.

pub mod model;
