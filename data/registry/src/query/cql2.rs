//! CQL2 text (OGC 21-065r2): Basic CQL2 with LIKE, BETWEEN, IN, IS NULL and CASEI. Bounded in length, depth and size.

use banyan_base::{Problem, codes};

pub const MAX_LENGTH: usize = 8_192;
pub const MAX_DEPTH: usize = 32;
pub const MAX_NODES: usize = 500;
pub const MAX_LIST: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Number(f64),
    Boolean(bool),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare {
        property: String,
        op: Op,
        value: Literal,
        fold_case: bool,
    },
    CompareProperties {
        left: String,
        op: Op,
        right: String,
    },
    Like {
        property: String,
        pattern: String,
        fold_case: bool,
    },
    Between {
        property: String,
        low: Literal,
        high: Literal,
    },
    In {
        property: String,
        values: Vec<Literal>,
        fold_case: bool,
    },
    IsNull {
        property: String,
    },
    Constant(bool),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
    End,
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    nodes: usize,
}

fn refuse<T>(offset: usize, message: impl std::fmt::Display) -> Result<T, Problem> {
    Err(Problem::new(
        codes::BAD_FILTER,
        format!("筛选条件第 {} 个字符处:{message}", offset + 1),
    )
    .with("position", offset + 1))
}

/// Parses a filter.
///
/// # Errors
/// `BAD_FILTER` naming the place.
pub fn parse(text: &str) -> Result<Expr, Problem> {
    if text.len() > MAX_LENGTH {
        return refuse(0, format!("长度超过 {MAX_LENGTH} 字节"));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        nodes: 0,
    };
    let expr = parser.or(0)?;
    match parser.peek() {
        (Token::End, _) => Ok(expr),
        (_, offset) => refuse(*offset, "这里应当结束,或用 AND、OR 连接"),
    }
}

const SIGNS: &[&str] = &["<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "-"];

fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Problem> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied();
    let mut tokens = Vec::new();
    let mut index = 0;
    while let Some(c) = at(index) {
        let start = index;
        if c.is_whitespace() {
            index += 1;
        } else if c == '\'' || c == '"' {
            let mut value = String::new();
            index += 1;
            loop {
                match at(index) {
                    None => return refuse(start, "引号没有闭合"),
                    Some(q) if q == c && at(index + 1) == Some(c) => {
                        value.push(c);
                        index += 2;
                    }
                    Some(q) if q == c => break,
                    Some(other) => {
                        value.push(other);
                        index += 1;
                    }
                }
            }
            index += 1;
            tokens.push((
                if c == '\'' {
                    Token::Text(value)
                } else {
                    Token::Word(value)
                },
                start,
            ));
        } else if c.is_ascii_digit() {
            while at(index).is_some_and(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E'))
                || (matches!(at(index), Some('+' | '-')) && matches!(at(index - 1), Some('e' | 'E')))
            {
                index += 1;
            }
            let number: String = chars.iter().skip(start).take(index - start).collect();
            match number.parse::<f64>() {
                Ok(value) if value.is_finite() => tokens.push((Token::Number(value), start)),
                _ => return refuse(start, format!("“{number}”不是数字")),
            }
        } else if c.is_alphabetic() || c == '_' {
            while at(index).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':')) {
                index += 1;
            }
            tokens.push((
                Token::Word(chars.iter().skip(start).take(index - start).collect()),
                start,
            ));
        } else {
            let rest: String = chars.iter().skip(index).take(2).collect();
            let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
                return refuse(start, format!("不能有“{c}”"));
            };
            index += sign.len();
            tokens.push((Token::Sign(sign), start));
        }
    }
    tokens.push((Token::End, chars.len()));
    Ok(tokens)
}

impl Parser {
    fn peek(&self) -> &(Token, usize) {
        // The list ends with `End` and `next` never moves beyond it.
        static END: (Token, usize) = (Token::End, 0);
        self.tokens.get(self.at).unwrap_or(&END)
    }

