//! What a filter says, whichever language it was written in.

use banyan_base::{Problem, codes};
use banyan_store::Dialect;
use geo::Geometry;
use jiff::{Timestamp, civil::Date};

use super::shape;

/// Bounds of a filter, so that none costs more than it should.
pub const MAX_LENGTH: usize = 8_192;
pub const MAX_DEPTH: usize = 32;
pub const MAX_NODES: usize = 500;
pub const MAX_LIST: usize = 1_000;
/// Most positions in one geometry.
pub const MAX_POSITIONS: usize = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    pub const ALL: [(&'static str, Op); 6] = [
        ("=", Op::Eq),
        ("<>", Op::Ne),
        ("<=", Op::Le),
        (">=", Op::Ge),
        ("<", Op::Lt),
        (">", Op::Gt),
    ];

    pub fn sign(self) -> &'static str {
        match self {
            Op::Eq => "=",
            Op::Ne => "<>",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        }
    }

    /// The same with both sides exchanged.
    pub fn turned(self) -> Op {
        match self {
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
            same => same,
        }
    }
}

/// Where in the filter something stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// Characters before it in a text.
    Text(usize),
    /// RFC 6901 pointer into JSON.
    Json(String),
    /// A parameter of an address.
    Parameter(String),
}

impl Place {
    /// A refusal that names the place.
    pub fn problem(&self, message: impl std::fmt::Display) -> Problem {
        match self {
            Place::Text(offset) => Problem::new(
                codes::BAD_FILTER,
                format!("筛选条件第 {} 个字符处:{message}", offset + 1),
            )
            .with("position", offset + 1),
            Place::Json(pointer) => {
                let shown = if pointer.is_empty() { "/" } else { pointer };
                Problem::new(codes::BAD_FILTER, format!("筛选条件 {shown} 处:{message}"))
                    .with("pointer", pointer.as_str())
            }
            Place::Parameter(name) => Problem::new(codes::BAD_FILTER, format!("查询参数 {name}:{message}"))
                .with("parameter", name.as_str()),
        }
    }

    pub fn refuse<T>(&self, message: impl std::fmt::Display) -> Result<T, Problem> {
        Err(self.problem(message))
    }
}

/// A property by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    pub name: String,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Number(f64),
    Boolean(bool),
    Date(Date),
    Moment(Timestamp),
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    pub value: Literal,
    pub place: Place,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Side {
    /// `true`: inside CASEI.
    Property(Name, bool),
    Given(Given, bool),
}

/// One end of an interval, or an instant.
#[derive(Clone, Debug, PartialEq)]
pub enum Instant {
    Property(Name),
    Given(Given),
    /// `..`
    Open,
}

/// What a temporal predicate compares: an instant is an interval with one end given twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub start: Instant,
    pub end: Instant,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpatialOp {
    Intersects,
    Disjoint,
    Equals,
    Within,
    Contains,
    Touches,
    Crosses,
    Overlaps,
}

impl SpatialOp {
    pub fn parse(name: &str) -> Option<SpatialOp> {
        Some(match name.to_ascii_lowercase().as_str() {
            "s_intersects" => SpatialOp::Intersects,
            "s_disjoint" => SpatialOp::Disjoint,
            "s_equals" => SpatialOp::Equals,
            "s_within" => SpatialOp::Within,
            "s_contains" => SpatialOp::Contains,
            "s_touches" => SpatialOp::Touches,
            "s_crosses" => SpatialOp::Crosses,
            "s_overlaps" => SpatialOp::Overlaps,
            _ => return None,
        })
    }

