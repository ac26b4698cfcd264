//! Files of a package that are more than declarations of types: seeds, steps, and what engines read.

use serde::{Deserialize, Serialize};

use super::Ordered;

/// `seeds/NN-<type>.csv`: records that come with the package; the header names fields, keys decide which exist already.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seed {
    pub path: String,
    /// Type of this package.
    pub of: String,
    /// Blob hash of the file's bytes, hex SHA-256. The bytes travel beside the package.
    pub hash: String,
}

/// A file in the language of an engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// From the file's name, unique among those of its kind.
    pub name: String,
    pub path: String,
    pub text: String,
}

/// `steps/NNNN.toml`: how data moves when the declarations change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// From the file's name; steps above the installed number run, in order.
    pub number: u32,
    /// The overlay that the step belongs to; it counts its own steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    pub actions: Vec<StepAction>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum StepAction {
    RenameType {
        from: String,
        to: String,
    },
    RenameField {
        of: String,
        from: String,
        to: String,
    },
    /// `from` → several new fields, each by FEEL over the old record.
    Split {
        of: String,
        from: String,
        into: Ordered<String>,
    },
    /// Fill a field of existing records by FEEL; only where it is empty, unless `all`.
    Backfill {
        of: String,
        field: String,
        feel: String,
        all: bool,
    },
    /// The declared type of a field changed; each value is converted by FEEL over the old record (its old value is under its name).
    Convert {
        of: String,
        field: String,
        feel: String,
    },
    /// These may go, with what they hold (still needs `--allow-loss`).
    DropField {
        of: String,
        field: String,
    },
    DropType {
        of: String,
    },
}
