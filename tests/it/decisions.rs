//! Decisions of packages: versions by day, evaluations that are kept and recomputed, cases beside models, and who may ask.

use banyan::config::{Config, Store};
use banyan::decide_commands::{self, Decide};
use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, SourceFile, World};
use banyan_door::Input;
use banyan_package::model::FieldKind;
use clap::Parser;
use serde_json::{Value as Json, json};

use crate::support::{Bed, beds, document, files, root};

const PACKAGE: &str = "id = \"fees\"\ntitle = { zh = \"收费\" }\nword = \"decision\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";

/// A table of fees by age, with rule ids, a law column, and what differs between versions.
fn model(attributes: &str, child: &str) -> String {
    format!(
        r##"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" xmlns:banyan="https://banyan.local/dmn/1.0"
  namespace="https://banyan.local/fees" name="门票" {attributes}>
  <inputData id="i1" name="年龄"><variable name="年龄" typeRef="number"/></inputData>
  <inputData id="i2" name="申请日"><variable name="申请日" typeRef="date"/></inputData>
  <decision id="d1" name="票价">
    <variable name="票价" typeRef="number"/>
    <informationRequirement><requiredInput href="#i1"/></informationRequirement>
    <decisionTable hitPolicy="UNIQUE">
      <input><inputExpression typeRef="number"><text>年龄</text></inputExpression></input>
      <output typeRef="number"/>
      <annotation name="依据"/>
      <rule id="r-child"><inputEntry><text>&lt; 18</text></inputEntry><outputEntry><text>{child}</text></outputEntry>
        <annotationEntry><text>《收费办法》第三条</text></annotationEntry></rule>
      <rule id="r-adult"><inputEntry><text>&gt;= 18</text></inputEntry><outputEntry><text>40</text></outputEntry>
        <annotationEntry><text>《收费办法》第四条</text></annotationEntry></rule>
    </decisionTable>
  </decision>
  <decision id="d2" name="应收">
    <variable name="应收" typeRef="number"/>
    <informationRequirement><requiredDecision href="#d1"/></informationRequirement>
    <informationRequirement><requiredInput href="#i2"/></informationRequirement>
    <literalExpression><text>if 申请日 &lt; today() then 票价 else 票价 / 2</text></literalExpression>
  </decision>
</definitions>"##
    )
}

fn package(attributes: &str, child: &str, cases: &str) -> Vec<SourceFile> {
    files(&[
        ("package.toml", PACKAGE),
        ("decisions/ticket.dmn", &model(attributes, child)),
        ("decisions/ticket.cases.json", cases),
    ])
}

const CASES: &str =
    r#"[{"name": "孩子", "decision": "票价", "input": {"年龄": 8}, "expected": 20, "rules": ["票价#1"]}]"#;

fn person(bed: &Bed, id: &str, roles: &[&str]) -> Ctx {
    bed.platform.world.ctx(Actor {
        id: id.into(),
        kind: ActorKind::Person,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Actor::anonymous()
    })
}

fn evaluate(bed: &Bed, cx: &Ctx, body: Json) -> Result<Json, banyan_base::Problem> {
    let input = Input::json(body).with_path("id", "fees.ticket");
    bed.call(cx, "decision.evaluate", input).map(document)
}

