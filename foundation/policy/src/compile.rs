//! What is left of a policy when all but the row is known, as a predicate. Cedar's errors (an attribute that is not there)
//! make a policy not count, as SQL's unknown does: so each expression becomes two predicates, when it is true and when it is
//! false, and is an error where neither holds.

use banyan_base::predicate::{Comparison, Piece, Predicate, Term, Tree};
use cedar_policy::pst::{BinaryOp, EntityUID, Expr, Literal, PatternElem, UnaryOp, Var};

use crate::entity_type;

/// What can't be said to a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` can't be made part of a query")]
pub struct Unsupported(pub String);

/// When an expression is true, and when it is false.
struct Truth {
    yes: Predicate,
    no: Predicate,
}

impl Truth {
    fn known(value: bool) -> Truth {
        let (yes, no) = if value {
            (Predicate::Always, Predicate::Never)
        } else {
            (Predicate::Never, Predicate::Always)
        };
        Truth { yes, no }
    }

    fn error() -> Truth {
        Truth {
            yes: Predicate::Never,
            no: Predicate::Never,
        }
    }

    fn not(self) -> Truth {
        Truth {
            yes: self.no,
            no: self.yes,
        }
    }
}

/// The rows of a type for which a condition is true.
///
/// # Errors
/// Where it can't be said to a database.
pub fn condition(expr: &Expr, of: &str) -> Result<Predicate, Unsupported> {
    Ok(truth(expr, of)?.yes)
}

fn unsupported<T>(expr: &Expr) -> Result<T, Unsupported> {
    Err(Unsupported(expr.to_string()))
}

/// A value of the row, or a known one.
enum Side {
    Term(Term),
    /// Known entities: units or regions.
    Entity(EntityUID),
    /// The row itself.
    Row,
}

fn path(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::GetAttr { expr, attr } => {
            let mut path = path(expr)?;
            path.push(attr.to_string());
            Some(path)
        }
        Expr::Var(Var::Resource) => Some(Vec::new()),
        _ => None,
    }
}

fn side(expr: &Expr) -> Result<Side, Unsupported> {
    Ok(match expr {
        Expr::Literal(Literal::Bool(flag)) => Side::Term(Term::Flag(*flag)),
        Expr::Literal(Literal::Long(number)) => Side::Term(Term::Number(*number)),
        Expr::Literal(Literal::String(text)) => Side::Term(Term::Text(text.to_string())),
        Expr::Literal(Literal::EntityUID(uid)) => Side::Entity(uid.clone()),
        Expr::UnaryOp {
            op: UnaryOp::Neg,
            expr: inner,
        } => match side(inner)? {
            Side::Term(Term::Number(number)) => Side::Term(Term::Number(number.wrapping_neg())),
            _ => return unsupported(expr),
        },
        other => match path(other) {
            Some(path) if path.is_empty() => Side::Row,
            Some(path) => Side::Term(Term::Attribute(path)),
            None => return unsupported(expr),
        },
    })
}

/// A side as a term: entities are kept by their ids.
fn term(expr: &Expr) -> Result<Term, Unsupported> {
    Ok(match side(expr)? {
        Side::Term(term) => term,
        Side::Entity(uid) => Term::Text(uid.eid.to_string()),
        Side::Row => Term::Attribute(vec!["id".into()]),
    })
}

fn compare(left: Term, op: Comparison, right: Term) -> Truth {
    let one = |op: Comparison| match (&left, op, &right) {
        (Term::Attribute(_), ..) | (.., Term::Attribute(_)) => {
            Predicate::Compare(left.clone(), op, right.clone())
        }
        // Both are known.
        (a, op, b) => {
            let holds = match (a, b) {
                (Term::Number(a), Term::Number(b)) => match op {
                    Comparison::Less => a < b,
                    Comparison::LessOrEqual => a <= b,
                    Comparison::Greater => a > b,
                    Comparison::GreaterOrEqual => a >= b,
                    Comparison::Equal => a == b,
                    Comparison::NotEqual => a != b,
                },
                (a, b) => (a == b) == (op == Comparison::Equal),
            };
            if holds {
                Predicate::Always
            } else {
                Predicate::Never
            }
        }
    };
    Truth {
        yes: one(op),
        no: one(op.negated()),
    }
}

fn and(left: Truth, right: Truth) -> Truth {
    Truth {
        yes: Predicate::all([left.yes.clone(), right.yes]),
        no: Predicate::any([left.no, Predicate::all([left.yes, right.no])]),
    }
}

