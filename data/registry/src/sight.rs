//! What of a type somebody may see, as SQL. A type that is seen in part is a [`TypeInfo`] whose tables are queries: rows that
//! policy withholds are not in them, and a field that is not shown whole is empty there, for filters, sorts, searches, groups
//! and counts alike; what is shown of it instead stands in a column of its own. So whatever reads by a `TypeInfo` minds policy
//! without knowing of it, and writing by one fails.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use banyan_base::predicate::{Comparison, Piece, Predicate, Term, Tree};
use banyan_base::{Ctx, Problem, codes};
use banyan_door::{Call, Decision, Door, FieldRule, Obligations, Target};
use banyan_package::model::{FieldKind, Mask};
use banyan_store::{Dialect, Tx};

use crate::catalog::{Catalog, Column, Stored, TypeInfo, bounds_columns, column_name, qualified};
use crate::looks::Looks;
use crate::query::search;
use crate::reference::UNIT;
use crate::seal::{blind_column, subject_sql};

/// Seen types kept at the most.
const KEPT: usize = 2_000;

/// Types as they have been seen, by obligations. An entry holds its obligations, so their address is theirs alone.
#[derive(Debug, Default)]
pub struct Sights(Mutex<HashMap<(usize, String), Sight>>);

#[derive(Clone, Debug)]
struct Sight {
    _held: Arc<Obligations>,
    info: Arc<TypeInfo>,
}

/// Of which fields a seen type tells, row by row, whether they are masked: in the order of the flags in [`FLAGS`].
#[derive(Clone, Debug, Default)]
pub struct Secured {
    pub masked: Vec<String>,
    /// Fields that are not shown at all.
    pub hidden: Vec<String>,
    /// Groups of fewer are not shown.
    pub k_anonymous: Option<u32>,
    pub looks: Looks,
    /// What stands before and behind the table in the query over it.
    pub around: (String, String),
}

/// The column with a flag for each field that may be masked: `1` where it is.
pub const FLAGS: &str = "_m";

/// The column with whose data a record is, where something in it is sealed.
pub const SUBJECT: &str = "_s";

/// What can't be said in SQL; the rows it is about are then not there.
struct Unsaid;

type Said = Result<String, Unsaid>;

