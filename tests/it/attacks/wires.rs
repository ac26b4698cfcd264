//! One question by every wire, and questions whose refusal would be an answer.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Stand;
use super::stand::{NAME, NUMBER};

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Every way to ask for a type's records.
fn questions(of: &str, id: &str) -> Vec<String> {
    let all = format!("/v1/records/people/{of}");
    let items = format!("/ogc/collections/people.{of}/items");
    let (name, number) = (encode(NAME), encode(NUMBER));
    let mut list = vec![
        all.clone(),
        format!("{all}?count=1"),
        format!("{all}?q={name}"),
        format!("{all}?filter={}&count=1", encode(&format!("number = '{NUMBER}'"))),
        format!("{all}?sortby=number"),
        format!("{all}?as_of=2099-01-01T00:00:00Z"),
        format!("{all}/{id}"),
        format!("{all}/{id}?as_of=2099-01-01T00:00:00Z"),
        format!("{all}/{number}"),
        format!("{all}/{id}/history"),
        format!("{all}/aggregate?view=x"),
        format!("{all}/template"),
        format!("/ogc/collections/people.{of}"),
        format!("/ogc/collections/people.{of}/schema"),
        format!("/ogc/collections/people.{of}/queryables"),
        format!("/ogc/collections/people.{of}/sortables"),
        items.clone(),
        format!("{items}?q={name}"),
        format!("{items}?bbox=119,26,120,27"),
        format!("{items}?number={number}"),
        format!(
            "{items}?filter-lang=cql2-json&filter={}",
            encode(&json!({ "op": "=", "args": [{ "property": "number" }, NUMBER] }).to_string())
        ),
        format!("{items}/{id}"),
        format!("/v1/saved-filters?type=people.{of}"),
        "/v1/events?limit=1000".to_owned(),
        "/v1/imports".to_owned(),
        "/v1/jobs".to_owned(),
    ];
    list.extend(["csv", "xlsx", "jsonl"].map(|format| format!("{all}/export?format={format}")));
    list.extend(["json", "html"].map(|format| format!("{items}?f={format}")));
    list
}

pub fn forbidden_type(stand: &Stand) {
    for (of, id) in [("person", &stand.ids.person), ("visit", &stand.ids.visit)] {
        for path in questions(of, id) {
            for who in ["reader", "nobody", "", "garbage"] {
                let answer = stand.get(who, &path);
                let case = format!("{who:?} {path}");
                // Lists of what is one's own may be there, and empty.
                let own = path.starts_with("/v1/saved-filters")
                    || path == "/v1/imports"
                    || path.starts_with("/v1/events");
                let shut = matches!(answer.status, 401 | 403 | 404);
                stand.expect(shut || own, || format!("{case}: {answer:?}"));
                stand.tells_nothing(&case, &answer);
            }
            // The question itself is a good one: who may read is answered or told what is wrong with it.
            let who = if path.contains("people") { "clerk" } else { "boss" };
            let answer = stand.get(who, &path);
            stand.expect(!matches!(answer.status, 401 | 403) && answer.status < 500, || {
                format!("{who} {path}: {answer:?}")
            });
        }
    }
    for path in [
        "/openapi.json",
        "/ogc/collections",
        "/ogc/api",
        "/ogc",
        "/v1/packages",
        "/v1/events?limit=1000",
    ] {
        for who in ["reader", "nobody", ""] {
            let answer = stand.get(who, path);
            stand.expect(!answer.text().contains("people.person"), || {
                format!("{who:?} {path} names what it may not know")
            });
        }
    }
    // The feed tells of persons to those who may see them, and never a personal value.
    let events = stand.get("clerk", "/v1/events?limit=1000");
    stand.expect(events.text().contains("people.person"), || format!("{events:?}"));
    stand.tells_nothing("the feed", &events);
    // Workbooks are packed: what is forbidden above would not be found by its bytes, what is permitted is looked at inside.
    let book = stand.get("clerk", "/v1/records/people/person/export?format=xlsx");
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(book.body)).unwrap();
    let mut texts = String::new();
    for index in 0..zip.len() {
        std::io::Read::read_to_string(&mut zip.by_index(index).unwrap(), &mut texts).unwrap();
    }
    stand.expect(texts.contains(NAME), || "the clerk's workbook is empty".into());
}

