//! What is installed, ready for use: types with their tables and columns, expressions compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::Problem;
use banyan_feel::{Expression, Type, compile};
use banyan_package::model::{ComputedType, Field, FieldKind, Package, RecordType, Transition, Trigger};
use banyan_package::{field_type, record_scope, trigger_scope};
use banyan_policy::PackageRules;
use banyan_store::{Dialect, Tx};

use crate::forms::ReadyForm;
use crate::query::count::Counts;
use crate::query::walk::Walks;
use crate::seal::{self, Seal, Vault};
use crate::sight::{FLAGS, SUBJECT, Secured, Sights};

/// How a field is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Text,
    Integer,
    /// A decimal as an integer with this many digits behind the point.
    Scaled(u8),
    Boolean,
    /// JSON text.
    Json,
}

/// A column of a type's table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name in JSON, filters and sorts.
    pub name: String,
    /// Name in SQL.
    pub column: String,
    /// What is shown of it, in SQL: the same, but where somebody sees it masked.
    pub shown: String,
    pub stored: Stored,
    pub field: Field,
    /// Where its texts belong, if they are sealed.
    pub seal: Option<Seal>,
}

/// A transition with its expressions.
#[derive(Clone, Debug)]
pub struct ReadyTransition {
    pub declared: Transition,
    pub guard: Option<Expression>,
    pub set: Vec<(String, Expression)>,
}

/// A type, ready for use.
#[derive(Clone, Debug)]
pub struct TypeInfo {
    /// `<package>.<type>`.
    pub name: String,
    pub package: String,
    pub short: String,
    pub table: String,
    pub history: String,
    pub search_table: String,
    /// The table itself, where `table` is a query over it.
    pub base: String,
    /// Where only a part is seen.
    pub secured: Option<Secured>,
    pub declared: RecordType,
    pub columns: Vec<Column>,
    /// By what sealed fields are opened.
    pub vault: Vault,
    pub computed: Vec<(String, Expression)>,
    pub defaults: Vec<(String, Expression)>,
    pub conditions: Vec<(String, Expression)>,
    pub rules: Vec<(String, Expression)>,
    pub transitions: Vec<(String, ReadyTransition)>,
    /// Counts of lists, as long as this catalogue stands.
    pub counts: Arc<Counts>,
    /// How lists are best read, as they are seen here.
    pub walks: Arc<Walks>,
}

/// A trigger, ready for use.
#[derive(Clone, Debug)]
pub struct ReadyTrigger {
    pub package: String,
    /// `<package>.<trigger>`.
    pub name: String,
    /// Type it watches.
    pub of: String,
    pub declared: Trigger,
    pub when: Option<Expression>,
    pub once: Option<Expression>,
    /// The record's id, or the key of a process or message.
    pub target: Option<Expression>,
    pub with: Vec<(String, Expression)>,
}

/// Everything installed.
#[derive(Debug, Default)]
pub struct Catalog {
    pub generation: i64,
    pub packages: BTreeMap<String, Arc<Package>>,
    pub types: BTreeMap<String, Arc<TypeInfo>>,
    pub triggers: Vec<ReadyTrigger>,
    /// By `<package>.<form>`.
    pub forms: BTreeMap<String, Arc<ReadyForm>>,
    /// Types as readers see them.
    pub sights: Sights,
}

impl Catalog {
    pub fn find(&self, name: &str) -> Result<Arc<TypeInfo>, Problem> {
        self.types
            .get(name)
            .cloned()
            .ok_or_else(|| crate::Error::NoType(name.into()).into())
    }

    pub(crate) fn rules(&self) -> Vec<PackageRules> {
        self.packages
            .values()
            .map(|package| banyan_package::rules(package))
            .collect()
    }
}

/// `name` of `package` from outside: names with a dot are so already.
pub fn qualified(package: &str, name: &str) -> String {
    if name.contains('.') {
        name.to_owned()
    } else {
        format!("{package}.{name}")
    }
}

