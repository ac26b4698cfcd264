use std::sync::Arc;

use banyan_base::{Ctx, Problem};
use banyan_store::{Db, Tx};
use serde_json::Value;

use crate::{Audit, Door, Input, Obligations, Reply, Touch, Touches};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Which transaction the door opens for the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A consistent snapshot.
    Read,
    Write,
    /// A write while nothing else is written: changes of the catalogue.
    Alone,
    /// None; the handler is given the database and opens its own (long work, streams).
    Outside,
}

/// What policy is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `<package>.<type>.<verb>` for records, the operation's name otherwise.
    pub action: String,
    /// `<package>.<type>`, or `platform`.
    pub resource: String,
    /// Name of the transition, where the act is one.
    pub transition: Option<String>,
}

impl Target {
    pub fn platform(action: &str) -> Target {
        Target {
            action: action.into(),
            resource: "platform".into(),
            transition: None,
        }
    }

    /// An act on records of a type, `<package>.<type>`.
    pub fn records(of: &str, verb: &str) -> Target {
        Target {
            action: format!("{of}.{verb}"),
            resource: of.to_owned(),
            transition: None,
        }
    }
}

/// A handler's view of one call inside a transaction.
pub struct Call<'a, 'tx> {
    pub cx: &'a Ctx,
    pub tx: &'a mut Tx<'tx>,
    pub input: &'a Input,
    pub operation: &'a Operation,
    pub target: &'a Target,
    /// What policy asks of whoever reads or writes data here, as of its generation: see [`Call::minds`].
    pub obligations: &'a Arc<Obligations>,
    pub door: &'a Door,
    /// Where to say whose data are shown; a stream takes a clone along.
    pub touches: &'a Touches,
}

/// A handler's view of one call that opens its own transactions.
pub struct Outside<'a> {
    pub cx: &'a Ctx,
    pub db: &'a Db,
    pub input: &'a Input,
    pub operation: &'a Operation,
    pub target: &'a Target,
    pub obligations: &'a Arc<Obligations>,
    pub door: &'a Door,
    /// Where to say whose data are shown; a stream takes a clone along.
    pub touches: &'a Touches,
}

impl Call<'_, '_> {
    /// What policy asks of this act by the catalogue of that generation: where the decision was made by another, it is made
    /// again.
    ///
    /// # Errors
    /// Where policy no longer permits the act.
    pub fn minds(&self, generation: i64) -> Result<Arc<Obligations>, Problem> {
        minds(
            self.door,
            self.cx,
            self.operation,
            self.target,
            self.obligations,
            generation,
        )
    }

    /// Says whose data the reply shows: see [`Touches::touched`].
    ///
    /// # Errors
    /// Where the audit log can't take it; the data must then not be shown.
    pub fn touched<S: AsRef<str>>(
        &self,
        touch: &Touch,
        subjects: impl IntoIterator<Item = S>,
    ) -> Result<(), Problem> {
        self.touches.touched(touch, subjects)
    }
}

impl Outside<'_> {
    /// What policy asks of this act by the catalogue of that generation: where the decision was made by another, it is made
    /// again.
    ///
    /// # Errors
    /// Where policy no longer permits the act.
    pub fn minds(&self, generation: i64) -> Result<Arc<Obligations>, Problem> {
        minds(
            self.door,
            self.cx,
            self.operation,
            self.target,
            self.obligations,
            generation,
        )
    }

    /// Says whose data the reply shows: see [`Touches::touched`].
    ///
    /// # Errors
    /// Where the audit log can't take it; the data must then not be shown.
    pub fn touched<S: AsRef<str>>(
        &self,
        touch: &Touch,
        subjects: impl IntoIterator<Item = S>,
    ) -> Result<(), Problem> {
        self.touches.touched(touch, subjects)
    }
}

fn minds(
    door: &Door,
    cx: &Ctx,
    operation: &Operation,
    target: &Target,
    known: &Arc<Obligations>,
    generation: i64,
) -> Result<Arc<Obligations>, Problem> {
    match known.generation {
        Some(of) if of != generation => door.decide(cx, operation.name, target)?.permitted(cx),
        _ => Ok(Arc::clone(known)),
    }
}

