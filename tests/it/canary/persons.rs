//! Persons who don't exist, each value of whom can be found again wherever it leaks.

use std::collections::BTreeMap;
use std::io::Read;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::package::{REGIONS, UNITS};

/// What is looked for. `register` is the number in the party register, `paper` a file and its name, `about` a visit of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Name,
    Number,
    Phone,
    Address,
    Note,
    Born,
    Income,
    Place,
    Remark,
    Memo,
    Paper,
    About,
    Register,
}

use Field::{About, Address, Born, Income, Memo, Name, Note, Number, Paper, Phone, Place, Register, Remark};

/// The fields of the type `person`, in order.
pub const OF_PERSON: [Field; 10] = [
    Name, Number, Phone, Address, Note, Born, Income, Place, Remark, Memo,
];
/// What lies on disk as ciphertext only.
pub const SEALED: [Field; 4] = [Number, Phone, Note, About];

impl Field {
    pub fn name(self) -> &'static str {
        match self {
            Name => "name",
            Number => "number",
            Phone => "phone",
            Address => "address",
            Note => "note",
            Born => "born",
            Income => "income",
            Place => "place",
            Remark => "remark",
            Memo => "memo",
            Paper => "paper",
            About => "about",
            Register => "register",
        }
    }
}

/// One of every eight persons has a visit and a notice about him; the first have a paper.
pub const PAPERS: usize = 24;

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub index: usize,
    pub code: String,
    /// Id of the record, once there is one.
    pub id: String,
    pub party: String,
    pub unit: &'static str,
    pub region: &'static str,
    pub line: &'static str,
    pub handler: String,
    /// Whether the record is no more, and only its history is there.
    pub deleted: bool,
    /// Hash of the paper.
    pub file: String,
    /// The part by which a value is found, without what stands around it.
    pub token: BTreeMap<Field, String>,
}

/// SplitMix64: values that are the same at every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn word(&mut self) -> String {
        const LETTERS: &[u8] = b"ghjkmnpqrstvwxyz0123456789";
        (0..12)
            .map(|_| char::from(LETTERS[usize::try_from(self.below(26)).unwrap()]))
            .collect()
    }
}

/// A number by GB 11643: the last sign is the check digit of ISO 7064.
pub fn number(first: &str) -> String {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = first.bytes().map(|digit| u32::from(digit - b'0'));
    let sum: u32 = digits.zip(weights).map(|(digit, weight)| digit * weight).sum();
    let check = b"10X98765432"[usize::try_from(sum % 11).unwrap()];
    format!("{first}{}", char::from(check))
}

/// Days of birth are apart: the midnight of one is told in UTC as the day before.
fn day(index: usize) -> jiff::civil::Date {
    let first = jiff::civil::date(1920, 1, 1);
    first
        .checked_add(jiff::Span::new().days(3 * i64::try_from(index).unwrap()))
        .unwrap()
}

/// A person with values of his own; `index` need not be one that is there.
pub fn person(dice: &mut Dice, index: usize) -> Person {
    let born = day(index);
    let compact = born.to_string().replace('-', "");
    let token = [
        (Name, dice.word()),
        (Number, number(&format!("350102{compact}{:03}", dice.below(1000)))),
        (
            Phone,
            format!("1{}{:09}", 3 + dice.below(7), dice.below(1_000_000_000)),
        ),
        (Address, dice.word()),
        (Note, dice.word()),
        (Born, born.to_string()),
        (
            Income,
            (600_000_000_000_000 + dice.below(300_000_000_000_000)).to_string(),
        ),
        (
            Place,
            format!("26.{:08}{}", dice.below(100_000_000), 1 + dice.below(9)),
        ),
        (Remark, dice.word()),
        (Memo, dice.word()),
        (Paper, dice.word()),
        (About, dice.word()),
    ];
    let lines = ["health", "school", "housing"];
    let living = ["350102", "350103", "350203"];
    assert!(living.iter().all(|code| REGIONS.contains(code)));
    Person {
        index,
        code: format!("P{index:05}"),
        party: format!("party-{index:05}"),
        // The last unit has nobody.
        unit: UNITS[index % (UNITS.len() - 1)].0,
        region: living[(index / 5) % 3],
        line: lines[(index / 15) % 3],
        token: token.into(),
        ..Person::default()
    }
}

/// These many, the same at every run.
pub fn persons(count: usize) -> Vec<Person> {
    let mut dice = Dice(20_220_301);
    (0..count).map(|index| person(&mut dice, index)).collect()
}

impl Person {
    pub fn seen_by_visit(&self) -> bool {
        self.index.is_multiple_of(8) && !self.deleted
    }