pub fn table_name(package: &str, name: &str) -> String {
    format!("r_{}__{name}", package.replace('-', "_"))
}

pub fn column_name(field: &str) -> String {
    format!("f_{field}")
}

/// Columns with the bounds of a geometry column: west, south, east, north.
pub fn bounds_columns(column: &str) -> [String; 4] {
    ["minx", "miny", "maxx", "maxy"].map(|end| format!("{column}_{end}"))
}

pub fn stored(kind: &FieldKind) -> Stored {
    match kind {
        FieldKind::Integer { .. } | FieldKind::Money { .. } => Stored::Integer,
        FieldKind::Decimal { scale, .. } => Stored::Scaled(*scale),
        FieldKind::Boolean => Stored::Boolean,
        FieldKind::Code { many: true, .. }
        | FieldKind::Unit { many: true }
        | FieldKind::File { .. }
        | FieldKind::Geometry { .. }
        | FieldKind::Json => Stored::Json,
        FieldKind::Computed { result, .. } => match result {
            ComputedType::Integer | ComputedType::Money => Stored::Integer,
            ComputedType::Decimal { scale } => Stored::Scaled(*scale),
            ComputedType::Boolean => Stored::Boolean,
            _ => Stored::Text,
        },
        _ => Stored::Text,
    }
}

pub(crate) fn generation(tx: &mut Tx<'_>) -> Result<i64, Problem> {
    let row = tx.query_opt("SELECT n FROM catalog_generation WHERE one = 1", &[])?;
    Ok(row.map(|row| row.get(0)).transpose()?.unwrap_or(0))
}

/// Reads all installed packages and makes them ready.
pub(crate) fn load(tx: &mut Tx<'_>, generation: i64, vault: &Vault) -> Result<Catalog, Problem> {
    let mut catalog = Catalog {
        generation,
        ..Catalog::default()
    };
    for row in tx.query("SELECT id, compiled FROM package ORDER BY id", &[])? {
        let id: String = row.get(0)?;
        let package: Package = serde_json::from_str(&row.get::<String>(1)?)
            .map_err(|error| Problem::internal(format!("the stored package {id} can't be read: {error}")))?;
        catalog.packages.insert(id, Arc::new(package));
    }
    let packages: Vec<Arc<Package>> = catalog.packages.values().cloned().collect();
    for package in &packages {
        for (name, declared) in &package.types {
            let info = type_info(package, name, declared, vault)?;
            catalog.types.insert(info.name.clone(), Arc::new(info));
        }
    }
    for package in &packages {
        for source in &package.forms {
            if let Some(ready) = ReadyForm::read(source) {
                let name = format!("{}.{}", package.id, source.name);
                catalog.forms.insert(name, Arc::new(ready));
            }
        }
        for (name, declared) in &package.triggers {
            let ready = ready_trigger(&catalog, package, name, declared)?;
            catalog.triggers.push(ready);
        }
    }
    Ok(catalog)
}

fn ready(text: &str, scope: &banyan_feel::Scope, of: &Type) -> Result<Expression, Problem> {
    compile(text, scope, of)
        .map_err(|errors| Problem::internal(format!("stored expression `{text}`: {errors:?}")))
}

/// A type's tables and columns, without its expressions; `seal` says which fields are sealed.
pub(crate) fn bare_info(
    package: &str,
    name: &str,
    declared: &RecordType,
    vault: &Vault,
    seal: &dyn Fn(&str) -> Option<Seal>,
) -> TypeInfo {
    let table = table_name(package, name);
    let column = |(name, field): &(String, Field)| Column {
        name: name.clone(),
        column: column_name(name),
        shown: column_name(name),
        stored: stored(&field.kind),
        field: field.clone(),
        seal: seal(name),
    };
    TypeInfo {
        name: format!("{package}.{name}"),
        package: package.to_owned(),
        short: name.to_owned(),
        history: format!("{table}__h"),
        search_table: format!("{table}__fts"),
        base: table.clone(),
        secured: None,
        table,
        declared: declared.clone(),
        columns: declared.fields.iter().map(column).collect(),
        vault: vault.clone(),
        computed: Vec::new(),
        defaults: Vec::new(),
        conditions: Vec::new(),
        rules: Vec::new(),
        transitions: Vec::new(),
        counts: Arc::default(),
        walks: Arc::default(),
    }
}

