use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in 分 (1/100 yuan). Integers only (invariant 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    /// Reads yuan with at most two decimals, with or without thousands separators: `1,234.50`.
    pub fn parse_yuan(text: &str) -> Option<Money> {
        let cleaned: String = text
            .trim()
            .chars()
            .filter(|c| *c != ',' && *c != '\u{ff0c}')
            .collect();
        let (sign, digits) = match cleaned.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, cleaned.as_str()),
        };
        let (yuan, fen) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if yuan.is_empty() || fen.len() > 2 || !all_digits(yuan) || !all_digits(fen) {
            return None;
        }
        let yuan: i64 = yuan.parse().ok()?;
        let fen: i64 = format!("{fen:0<2}").parse().ok()?;
        yuan.checked_mul(100)?
            .checked_add(fen)?
            .checked_mul(sign)
            .map(Money)
    }

    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}