/// A text as a literal. Both databases take it as it is, but for quotes.
fn literal(text: &str) -> Said {
    // No stored text holds it, and PostgreSQL takes none.
    if text.contains('\0') {
        return Err(Unsaid);
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

struct Writer<'c> {
    catalog: &'c Catalog,
    dialect: Dialect,
    looks: RefCell<Looks>,
}

impl Writer<'_> {
    /// An attribute of the row named `alias`.
    fn attribute(&self, info: &TypeInfo, alias: &str, path: &[String]) -> Said {
        let (name, rest) = path.split_first().ok_or(Unsaid)?;
        let own = match name.as_str() {
            "id" => Some("_id"),
            "created_by" => Some("_created_by"),
            "updated_by" => Some("_updated_by"),
            "version" => Some("_version"),
            "state" if info.has_state() => Some("state"),
            _ => None,
        };
        if let Some(own) = own {
            return if rest.is_empty() {
                Ok(format!("{alias}.{own}"))
            } else {
                Err(Unsaid)
            };
        }
        let column = info.column(name).ok_or(Unsaid)?;
        // Ciphertext equals nothing.
        if column.seal.is_some() {
            return Err(Unsaid);
        }
        let here = format!("{alias}.{}", column.column);
        if rest.is_empty() {
            return Ok(here);
        }
        let FieldKind::Ref { to, .. } = &column.field.kind else {
            return Err(Unsaid);
        };
        let target = self
            .catalog
            .types
            .get(&qualified(&info.package, to))
            .ok_or(Unsaid)?;
        self.looks.borrow_mut().types.insert(target.name.clone());
        let inner = format!("{alias}l");
        let there = self.attribute(target, &inner, rest)?;
        Ok(format!(
            "(SELECT {there} FROM {} AS {inner} WHERE {inner}._id = {here})",
            target.table
        ))
    }

    fn term(&self, info: &TypeInfo, alias: &str, term: &Term) -> Said {
        match term {
            Term::Attribute(path) => self.attribute(info, alias, path),
            Term::Text(text) => literal(text),
            Term::Number(number) => Ok(number.to_string()),
            Term::Flag(flag) => Ok(i64::from(*flag).to_string()),
        }
    }

    /// The codes that are one of `roots` or stand below one, as a subquery of one column.
    fn below(&self, roots: &[String]) -> Said {
        let units = self.catalog.types.get(UNIT).ok_or(Unsaid)?;
        self.looks.borrow_mut().types.insert(UNIT.into());
        let key = column_name("code");
        let collation = if self.dialect.is_postgres() {
            " COLLATE \"C\""
        } else {
            ""
        };
        let roots = roots
            .iter()
            .map(|root| Ok(format!("SELECT CAST({} AS TEXT){collation}", literal(root)?)))
            .collect::<Result<Vec<_>, Unsaid>>()?;
        Ok(format!(
            "WITH RECURSIVE below(code) AS ({} UNION SELECT u.{key} FROM {} AS u JOIN below ON u.{} = below.code) SELECT code FROM below",
            roots.join(" UNION "),
            units.table,
            column_name("parent"),
        ))
    }

    fn within(&self, of: &str, tree: Tree, roots: &[String], negated: bool) -> Said {
        if tree == Tree::Unit {
            let not = if negated { "NOT " } else { "" };
            return Ok(format!("{of} {not}IN ({})", self.below(roots)?));
        }
        let one = |root: &String| -> Said {
            let end = root
                .strip_suffix(|last: char| last.is_ascii_digit())
                .zip(root.bytes().last())
                .filter(|_| matches!(root.len(), 2 | 4 | 6 | 9))
                .map(|(start, last)| format!("{start}{}", char::from(last + 1)));
            let from = literal(root)?;
            Ok(match (end, negated) {
                // All that begins with the code: one range of an index.
                (Some(end), false) => format!("({of} >= {from} AND {of} < {})", literal(&end)?),
                (Some(end), true) => format!("({of} < {from} OR {of} >= {})", literal(&end)?),
                (None, false) => format!("{of} = {from}"),
                (None, true) => format!("{of} <> {from}"),
            })
        };
        let parts = roots.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        Ok(format!(
            "({})",
            parts.join(if negated { " AND " } else { " OR " })
        ))
    }

    fn condition(&self, info: &TypeInfo, alias: &str, predicate: &Predicate) -> Said {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        Ok(match predicate {
            Predicate::Always => "1 = 1".into(),
            Predicate::Never => "1 = 0".into(),
            Predicate::All(parts) | Predicate::Any(parts) => {
                let word = if matches!(predicate, Predicate::All(_)) {
                    " AND "
                } else {
                    " OR "
                };
                let parts = parts
                    .iter()
                    .map(|part| self.condition(info, alias, part))
                    .collect::<Result<Vec<_>, _>>()?;
                crate::query::balanced(&parts, word)
            }
            Predicate::NotTrue(inner) => format!("({}) IS NOT TRUE", self.condition(info, alias, inner)?),
            Predicate::Compare(left, op, right) => {
                let (a, b) = (self.term(info, alias, left)?, self.term(info, alias, right)?);
                // A literal on the left would keep the column's index from being used.
                match (left, right) {
                    (Term::Attribute(_), _) => format!("{a} {} {b}", op.sign()),
                    _ => format!("{b} {} {a}", turned(*op).sign()),
                }
            }
            Predicate::Present(path) => format!("{} IS NOT NULL", self.attribute(info, alias, path)?),
            Predicate::Absent(path) => format!("{} IS NULL", self.attribute(info, alias, path)?),
            Predicate::Like { of, pattern, negated } => {
                let mut text = String::new();
                for piece in pattern {
                    match piece {
                        Piece::Exactly(exactly) => text.push_str(&escaped(exactly)),
                        Piece::Anything => text.push('%'),
                    }
                }
                format!(
                    "{} {}LIKE {} ESCAPE '\\'",
                    self.attribute(info, alias, of)?,
                    not(negated),
                    literal(&text)?
                )
            }
            Predicate::Holds { of, value, negated } => {
                let Term::Text(value) = value else {
                    return Err(Unsaid);
                };
                let list = self.attribute(info, alias, of)?;
                // JSON as serde writes it; between commas each element is found whole.
                let element = escaped(&serde_json::Value::String(value.clone()).to_string());
                format!(
                    "(',' || substr({list}, 2, length({list}) - 2) || ',') {}LIKE {} ESCAPE '\\'",
                    not(negated),
                    literal(&format!("%,{element},%"))?
                )
            }
            Predicate::Within {
                of,
                tree,
                roots,
                negated,
            } => self.within(&self.term(info, alias, of)?, *tree, roots, *negated)?,
            // The table that identity keeps consents in; its form is promised.
            Predicate::Consented { of, purpose, version } => {
                self.looks.borrow_mut().consents = true;
                format!(
                    "EXISTS (SELECT 1 FROM consent AS agreed WHERE agreed.party = {} AND agreed.purpose = {} \
                     AND agreed.withdrawn_at IS NULL AND agreed.version >= {version})",
                    self.attribute(info, alias, of)?,
                    literal(purpose)?
                )
            }
        })
    }
}