    /// A field as it is sent and stored.
    pub fn value(&self, field: Field) -> serde_json::Value {
        let token = &self.token[&field];
        match field {
            Name => format!("欧阳{token}").into(),
            Address => format!("哨兵路{token}号").into(),
            Note => format!("独居,\n{token},每周探访").into(),
            Income => token.parse::<i64>().unwrap().into(),
            Place => {
                serde_json::json!({ "type": "Point", "coordinates": [119.5, token.parse::<f64>().unwrap()] })
            }
            Paper => format!("材料 {token}").into(),
            About => format!("来访:{token}").into(),
            _ => token.clone().into(),
        }
    }

    pub fn fields(&self) -> serde_json::Value {
        let mut all = serde_json::json!({
            "code": self.code, "party": self.party, "unit": self.unit, "region": self.region, "line": self.line,
        });
        if !self.handler.is_empty() {
            all["handler"] = self.handler.clone().into();
        }
        for field in OF_PERSON {
            all[field.name()] = self.value(field);
        }
        all
    }
}

/// A table of persons, as an import takes it.
pub fn sheet(persons: &[Person]) -> String {
    let own = ["code", "party", "unit", "region", "line", "handler"];
    let heads: Vec<&str> = own
        .into_iter()
        .chain(OF_PERSON.iter().map(|field| field.name()))
        .collect();
    let mut table = heads.join(",") + "\n";
    for person in persons {
        let fields = person.fields();
        let cell = |name: &&str| {
            let text = match &fields[*name] {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Null => String::new(),
                // Money in tables is in yuan.
                serde_json::Value::Number(fen) => {
                    let fen = fen.as_i64().unwrap();
                    format!("{}.{:02}", fen / 100, fen % 100)
                }
                other => other.to_string(),
            };
            format!("\"{}\"", text.replace('"', "\"\""))
        };
        table += &(heads.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    table
}

/// One value that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Find {
    pub person: usize,
    pub field: Field,
}

/// Looks for all values at once.
pub struct Net {
    machine: AhoCorasick,
    of: Vec<Find>,
}

impl Net {
    pub fn over(persons: &[Person], only: Option<&[Field]>) -> Net {
        let (mut patterns, mut of) = (Vec::new(), Vec::new());
        for person in persons {
            for (field, token) in &person.token {
                if only.is_some_and(|only| !only.contains(field)) {
                    continue;
                }
                let find = Find {
                    person: person.index,
                    field: *field,
                };
                patterns.push(token.clone());
                of.push(find);
                if *field == Income {
                    let (yuan, fen) = token.split_at(token.len() - 2);
                    patterns.push(format!("{yuan}.{fen}"));
                    of.push(find);
                }
            }
        }
        let machine = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&patterns)
            .unwrap();
        let net = Net { machine, of };
        // A value inside another's would be found where it does not stand.
        for (at, pattern) in patterns.iter().enumerate() {
            assert_eq!(net.finds(pattern.as_bytes()), [net.of[at]], "{pattern}");
        }
        net
    }

    /// What stands in the bytes, each once.
    pub fn finds(&self, bytes: &[u8]) -> Vec<Find> {
        let mut all: Vec<Find> = self
            .machine
            .find_overlapping_iter(bytes)
            .map(|found| self.of[found.pattern().as_usize()])
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The same with what is packed or written in other letters: workbooks, and runs of hexadecimal or base64 (cursors).
    pub fn deep(&self, bytes: &[u8]) -> Vec<Find> {
        if bytes.starts_with(b"PK\x03\x04") {
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            let mut all = Vec::new();
            for at in 0..zip.len() {
                let mut text = Vec::new();
                zip.by_index(at).unwrap().read_to_end(&mut text).unwrap();
                all.extend(self.finds(&text));
            }
            return all;
        }
        let mut all = self.finds(bytes);
        for run in bytes.split(|byte| !(byte.is_ascii_alphanumeric() || b"+/-_".contains(byte))) {
            // Shorter ones hold no value, the longest cursors less than this.
            if !(20..20_000).contains(&run.len()) {
                continue;
            }
            if let Ok(text) = data_encoding::HEXLOWER_PERMISSIVE.decode(run) {
                all.extend(self.finds(&text));
                continue;
            }
            let whole = &run[..run.len() - usize::from(run.len() % 4 == 1)];
            for encoding in [&data_encoding::BASE64_NOPAD, &data_encoding::BASE64URL_NOPAD] {
                if let Ok(text) = encoding.decode(whole) {
                    all.extend(self.finds(&text));
                }
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}
