//! CQL2 text (OGC 21-065r2): Basic CQL2 with LIKE, BETWEEN, IN, IS NULL, CASEI, spatial and temporal functions. Bounded in
//! length, depth and size.

use banyan_base::Problem;
use geo::Geometry;

use super::ast::{
    Expr, Given, Instant, Literal, MAX_DEPTH, MAX_LENGTH, MAX_LIST, MAX_NODES, MAX_POSITIONS, Name, Op,
    Place, Side, Span, SpatialOp, TemporalOp, compare, date, instant, moment, spatial,
};
use super::lexer::{Token, tokens};
use super::shape::{self, Coordinates};

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    nodes: usize,
    positions: usize,
}

/// Parses a filter.
///
/// # Errors
/// `BAD_FILTER` naming the place.
pub fn parse(text: &str) -> Result<Expr, Problem> {
    if text.len() > MAX_LENGTH {
        return Place::Text(0).refuse(format!("长度超过 {MAX_LENGTH} 字节"));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        nodes: 0,
        positions: 0,
    };
    let expr = parser.or(0)?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => parser.place().refuse("这里应当结束,或用 AND、OR 连接"),
    }
}

/// CASEI inside CASEI means nothing more; some tools write it.
const MAX_FOLDS: usize = 3;

const RESERVED: &[&str] = &["and", "or", "not", "like", "between", "in", "is", "null"];
const SHAPES: &[&str] = &[
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "bbox",
];

impl Parser {
    fn peek(&self) -> &Token {
        // The list ends with `End` and `next` never moves beyond it.
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn place(&self) -> Place {
        Place::Text(self.tokens.get(self.at).map_or(0, |(_, offset)| *offset))
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if *found == sign);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Problem> {
        let place = self.place();
        if self.eat(sign) {
            Ok(())
        } else {
            place.refuse(format!("这里应是“{sign}”"))
        }
    }

    /// The lower-case name of a function that is called here.
    fn called(&self) -> Option<String> {
        match (self.peek(), self.tokens.get(self.at + 1)) {
            (Token::Word(word), Some((Token::Sign("("), _))) => Some(word.to_ascii_lowercase()),
            _ => None,
        }
    }

    fn grow(&mut self, depth: usize) -> Result<(), Problem> {
        self.nodes += 1;
        if depth > MAX_DEPTH {
            return self.place().refuse(format!("嵌套超过 {MAX_DEPTH} 层"));
        }
        if self.nodes > MAX_NODES {
            return self.place().refuse(format!("条件超过 {MAX_NODES} 个"));
        }
        Ok(())
    }

    fn or(&mut self, depth: usize) -> Result<Expr, Problem> {
        self.grow(depth)?;
        let mut all = vec![self.and(depth + 1)?];
        while self.eat_word("or") {
            all.push(self.and(depth + 1)?);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Expr::Or(all)
        })
    }

