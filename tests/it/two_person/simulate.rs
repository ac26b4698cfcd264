//! What policy would say to somebody: over HTTP, and by the command line over folders.

use banyan::policy_commands::{PolicyCommand, run};
use clap::{FromArgMatches, Subcommand};
use serde_json::{Value as Json, json};

use super::stand::{package, stands};
use crate::client::Client;

fn ask(client: &Client, supposed: Json) -> (u16, Json) {
    let mut body = json!({ "package": "clinic" });
    body.as_object_mut()
        .unwrap()
        .extend(supposed.as_object().unwrap().clone());
    client.post("/v1/policy/simulate", &body)
}

fn verb<'a>(answer: &'a (u16, Json), name: &str) -> &'a Json {
    assert_eq!(answer.0, 200, "{answer:?}");
    let verbs = answer.1["types"][0]["verbs"].as_array().unwrap();
    verbs.iter().find(|verb| verb["verb"] == name).unwrap()
}

#[test]
fn what_is_supposed_is_what_is_decided() {
    for stand in stands() {
        for number in 0..12 {
            stand.patient(&number.to_string(), if number < 11 { "east" } else { "west" });
        }
        let nurse = ask(
            &stand.admin,
            json!({ "roles": ["nurse"], "purpose": "care", "count": true }),
        );
        let list = verb(&nurse, "list");
        assert_eq!(
            (&list["permitted"], &list["rows"]["text"]),
            (&json!(true), &json!("全部"))
        );
        assert_eq!(list["reasons"][0]["policy"], "nurses");
        assert_eq!(list["reasons"][0]["line"], 2, "{list}");
        let shown = |name: &str| {
            let fields = list["fields"].as_array().unwrap();
            fields.iter().find(|field| field["name"] == name).unwrap()["shown"].clone()
        };
        assert_eq!(
            (shown("name"), shown("phone"), shown("ward")),
            (json!("whole"), json!("masked"), json!("whole"))
        );
        assert_eq!(nurse.1["types"][0]["records"]["all"], json!({ "count": 12 }));
        assert_eq!(verb(&nurse, "delete")["two_person"], "销毁病历须两人办理");
        assert_eq!(verb(&nurse, "transition")["permitted"], false);
        let ward = ask(
            &stand.admin,
            json!({ "roles": ["ward"], "purpose": "care", "count": true }),
        );
        let list = verb(&ward, "list");
        assert_eq!(list["rows"]["text"], "病区等于“east”");
        assert_eq!(list["rows"]["filter"], "ward = 'east'");
        assert_eq!(ward.1["types"][0]["records"]["all"], json!({ "count": 11 }));
        // No purpose, no rows; and what is told is what a caller would be told.
        let without = ask(&stand.admin, json!({ "roles": ["nurse"] }));
        let refusal = verb(&without, "list")["refusal"].as_str().unwrap();
        let nurse = stand.person("nurse", &["clinic.nurse"]);
        let real = nurse.send("GET", super::stand::PATIENTS, &[], None);
        assert_eq!((real.0, real.1["detail"].as_str().unwrap()), (403, refusal));
        let emergency = ask(
            &stand.admin,
            json!({ "roles": ["emergency"], "purpose": "emergency" }),
        );
        assert_eq!(verb(&emergency, "view")["permitted"], true);
        assert_eq!(verb(&emergency, "update")["permitted"], false);
        assert_eq!(verb(&ask(&stand.admin, json!({})), "list")["permitted"], false);
        assert_eq!(ask(&stand.admin, json!({ "package": "none" })).0, 422);
        assert_eq!(ask(&stand.admin, json!({ "kind": "god" })).0, 422);
    }
}

#[test]
fn whoever_supposes_supposes_himself() {
    for stand in stands() {
        stand.patient("1", "east");
        let nurse = stand.person("nurse", &["clinic.nurse"]);
        let own = ask(
            &nurse,
            json!({ "roles": ["clinic.nurse"], "unit": "FJ001", "purpose": "care", "count": true }),
        );
        // Few enough to tell who is there: not counted.
        assert_eq!(own.1["types"][0]["records"]["all"], json!({ "fewer_than": 10 }));
        for other in [
            json!({ "roles": ["admin"] }),
            json!({ "roles": ["clinic.ward"] }),
            json!({ "unit": "FJ002" }),
            json!({ "regions": ["35"] }),
            json!({ "party": "p-1" }),
            json!({ "represents": "p-1" }),
        ] {
            assert_eq!(ask(&nurse, other.clone()).0, 403, "{other}");
        }
        assert_eq!(ask(&Client::anonymous(stand.address), json!({})).0, 401);
        // Nobody's data are counted out by supposing to be him.
        let party = ask(
            &stand.admin,
            json!({ "roles": ["nurse"], "purpose": "care", "party": "p-1", "count": true }),
        );
        assert_eq!(party.1["types"][0].get("records"), None);
    }
}

#[test]
fn the_command_line_says_the_same() {
    let folder = std::env::temp_dir().join(format!("banyan-policy-{}", std::process::id()));
    for (path, text) in package(super::stand::POLICY) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let told = |args: &[&str]| {
        let command = PolicyCommand::augment_subcommands(clap::Command::new("policy"));
        let matches = command.try_get_matches_from(args).unwrap();
        run(PolicyCommand::from_arg_matches(&matches).unwrap())
    };
    let at = folder.to_str().unwrap();
    let text = told(&[
        "policy",
        "simulate",
        "--package",
        at,
        "--role",
        "ward",
        "--purpose",
        "care",
    ])
    .unwrap();
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("list "))
        .unwrap();
    assert!(
        line.contains("可以") && line.contains("病区等于“east”") && line.contains("行)"),
        "{text}"
    );
    assert!(text.contains("phone 电话:打码"), "{text}");
    assert!(text.contains("须经另一人同意:销毁病历须两人办理"), "{text}");
    let refused = told(&["policy", "simulate", "--package", at, "--role", "nobody"]).unwrap_err();
    assert!(refused.contains("no role"), "{refused}");
    let schema = told(&["policy", "schema", at]).unwrap();
    assert!(
        schema.contains("entity patient in [Type]") && schema.contains("clinic.patient.reveal"),
        "{schema}"
    );
    std::fs::remove_dir_all(folder).unwrap();
}