    /// The same with both sides exchanged.
    pub fn turned(self) -> SpatialOp {
        match self {
            SpatialOp::Within => SpatialOp::Contains,
            SpatialOp::Contains => SpatialOp::Within,
            same => same,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporalOp {
    After,
    Before,
    Contains,
    Disjoint,
    During,
    Equals,
    FinishedBy,
    Finishes,
    Intersects,
    Meets,
    MetBy,
    OverlappedBy,
    Overlaps,
    StartedBy,
    Starts,
}

impl TemporalOp {
    pub fn parse(name: &str) -> Option<TemporalOp> {
        Some(match name.to_ascii_lowercase().as_str() {
            "t_after" => TemporalOp::After,
            "t_before" => TemporalOp::Before,
            "t_contains" => TemporalOp::Contains,
            "t_disjoint" => TemporalOp::Disjoint,
            "t_during" => TemporalOp::During,
            "t_equals" => TemporalOp::Equals,
            "t_finishedby" => TemporalOp::FinishedBy,
            "t_finishes" => TemporalOp::Finishes,
            "t_intersects" => TemporalOp::Intersects,
            "t_meets" => TemporalOp::Meets,
            "t_metby" => TemporalOp::MetBy,
            "t_overlappedby" => TemporalOp::OverlappedBy,
            "t_overlaps" => TemporalOp::Overlaps,
            "t_startedby" => TemporalOp::StartedBy,
            "t_starts" => TemporalOp::Starts,
            _ => return None,
        })
    }
}

/// A spatial predicate after the database was asked which records it holds for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub dialect: Dialect,
    /// The type's table, where its spatial index is to find them by: there is one, and they are few.
    pub indexed: Option<String>,
    /// Bounds of the predicate's geometry: what it holds for meets them.
    pub bounds: [f64; 4],
    /// Rectangles inside which every geometry meets the predicate, so that no list is needed for them.
    pub sure: Vec<[f64; 4]>,
    /// JSON list of the sequence numbers of the others.
    pub others: String,
    /// Whether the predicate is the opposite of that.
    pub negated: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare {
        left: Side,
        op: Op,
        right: Side,
    },
    Like {
        property: Name,
        pattern: String,
        fold_case: bool,
        /// Of the pattern.
        place: Place,
    },
    Between {
        property: Name,
        low: Given,
        high: Given,
    },
    In {
        property: Name,
        values: Vec<Given>,
        fold_case: bool,
    },
    IsNull {
        property: Name,
    },
    Spatial {
        op: SpatialOp,
        property: Name,
        geometry: Box<Geometry<f64>>,
        settled: Option<Settled>,
    },
    Temporal {
        op: TemporalOp,
        left: Span,
        right: Span,
    },
    Constant(bool),
}

impl Expr {
    /// All properties it names.
    pub fn names(&self) -> Vec<&Name> {
        let mut names = Vec::new();
        self.collect(&mut names);
        names
    }

    fn collect<'e>(&'e self, names: &mut Vec<&'e Name>) {
        match self {
            Expr::And(all) | Expr::Or(all) => all.iter().for_each(|part| part.collect(names)),
            Expr::Not(inner) => inner.collect(names),
            Expr::Compare { left, right, .. } => {
                for side in [left, right] {
                    if let Side::Property(name, _) = side {
                        names.push(name);
                    }
                }
            }
            Expr::Like { property, .. }
            | Expr::Between { property, .. }
            | Expr::In { property, .. }
            | Expr::IsNull { property }
            | Expr::Spatial { property, .. } => names.push(property),
            Expr::Temporal { left, right, .. } => {
                for end in [&left.start, &left.end, &right.start, &right.end] {
                    if let Instant::Property(name) = end {
                        names.push(name);
                    }
                }
            }
            Expr::Constant(_) => {}
        }
    }
}

impl Side {
    pub fn place(&self) -> &Place {
        match self {
            Side::Property(name, _) => &name.place,
            Side::Given(given, _) => &given.place,
        }
    }
}

/// A date as a literal; what is none is refused.
pub fn date(text: &str, place: &Place) -> Result<Literal, Problem> {
    text.parse::<Date>()
        .ok()
        // Only the form of the standard: jiff reads more than it.
        .filter(|_| text.len() == 10)
        .map(Literal::Date)
        .ok_or_else(|| place.problem(format!("“{text}”不是日期,应如 2022-03-01")))
}

/// A moment as a literal; what is none is refused.
pub fn moment(text: &str, place: &Place) -> Result<Literal, Problem> {
    text.parse::<Timestamp>()
        .map(Literal::Moment)
        .map_err(|_| place.problem(format!("“{text}”不是时间,应如 2022-03-01T08:00:00+08:00")))
}

/// A date, a moment or `..`, as the ends of intervals are written.
pub fn instant(text: &str, place: &Place) -> Result<Instant, Problem> {
    let value = match text {
        ".." | "" => return Ok(Instant::Open),
        text if text.contains(['T', 't']) => moment(text, place)?,
        text => date(text, place)?,
    };
    Ok(Instant::Given(Given {
        value,
        place: place.clone(),
    }))
}

impl Span {
    pub fn instant(at: Instant, place: Place) -> Span {
        Span {
            start: at.clone(),
            end: at,
            place,
        }
    }
}

/// A comparison with the property on the left.
pub fn compare(left: Side, op: Op, right: Side) -> Result<Expr, Problem> {
    match (&left, &right) {
        (Side::Given(..), Side::Given(..)) => left.place().refuse("比较的两边至少一边应是字段"),
        (Side::Given(..), Side::Property(..)) => Ok(Expr::Compare {
            left: right,
            op: op.turned(),
            right: left,
        }),
        _ => Ok(Expr::Compare { left, op, right }),
    }
}

/// A spatial predicate over a property and a geometry, in either order, or over two geometries.
pub fn spatial(
    op: SpatialOp,
    left: Result<Geometry<f64>, Name>,
    right: Result<Geometry<f64>, Name>,
    place: &Place,
) -> Result<Expr, Problem> {
    for geometry in [&left, &right].into_iter().flatten() {
        if !shape::comparable(op, geometry) {
            return place.refuse("几何集合只能用于 S_INTERSECTS 和 S_DISJOINT");
        }
    }
    let (op, property, geometry) = match (left, right) {
        (Ok(left), Ok(right)) => return Ok(Expr::Constant(shape::holds(op, &left, &right))),
        (Err(property), Ok(geometry)) => (op, property, geometry),
        (Ok(geometry), Err(property)) => (op.turned(), property, geometry),
        (Err(_), Err(_)) => return place.refuse("两边至少一边应是几何"),
    };
    Ok(Expr::Spatial {
        op,
        property,
        geometry: Box::new(geometry),
        settled: None,
    })
}