fn turned(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// What is shown of a value instead of it.
fn masked(column: &Column, sql: &str) -> String {
    match column.field.mask {
        Some(Mask::Middle) => format!(
            "CASE WHEN length({sql}) > 2 THEN substr({sql}, 1, 1) || '***' || substr({sql}, length({sql}), 1)
             WHEN length({sql}) = 2 THEN substr({sql}, 1, 1) || '*' WHEN length({sql}) = 1 THEN '*' END"
        ),
        Some(Mask::Tail) => format!(
            "CASE WHEN length({sql}) > 4 THEN '***' || substr({sql}, length({sql}) - 3, 4) WHEN length({sql}) > 0 THEN '***' END"
        ),
        // The year; the city.
        Some(Mask::Coarse) => format!("substr({sql}, 1, 4)"),
        Some(Mask::Hide) | None => match column.stored {
            Stored::Text | Stored::Json => "CAST(NULL AS TEXT)".into(),
            _ => "CAST(NULL AS BIGINT)".into(),
        },
    }
}

/// Whether a mask leaves something of a value.
fn part_shown(column: &Column) -> bool {
    !matches!(column.field.mask, Some(Mask::Hide) | None)
}

/// The condition on rows, or one that none meets where it can't be said.
fn said(said: Said, info: &TypeInfo) -> String {
    said.unwrap_or_else(|Unsaid| {
        tracing::error!(of = %info.name, "a policy can't be said in SQL; the rows it is about are not shown");
        "1 = 0".into()
    })
}

fn fresh(info: &TypeInfo, obligations: &Obligations, catalog: &Catalog, dialect: Dialect) -> TypeInfo {
    let writer = Writer {
        catalog,
        dialect,
        looks: RefCell::default(),
    };
    let rows = said(writer.condition(info, "b", &obligations.rows), info);
    let mut seen = info.clone();
    let (mut columns, mut flags, mut names, mut hidden) = (vec![], vec![], vec![], vec![]);
    for own in info.own_columns() {
        columns.push(format!("b.{own}"));
    }
    for column in &mut seen.columns {
        let sql = format!("b.{}", column.column);
        let bounds = matches!(column.field.kind, FieldKind::Geometry { .. })
            .then(|| bounds_columns(&column.column))
            .into_iter()
            .flatten();
        let Some(FieldRule { shown, whole }) = obligations.fields.get(&column.name) else {
            columns.push(sql);
            columns.extend(bounds.map(|end| format!("b.{end}")));
            columns.extend(
                column
                    .seal
                    .as_ref()
                    .map(|_| format!("b.{}", blind_column(&column.column))),
            );
            continue;
        };
        let whole = if *shown {
            said(writer.condition(info, "b", whole), info)
        } else {
            "1 = 0".into()
        };
        let only = |sql: &str, name: &str| format!("CASE WHEN {whole} THEN {sql} END AS {name}");
        columns.push(only(&sql, &column.column));
        columns.extend(bounds.map(|end| only(&format!("b.{end}"), &end)));
        if column.seal.is_some() {
            let blind = blind_column(&column.column);
            columns.push(only(&format!("b.{blind}"), &blind));
        }
        // What is sealed is masked when it is opened, by the flag.
        let instead = if *shown && column.seal.is_some() && part_shown(column) {
            sql.clone()
        } else if *shown {
            masked(column, &sql)
        } else {
            masked_away(column)
        };
        column.shown = format!("x_{}", column.name);
        columns.push(format!(
            "CASE WHEN {whole} THEN {sql} ELSE {instead} END AS {}",
            column.shown
        ));
        flags.push(format!("CASE WHEN {whole} THEN '0' ELSE '1' END"));
        names.push(column.name.clone());
        if !shown {
            hidden.push(column.name.clone());
        }
    }
    columns.push(format!(
        "{} AS {FLAGS}",
        if flags.is_empty() {
            "''".to_owned()
        } else {
            flags.join(" || ")
        }
    ));
    if info.sealed().next().is_some() {
        columns.push(format!("{} AS {SUBJECT}", subject_sql(info, "b.")));
    }
    let list = columns.join(", ");
    let vector = if dialect.is_postgres() && info.searched().next().is_some() {
        format!(", b.{}", search::VECTOR)
    } else {
        String::new()
    };
    let around = (
        format!("(SELECT b._seq, {list}{vector} FROM "),
        format!(" AS b WHERE {rows}) AS t"),
    );
    seen.table = format!("{}{}{}", around.0, info.table, around.1);
    seen.walks = Arc::default();
    seen.history = format!(
        "(SELECT b._seq, b._superseded_at, b._gone, {list} FROM {} AS b WHERE {rows}) AS h",
        info.history
    );
    seen.secured = Some(Secured {
        masked: names,
        hidden,
        k_anonymous: obligations.k_anonymous,
        looks: writer.looks.into_inner(),
        around,
    });
    seen
}

fn masked_away(column: &Column) -> String {
    match column.stored {
        Stored::Text | Stored::Json => "CAST(NULL AS TEXT)".into(),
        _ => "CAST(NULL AS BIGINT)".into(),
    }
}

/// The type as these obligations leave it; itself where they leave all of it.
pub fn secure(
    info: &Arc<TypeInfo>,
    obligations: &Arc<Obligations>,
    catalog: &Catalog,
    dialect: Dialect,
) -> Arc<TypeInfo> {
    if obligations.sees_all() && obligations.k_anonymous.is_none() {
        return Arc::clone(info);
    }
    let key = (Arc::as_ptr(obligations) as usize, info.name.clone());
    let lock = || catalog.sights.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sight) = lock().get(&key) {
        return Arc::clone(&sight.info);
    }
    let seen = Arc::new(fresh(info, obligations, catalog, dialect));
    let mut kept = lock();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(
        key,
        Sight {
            _held: Arc::clone(obligations),
            info: Arc::clone(&seen),
        },
    );
    seen
}

