mod chance;
mod differences;
mod parsing;
mod patterns;
mod peer;
mod schemas;
mod validating;

use std::sync::Arc;

use banyan_base::{Ctx, ManualClock, World};
use serde_json::{Map, Value as Json, json};

use crate::{Form, parse};

/// It is 01:00 of 2 March 2022 here.
pub(crate) fn cx() -> Ctx {
    let clock = ManualClock::new("2022-03-01T17:00:00Z".parse().unwrap());
    World::new(Arc::new(clock), 1).system_ctx()
}

pub(crate) fn object(json: Json) -> Map<String, Json> {
    json.as_object().cloned().unwrap()
}

pub(crate) fn schema(components: Json) -> String {
    let form = json!({ "type": "default", "id": "f", "schemaVersion": 19, "components": components });
    serde_json::to_string_pretty(&form).unwrap()
}

/// A form that has no errors.
pub(crate) fn form(components: Json) -> Form {
    let (form, findings) = parse("forms/f.form.json", &schema(components));
    form.unwrap_or_else(|| panic!("{findings:#?}"))
}

/// What is kept, or what is wrong: `pointer code`, in order.
pub(crate) fn run(form: &Form, values: Json, given: Json) -> Result<Json, Vec<String>> {
    form.validate(&cx(), &object(values), &object(given))
        .map(Json::Object)
        .map_err(|errors| {
            errors
                .iter()
                .map(|error| format!("{} {}", error.pointer, error.code))
                .collect()
        })
}