/// The same refusal whether the thing is there or not.
pub fn existence(stand: &Stand) {
    let none = "01a03b94-c280-7242-a952-6fb85a4430f4";
    let ids = &stand.ids;
    let alike = |who: &str, method: &str, path: &dyn Fn(&str) -> String, id: &str| {
        let body =
            matches!(method, "POST" | "PATCH").then_some(("application/json", b"{\"fields\":{}}".as_slice()));
        let asked = |id: &str| {
            let answer = stand.call(who, method, &path(id), &[("if-match", "\"1\"")], body);
            let names: Vec<String> = answer.headers.iter().map(|(name, _)| name.clone()).collect();
            (
                answer.status,
                answer.said().1.to_string().replace(id, "ID"),
                names,
            )
        };
        let (there, absent) = (asked(id), asked(none));
        stand.expect(there == absent, || {
            format!("{who} {method} {}: {there:?}, absent: {absent:?}", path("ID"))
        });
        stand.expect(there.0 >= 400, || {
            format!("{who} {method} {}: {there:?}", path("ID"))
        });
    };
    for who in ["reader", "nobody", ""] {
        for (method, rest) in [
            ("GET", ""),
            ("GET", "/history"),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/transitions/close"),
        ] {
            alike(
                who,
                method,
                &|id| format!("/v1/records/people/person/{id}{rest}"),
                &ids.person,
            );
        }
        alike(
            who,
            "GET",
            &|id| format!("/ogc/collections/people.person/items/{id}"),
            &ids.person,
        );
        alike(
            who,
            "GET",
            &|id| format!("/v1/files/{id}?record=people.person/{}", ids.person),
            &ids.file,
        );
        for (method, path, id) in [
            ("GET", "/v1/accounts/", &ids.boss),
            ("PATCH", "/v1/accounts/", &ids.boss),
            ("DELETE", "/v1/sessions/", &ids.session),
            ("DELETE", "/v1/tokens/", &ids.token),
            ("DELETE", "/v1/saved-filters/", &ids.filter),
            ("GET", "/v1/imports/", &ids.import),
            ("GET", "/v1/services/", &ids.service),
        ] {
            let rest = if path == "/v1/services/" { "/keys" } else { "" };
            alike(who, method, &|id| format!("{path}{id}{rest}"), id);
        }
        // Types and packages that are not there, and those that one may not know.
        let said = |path: &str| stand.get(who, path).said().0;
        for (known, unknown) in [
            ("/v1/records/people/person", "/v1/records/people/nothing"),
            ("/v1/records/people/person", "/v1/records/nothing/nothing"),
            (
                "/ogc/collections/people.person",
                "/ogc/collections/people.nothing",
            ),
        ] {
            stand.expect(said(known) == said(unknown), || {
                format!("{who}: {known} {}, {unknown} {}", said(known), said(unknown))
            });
        }
    }
}

/// A login that is there and one that is not: the same words after the same time. So few attempts that the bound on failures
/// by address is not met.
pub fn sign_in_timing(stand: &Stand) {
    const PAIRS: usize = 10;
    for number in 0..PAIRS {
        stand.bed.account(&format!("known{number}"), &[]);
    }
    let attempt = |login: &str| {
        let body = json!({ "login": login, "password": "not the password" }).to_string();
        let began = Instant::now();
        let body = Some(("application/json", body.as_bytes()));
        let answer = stand.call("", "POST", "/v1/session", &[], body);
        (began.elapsed(), answer.said())
    };
    let (mut known, mut unknown): (Vec<Duration>, Vec<Duration>) = Default::default();
    for number in 0..PAIRS {
        let one = attempt(&format!("known{number}"));
        let other = attempt(&format!("stranger{number}"));
        stand.expect(one.1 == other.1, || {
            format!("known: {:?}, unknown: {:?}", one.1, other.1)
        });
        known.push(one.0);
        unknown.push(other.0);
    }
    // Others run on this machine. Without the work of a password the unknown would take a fifth; what load makes of equal
    // times differs between the quickest and the middle.
    let of = |times: &mut Vec<Duration>, place: usize| {
        times.sort_unstable();
        times[place].as_secs_f64()
    };
    let ratios = [0, PAIRS / 2].map(|place| of(&mut unknown, place) / of(&mut known, place));
    println!(
        "{}: unknown logins take {ratios:.2?} of known ones",
        stand.bed.name()
    );
    stand.expect(ratios.iter().any(|ratio| (0.5..2.0).contains(ratio)), || {
        format!("unknown logins take {ratios:?} of known ones")
    });
}