/// The same for reads of single records: whoever may see groups only sees none.
///
/// # Errors
/// `FORBIDDEN` where policy permits groups only.
pub fn secure_rows(
    info: &Arc<TypeInfo>,
    obligations: &Arc<Obligations>,
    catalog: &Catalog,
    dialect: Dialect,
) -> Result<Arc<TypeInfo>, Problem> {
    match obligations.k_anonymous {
        None => Ok(secure(info, obligations, catalog, dialect)),
        Some(k) => Err(Problem::new(
            codes::FORBIDDEN,
            format!(
                "您只能查看“{}”不少于 {k} 条的汇总,不能查看单条记录。",
                info.declared.title.zh
            ),
        )),
    }
}

/// The eyes of one call: every type as its caller sees it.
#[derive(Clone, Copy)]
pub struct Eyes<'a> {
    pub cx: &'a Ctx,
    pub door: &'a Door,
    pub catalog: &'a Catalog,
    pub dialect: Dialect,
}

impl<'a> Eyes<'a> {
    /// The eyes of a call's caller.
    pub fn of<'tx>(call: &Call<'a, 'tx>, catalog: &'a Catalog) -> Eyes<'a> {
        Eyes {
            cx: call.cx,
            door: call.door,
            catalog,
            dialect: call.tx.dialect(),
        }
    }

    /// A type for an act; `None` where policy does not permit it.
    ///
    /// # Errors
    /// Where there is no such type, or no decision can be reached.
    pub fn seen(&self, of: &str, operation: &str, verb: &str) -> Result<Option<Arc<TypeInfo>>, Problem> {
        let info = self.catalog.find(of)?;
        Ok(
            match self.door.decide(self.cx, operation, &Target::records(of, verb))? {
                // What another person must agree to is not shown on the way.
                Decision::Permit(obligations)
                    if obligations.k_anonymous.is_none() && obligations.two_person.is_none() =>
                {
                    Some(secure(&info, &obligations, self.catalog, self.dialect))
                }
                _ => None,
            },
        )
    }

    /// A type whose records are looked at one by one.
    ///
    /// # Errors
    /// As [`Eyes::seen`].
    pub fn viewed(&self, of: &str) -> Result<Option<Arc<TypeInfo>>, Problem> {
        self.seen(of, "record.view", "view")
    }
}

