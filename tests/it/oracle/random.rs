//! Random rows, actors, purposes and policies.

use std::collections::BTreeSet;

use banyan_base::{Actor, ActorKind, Standing};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value as Json, json};

use super::package::{REGIONS, UNITS};

pub struct Dice(StdRng);

const KINDS: &[&str] = &["xa", "xb", "y_1", "y1"];
const NAMES: &[&str] = &["林", "林榕", "陈小榕", "欧阳明月", "O'Brien", "a%b_c", "陈榕小"];
const PARTIES: &[&str] = &["p1", "p2", "p3", "p'4"];

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(StdRng::seed_from_u64(seed))
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        *all.choose(&mut self.0).unwrap()
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    pub fn number(&mut self, below: i64) -> i64 {
        self.0.random_range(0..below)
    }

    fn unit(&mut self) -> &'static str {
        self.one_of(UNITS).0
    }

    fn maybe(&mut self, value: Json) -> Json {
        if self.chance(25) { Json::Null } else { value }
    }

    pub fn row(&mut self, index: usize, owners: &[String]) -> Map<String, Json> {
        let tags: BTreeSet<&str> = (0..self.number(4)).map(|_| self.one_of(KINDS)).collect();
        let tags = if tags.is_empty() { Json::Null } else { json!(tags) };
        let owner = json!(owners.choose(&mut self.0).unwrap());
        let fields = [
            ("title", json!(format!("物{index}"))),
            ("unit", json!(self.unit())),
            ("open", json!(self.chance(50))),
        ];
        let optional = [
            ("region", json!(self.one_of(REGIONS))),
            ("tags", tags),
            ("score", json!(self.number(8) - 2)),
            ("kind", json!(self.one_of(KINDS))),
            ("owner", owner),
            ("party", json!(self.one_of(PARTIES))),
            ("name", json!(self.one_of(NAMES))),
            (
                "phone",
                json!(format!(
                    "{}{:03}",
                    self.one_of(&["1", "139", "05918"]),
                    self.number(300)
                )),
            ),
            ("code", json!(format!("C{}", self.number(40)))),
            (
                "number",
                json!(self.one_of(&["3", "35", "350", "350102199001011234", "号码"])),
            ),
            ("wechat", json!(self.one_of(&["w1", "w2"]))),
            (
                "birth",
                json!(format!(
                    "19{:02}-0{}-1{}",
                    50 + self.number(50),
                    1 + self.number(9),
                    self.number(9)
                )),
            ),
            ("note", json!(self.one_of(&["好", "坏", "好\\坏"]))),
            ("area", json!(self.one_of(REGIONS))),
            ("secret", json!(self.number(100))),
        ];
        let mut row: Map<String, Json> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        for (name, value) in optional {
            let value = self.maybe(value);
            row.insert(name.to_owned(), value);
        }
        row
    }

    pub fn actor(&mut self, index: usize) -> Actor {
        let citizen = self.chance(25);
        let mut roles = BTreeSet::new();
        for role in ["oracle.clerk", "oracle.chief"] {
            if !citizen && self.chance(60) {
                roles.insert(role.to_owned());
            }
        }
        let party = (citizen || self.chance(20)).then(|| self.one_of(PARTIES).to_owned());
        Actor {
            id: format!("account-{index}"),
            name: "甲".into(),
            kind: if citizen {
                ActorKind::Citizen
            } else {
                ActorKind::Person
            },
            unit: (!citizen && self.chance(80)).then(|| self.unit().to_owned()),
            roles,
            standing: Standing {
                regions: (0..self.number(3))
                    .map(|_| self.one_of(REGIONS).to_owned())
                    .collect(),
                lines: (0..self.number(2)).map(|_| "l1".to_owned()).collect(),
                level: u8::try_from(self.number(4)).unwrap(),
                represents: (party.is_some() && self.chance(20)).then(|| self.one_of(PARTIES).to_owned()),
                party,
                ..Standing::default()
            },
            ..Actor::anonymous()
        }
    }

    fn atom(&mut self) -> String {
        let (unit, other, region, kind, second) = (
            self.unit(),
            self.unit(),
            self.one_of(REGIONS),
            self.one_of(KINDS),
            self.one_of(KINDS),
        );
        let number = self.number(6) - 1;
        let sign = self.one_of(&["<", "<=", ">", ">=", "==", "!="]);
        let party = self.one_of(PARTIES);
        match self.number(31) {
            0 => "principal has unit && resource.unit == principal.unit".into(),
            1 => format!("resource.unit in Unit::\"{unit}\""),
            2 => format!("resource.unit in [Unit::\"{unit}\", Unit::\"{other}\"]"),
            3 => "principal has unit && resource.unit in principal.unit".into(),
            4 => "resource has region && resource.region in principal.regions".into(),
            5 => format!("resource has region && resource.region in Region::\"{region}\""),
            6 => format!("resource has tags && resource.tags.contains(\"{kind}\")"),
            7 => format!("resource has tags && resource.tags.containsAny([\"{kind}\", \"{second}\"])"),
            8 => format!("resource has tags && resource.tags.containsAll([\"{kind}\", \"{second}\"])"),
            9 => format!("resource has score && resource.score {sign} {number}"),
            10 => "resource.open".into(),
            11 => format!("resource has kind && resource.kind == \"{kind}\""),
            12 => format!("resource has kind && [\"{kind}\", \"{second}\"].contains(resource.kind)"),
            13 => "resource has kind && resource.kind like \"x*\"".into(),
            14 => "resource has kind && resource.kind like \"y_*\"".into(),
            15 => "resource has owner && principal has unit && resource.owner.unit == principal.unit".into(),
            16 => format!(
                "resource has owner && resource.owner has rank && resource.owner.rank {sign} {number}"
            ),
            17 => format!("resource has owner && resource.owner.unit in Unit::\"{unit}\""),
            18 => "resource has party && principal has acting_for && resource.party == principal.acting_for"
                .into(),
            19 => format!("principal.level >= {}", number.max(0)),
            20 => "principal.lines.contains(\"l1\")".into(),
            21 => "context has purpose && context.purpose == \"oracle.care\"".into(),
            22 => "resource has kind".into(),
            23 => "resource has owner && resource.owner has rank".into(),
            24 => format!("resource has party && resource.party == \"{party}\""),
            25 => format!(
                "resource has name && resource.name like \"*{}*\"",
                self.one_of(&["榕", "%", "'"])
            ),
            26 => "resource has phone && resource.phone like \"139*\"".into(),
            27 => format!("resource has secret && resource.secret {sign} {}", number * 15),
            28 => format!(
                "resource has area && resource has region && (resource.area == resource.region || resource.area in Region::\"{region}\")"
            ),
            29 => "resource.created_by == principal.account".into(),
            _ => format!(
                "if resource.open then {} else {}",
                self.one_of(&["resource has score", "principal has unit"]),
                self.one_of(&["true", "resource has kind"])
            ),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        if depth == 0 || self.chance(30) {
            let atom = self.atom();
            return if self.chance(20) {
                format!("!({atom})")
            } else {
                format!("({atom})")
            };
        }
        let (left, right) = (self.condition(depth - 1), self.condition(depth - 1));
        match self.number(5) {
            0 | 1 => format!("({left} && {right})"),
            2 | 3 => format!("({left} || {right})"),
            _ => format!("!({left} || {right})"),
        }
    }

    /// A package's policies: some permits, perhaps a forbid, and who sees which field whole.
    pub fn policy(&mut self) -> String {
        let mut text = String::new();
        let principals = [
            "principal",
            "principal in Role::\"oracle.clerk\"",
            "principal in Role::\"oracle.chief\"",
            "principal in Role::\"citizen\"",
            "principal in Role::\"public\"",
        ];
        let acts = "action in [Action::\"list\", Action::\"view\", Action::\"export\"]";
        for _ in 0..1 + self.number(3) {
            let (who, condition) = (self.one_of(&principals), self.condition(3));
            text.push_str(&format!(
                "permit({who}, {acts}, resource is oracle::item) when {{ {condition} }};\n"
            ));
        }
        if self.chance(40) {
            let condition = self.condition(2);
            text.push_str(&format!(
                "forbid(principal, {acts}, resource is oracle::item) when {{ {condition} }};\n"
            ));
        }
        for _ in 0..1 + self.number(3) {
            let who = self.one_of(&principals);
            let field = self.one_of(&["name", "phone", "code", "birth", "area", "number", "secret"]);
            let other = self.one_of(&["name", "phone", "code", "birth", "area", "number", "secret"]);
            let condition = self.condition(2);
            text.push_str(&format!(
                "permit({who}, action in [Action::\"reveal\"], resource is oracle::item) when {{ context has field && [\"{field}\", \"{other}\"].contains(context.field) && {condition} }};\n"
            ));
        }
        text
    }
}
