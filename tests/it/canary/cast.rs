//! Who crawls: each in another capacity, and what he may see of whom, written down from the package's text and not by asking policy.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use banyan_door::Input;
use serde_json::{Value as Json, json};

use super::persons::Field::{
    About, Address, Born, Income, Memo, Name, Note, Number, Paper, Phone, Place, Remark,
};
use super::persons::{Field, Person, number};
use super::stand::Stand;
use crate::support::Bed;

const PASSWORD: &str = "correct horse battery";
/// What care shows: all but the number in the party register.
const ALL: [Field; 12] = [
    Name, Number, Phone, Address, Note, Born, Income, Place, Remark, Memo, Paper, About,
];
/// What a record shows its own person; visits are not his.
const OWN: [Field; 11] = [
    Name, Number, Phone, Address, Note, Born, Income, Place, Remark, Memo, Paper,
];
/// What needs no `reveal` for care: it has no mask.
const PLAIN: [Field; 2] = [Note, Remark];

pub type Sees = Box<dyn Fn(&Person, Field) -> bool + Send + Sync>;

pub struct Principal {
    pub name: &'static str,
    pub headers: Vec<(String, String)>,
    pub sees: Sees,
    /// Whether his lists must show everything that he may see of persons: the crawl reaches what it claims to look at.
    pub whole: bool,
    /// May change records that he sees in part.
    pub writes: bool,
    /// The account of one before, for another purpose: what asks for no purpose need not be walked again.
    pub again: bool,
}