/// Whether the record is among those of a seen type.
///
/// # Errors
/// Where the database can't be read.
pub fn is_there(tx: &mut Tx<'_>, seen: &TypeInfo, id: &str) -> Result<bool, Problem> {
    let sql = format!("SELECT 1 FROM {} WHERE _id = ?1", seen.table);
    Ok(tx.query_opt(&sql, &[id.into()])?.is_some())
}

/// Whom the record is about, if it is among those of its type that the obligations leave: the party that its type names, or
/// the record itself.
///
/// # Errors
/// Where the database can't be read.
pub fn subject_within(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    obligations: &Arc<Obligations>,
    of: &str,
    id: &str,
) -> Result<Option<String>, Problem> {
    let Some(info) = catalog.types.get(of) else {
        return Ok(None);
    };
    let seen = secure(info, obligations, catalog, tx.dialect());
    if !is_there(tx, &seen, id)? {
        return Ok(None);
    }
    let record = crate::record::find(tx, info, id)?;
    let party = info
        .declared
        .subject
        .as_ref()
        .and_then(|name| record.as_ref()?.fields.get(name)?.as_str());
    Ok(Some(
        party.filter(|party| !party.is_empty()).unwrap_or(id).to_owned(),
    ))
}

/// Records that are counted at the most, where somebody asks how many he would see.
const COUNTED: u32 = 100_000;

/// How many records of a type the obligations leave, and by state where it has states; `None`: more than are counted.
///
/// # Errors
/// Where the database can't be read.
pub fn count_within(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    obligations: &Arc<Obligations>,
    of: &str,
) -> Result<Option<Numbers>, Problem> {
    let Some(info) = catalog.types.get(of) else {
        return Ok(None);
    };
    let seen = secure(info, obligations, catalog, tx.dialect());
    let state = if info.has_state() { "state" } else { "''" };
    let sql = format!(
        "SELECT s, COUNT(*) FROM (SELECT {state} AS s FROM {} LIMIT {}) AS n GROUP BY s ORDER BY s",
        seen.table,
        COUNTED + 1
    );
    let (mut all, mut states) = (0, Vec::new());
    for row in tx.query(&sql, &[])? {
        let (state, count): (String, i64) = (row.get(0)?, row.get(1)?);
        let count = u64::try_from(count).unwrap_or(0);
        all += count;
        if info.has_state() {
            states.push((state, count));
        }
    }
    let more = all > u64::from(COUNTED);
    Ok(Some(Numbers {
        all: (!more).then_some(all),
        states: if more { Vec::new() } else { states },
    }))
}

/// What [`count_within`] finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    pub all: Option<u64>,
    pub states: Vec<(String, u64)>,
}
