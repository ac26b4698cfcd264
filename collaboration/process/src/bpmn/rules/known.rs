//! What a model names beyond its file, as far as the caller knows it.

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An operation of the door, `noun.verb`.
    Operation,
    /// A decision, `package.model#decision`.
    Decision,
    /// A form, `package.form`, or of the own package.
    Form,
    /// A role, `package.role`, or of the own package.
    Role,
    /// A process that is called, `package.process`.
    Process,
    /// A script format that the host executes besides FEEL.
    Script,
}

/// Whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    Here,
    /// Not there; the nearest name that is, where one is near.
    Missing(Option<String>),
    /// The caller can't tell: it is let pass.
    Unknown,
}

/// The surroundings of a model: the package it is in, what is installed.
pub trait Known {
    fn look_up(&self, kind: Kind, name: &str) -> Presence;
}

/// No surroundings: whatever is named may be there. Of scripts, FEEL alone.
pub struct Anything;

impl Known for Anything {
    fn look_up(&self, kind: Kind, _name: &str) -> Presence {
        match kind {
            Kind::Script => Presence::Missing(None),
            _ => Presence::Unknown,
        }
    }
}

impl Kind {
    /// In Chinese and English, for messages.
    pub(crate) fn title(self) -> (&'static str, &'static str) {
        match self {
            Kind::Operation => ("操作", "operation"),
            Kind::Decision => ("决策", "decision"),
            Kind::Form => ("表单", "form"),
            Kind::Role => ("角色", "role"),
            Kind::Process => ("流程", "process"),
            Kind::Script => ("脚本格式", "script format"),
        }
    }
}