fn or(left: Truth, right: Truth) -> Truth {
    Truth {
        yes: Predicate::any([left.yes, Predicate::all([left.no.clone(), right.yes])]),
        no: Predicate::all([left.no, right.no]),
    }
}

/// Truths that can't be errors by themselves, joined.
fn any_of(parts: Vec<Truth>) -> Truth {
    let (yes, no): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.yes, part.no)).unzip();
    Truth {
        yes: Predicate::any(yes),
        no: Predicate::all(no),
    }
}

fn all_of(parts: Vec<Truth>) -> Truth {
    any_of(parts.into_iter().map(Truth::not).collect()).not()
}

/// False, or an error where the value is not there.
fn never(value: &Term) -> Truth {
    Truth {
        yes: Predicate::Never,
        no: match value {
            Term::Attribute(path) => Predicate::Present(path.clone()),
            _ => Predicate::Always,
        },
    }
}

/// A set that is written out.
fn items(expr: &Expr) -> Option<Vec<&Expr>> {
    match expr {
        Expr::Set(items) => Some(items.iter().map(|item| &**item).collect()),
        _ => None,
    }
}

fn contains(set: &Expr, value: &Expr) -> Result<Truth, Unsupported> {
    if let Some(items) = items(set) {
        let value = term(value)?;
        let parts = items
            .into_iter()
            .map(|item| Ok(compare(value.clone(), Comparison::Equal, term(item)?)))
            .collect::<Result<Vec<_>, Unsupported>>()?;
        if parts.is_empty() {
            return Ok(never(&value));
        }
        return Ok(any_of(parts));
    }
    let Some(of) = path(set).filter(|path| !path.is_empty()) else {
        return unsupported(set);
    };
    let value = term(value)?;
    let one = |negated| Predicate::Holds {
        of: of.clone(),
        value: value.clone(),
        negated,
    };
    Ok(Truth {
        yes: one(false),
        no: one(true),
    })
}

fn within(left: &Expr, right: &Expr, of: &str) -> Result<Truth, Unsupported> {
    let roots: Vec<&Expr> = items(right).unwrap_or_else(|| vec![right]);
    let uids = roots
        .iter()
        .map(|root| match side(root)? {
            Side::Entity(uid) => Ok(uid),
            _ => unsupported(root),
        })
        .collect::<Result<Vec<EntityUID>, Unsupported>>()?;
    let left_side = side(left)?;
    let (term, kind) = match &left_side {
        Side::Row => {
            let package = of.split('.').next().unwrap_or("");
            let mut parts = Vec::new();
            for uid in uids {
                let stands = match uid.ty.to_string().as_str() {
                    "Type" => uid.eid == of,
                    "Package" => uid.eid == package,
                    kind if kind == entity_type(of) => {
                        let id = Term::Attribute(vec!["id".into()]);
                        parts.push(compare(id, Comparison::Equal, Term::Text(uid.eid.to_string())));
                        continue;
                    }
                    _ => false,
                };
                parts.push(Truth::known(stands));
            }
            return Ok(any_of(parts));
        }
        Side::Term(term @ Term::Attribute(_)) => (term.clone(), None),
        Side::Entity(uid) => (Term::Text(uid.eid.to_string()), Some(uid.ty.to_string())),
        Side::Term(_) => return unsupported(left),
    };
    let (mut regions, mut units) = (Vec::new(), Vec::new());
    for uid in &uids {
        let root = uid.ty.to_string();
        match root.as_str() {
            "Region" if kind.as_ref().is_none_or(|kind| *kind == root) => regions.push(uid.eid.to_string()),
            "Unit" if kind.as_ref().is_none_or(|kind| *kind == root) => units.push(uid.eid.to_string()),
            "Region" | "Unit" => {}
            _ => return unsupported(left),
        }
    }
    let tree = match (regions.is_empty(), units.is_empty()) {
        (false, true) => Tree::Region,
        (true, false) => Tree::Unit,
        // Within nothing.
        (true, true) => return Ok(never(&term)),
        (false, false) => return unsupported(left),
    };
    let roots = if tree == Tree::Region { regions } else { units };
    let one = |negated| Predicate::Within {
        of: term.clone(),
        tree,
        roots: roots.clone(),
        negated,
    };
    Ok(Truth {
        yes: one(false),
        no: one(true),
    })
}

