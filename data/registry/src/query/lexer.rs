//! CQL2 text cut into tokens.

use banyan_base::Problem;

use super::ast::Place;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A bare word: a keyword, a function or a property.
    Word(String),
    /// A word in double quotes: always a property.
    Quoted(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
    End,
}

const SIGNS: &[&str] = &["<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "-", "+"];

/// Cuts a text; each token comes with the characters before it.
pub fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Problem> {
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
                    None => return Place::Text(start).refuse("引号没有闭合"),
                    Some('\0') => return Place::Text(index).refuse("不能含有空字符"),
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
                    Token::Quoted(value)
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
                _ => return Place::Text(start).refuse(format!("“{number}”不是数字")),
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
                return Place::Text(start).refuse(format!("不能有“{}”", c.escape_debug()));
            };
            index += sign.len();
            tokens.push((Token::Sign(sign), start));
        }
    }
    tokens.push((Token::End, chars.len()));
    Ok(tokens)
}
