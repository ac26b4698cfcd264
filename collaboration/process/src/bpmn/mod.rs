//! BPMN 2.0 models as files.

pub mod model;