#[test]
fn versions_count_from_their_days_on() {
    for bed in beds() {
        let first = "banyan:effectiveFrom=\"2020-01-01\"";
        bed.apply(package(first, "20", CASES), false).unwrap();
        // The same again is no version more; another is.
        bed.apply(package(first, "20", CASES), false).unwrap();
        let later = "banyan:effectiveFrom=\"2021-06-01\"";
        let cases = CASES.replace("20,", "15,");
        bed.apply(package(later, "15", &cases), false).unwrap();
        let cx = person(&bed, "someone", &[]);
        let ask = |at: &str| {
            evaluate(
                &bed,
                &cx,
                json!({ "decision": "票价", "input": { "年龄": 8 }, "at": at }),
            )
        };
        let old = ask("2021-05-31").unwrap();
        assert_eq!(
            (&old["result"], &old["model_version"]),
            (&json!(20), &json!(1)),
            "{}",
            bed.name()
        );
        let new = ask("2021-06-01").unwrap();
        assert_eq!((&new["result"], &new["model_version"]), (&json!(15), &json!(2)));
        let none = ask("2019-12-31").unwrap_err();
        assert_eq!(none.code.name, "conflict");
        let fired = &new["explanation"]["decisions"][0]["matched"][0];
        assert_eq!((&fired["id"], &fired["rule"]), (&json!("r-child"), &json!(1)));
        assert_eq!(fired["law"], "《收费办法》第三条");
        let seen = bed.call(
            &cx,
            "decision.view",
            Input::default().with_path("id", "fees.ticket"),
        );
        let seen = document(seen.unwrap());
        assert_eq!(seen["versions"].as_array().unwrap().len(), 2);
        assert_eq!(seen["cases"][0]["name"], "孩子");
        let missing = bed.call(
            &cx,
            "decision.view",
            Input::default().with_path("id", "fees.other"),
        );
        assert_eq!(missing.err().unwrap().code.name, "not-found");
        let listed = document(bed.call(&cx, "decision.list", Input::default()).unwrap());
        assert_eq!(listed["items"][0]["decisions"], json!(["票价", "应收"]));
        // Without the package there is no decision any more.
        let remove = Input::default().with_path("id", "fees");
        bed.call(&bed.system(), "package.remove", remove).unwrap();
        assert_eq!(ask("2021-06-01").unwrap_err().code.name, "not-found");
    }
}

#[test]
fn a_case_that_fails_stops_the_package() {
    let bed = beds().remove(0);
    let problem = bed.apply(package("", "25", CASES), false).unwrap_err();
    assert_eq!(problem.code.name, "package-refused");
    let text = problem.to_json("t").to_string();
    assert!(
        text.contains("case-failed") && text.contains("decisions/ticket.cases.json"),
        "{text}"
    );
    let broken = CASES.replace("票价#1", "票价#2");
    assert!(
        bed.apply(package("", "20", &broken), false).is_err(),
        "another rule fires"
    );
    bed.apply(package("", "20", CASES), false).unwrap();
}

#[test]
fn evaluations_are_kept_recomputed_and_ones_own() {
    for bed in beds() {
        bed.apply(package("", "20", CASES), false).unwrap();
        let cx = person(&bed, "someone", &[]);
        let yesterday = cx.today().yesterday().unwrap().to_string();
        let body =
            json!({ "decision": "应收", "input": { "年龄": 30, "申请日": yesterday }, "record": true });
        let made = evaluate(&bed, &cx, body).unwrap();
        assert_eq!(made["result"], 40, "{}", bed.name());
        let id = made["evaluation"].as_str().unwrap();
        let of = || Input::default().with_path("id", id);
        let seen = document(bed.call(&cx, "evaluation.view", of()).unwrap());
        assert_eq!((&seen["decision"], &seen["result"]), (&json!("应收"), &json!(40)));
        assert_eq!(seen["model_hash"], made["model_hash"]);
        // Another version is in force by now: the old one is recomputed all the same.
        bed.apply(package("", "20", &CASES.replace("孩子", "儿童")), false)
            .unwrap();
        let changed = model("", "20").replace("40", "50");
        let changed = files(&[("package.toml", PACKAGE), ("decisions/ticket.dmn", &changed)]);
        bed.apply(changed, false).unwrap();
        let again = document(bed.call(&cx, "evaluation.replay", of()).unwrap());
        assert_eq!(
            (&again["same"], &again["result"]),
            (&json!(true), &json!(40)),
            "{again}"
        );
        // Nobody else sees it, but administrators.
        for operation in ["evaluation.view", "evaluation.replay"] {
            let other = bed.call(&person(&bed, "another", &[]), operation, of());
            assert_eq!(other.err().unwrap().code.name, "not-found");
            assert!(
                bed.call(&person(&bed, "keeper", &["admin"]), operation, of())
                    .is_ok()
            );
        }
        // What is not asked to be kept is not.
        let plain = evaluate(&bed, &cx, json!({ "decision": "票价", "input": { "年龄": 30 } })).unwrap();
        assert_eq!(plain["evaluation"], Json::Null);
    }
}