impl Principal {
    pub fn new(name: &'static str, token: &str) -> Principal {
        let bearer = (!token.is_empty()).then(|| ("authorization".to_owned(), format!("Bearer {token}")));
        Principal {
            name,
            headers: bearer.into_iter().collect(),
            sees: Box::new(|_, _| false),
            whole: false,
            writes: false,
            again: false,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Principal {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn on(self, purpose: &str) -> Principal {
        self.with("banyan-purpose", purpose)
    }

    /// These fields of these persons, all of which his lists show.
    pub fn sees(
        mut self,
        fields: &'static [Field],
        rows: impl Fn(&Person) -> bool + Send + Sync + 'static,
    ) -> Principal {
        self.sees = Box::new(move |person, field| fields.contains(&field) && rows(person));
        self.whole = true;
        self
    }

    /// The same, without lists.
    fn in_part(mut self) -> Principal {
        self.whole = false;
        self
    }
}

/// Persons who are somebody's own, by index; the rest belong to nobody who signs in.
pub const OF_L1: usize = 1;
pub const OF_L2: usize = 2;
pub const OF_L3: usize = 3;
const OF_GIVER: usize = 4;
const OF_CHILD: usize = 5;
const OF_COMPANY: usize = 6;
const OF_REVOKER: usize = 7;
const COMPANY: &str = "91350100M000100Y43";

/// A session for a new account.
fn account(bed: &Bed, login: &str, unit: &str, roles: &[&str]) -> (String, String) {
    let body = json!({ "login": login, "name": login, "roles": roles, "password": PASSWORD, "must_change": false,
        "unit": (!unit.is_empty()).then_some(unit) });
    let made = bed.ask("account.create", Input::json(body)).unwrap();
    (made["id"].as_str().unwrap().to_owned(), enter(bed, login))
}

fn enter(bed: &Bed, login: &str) -> String {
    let given = Input::json(json!({ "login": login, "password": PASSWORD }));
    let anonymous = bed.platform.world.ctx(banyan_base::Actor::anonymous());
    let reply = bed.call(&anonymous, "session.create", given).unwrap();
    let mut cookies = reply.headers.iter().filter(|(name, _)| name == "Set-Cookie");
    let token = cookies.find_map(|(_, cookie)| cookie.strip_prefix("banyan_session="));
    token.unwrap().split(';').next().unwrap().to_owned()
}

fn post(bed: &Bed, account: &str, unit: &str, roles: &[&str], more: Json) -> String {
    let mut body =
        json!({ "account": account, "unit": unit, "title": "岗位", "roles": roles, "from": "2022-01-01" });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let made = bed.ask("post.create", Input::json(body)).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// Citizens: what they are called, and the numbers under which they are registered.
struct Citizens {
    stand: Stand,
    /// Numbers of the register; they come out nowhere.
    numbers: Vec<(usize, String)>,
}

impl Citizens {
    /// Signs up, and is seen by a clerk where he is to be at L3; his token and party.
    fn come(&mut self, login: &'static str, of: usize, level: u8) -> (String, String) {
        let given = number(&format!("3501021985{:02}{:02}001", 1 + of % 12, 1 + of));
        let body =
            json!({ "login": login, "password": PASSWORD, "name": format!("公民{of}"), "number": given });
        let nobody = Principal::new("nobody", "");
        let made = self.stand.must(&nobody, "POST", "/v1/citizens", &body);
        assert!(made.is_object(), "{made}");
        let token = enter(&self.stand.bed, login);
        if level > 1 {
            let body = json!({ "login": login, "name": format!("公民{of}"), "number": given, "evidence": "查验原件" });
            self.stand.bed.ask("party.confirm", Input::json(body)).unwrap();
        }
        self.numbers.push((of, given));
        let me = Principal::new(login, &token);
        let session = self.stand.quietly(&me, "GET", "/v1/session", &[], None).json();
        if level == 2 {
            // As an upstream provider's word would leave it.
            let sql = "UPDATE citizen SET level = 2 WHERE account = ?1";
            let account = session["account"]["id"].as_str().unwrap().to_owned();
            let db = &self.stand.bed.platform.db;
            let changed =
                db.write::<_, banyan_store::Error>(move |tx| tx.execute(sql, &[account.as_str().into()]));
            assert_eq!(changed.unwrap(), 1);
        }
        let party = &session["acting"]["standing"]["party"];
        (token, party.as_str().unwrap().to_owned())
    }

    fn register(&mut self, of: usize, kind: &str, given: &str) -> String {
        let body =
            json!({ "kind": kind, "name": format!("登记{of}"), "number": given, "evidence": "查验原件" });
        let made = self.stand.bed.ask("party.register", Input::json(body)).unwrap();
        self.numbers.push((of, given.to_owned()));
        made["party"].as_str().unwrap().to_owned()
    }

    /// `giver` lets `agent` act for him.
    fn link(&self, giver: &Principal, agent: &Principal, of: usize) -> String {
        let given = &self.numbers.iter().find(|(known, _)| *known == of).unwrap().1;
        let today = self.stand.bed.system().today().to_string();
        let body = json!({ "way": "give", "name": format!("公民{of}"), "number": given, "packages": ["canary"], "from": today,
            "until": today, "reason": "出差" });
        let made = self.stand.must(giver, "POST", "/v1/party-links", &body);
        let id = made["id"].as_str().unwrap().to_owned();
        self.stand
            .must(agent, "POST", &format!("/v1/party-links/{id}/agree"), &json!({}));
        id
    }
}

fn one(index: usize) -> impl Fn(&Person) -> bool + Send + Sync {
    move |person: &Person| person.index == index
}

/// The server with its people, and whose the first persons are; persons are not in yet.
pub fn cast(bed: Bed, address: SocketAddr, mut persons: Vec<Person>) -> (Stand, Vec<Principal>) {
    let mut all = Vec::new();
    let mut posts = Vec::new();
    let mut own = Citizens {
        stand: Stand::new(bed, address, Vec::new()),
        numbers: Vec::new(),
    };
    citizens(&mut own, &mut persons, &mut all);
    let bed = &own.stand.bed;
    let keeper = colleagues(bed, &mut all, &mut posts);
    for person in persons.iter_mut().filter(|person| person.index % 7 == 3) {
        person.handler = keeper.clone();
    }
    lent(&own.stand, &mut all, &posts);
    machines(&own.stand, &mut all);
    for (of, given) in &own.numbers {
        persons[*of].token.insert(Field::Register, given.clone());
    }
    settle(&mut all);
    let Stand { bed, .. } = own.stand;
    (Stand::new(bed, address, persons), all)
}

fn citizens(own: &mut Citizens, persons: &mut [Person], all: &mut Vec<Principal>) {
    let (low, party) = own.come("citizen-1", OF_L1, 1);
    persons[OF_L1].party = party;
    all.push(Principal::new("a citizen at L1", &low).on("self"));
    let (token, party) = own.come("citizen-2", OF_L2, 2);
    persons[OF_L2].party = party;
    all.push(
        Principal::new("a citizen at L2", &token)
            .on("self")
            .sees(&OWN, one(OF_L2)),
    );
    let (token, party) = own.come("citizen-3", OF_L3, 3);
    persons[OF_L3].party = party;
    let third = Principal::new("a citizen at L3", &token)
        .on("self")
        .sees(&OWN, one(OF_L3));
    all.push(Principal::new("a citizen for no purpose", &token));
    all.push(Principal::new("a citizen for a purpose of colleagues", &token).on("canary.care"));
    let (token, party) = own.come("citizen-4", OF_GIVER, 3);
    let giver = Principal::new("a giver", &token);
    persons[OF_GIVER].party = party.clone();
    // Who has nothing of his own acts for others.
    let (token, _) = own.come("agent", 8, 3);
    let agent = Principal::new("agent", &token);
    own.link(&giver, &agent, 8);
    all.push(Principal::new("an agent for himself", &token).on("self"));
    all.push(
        Principal::new("an agent", &token)
            .on("self")
            .with("banyan-for", &party)
            .sees(&OWN, one(OF_GIVER)),
    );
    let (token, party) = own.come("citizen-7", OF_REVOKER, 3);
    persons[OF_REVOKER].party = party.clone();
    let revoker = Principal::new("a revoker", &token);
    let link = own.link(&revoker, &agent, 8);
    own.stand.must(
        &revoker,
        "POST",
        &format!("/v1/party-links/{link}/revoke"),
        &json!({}),
    );
    let revoked = Principal {
        headers: agent.headers.clone(),
        ..Principal::new("an agent whose link was revoked", "")
    };
    all.push(revoked.on("self").with("banyan-for", &party));
    // A guardian and a legal representative, by a clerk.
    let (token, person) = own.come("guardian", 9, 3);
    let child = own.register(OF_CHILD, "person", &number("35010220200101002"));
    let company = own.register(OF_COMPANY, "organisation", COMPANY);
    let today = own.stand.bed.system().today().to_string();
    for (name, kind, of, party) in [
        ("a guardian", "guardian", OF_CHILD, child),
        ("a legal representative", "legal", OF_COMPANY, company),
    ] {
        let body =
            json!({ "kind": kind, "party": party, "person": person, "from": today, "evidence": "查验原件" });
        own.stand.bed.ask("party_link.grant", Input::json(body)).unwrap();
        persons[of].party = party.clone();
        let principal = Principal::new(name, &token).on("self").with("banyan-for", &party);
        all.push(principal.sees(&OWN, one(of)));
    }
    // Two agree to the survey.
    for who in [&third, &giver] {
        let path = "/v1/consents/canary.survey/give";
        own.stand.must(who, "POST", path, &json!({ "version": 1 }));
    }
    all.push(third);
}

/// Those who act for themselves; the post of the keeper.
fn colleagues(
    bed: &Bed,
    all: &mut Vec<Principal>,
    posts: &mut Vec<(&'static str, String, String)>,
) -> String {
    all.push(Principal::new("a stranger", ""));
    all.push(Principal::new("somebody with a token of nothing", "byn_nothing"));
    let clerk = account(bed, "clerk", "U1", &["canary.clerk"]).1;
    let of = |unit: &'static str| move |person: &Person| person.unit == unit;
    all.push(
        Principal::new("a clerk", &clerk)
            .on("canary.care")
            .sees(&ALL, of("U1")),
    );
    all.push(
        Principal::new("a clerk who calls back", &clerk)
            .on("canary.contact")
            .sees(&[Name, Phone, Memo], of("U1")),
    );
    all.push(Principal::new("a clerk for no purpose", &clerk));
    all.push(Principal::new("a clerk for another's purpose", &clerk).on("canary.figures"));
    all.push(Principal::new("a clerk for a purpose that is over", &clerk).on("canary.over"));
    all.push(Principal::new("a clerk as if for himself", &clerk).on("self"));
    all.push(Principal::new("a clerk as if in an emergency", &clerk).on("emergency"));
    let other = account(bed, "clerk-2", "U2", &["canary.clerk"]).1;
    all.push(
        Principal::new("a clerk of another unit", &other)
            .on("canary.care")
            .sees(&ALL, of("U2")),
    );
    let empty = account(bed, "clerk-x", "X0", &["canary.clerk"]).1;
    all.push(Principal::new("a clerk of a unit without persons", &empty).on("canary.care"));
    let chief = account(bed, "chief", "U1", &["canary.chief"]).1;
    let below = |person: &Person| ["U1", "U11", "U12"].contains(&person.unit);
    all.push(
        Principal::new("a chief", &chief)
            .on("canary.care")
            .sees(&[Name, Note, Remark], below),
    );
    for (name, login, regions, own) in [
        ("an officer of a district", "district", "3501", true),
        ("an officer of another region", "district-x", "36", false),
    ] {
        let (id, token) = account(bed, login, "", &[]);
        post(
            bed,
            &id,
            "U2",
            &["canary.district"],
            json!({ "regions": [regions], "main": true }),
        );
        let officer = Principal::new(name, &token).on("canary.care");
        all.push(if own {
            officer.sees(&[Name, Phone, Note, Remark], |person| {
                person.region.starts_with("3501")
            })
        } else {
            officer
        });
    }
    let (id, token) = account(bed, "liner", "", &[]);
    post(
        bed,
        &id,
        "U0",
        &["canary.liner"],
        json!({ "lines": ["health"], "main": true }),
    );
    all.push(
        Principal::new("an officer of a line", &token)
            .on("canary.care")
            .sees(&PLAIN, |person| person.line == "health"),
    );
    let (id, token) = account(bed, "keeper", "", &[]);
    let keeper = post(bed, &id, "U0", &["canary.keeper"], json!({}));
    let kept = |person: &Person| person.index % 7 == 3;
    all.push(
        Principal::new("a keeper in his post", &token)
            .on("canary.care")
            .with("banyan-post", &keeper)
            .sees(&OWN, kept),
    );
    all.push(
        Principal::new("a keeper out of his post", &token)
            .on("canary.care")
            .with("banyan-post", "own"),
    );
    let over = post(
        bed,
        &id,
        "U1",
        &["canary.clerk"],
        json!({ "until": "2022-12-31" }),
    );
    all.push(
        Principal::new("a clerk whose post has ended", &token)
            .on("canary.care")
            .with("banyan-post", &over),
    );
    let masker = account(bed, "masker", "U2", &["canary.masker"]).1;
    all.push(Principal {
        writes: true,
        ..Principal::new("an inspector who sees masks", &masker)
            .on("canary.care")
            .sees(&PLAIN, |_| true)
    });
    let leader = account(bed, "leader", "U0", &["canary.leader"]).1;
    all.push(Principal::new("a leader who counts", &leader).on("canary.figures"));
    let exporter = account(bed, "exporter", "U0", &["canary.exporter"]).1;
    all.push(Principal::new("an exporter on his own", &exporter).on("canary.handover"));
    let second = account(bed, "exporter-2", "U0", &["canary.exporter"]).1;
    all.push(Principal::new("another exporter", &second).on("canary.handover"));
    let intake = account(bed, "intake", "U1", &["canary.intake"]).1;
    all.push(Principal::new("an intake clerk", &intake).on("canary.care"));
    let surveyor = account(bed, "surveyor", "U2", &["canary.surveyor"]).1;
    all.push(
        Principal::new("a surveyor", &surveyor)
            .on("canary.survey")
            .sees(&[Remark], |person| [OF_L3, OF_GIVER].contains(&person.index)),
    );
    let plain = account(bed, "plain", "U1", &[]).1;
    all.push(Principal::new("a colleague without a role", &plain).on("canary.care"));
    let admin = account(bed, "boss", "U1", &["admin"]).1;
    for (name, purpose) in [
        ("an administrator", ""),
        ("an administrator with a purpose", "canary.care"),
    ] {
        let admin = Principal::new(name, &admin);
        all.push(if purpose.is_empty() {
            admin
        } else {
            admin.on(purpose)
        });
    }
    let both = account(bed, "boss-clerk", "U11", &["admin", "canary.clerk"]).1;
    all.push(
        Principal::new("an administrator who is a clerk", &both)
            .on("canary.care")
            .sees(&ALL, of("U11")),
    );
    let (id, token) = account(bed, "gone", "U1", &["canary.clerk"]);
    let mut input = Input::json(json!({ "disabled": true })).with_path("id", id.as_str());
    input.if_match = Some("\"1\"".into());
    bed.ask("account.update", input).unwrap();
    all.push(Principal::new("a clerk whose account is disabled", &token).on("canary.care"));
    let (holder, token) = account(bed, "holder", "", &[]);
    let lend = post(bed, &holder, "U12", &["canary.clerk"], json!({ "main": true }));
    posts.push(("holder", token, lend));
    keeper
}

/// Those who act in another's post, and those who broke the glass.
fn lent(stand: &Stand, all: &mut Vec<Principal>, posts: &[(&'static str, String, String)]) {
    let bed = &stand.bed;
    let today = bed.system().today().to_string();
    let (_, token, lend) = &posts[0];
    let holder = Principal::new("a holder", token);
    let delegate = account(bed, "delegate", "U2", &[]).1;
    let body = json!({ "post": lend, "to": "delegate", "from": today, "until": today, "reason": "出差" });
    stand.must(&holder, "POST", "/v1/delegations", &body);
    let of = |person: &Person| person.unit == "U12";
    all.push(
        Principal::new("a delegate", &delegate)
            .on("canary.care")
            .with("banyan-post", lend)
            .sees(&ALL, of),
    );
    all.push(
        Principal::new("a delegate in his own capacity", &delegate)
            .on("canary.care")
            .with("banyan-post", "own"),
    );
    let other = account(bed, "not-lent", "U2", &[]).1;
    all.push(
        Principal::new("somebody in a post that was not lent to him", &other)
            .on("canary.care")
            .with("banyan-post", lend),
    );
    let duty = account(bed, "duty", "U0", &["canary.emergency"]).1;
    let opener = Principal::new("an opener", &duty);
    let body = json!({ "package": "canary", "types": ["person"], "reason": "夜间火灾,须核对住院人员" });
    stand.must(&opener, "POST", "/v1/emergencies", &body);
    all.push(
        Principal::new("whoever opened emergency access", &duty)
            .on("emergency")
            .sees(&OWN, |_| true),
    );
    let shut = account(bed, "duty-2", "U0", &["canary.emergency", "canary.supervisor"]).1;
    all.push(Principal::new("whoever could open emergency access", &shut).on("emergency"));
}

fn machines(stand: &Stand, all: &mut Vec<Principal>) {
    let bed = &stand.bed;
    let body = json!({ "login": "dialer", "name": "回访机", "unit": "U0", "roles": ["canary.caller"] });
    let made = bed.ask("service.create", Input::json(body)).unwrap();
    let pair = format!(
        "{}:{}",
        made["client_id"].as_str().unwrap(),
        made["client_secret"].as_str().unwrap()
    );
    let basic = format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    let nobody = Principal::new("nobody", "");
    let form = (
        "application/x-www-form-urlencoded",
        b"grant_type=client_credentials".as_slice(),
    );
    let answer = stand.quietly(
        &nobody,
        "POST",
        "/oauth/token",
        &[("authorization", &basic)],
        Some(form),
    );
    let token = answer.json()["access_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer:?}"))
        .to_owned();
    all.push(
        Principal::new("a machine that dials", &token)
            .on("canary.contact")
            .sees(&[Phone], |_| true),
    );
    let own = account(bed, "tokens", "U1", &["canary.clerk"]).1;
    let owner = Principal::new("an owner of tokens", &own);
    let of = |person: &Person| person.unit == "U1";
    let scoped = |scopes: &[&str]| {
        let body = json!({ "name": "t", "scopes": scopes, "days": 1 });
        let made = stand.must(&owner, "POST", "/v1/tokens", &body);
        made["token"].as_str().unwrap().to_owned()
    };
    all.push(Principal::new("a token of another package", &scoped(&["package:base"])).on("canary.care"));
    all.push(
        Principal::new("a token that views", &scoped(&["operation:record.view"]))
            .on("canary.care")
            .sees(&ALL, of)
            .in_part(),
    );
    all.push(
        Principal::new("a token that reads", &scoped(&["read", "package:canary"]))
            .on("canary.care")
            .sees(&ALL, of),
    );
}

/// Marks who has the same account and capacity as one before; nobody is there twice.
fn settle(all: &mut [Principal]) {
    let (mut names, mut known) = (BTreeSet::new(), BTreeSet::new());
    for one in all {
        assert!(names.insert(one.name), "{} is there twice", one.name);
        let headers = one.headers.iter().filter(|(name, _)| name != "banyan-purpose");
        one.again = !known.insert(headers.cloned().collect::<Vec<_>>());
    }
}