pub(crate) fn type_info(
    package: &Package,
    name: &str,
    declared: &RecordType,
    vault: &Vault,
) -> Result<TypeInfo, Problem> {
    let scope = record_scope(declared);
    let acting = trigger_scope(declared);
    let sealed = |field: &str| seal::seal_of(package, name, field);
    let mut info = bare_info(&package.id, name, declared, vault, &sealed);
    for (name, field) in &declared.fields {
        if let FieldKind::Computed { feel, .. } = &field.kind {
            info.computed
                .push((name.clone(), ready(feel, &scope, &Type::Any)?));
        }
        if let Some(default) = &field.default {
            info.defaults
                .push((name.clone(), ready(default, &scope, &field_type(field))?));
        }
        if let Some(when) = &field.when {
            info.conditions
                .push((name.clone(), ready(when, &scope, &Type::Boolean)?));
        }
    }
    sort_computed(&mut info.computed);
    for (name, rule) in &declared.rules {
        info.rules
            .push((name.clone(), ready(&rule.feel, &scope, &Type::Boolean)?));
    }
    for (name, transition) in declared
        .lifecycle
        .iter()
        .flat_map(|lifecycle| &lifecycle.transitions)
    {
        let guard = transition
            .guard
            .as_deref()
            .map(|guard| ready(guard, &acting, &Type::Boolean))
            .transpose()?;
        let mut set = Vec::new();
        for (field, feel) in &transition.set {
            set.push((field.clone(), ready(feel, &acting, &Type::Any)?));
        }
        info.transitions.push((
            name.clone(),
            ReadyTransition {
                declared: transition.clone(),
                guard,
                set,
            },
        ));
    }
    Ok(info)
}

/// Those that others need come first; check has refused cycles.
fn sort_computed(computed: &mut Vec<(String, Expression)>) {
    let mut sorted: Vec<(String, Expression)> = Vec::new();
    while !computed.is_empty() {
        let waiting: Vec<String> = computed.iter().map(|(name, _)| name.clone()).collect();
        let next = computed
            .iter()
            .position(|(_, e)| !e.uses().iter().any(|used| waiting.contains(used)))
            .unwrap_or(0);
        sorted.push(computed.remove(next));
    }
    *computed = sorted;
}

fn ready_trigger(
    catalog: &Catalog,
    package: &Package,
    name: &str,
    declared: &Trigger,
) -> Result<ReadyTrigger, Problem> {
    use banyan_package::model::{TriggerAction, TriggerOn};
    let of = match &declared.on {
        TriggerOn::Daily { of, .. } => qualified(&package.id, of),
        TriggerOn::Event(event) => event
            .rsplit_once('.')
            .map_or(event.as_str(), |(of, _)| of)
            .to_owned(),
    };
    let scope = trigger_scope(&catalog.find(&of)?.declared);
    let (target, with) = match &declared.action {
        TriggerAction::Create { with, .. } => (&None, with),
        TriggerAction::Update { with, target, .. } | TriggerAction::Transition { with, target, .. } => {
            (target, with)
        }
        TriggerAction::Start { with, key, .. } | TriggerAction::Message { with, key, .. } => (key, with),
    };
    let optional = |text: &Option<String>, kind: &Type| {
        text.as_deref().map(|text| ready(text, &scope, kind)).transpose()
    };
    let mut ready_with = Vec::new();
    for (field, feel) in with {
        ready_with.push((field.clone(), ready(feel, &scope, &Type::Any)?));
    }
    Ok(ReadyTrigger {
        package: package.id.clone(),
        name: format!("{}.{name}", package.id),
        of,
        declared: declared.clone(),
        when: optional(&declared.when, &Type::Boolean)?,
        once: optional(&declared.once, &Type::Text)?,
        target: optional(target, &Type::Text)?,
        with: ready_with,
    })
}

