//! What the platform gives the engine: decisions, forms, the calendar, people's names.

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Ctx, Problem};
use banyan_door::Door;
use banyan_store::Tx;
use jiff::civil::Date;
use serde_json::{Map, Value as Json};

use crate::engine::Performed;

/// Evaluates a decision, `<package>.<model>#<decision>`, over an input.
pub type Decide =
    Box<dyn Fn(&Ctx, &mut Tx<'_>, &str, &Map<String, Json>) -> Result<Json, Problem> + Send + Sync>;
/// The last of so many working days after a day.
pub type WorkingDay = Box<dyn Fn(&mut Tx<'_>, Date, i64) -> Result<Date, Problem> + Send + Sync>;
/// Names of accounts by id.
pub type Names =
    Box<dyn Fn(&mut Tx<'_>, &BTreeSet<String>) -> Result<BTreeMap<String, String>, Problem> + Send + Sync>;

/// Whether a package holds personal data.
pub type Personal = Box<dyn Fn(&mut Tx<'_>, &str) -> Result<bool, Problem> + Send + Sync>;
/// The account of the colleague that an account id or a login means; none where there is no such colleague.
pub type Colleague = Box<dyn Fn(&mut Tx<'_>, &str) -> Result<Option<String>, Problem> + Send + Sync>;

/// The data of a form, and where each value came from.
pub type Prefilled = (Map<String, Json>, Map<String, Json>);

/// The forms of tasks.
pub trait Forms: Send + Sync {
    /// The form-js schema of a form, `<package>.<form>`; none where there is no such form.
    ///
    /// # Errors
    /// Where it can't be read.
    fn schema(&self, tx: &mut Tx<'_>, form: &str) -> Result<Option<Json>, Problem>;

    /// The data a form is shown with: what the instance gives, and what the form takes from records, read through the door
    /// by whoever fills it in; with where each value came from, by its path.
    ///
    /// # Errors
    /// Where the form's expressions can't be evaluated.
    fn prefilled(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        door: &Door,
        form: &str,
        data: Map<String, Json>,
    ) -> Result<Prefilled, Problem>;

    /// What of submitted values is kept, after every rule of the form was checked.
    ///
    /// # Errors
    /// `INVALID`, with a pointer into the values for each field that is wrong.
    fn check(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        form: &str,
        values: &Map<String, Json>,
        data: &Map<String, Json>,
    ) -> Result<Map<String, Json>, Problem>;
}

/// Another language than FEEL, for scripts and expressions of models made elsewhere.
pub trait Language: Send + Sync {
    /// Runs a script; none: it is not of this language.
    fn script(&self, format: &str, script: &str, variables: &Map<String, Json>) -> Option<Performed>;

    /// Evaluates an expression; none: it is FEEL.
    fn expression(&self, text: &str, variables: &Map<String, Json>) -> Option<Result<Json, String>>;
}

/// What is not given is refused where a process asks for it.
#[derive(Default)]
pub struct Ports {
    pub language: Option<Box<dyn Language>>,
    pub decide: Option<Decide>,
    pub forms: Option<Box<dyn Forms>>,
    pub working_day: Option<WorkingDay>,
    pub names: Option<Names>,
    pub personal: Option<Personal>,
    pub colleague: Option<Colleague>,
}