    fn and(&mut self, depth: usize) -> Result<Expr, Problem> {
        let mut all = vec![self.not(depth)?];
        while self.eat_word("and") {
            all.push(self.not(depth)?);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Expr::And(all)
        })
    }

    fn not(&mut self, depth: usize) -> Result<Expr, Problem> {
        self.grow(depth)?;
        if self.eat_word("not") {
            return Ok(Expr::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.eat("(") {
            let inner = self.or(depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        self.predicate()
    }

    fn predicate(&mut self) -> Result<Expr, Problem> {
        if let Some(name) = self.called() {
            if let Some(op) = SpatialOp::parse(&name) {
                return self.spatial(op);
            }
            if let Some(op) = TemporalOp::parse(&name) {
                self.next();
                self.expect("(")?;
                let left = self.span()?;
                self.expect(",")?;
                let right = self.span()?;
                self.expect(")")?;
                return Ok(Expr::Temporal { op, left, right });
            }
        }
        for (word, value) in [("true", true), ("false", false)] {
            if self.is_word(word) {
                let compared = matches!(self.tokens.get(self.at + 1), Some((Token::Sign(sign), _)) if Op::ALL.iter().any(|(known, _)| known == sign));
                if !compared {
                    self.next();
                    return Ok(Expr::Constant(value));
                }
            }
        }
        let place = self.place();
        let left = self.side(0)?;
        for (sign, op) in Op::ALL {
            if self.eat(sign) {
                let right = self.side(0)?;
                return compare(left, op, right);
            }
        }
        let Side::Property(property, fold_case) = left else {
            return place.refuse("这里应是字段名");
        };
        let negated = self.eat_word("not");
        let expr = self.rest(property, fold_case, negated)?;
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn rest(&mut self, property: Name, fold_case: bool, negated: bool) -> Result<Expr, Problem> {
        let place = self.place();
        if self.eat_word("like") {
            let place = self.place();
            return match self.side(0)? {
                Side::Given(
                    Given {
                        value: Literal::Text(pattern),
                        place,
                    },
                    _,
                ) => Ok(Expr::Like {
                    property,
                    pattern,
                    fold_case,
                    place,
                }),
                _ => place.refuse("LIKE 之后应是文本"),
            };
        }
        if self.eat_word("between") {
            let low = self.given()?;
            if !self.eat_word("and") {
                return self.place().refuse("BETWEEN 应写成 BETWEEN 下限 AND 上限");
            }
            return Ok(Expr::Between {
                property,
                low,
                high: self.given()?,
            });
        }
        if self.eat_word("in") {
            self.expect("(")?;
            let mut values = vec![self.given()?];
            while self.eat(",") {
                values.push(self.given()?);
                if values.len() > MAX_LIST {
                    return place.refuse(format!("IN 的列表超过 {MAX_LIST} 个"));
                }
            }
            self.expect(")")?;
            return Ok(Expr::In {
                property,
                values,
                fold_case,
            });
        }
        if negated {
            return place.refuse("NOT 之后应是 LIKE、BETWEEN 或 IN");
        }
        if self.eat_word("is") {
            let not = self.eat_word("not");
            if !self.eat_word("null") {
                return self.place().refuse("IS 之后应是 NULL 或 NOT NULL");
            }
            let expr = Expr::IsNull { property };
            return Ok(if not { Expr::Not(Box::new(expr)) } else { expr });
        }
        place.refuse("这里应是 =、<>、<、<=、>、>=、LIKE、BETWEEN、IN 或 IS NULL")
    }

    /// A literal, alone or in CASEI.
    fn given(&mut self) -> Result<Given, Problem> {
        let place = self.place();
        match self.side(0)? {
            Side::Given(given, _) => Ok(given),
            Side::Property(..) => place.refuse("这里应是一个值;文本要用单引号"),
        }
    }

    /// A property or literal, alone or in CASEI.
    fn side(&mut self, depth: usize) -> Result<Side, Problem> {
        let place = self.place();
        match self.called().as_deref() {
            Some("casei") => {
                if depth > MAX_FOLDS {
                    return place.refuse("CASEI 不能层层嵌套");
                }
                self.next();
                self.expect("(")?;
                let inner = self.side(depth + 1)?;
                self.expect(")")?;
                return Ok(match inner {
                    Side::Property(name, _) => Side::Property(name, true),
                    Side::Given(given, _) => match given.value {
                        Literal::Text(_) => Side::Given(given, true),
                        _ => return place.refuse("CASEI 里应是字段名或文本"),
                    },
                });
            }
            Some(name @ ("date" | "timestamp")) => {
                self.next();
                self.expect("(")?;
                let inner = self.place();
                let Token::Text(text) = self.next() else {
                    return inner.refuse(format!("{} 里应是文本", name.to_uppercase()));
                };
                self.expect(")")?;
                let value = if name == "date" {
                    date(&text, &inner)?
                } else {
                    moment(&text, &inner)?
                };
                return Ok(Side::Given(Given { value, place }, false));
            }
            Some(name) if !RESERVED.contains(&name) => {
                return place.refuse(format!("没有函数 {name}"));
            }
            _ => {}
        }
        let value = match self.next() {
            Token::Text(text) => Literal::Text(text),
            Token::Number(number) => Literal::Number(number),
            Token::Sign("-") => match self.next() {
                Token::Number(number) => Literal::Number(-number),
                _ => return place.refuse("负号之后应是数字"),
            },
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            Token::Word(word) if RESERVED.iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                return place.refuse(format!("这里不能是 {}", word.to_uppercase()));
            }
            Token::Word(name) | Token::Quoted(name) => {
                return Ok(Side::Property(Name { name, place }, false));
            }
            _ => return place.refuse("这里应是字段名或一个值;文本要用单引号"),
        };
        Ok(Side::Given(Given { value, place }, false))
    }

    fn span(&mut self) -> Result<Span, Problem> {
        let place = self.place();
        if self.called().as_deref() == Some("interval") {
            self.next();
            self.expect("(")?;
            let start = self.end()?;
            self.expect(",")?;
            let end = self.end()?;
            self.expect(")")?;
            return Ok(Span { start, end, place });
        }
        match self.side(0)? {
            Side::Property(name, false) => Ok(Span::instant(Instant::Property(name), place)),
            Side::Given(given, false) if matches!(given.value, Literal::Date(_) | Literal::Moment(_)) => {
                Ok(Span::instant(Instant::Given(given), place))
            }
            _ => place.refuse("这里应是日期或时间字段、DATE、TIMESTAMP 或 INTERVAL"),
        }
    }

    /// One end of an interval.
    fn end(&mut self) -> Result<Instant, Problem> {
        let place = self.place();
        match self.side(0)? {
            Side::Property(name, false) => Ok(Instant::Property(name)),
            Side::Given(
                Given {
                    value: Literal::Text(text),
                    place,
                },
                false,
            ) => instant(&text, &place),
            Side::Given(given, false) if matches!(given.value, Literal::Date(_) | Literal::Moment(_)) => {
                Ok(Instant::Given(given))
            }
            _ => place.refuse("这里应是日期、时间、字段名或 '..'"),
        }
    }

    fn spatial(&mut self, op: SpatialOp) -> Result<Expr, Problem> {
        let place = self.place();
        self.next();
        self.expect("(")?;
        let first = self.shape_or_name()?;
        self.expect(",")?;
        let second = self.shape_or_name()?;
        self.expect(")")?;
        spatial(op, first, second, &place)
    }

    fn shape_or_name(&mut self) -> Result<Result<Geometry<f64>, Name>, Problem> {
        let place = self.place();
        match self.peek().clone() {
            Token::Word(word) if SHAPES.iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                self.shape(0).map(Ok)
            }
            Token::Word(name) | Token::Quoted(name) => {
                self.next();
                Ok(Err(Name { name, place }))
            }
            _ => place.refuse("这里应是几何字段,或 POINT、POLYGON、BBOX 等几何"),
        }
    }

    fn shape(&mut self, depth: usize) -> Result<Geometry<f64>, Problem> {
        self.grow(depth)?;
        let place = self.place();
        let Token::Word(kind) = self.next() else {
            return place.refuse("这里应是几何");
        };
        let kind = kind.to_ascii_lowercase();
        // `POINT Z (…)`: heights are read and left aside.
        self.eat_word("z");
        let made = match kind.as_str() {
            "bbox" => {
                self.expect("(")?;
                let mut numbers = vec![self.number()?];
                while self.eat(",") {
                    numbers.push(self.number()?);
                    if numbers.len() > 6 {
                        return place.refuse("BBOX 应有四个或六个数");
                    }
                }
                self.expect(")")?;
                shape::bbox(&numbers)
            }
            "geometrycollection" => {
                self.expect("(")?;
                let mut parts = vec![self.shape(depth + 1)?];
                while self.eat(",") {
                    parts.push(self.shape(depth + 1)?);
                }
                self.expect(")")?;
                Ok(Geometry::GeometryCollection(parts.into()))
            }
            _ => {
                let levels = shape::levels(&kind).unwrap_or(0);
                let coordinates = if kind == "multipoint" {
                    self.multipoint()?
                } else {
                    self.coordinates(levels)?
                };
                shape::make(&kind, &coordinates)
            }
        };
        made.map_err(|message| place.problem(message))
    }

    /// Coordinates in as many brackets as the kind of geometry asks for.
    fn coordinates(&mut self, levels: u32) -> Result<Coordinates, Problem> {
        self.expect("(")?;
        let item = |parser: &mut Parser| match levels {
            0 | 1 => parser.position(),
            _ => parser.coordinates(levels - 1),
        };
        let first = item(self)?;
        if levels == 0 {
            self.expect(")")?;
            return Ok(first);
        }
        let mut all = vec![first];
        while self.eat(",") {
            all.push(item(self)?);
        }
        self.expect(")")?;
        Ok(Coordinates::List(all))
    }

    /// `((1 2), (3 4))` and, as many write it, `(1 2, 3 4)`.
    fn multipoint(&mut self) -> Result<Coordinates, Problem> {
        self.expect("(")?;
        let mut all = Vec::new();
        loop {
            let bracket = self.eat("(");
            all.push(self.position()?);
            if bracket {
                self.expect(")")?;
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(Coordinates::List(all))
    }

    fn position(&mut self) -> Result<Coordinates, Problem> {
        self.positions += 1;
        if self.positions > MAX_POSITIONS {
            return self.place().refuse(format!("几何的点超过 {MAX_POSITIONS} 个"));
        }
        let (x, y) = (self.number()?, self.number()?);
        if matches!(self.peek(), Token::Number(_) | Token::Sign("-" | "+")) {
            self.number()?;
        }
        Ok(Coordinates::Position(x, y))
    }

    fn number(&mut self) -> Result<f64, Problem> {
        let place = self.place();
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        match self.next() {
            Token::Number(number) => Ok(if negative { -number } else { number }),
            _ => place.refuse("这里应是数字"),
        }
    }
}