fn binary(op: BinaryOp, left: &Expr, right: &Expr, of: &str, whole: &Expr) -> Result<Truth, Unsupported> {
    let comparison = match op {
        BinaryOp::And => return Ok(and(truth(left, of)?, truth(right, of)?)),
        BinaryOp::Or => return Ok(or(truth(left, of)?, truth(right, of)?)),
        BinaryOp::In => return within(left, right, of),
        BinaryOp::Contains => return contains(left, right),
        BinaryOp::ContainsAny | BinaryOp::ContainsAll => {
            let Some(values) = items(right) else {
                return match (op, items(left)) {
                    // Any of a known set in a set of the row: the same from the other side.
                    (BinaryOp::ContainsAny, Some(values)) => Ok(any_of(
                        values
                            .into_iter()
                            .map(|value| contains(right, value))
                            .collect::<Result<_, _>>()?,
                    )),
                    _ => unsupported(whole),
                };
            };
            if values.is_empty() {
                let empty = never(&term(left)?);
                return Ok(if op == BinaryOp::ContainsAny {
                    empty
                } else {
                    empty.not()
                });
            }
            let parts = values
                .into_iter()
                .map(|value| contains(left, value))
                .collect::<Result<Vec<_>, _>>()?;
            return Ok(if op == BinaryOp::ContainsAny {
                any_of(parts)
            } else {
                all_of(parts)
            });
        }
        BinaryOp::Eq => Comparison::Equal,
        BinaryOp::NotEq => Comparison::NotEqual,
        BinaryOp::Less => Comparison::Less,
        BinaryOp::LessEq => Comparison::LessOrEqual,
        BinaryOp::Greater => Comparison::Greater,
        BinaryOp::GreaterEq => Comparison::GreaterOrEqual,
        _ => return unsupported(whole),
    };
    Ok(compare(term(left)?, comparison, term(right)?))
}

fn truth(expr: &Expr, of: &str) -> Result<Truth, Unsupported> {
    Ok(match expr {
        Expr::Literal(Literal::Bool(flag)) => Truth::known(*flag),
        Expr::ResidualError => Truth::error(),
        Expr::UnaryOp {
            op: UnaryOp::Not,
            expr,
        } => truth(expr, of)?.not(),
        Expr::BinaryOp { op, left, right } => binary(*op, left, right, of, expr)?,
        Expr::IfThenElse {
            cond,
            then_expr,
            else_expr,
        } => {
            let (cond, then, other) = (truth(cond, of)?, truth(then_expr, of)?, truth(else_expr, of)?);
            let pick = |then: Predicate, other: Predicate| {
                Predicate::any([
                    Predicate::all([cond.yes.clone(), then]),
                    Predicate::all([cond.no.clone(), other]),
                ])
            };
            Truth {
                yes: pick(then.yes, other.yes),
                no: pick(then.no, other.no),
            }
        }
        Expr::HasAttr { expr: inner, attrs } => {
            let Some(start) = path(inner) else {
                return unsupported(expr);
            };
            // `a has b.c` is `a has b && a.b has c`.
            let (mut known, mut at) = (Truth::known(true), start);
            for attr in attrs {
                let mut next = at.clone();
                next.push(attr.to_string());
                let absent = Predicate::Absent(next.clone());
                let absent = if at.is_empty() {
                    absent
                } else {
                    // What is asked of something missing is an error.
                    Predicate::all([Predicate::Present(at.clone()), absent])
                };
                known = and(
                    known,
                    Truth {
                        yes: Predicate::Present(next.clone()),
                        no: absent,
                    },
                );
                at = next;
            }
            known
        }
        Expr::Like { expr: inner, pattern } => {
            let Some(at) = path(inner).filter(|path| !path.is_empty()) else {
                return unsupported(expr);
            };
            let mut pieces: Vec<Piece> = Vec::new();
            for element in pattern {
                match (element, pieces.last_mut()) {
                    (PatternElem::Char(letter), Some(Piece::Exactly(text))) => text.push(*letter),
                    (PatternElem::Char(letter), _) => pieces.push(Piece::Exactly(letter.to_string())),
                    (PatternElem::Wildcard, Some(Piece::Anything)) => {}
                    (PatternElem::Wildcard, _) => pieces.push(Piece::Anything),
                }
            }
            let one = |negated| Predicate::Like {
                of: at.clone(),
                pattern: pieces.clone(),
                negated,
            };
            Truth {
                yes: one(false),
                no: one(true),
            }
        }
        Expr::Is {
            expr: inner,
            entity_type: kind,
            in_expr: None,
        } => match side(inner)? {
            Side::Row => Truth::known(kind.to_string() == entity_type(of)),
            _ => return unsupported(expr),
        },
        other => match path(other).filter(|path| !path.is_empty()) {
            // A flag of the row.
            Some(path) => compare(Term::Attribute(path), Comparison::Equal, Term::Flag(true)),
            None => return unsupported(expr),
        },
    })
}