impl TypeInfo {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn has_state(&self) -> bool {
        self.declared.lifecycle.is_some()
    }

    /// Columns of full-text search.
    pub fn searched(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.field.search)
    }

    /// Columns that hold geometries.
    pub fn geometries(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|column| matches!(column.field.kind, FieldKind::Geometry { .. }))
    }

    /// The columns that a record has whatever its type, without the sequence key.
    pub fn own_columns(&self) -> Vec<&'static str> {
        let own = [
            "_id",
            "_version",
            "_created_at",
            "_created_by",
            "_updated_at",
            "_updated_by",
            "_verb",
            "_note",
        ];
        own.into_iter()
            .chain(self.has_state().then_some("state"))
            .collect()
    }

    /// Columns that are kept as sealed texts.
    pub fn sealed(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.seal.is_some())
    }

    /// SQL names of all columns that both tables share, without the sequence key: the bounds of geometries and the blind
    /// indexes of sealed fields come last.
    pub fn all_columns(&self) -> Vec<String> {
        self.own_columns()
            .into_iter()
            .chain(self.columns.iter().map(|column| column.column.as_str()))
            .map(str::to_owned)
            .chain(
                self.geometries()
                    .flat_map(|column| bounds_columns(&column.column)),
            )
            .chain(self.sealed().map(|column| seal::blind_column(&column.column)))
            .collect()
    }

    /// The same as they are shown: what [`crate::record::decode`] reads. Behind them stand the flags of masked fields, and whose
    /// data the record is where that is needed to open it.
    pub fn shown_columns(&self) -> Vec<String> {
        let own = self.own_columns().into_iter().map(str::to_owned);
        let fields = self.columns.iter().map(|column| column.shown.clone());
        own.chain(fields)
            .chain(self.secured.as_ref().map(|_| FLAGS.to_owned()))
            .chain(self.subject_shown())
            .collect()
    }

    /// Whose data a record is, in SQL; `None` where nothing in it is sealed.
    fn subject_shown(&self) -> Option<String> {
        self.sealed().next().map(|_| match self.secured {
            Some(_) => SUBJECT.to_owned(),
            None => seal::subject_sql(self, ""),
        })
    }

    /// All that a query over this type may name: where it is seen in part, what is masked stands beside what is shown.
    pub fn source_columns(&self) -> Vec<String> {
        let mut all = self.all_columns();
        if self.secured.is_some() {
            let masked = self.columns.iter().filter(|column| column.shown != column.column);
            all.extend(masked.map(|column| column.shown.clone()));
            all.push(FLAGS.to_owned());
            all.extend(self.subject_shown());
        }
        all
    }

    /// Whether rows or fields are withheld.
    pub fn is_secured(&self) -> bool {
        self.secured.is_some()
    }

    /// Whether anything of a field is shown.
    pub fn shows(&self, name: &str) -> bool {
        !self
            .secured
            .as_ref()
            .is_some_and(|secured| secured.hidden.iter().any(|hidden| hidden == name))
    }

    /// Whether a field is perhaps not shown whole.
    pub fn is_masked(&self, name: &str) -> bool {
        self.secured
            .as_ref()
            .is_some_and(|secured| secured.masked.iter().any(|masked| masked == name))
    }
}

/// The SQL type of a column.
pub fn sql_type(stored: Stored, dialect: Dialect) -> &'static str {
    match stored {
        Stored::Text | Stored::Json => dialect.text(),
        Stored::Integer | Stored::Scaled(_) | Stored::Boolean => "BIGINT",
    }
}
