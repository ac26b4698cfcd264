//! Which fields are kept as sealed texts, and under which purpose.

use crate::model::{ComputedType, Field, FieldKind, Grade, Package, Purpose, RecordType};

impl Field {
    /// Whether it can be kept as a sealed text, and is unless it says otherwise: personal, important, stored as text.
    pub(crate) fn can_be_sealed(&self) -> bool {
        let text = match &self.kind {
            FieldKind::Text { .. }
            | FieldKind::PersonNumber
            | FieldKind::CreditCode
            | FieldKind::Phone
            | FieldKind::Date { .. }
            | FieldKind::DateTime
            | FieldKind::Json => true,
            FieldKind::Computed { result, .. } => {
                matches!(
                    result,
                    ComputedType::Text | ComputedType::Date | ComputedType::DateTime
                )
            }
            _ => false,
        };
        text && self.personal && self.grade >= Grade::Important
    }
}

impl RecordType {
    /// Whether a field is kept as a sealed text. The subject is not: by it the key is found.
    pub fn is_sealed(&self, name: &str) -> bool {
        let sealed = |field: &Field| field.sealed == Some(true) && field.can_be_sealed();
        self.subject.as_deref() != Some(name) && self.field(name).is_some_and(sealed)
    }
}

impl Package {
    /// Under which purpose's keys a personal field of a type stands: the first that lists it.
    pub fn purpose_of(&self, of: &str, field: &str) -> Option<&str> {
        let lists = |purpose: &Purpose| {
            let fields = purpose.fields.get(of).or_else(|| {
                let qualified = format!("{}.{of}", self.id);
                purpose.fields.get(&qualified)
            });
            fields.is_some_and(|fields| fields.iter().any(|name| name == field))
        };
        let mut purposes = self.purposes.iter();
        purposes
            .find(|(_, purpose)| lists(purpose))
            .map(|(name, _)| name.as_str())
    }
}
