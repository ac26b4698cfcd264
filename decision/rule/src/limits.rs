//! Bounds of what is read and evaluated. The engine below has none of its own.

use std::time::Duration;

/// Largest model, in bytes of its XML.
pub const MODEL_BYTES: usize = 4 << 20;
/// Deepest nesting of XML elements.
pub const XML_DEPTH: usize = 100;
/// Most XML elements of a model.
pub const XML_NODES: u32 = 400_000;
/// Longest FEEL text, in bytes.
pub const TEXT_BYTES: usize = 16_000;
/// Deepest nesting of brackets in a FEEL text.
pub const TEXT_DEPTH: usize = 60;
/// Most steps of a `for` over a range whose ends are constants.
pub const RANGE_STEPS: i64 = 10_000;
/// Most decisions that one evaluation may run, those required on several ways counted once a way: the engine keeps no results.
pub const EVALUATIONS: u64 = 10_000;
/// Longest list, and most entries of an object, of an input.
pub const LIST: usize = 10_000;
/// Deepest nesting of an input.
pub const INPUT_DEPTH: usize = 60;
/// What an input of no fixed size is taken for when it is estimated how large results grow.
pub const INPUT_GUESS: u64 = 16 << 10;
/// Largest result, as estimated.
pub const RESULT: u64 = 64 << 20;
/// Longest evaluation.
pub const TIME: Duration = Duration::from_secs(5);
/// Stack of an evaluating thread. Only what is used of it becomes memory.
pub const STACK: usize = 256 << 20;
/// Most evaluations that ran out of time and are still not at their end; from then on no other begins.
pub const RUNAWAYS: usize = 4;