/// Does the work. Engines close over their own shared state.
#[derive(Clone)]
pub enum Handler {
    Inside(Arc<dyn Fn(&mut Call<'_, '_>) -> Result<Reply, Problem> + Send + Sync>),
    Outside(Arc<dyn Fn(&Outside<'_>) -> Result<Reply, Problem> + Send + Sync>),
}

impl Handler {
    pub fn inside(
        f: impl Fn(&mut Call<'_, '_>) -> Result<Reply, Problem> + Send + Sync + 'static,
    ) -> Handler {
        Handler::Inside(Arc::new(f))
    }

    pub fn outside(f: impl Fn(&Outside<'_>) -> Result<Reply, Problem> + Send + Sync + 'static) -> Handler {
        Handler::Outside(Arc::new(f))
    }
}

/// One row of an engine's operation table.
#[derive(Clone)]
pub struct Operation {
    /// `noun.verb`, e.g. `record.create`; also the OpenAPI operation id.
    pub name: &'static str,
    /// What it does, in Chinese; the summary in OpenAPI.
    pub title: &'static str,
    /// More, in Chinese (CommonMark); may be empty.
    pub about: &'static str,
    pub method: Method,
    /// Path with `{names}`.
    pub path: &'static str,
    pub access: Access,
    pub audit: Audit,
    /// Whether an `Idempotency-Key` is honoured.
    pub idempotent: bool,
    /// Whether the caller must say by `If-Match` which version he acts on.
    pub if_match: bool,
    /// Whether policy lets those in who have not signed in. (Policy still decides what they get.)
    pub open: bool,
    /// Largest body in bytes.
    pub body_limit: u64,
    /// Media types accepted besides JSON; `*/*` for any.
    pub uploads: &'static [&'static str],
    /// JSON Schema of the body; `Value::Null` for none.
    pub input: fn() -> Value,
    /// JSON Schema of the reply; `Value::Null` for none or not JSON.
    pub output: fn() -> Value,
    /// Query parameters: name and what it is for.
    pub query: &'static [(&'static str, &'static str)],
    pub target: fn(&Input) -> Target,
    pub handler: Handler,
}

/// Bodies of ordinary operations: 1 MiB.
pub const BODY_LIMIT: u64 = 1 << 20;

impl Operation {
    /// An operation that reads; the rest as most have it. `target` defaults to the platform and the operation's name: see [`Operation::on`].
    pub fn read(name: &'static str, title: &'static str, path: &'static str, handler: Handler) -> Operation {
        let access = if matches!(handler, Handler::Outside(_)) {
            Access::Outside
        } else {
            Access::Read
        };
        Operation {
            name,
            title,
            about: "",
            method: Method::Get,
            path,
            access,
            audit: Audit::Read,
            idempotent: false,
            if_match: false,
            open: false,
            body_limit: BODY_LIMIT,
            uploads: &[],
            input: || Value::Null,
            output: || Value::Null,
            query: &[],
            target: |_| Target::platform(""),
            handler,
        }
    }

    /// An operation that writes, once an `Idempotency-Key`.
    pub fn write(
        name: &'static str,
        title: &'static str,
        method: Method,
        path: &'static str,
        handler: Handler,
    ) -> Operation {
        let access = if matches!(handler, Handler::Outside(_)) {
            Access::Outside
        } else {
            Access::Write
        };
        let row = Operation::read(name, title, path, handler);
        Operation {
            method,
            access,
            audit: Audit::Write,
            idempotent: access == Access::Write,
            ..row
        }
    }

    /// Asks policy about what `target` says instead of the platform.
    pub fn on(self, target: fn(&Input) -> Target) -> Operation {
        Operation { target, ..self }
    }

    /// What policy is asked for this input.
    pub fn target_of(&self, input: &Input) -> Target {
        let target = (self.target)(input);
        if target.action.is_empty() {
            Target::platform(self.name)
        } else {
            target
        }
    }
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} {})", self.name, self.method.as_str(), self.path)
    }
}
