//! Processes: BPMN 2.0 models are read, checked, and executed over the store (plan clauses 1.2 and 1.3).
//!
//! Invariants
//! - What is deployed is executed as the standard says; anything else is refused at deployment with a rule.
//! - Must not know: what a process is about, what an operation that it calls does, the registry.
//!
//! Map
//! - `bpmn`: the standard's models: `model` (what is executed), reading, writing, deployment rules.

pub mod bpmn;
pub mod engine;