#[test]
fn only_the_roles_a_model_names_ask_it() {
    let bed = beds().remove(0);
    let named = "banyan:roles=\"fees.clerk\" banyan:record=\"true\"";
    bed.apply(package(named, "20", CASES), false).unwrap();
    let body = || json!({ "decision": "票价", "input": { "年龄": 8 } });
    let refused = evaluate(&bed, &person(&bed, "someone", &[]), body()).unwrap_err();
    assert_eq!(refused.code.name, "forbidden");
    let made = evaluate(&bed, &person(&bed, "clerk", &["fees.clerk"]), body()).unwrap();
    assert!(
        made["evaluation"].is_string(),
        "the model asks to be recorded: {made}"
    );
    // Models are checked by those who design them.
    let sent = || Input::json(json!({ "xml": model("", "20"), "decision": "票价" , "cases": [] }));
    for operation in ["decision.check", "decision.run_cases", "decision.try"] {
        assert!(
            bed.call(&person(&bed, "someone", &[]), operation, sent())
                .is_err()
        );
        assert!(
            bed.call(&person(&bed, "designer", &["designer"]), operation, sent())
                .is_ok()
        );
    }
    // Wrong inputs are named.
    let wrong = json!({ "decision": "票价", "input": { "年龄": "八" } });
    let problem = evaluate(&bed, &person(&bed, "clerk", &["fees.clerk"]), wrong).unwrap_err();
    assert_eq!(problem.errors[0].pointer, "/input/年龄");
    // Nobody decides by giving the result of what is required.
    let given = json!({ "decision": "应收", "input": { "年龄": 30, "申请日": "2000-01-01", "票价": 1 } });
    let answer = evaluate(&bed, &person(&bed, "clerk", &["fees.clerk"]), given).unwrap();
    assert_eq!(
        (&answer["result"], &answer["ignored"]),
        (&json!(40), &json!(["票价"]))
    );
}

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    decide: Decide,
}

