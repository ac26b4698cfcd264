//! A condition on rows in plain Chinese, and as a filter in the manner of CQL2.

use banyan_base::predicate::{AttributePath, Comparison, Piece, Predicate, Term, Tree};
use serde::Serialize;

use super::TypeLabel;

/// A condition, said twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// In Chinese.
    pub text: String,
    /// In the manner of CQL2; `WITHIN_REGION` and `WITHIN_UNIT` are not of it.
    pub filter: String,
}

/// Says a condition on the rows of a type.
pub fn say(predicate: &Predicate, label: &TypeLabel) -> Said {
    Said {
        text: chinese(predicate, label),
        filter: filter(predicate),
    }
}

fn named(path: &AttributePath, label: &TypeLabel) -> String {
    let own = |name: &str| match name {
        "id" => Some("编号"),
        "state" => Some("状态"),
        "created_by" => Some("创建人"),
        "updated_by" => Some("修改人"),
        "version" => Some("版本"),
        _ => None,
    };
    let first = path.first().map_or("", String::as_str);
    let title = label.fields.iter().find(|(name, _)| name == first);
    let first = title.map_or_else(|| own(first).unwrap_or(first), |(_, title)| title.as_str());
    let rest = path.iter().skip(1).map(|name| own(name).unwrap_or(name));
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join("的")
}

fn value(term: &Term, label: &TypeLabel) -> String {
    match term {
        Term::Attribute(path) => named(path, label),
        Term::Text(text) => format!("“{text}”"),
        Term::Number(number) => number.to_string(),
        Term::Flag(true) => "是".into(),
        Term::Flag(false) => "否".into(),
    }
}

fn compared(op: Comparison) -> &'static str {
    match op {
        Comparison::Equal => "等于",
        Comparison::NotEqual => "不等于",
        Comparison::Less => "小于",
        Comparison::LessOrEqual => "不大于",
        Comparison::Greater => "大于",
        Comparison::GreaterOrEqual => "不小于",
    }
}

fn pattern(pieces: &[Piece], anything: &str) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Exactly(text) => text.clone(),
        Piece::Anything => anything.to_owned(),
    };
    pieces.iter().map(piece).collect()
}

fn joined(
    parts: &[Predicate],
    word: &str,
    one: &dyn Fn(&Predicate) -> String,
    open: &str,
    close: &str,
) -> String {
    let within = |part: &Predicate| match part {
        Predicate::All(_) | Predicate::Any(_) => format!("{open}{}{close}", one(part)),
        _ => one(part),
    };
    parts.iter().map(within).collect::<Vec<_>>().join(word)
}

fn chinese(predicate: &Predicate, label: &TypeLabel) -> String {
    let again = |part: &Predicate| chinese(part, label);
    let not = |negated: &bool| if *negated { "不" } else { "" };
    match predicate {
        Predicate::Always => "全部".into(),
        Predicate::Never => "没有".into(),
        Predicate::All(parts) => joined(parts, ",并且", &again, "(", ")"),
        Predicate::Any(parts) => joined(parts, ",或者", &again, "(", ")"),
        Predicate::NotTrue(inner) => format!("除去({})", again(inner)),
        Predicate::Compare(left, op, right) => {
            format!("{}{}{}", value(left, label), compared(*op), value(right, label))
        }
        Predicate::Present(path) => format!("{}已填", named(path, label)),
        Predicate::Absent(path) => format!("{}未填", named(path, label)),
        Predicate::Like {
            of,
            pattern: pieces,
            negated,
        } => {
            format!(
                "{}{}符合“{}”",
                named(of, label),
                not(negated),
                pattern(pieces, "*")
            )
        }
        Predicate::Holds {
            of,
            value: held,
            negated,
        } => {
            format!("{}{}含{}", named(of, label), not(negated), value(held, label))
        }
        Predicate::Within {
            of,
            tree,
            roots,
            negated,
        } => {
            let kind = if *tree == Tree::Region { "区划" } else { "单位" };
            let of = value(of, label);
            format!("{of}{}在{kind} {} 及其下", not(negated), roots.join("、"))
        }
        Predicate::Consented { of, purpose, version } => {
            format!("{}已同意用途 {purpose}(第 {version} 版起)", named(of, label))
        }
    }
}

fn literal(term: &Term) -> String {
    match term {
        Term::Attribute(path) => path.join("."),
        Term::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Term::Number(number) => number.to_string(),
        Term::Flag(flag) => flag.to_string(),
    }
}

fn filter(predicate: &Predicate) -> String {
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    match predicate {
        Predicate::Always => "TRUE".into(),
        Predicate::Never => "FALSE".into(),
        Predicate::All(parts) => joined(parts, " AND ", &filter, "(", ")"),
        Predicate::Any(parts) => joined(parts, " OR ", &filter, "(", ")"),
        Predicate::NotTrue(inner) => format!("NOT ({})", filter(inner)),
        Predicate::Compare(left, op, right) => format!("{} {} {}", literal(left), op.sign(), literal(right)),
        Predicate::Present(path) => format!("{} IS NOT NULL", path.join(".")),
        Predicate::Absent(path) => format!("{} IS NULL", path.join(".")),
        Predicate::Like {
            of,
            pattern: pieces,
            negated,
        } => {
            let text = Term::Text(pattern(pieces, "%"));
            format!("{} {}LIKE {}", of.join("."), not(negated), literal(&text))
        }
        Predicate::Holds { of, value, negated } => {
            format!(
                "{}A_CONTAINS({}, ({}))",
                not(negated),
                of.join("."),
                literal(value)
            )
        }
        Predicate::Within {
            of,
            tree,
            roots,
            negated,
        } => {
            let name = if *tree == Tree::Region {
                "WITHIN_REGION"
            } else {
                "WITHIN_UNIT"
            };
            let roots: Vec<String> = roots
                .iter()
                .map(|root| literal(&Term::Text(root.clone())))
                .collect();
            format!("{}{name}({}, ({}))", not(negated), literal(of), roots.join(", "))
        }
        Predicate::Consented { of, purpose, version } => {
            let purpose = literal(&Term::Text(purpose.clone()));
            format!("CONSENTED({}, {purpose}, {version})", of.join("."))
        }
    }
}