    fn next(&mut self) -> (Token, usize) {
        let token = self.peek().clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), (Token::Word(found), _) if found.eq_ignore_ascii_case(word))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), (Token::Sign(found), _) if *found == sign);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Problem> {
        let offset = self.peek().1;
        if self.eat(sign) {
            Ok(())
        } else {
            refuse(offset, format!("这里应是“{sign}”"))
        }
    }

    fn grow(&mut self, depth: usize) -> Result<(), Problem> {
        self.nodes += 1;
        let offset = self.peek().1;
        if depth > MAX_DEPTH {
            return refuse(offset, format!("嵌套超过 {MAX_DEPTH} 层"));
        }
        if self.nodes > MAX_NODES {
            return refuse(offset, format!("条件超过 {MAX_NODES} 个"));
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
        let (property, fold_case) = match self.next() {
            (Token::Word(word), _) if word.eq_ignore_ascii_case("true") => return Ok(Expr::Constant(true)),
            (Token::Word(word), _) if word.eq_ignore_ascii_case("false") => return Ok(Expr::Constant(false)),
            (Token::Word(word), offset) if word.eq_ignore_ascii_case("casei") => {
                self.expect("(")?;
                let (Token::Word(name), _) = self.next() else {
                    return refuse(offset, "CASEI 里应是字段名");
                };
                self.expect(")")?;
                (name, true)
            }
            (Token::Word(word), _) => (word, false),
            (_, offset) => return refuse(offset, "这里应是字段名"),
        };
        let negated = self.eat_word("not");
        let expr = self.rest(property, fold_case, negated)?;
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn rest(&mut self, property: String, fold_case: bool, negated: bool) -> Result<Expr, Problem> {
        let offset = self.peek().1;
        if self.eat_word("like") {
            return match self.literal()? {
                Literal::Text(pattern) => Ok(Expr::Like {
                    property,
                    pattern,
                    fold_case,
                }),
                _ => refuse(offset, "LIKE 之后应是文本"),
            };
        }
        if self.eat_word("between") {
            let low = self.literal()?;
            if !self.eat_word("and") {
                return refuse(self.peek().1, "BETWEEN 应写成 BETWEEN 下限 AND 上限");
            }
            return Ok(Expr::Between {
                property,
                low,
                high: self.literal()?,
            });
        }
        if self.eat_word("in") {
            self.expect("(")?;
            let mut values = vec![self.literal()?];
            while self.eat(",") {
                values.push(self.literal()?);
                if values.len() > MAX_LIST {
                    return refuse(offset, format!("IN 的列表超过 {MAX_LIST} 个"));
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
            return refuse(offset, "NOT 之后应是 LIKE、BETWEEN 或 IN");
        }
        if self.eat_word("is") {
            let not = self.eat_word("not");
            if !self.eat_word("null") {
                return refuse(self.peek().1, "IS 之后应是 NULL 或 NOT NULL");
            }
            let expr = Expr::IsNull { property };
            return Ok(if not { Expr::Not(Box::new(expr)) } else { expr });
        }
        let signs = [
            ("=", Op::Eq),
            ("<>", Op::Ne),
            ("<=", Op::Le),
            (">=", Op::Ge),
            ("<", Op::Lt),
            (">", Op::Gt),
        ];
        let Some((_, op)) = signs.into_iter().find(|(sign, _)| self.eat(sign)) else {
            return refuse(
                offset,
                "这里应是 =、<>、<、<=、>、>=、LIKE、BETWEEN、IN 或 IS NULL",
            );
        };
        let next = self.peek().clone();
        match next {
            (Token::Word(word), _) if !is_literal_word(&word) => {
                self.next();
                Ok(Expr::CompareProperties {
                    left: property,
                    op,
                    right: word,
                })
            }
            _ => Ok(Expr::Compare {
                property,
                op,
                value: self.literal()?,
                fold_case,
            }),
        }
    }

    fn literal(&mut self) -> Result<Literal, Problem> {
        match self.next() {
            (Token::Text(text), _) => Ok(Literal::Text(text)),
            (Token::Number(number), _) => Ok(Literal::Number(number)),
            (Token::Sign("-"), offset) => match self.next() {
                (Token::Number(number), _) => Ok(Literal::Number(-number)),
                _ => refuse(offset, "负号之后应是数字"),
            },
            (Token::Word(word), _) if word.eq_ignore_ascii_case("true") => Ok(Literal::Boolean(true)),
            (Token::Word(word), _) if word.eq_ignore_ascii_case("false") => Ok(Literal::Boolean(false)),
            (Token::Word(word), offset) if is_literal_word(&word) => {
                self.expect("(")?;
                let inner = self.literal()?;
                self.expect(")")?;
                match inner {
                    Literal::Text(_) => Ok(inner),
                    _ => refuse(offset, format!("{word} 里应是文本")),
                }
            }
            (_, offset) => refuse(offset, "这里应是一个值;文本要用单引号"),
        }
    }
}

fn is_literal_word(word: &str) -> bool {
    ["date", "timestamp", "casei", "true", "false"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}