#[test]
fn the_command_line_decides_and_outsiders_recompute() {
    for bed in beds() {
        bed.apply(package("", "20", CASES), false).unwrap();
        let cx = person(&bed, "someone", &[]);
        let body = json!({ "decision": "票价", "input": { "年龄": 8 }, "record": true });
        let id = evaluate(&bed, &cx, body).unwrap()["evaluation"]
            .as_str()
            .unwrap()
            .to_owned();
        let of = Input::default().with_path("id", id.as_str());
        let kept = document(bed.call(&cx, "evaluation.view", of).unwrap());
        let write = |name: &str, text: &str| {
            let path = bed.test.folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let config = Config {
            store: Store {
                url: Some(bed.test.url.clone()),
                ..Store::default()
            },
            ..Config::default()
        };
        let line = |words: &[&str]| {
            let words = ["decide"].iter().chain(words);
            decide_commands::run(&config, &Line::parse_from(words).decide)
        };
        let dmn = write("ticket.dmn", &model("", "20"));
        let (given, cases) = (write("input.json", "{\"年龄\": 8}"), write("cases.json", CASES));
        let said = line(&[&dmn, "--decision", "票价", "--input", &given]).unwrap();
        let said: Json = serde_json::from_str(&said).unwrap();
        assert_eq!(
            (
                &said["result"],
                &said["explanation"]["decisions"][0]["matched"][0]["rule"]
            ),
            (&json!(20), &json!(1))
        );
        assert!(
            line(&[&dmn, "--decision", "没有"]).unwrap_err().contains("票价"),
            "the decisions there are, are named"
        );
        assert!(
            line(&[&dmn, "--cases", &cases])
                .unwrap()
                .contains("1 cases, 0 failed")
        );
        // By the database, and by whoever has the two files.
        assert!(line(&["--replay", &id]).is_ok(), "{}", bed.name());
        let record = write("evaluation.json", &kept.to_string());
        assert!(line(&[&dmn, "--replay", &record]).is_ok());
        let mut forged = kept.clone();
        forged["result"] = json!(10);
        let forged = write("forged.json", &forged.to_string());
        assert!(
            line(&[&dmn, "--replay", &forged])
                .unwrap_err()
                .ends_with("differs: result")
        );
        let other = write("other.dmn", &model("", "15"));
        let differs = line(&[&other, "--replay", &record]).unwrap_err();
        assert!(
            differs.ends_with("differs: explanation, model, result"),
            "{differs}"
        );
    }
}

/// A computed field can't ask a decision, so the rule of the lights stands twice in that package.
#[test]
fn the_lights_of_work_points_are_those_of_their_decision() {
    let files = banyan::folder::read(&root().join("apps/1.0-work-points")).unwrap();
    let package = banyan_package::read(&files).0.unwrap();
    let (_, task) = package.types.iter().find(|(name, _)| name == "task").unwrap();
    let (_, light) = task.fields.iter().find(|(name, _)| name == "light").unwrap();
    let FieldKind::Computed { feel, .. } = &light.kind else {
        panic!("the light of a task is computed");
    };
    let declared =
        banyan_feel::compile_open(feel, &banyan_feel::Scope::default(), &banyan_feel::Type::Any).unwrap();
    let source = package.decisions.iter().find(|one| one.name == "light").unwrap();
    let model = Arc::new(banyan_rule::load(&source.text, &[]).unwrap());
    let cx = World::system().system_ctx();
    for state in ["proposed", "advancing", "closed"] {
        for days in [-40, -1, 0, 1, 29, 30, 31, 182, 183, 184, 300] {
            for progress in [0, 29, 30, 79, 80, 100] {
                let names = json!({ "state": state, "days_left": days, "progress": progress });
                let names = names.as_object().unwrap();
                let decided = banyan_rule::decide(&cx, &model, "light", names, banyan_rule::Reasons::LeftOut);
                assert_eq!(
                    declared.evaluate(&cx, names).unwrap(),
                    decided.unwrap().result,
                    "{names:?}"
                );
            }
        }
    }
}

#[test]
fn a_process_decides_by_a_table() {
    const PROCESS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:banyan="https://banyan.local/bpmn/1.0"
  targetNamespace="https://banyan.local/fees">
  <process id="charge" name="收费" isExecutable="true">
    <startEvent id="begin" name="开始"><outgoing>f1</outgoing></startEvent>
    <sequenceFlow id="f1" sourceRef="begin" targetRef="rule"/>
    <businessRuleTask id="rule" name="定价" banyan:decision="fees.ticket#票价" banyan:result="price">
      <incoming>f1</incoming><outgoing>f2</outgoing>
    </businessRuleTask>
    <sequenceFlow id="f2" sourceRef="rule" targetRef="done"/>
    <endEvent id="done" name="结束"><incoming>f2</incoming></endEvent>
  </process>
</definitions>"#;
    for bed in beds() {
        let mut package = package("banyan:record=\"true\"", "20", CASES);
        package.extend(files(&[("processes/charge.bpmn", PROCESS)]));
        bed.apply(package, false).unwrap();
        let begin = Input::json(json!({ "variables": { "年龄": 8 } })).with_path("id", "fees.charge");
        let started = bed.ask("process.start", begin).unwrap();
        let id = started["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{started}"))
            .to_owned();
        let seen = bed
            .ask("instance.view", Input::default().with_path("id", id))
            .unwrap();
        assert_eq!(seen["state"], "completed", "{}: {seen}", bed.name());
        assert_eq!(seen["variables"]["price"], 20, "{seen}");
    }
}
