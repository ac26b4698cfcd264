//! Chinese codes with their check digits: GB/T 2260 regions, GB 11643 person numbers, GB 32100 credit codes, phones.
//!
//! Each check returns what is wrong as a [`Fault`], so that a caller can say it in the reader's words.

use jiff::civil::Date;

/// What is wrong with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Length,
    Character,
    Region,
    BirthDate,
    CheckDigit,
}

impl Fault {
    /// Name for machines, as in a field error.
    pub fn code(self) -> &'static str {
        match self {
            Fault::Length => "length",
            Fault::Character => "pattern",
            Fault::Region => "region",
            Fault::BirthDate => "birth_date",
            Fault::CheckDigit => "check_digit",
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Fault::Length => "位数不对",
            Fault::Character => "含有不允许的字符",
            Fault::Region => "行政区划部分无效",
            Fault::BirthDate => "出生日期部分无效",
            Fault::CheckDigit => "校验位不符,请核对是否有输错的字符",
        }
    }
}

/// Citizen identification number, GB 11643-1999: 17 digits and a check character 0–9 or X (ISO 7064 MOD 11-2).
/// `today` bounds the date of birth.
pub fn check_person_number(text: &str, today: Date) -> Result<(), Fault> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let bytes = text.as_bytes();
    if bytes.len() != 18 {
        return Err(Fault::Length);
    }
    let (body, check) = bytes.split_at(17);
    let digits_only = body.iter().all(u8::is_ascii_digit);
    let check = match check {
        [c @ (b'0'..=b'9' | b'X')] => *c,
        _ => return Err(Fault::Character),
    };
    if !digits_only {
        return Err(Fault::Character);
    }
    if !matches!(body, [b'1'..=b'9', ..]) || text.get(..2) == Some("00") {
        return Err(Fault::Region);
    }
    let part = |from: usize, to: usize| {
        text.get(from..to)
            .and_then(|part| part.parse::<i16>().ok())
            .unwrap_or(0)
    };
    let month = i8::try_from(part(10, 12)).unwrap_or(0);
    let day = i8::try_from(part(12, 14)).unwrap_or(0);
    match Date::new(part(6, 10), month, day) {
        Ok(birth) if birth.year() >= 1800 && birth <= today => {}
        _ => return Err(Fault::BirthDate),
    }
    let sum: u32 = body
        .iter()
        .zip(WEIGHTS)
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    let expected = b"10X98765432".get((sum % 11) as usize).copied();
    if expected == Some(check) {
        Ok(())
    } else {
        Err(Fault::CheckDigit)
    }
}

/// Unified social credit code, GB 32100-2015: 17 characters and a check character, base 31 without I O S V Z.
pub fn check_credit_code(text: &str) -> Result<(), Fault> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    let bytes = text.as_bytes();
    if bytes.len() != 18 {
        return Err(Fault::Length);
    }
    let mut values = Vec::with_capacity(18);
    for byte in bytes {
        values.push(ALPHABET.iter().position(|c| c == byte).ok_or(Fault::Character)?);
    }
    if !text
        .get(2..8)
        .is_some_and(|region| region.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(Fault::Region);
    }
    let sum: usize = values
        .iter()
        .zip(WEIGHTS)
        .map(|(value, weight)| value * weight)
        .sum();
    let expected = (31 - sum % 31) % 31;
    if values.last() == Some(&expected) {
        Ok(())
    } else {
        Err(Fault::CheckDigit)
    }
}

/// A region code: 2, 4, 6, 9 or 12 digits by level, without padding zeros. GB/T 2260 for the first six digits,
/// the National Bureau of Statistics' codes below.
pub fn check_region_code(text: &str) -> Result<(), Fault> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Character);
    }
    match text.len() {
        2 | 4 | 6 | 9 | 12 => Ok(()),
        _ => Err(Fault::Length),
    }
}

/// The code of the region that contains this one: `350102001` → `350102`. `None` for a province.
pub fn region_parent(code: &str) -> Option<&str> {
    let cut = match code.len() {
        12 => 9,
        9 => 6,
        6 => 4,
        4 => 2,
        _ => return None,
    };
    code.get(..cut)
}

/// Mainland phone numbers: mobiles (11 digits from 13 to 19), landlines with area code, and short service numbers.
pub fn check_phone(text: &str) -> Result<(), Fault> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return Err(Fault::Character);
    }
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
    let fits = match digits.as_slice() {
        [b'1', b'3'..=b'9', ..] => digits.len() == 11,
        [b'0', ..] => (10..=12).contains(&digits.len()),
        [b'1' | b'9', ..] => matches!(digits.len(), 5 | 6),
        [b'4' | b'8', ..] => digits.len() == 10,
        _ => false,
    };
    if fits { Ok(()) } else { Err(Fault::Length) }
}
