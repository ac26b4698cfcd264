//! Tasks of people: from start to end by the door, as several persons.

use banyan_base::codes;
use banyan_door::Input;
use serde_json::{Value as Json, json};

use super::{Stage, file, person, stages};
use crate::Ports;

const LEAVE: &str = r#"
<startEvent id="start"/>
<sequenceFlow id="a" sourceRef="start" targetRef="apply"/>
<userTask id="apply" name="填写请假单" banyan:roles="clerk" banyan:due="P2D"/>
<sequenceFlow id="b" sourceRef="apply" targetRef="approve"/>
<userTask id="approve" name="审批请假" banyan:roles="chief" banyan:notDoersOf="apply" banyan:batch="true"/>
<sequenceFlow id="c" sourceRef="approve" targetRef="ok"/>
<exclusiveGateway id="ok" default="no"/>
<sequenceFlow id="yes" sourceRef="ok" targetRef="done"><conditionExpression>approved = true</conditionExpression></sequenceFlow>
<sequenceFlow id="no" sourceRef="ok" targetRef="apply"/>
<endEvent id="done"/>"#;

fn id(path: &str) -> Input {
    Input::default().with_path("id", path)
}

fn body(path: &str, body: Json) -> Input {
    Input::json(body).with_path("id", path)
}

fn listed(stage: &Stage, who: &banyan_base::Actor, scope: &str) -> Vec<Json> {
    let input = Input {
        query: vec![("scope".into(), scope.into())],
        ..Input::default()
    };
    let page = stage.call(who, "task.list", input).unwrap();
    page["items"].as_array().unwrap().clone()
}

#[test]
fn a_case_goes_from_hand_to_hand() {
    for stage in stages(Ports::default, Vec::new) {
        stage.deploy(
            "demo",
            "leave",
            &file(
                "leave",
                r#"banyan:starters="clerk" banyan:businessKey="number""#,
                LEAVE,
            ),
        );
        let clerk = person("wang", &["demo.clerk", "demo.chief"]);
        let chief = person("li", &["demo.chief"]);
        let stranger = person("zhao", &["other.role"]);
        // Nobody else starts it, or learns of it.
        let refused = stage
            .call(&stranger, "process.start", id("demo.leave"))
            .unwrap_err();
        assert_eq!(refused.code, codes::NOT_FOUND, "{}", stage.name);
        let started = stage
            .call(
                &clerk,
                "process.start",
                body("demo.leave", json!({ "variables": { "number": "L-1" } })),
            )
            .unwrap();
        let case = started["id"].as_str().unwrap().to_owned();

        let tasks = listed(&stage, &clerk, "group");
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0]["title"], "填写请假单");
        assert_eq!(tasks[0]["business_key"], "L-1");
        let task = tasks[0]["id"].as_str().unwrap().to_owned();
        assert!(listed(&stage, &chief, "all").is_empty());
        // Who can't do it does not know of it.
        for verb in ["task.view", "task.claim"] {
            let refused = stage.call(&stranger, verb, id(&task)).unwrap_err();
            assert_eq!(refused.code, codes::NOT_FOUND);
        }
        let early = stage
            .call(&clerk, "task.complete", body(&task, json!({ "values": {} })))
            .unwrap_err();
        assert_eq!(early.code, codes::CONFLICT);
        let claimed = stage.call(&clerk, "task.claim", id(&task)).unwrap();
        assert_eq!(claimed["state"], "claimed");
        assert_eq!(listed(&stage, &clerk, "mine").len(), 1);
        assert!(listed(&stage, &clerk, "group").is_empty());
        stage
            .call(
                &clerk,
                "task.draft",
                body(&task, json!({ "values": { "days": 3 } })),
            )
            .unwrap();
        let seen = stage.call(&clerk, "task.view", id(&task)).unwrap();
        assert_eq!(seen["draft"]["values"]["days"], 3);
        assert_eq!(seen["data"]["number"], "L-1");
        stage
            .call(
                &clerk,
                "task.complete",
                body(&task, json!({ "values": { "days": 3 } })),
            )
            .unwrap();
        let again = stage
            .call(&clerk, "task.complete", body(&task, json!({ "values": {} })))
            .unwrap_err();
        assert_eq!(again.code, codes::CONFLICT);

        // Four eyes: whoever applied holds the role, and may not approve.
        assert!(listed(&stage, &clerk, "group").is_empty());
        let tasks = listed(&stage, &chief, "group");
        let task = tasks[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(
            stage.call(&clerk, "task.claim", id(&task)).unwrap_err().code,
            codes::NOT_FOUND
        );
        let done = stage
            .call(
                &chief,
                "task.batch",
                Input::json(
                    json!({ "ids": [task, "nothing"], "verb": "complete", "values": { "approved": true } }),
                ),
            )
            .unwrap();
        assert_eq!(done["items"][0]["ok"], true, "{done}");
        assert_eq!(done["items"][1]["ok"], false);

        let ended = stage.call(&clerk, "instance.view", id(&case)).unwrap();
        assert_eq!(ended["state"], "completed");
        assert_eq!(ended["variables"]["days"], 3);
        assert_eq!(
            stage
                .call(&stranger, "instance.view", id(&case))
                .unwrap_err()
                .code,
            codes::NOT_FOUND
        );
        let past = stage.call(&chief, "instance.history", id(&case)).unwrap();
        let lines = past["items"].as_array().unwrap();
        assert!(
            lines
                .iter()
                .any(|line| line["element"] == "approve" && line["kind"] == "completed")
        );
        assert!(past["next"].is_null());
        // As it was before anybody did anything.
        let input = Input {
            query: vec![("as_of".into(), "2022-03-01T00:00:00Z".into())],
            ..id(&case)
        };
        let then = stage.call(&clerk, "instance.view", input).unwrap();
        assert_eq!(then["as_of"], "2022-03-01T00:00:00.000Z");
        assert!(then.get("incidents").is_none(), "{then}");
    }
}

#[test]
fn a_task_is_handed_to_a_colleague_by_login() {
    let ports = || Ports {
        colleague: Some(Box::new(|_, named| {
            let found = [("li", "account-li"), ("wang", "wang")]
                .into_iter()
                .find(|(login, id)| [*login, *id].contains(&named));
            Ok(found.map(|(_, id)| id.to_owned()))
        })),
        ..Ports::default()
    };
    for stage in stages(ports, Vec::new) {
        stage.deploy(
            "demo",
            "leave",
            &file("leave", r#"banyan:starters="clerk""#, LEAVE),
        );
        let clerk = person("wang", &["demo.clerk"]);
        stage.call(&clerk, "process.start", id("demo.leave")).unwrap();
        let task = listed(&stage, &clerk, "group")[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        stage.call(&clerk, "task.claim", id(&task)).unwrap();
        // Nobody's, and one's own.
        for to in ["nobody", "wang", ""] {
            let refused = stage
                .call(&clerk, "task.delegate", body(&task, json!({ "to": to })))
                .unwrap_err();
            assert_eq!(refused.code, codes::INVALID, "{} {to}", stage.name);
        }
        let other = person("account-li", &[]);
        for to in [" li ", "account-li"] {
            stage
                .call(&clerk, "task.delegate", body(&task, json!({ "to": to })))
                .unwrap();
            let seen = stage.call(&other, "task.view", id(&task)).unwrap();
            assert_eq!(seen["assignee"]["id"], "account-li", "{}", stage.name);
            stage
                .call(&other, "task.hand_back", body(&task, json!({ "note": "请再看" })))
                .unwrap();
        }
    }
}

#[test]
fn a_task_is_claimed_once() {
    for stage in stages(Ports::default, Vec::new) {
        stage.deploy(
            "demo",
            "leave",
            &file("leave", r#"banyan:starters="clerk""#, LEAVE),
        );
        let clerk = person("wang", &["demo.clerk"]);
        stage.call(&clerk, "process.start", id("demo.leave")).unwrap();
        let task = listed(&stage, &clerk, "group")[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let won = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8)
                .map(|number| {
                    let (stage, task) = (&stage, &task);
                    scope.spawn(move || {
                        let one = person(&format!("clerk-{number}"), &["demo.clerk"]);
                        stage.call(&one, "task.claim", id(task)).is_ok()
                    })
                })
                .collect();
            tries
                .into_iter()
                .filter(|_| true)
                .map(|one| one.join().unwrap())
                .filter(|won| *won)
                .count()
        });
        assert_eq!(won, 1, "{}", stage.name);
    }
}

#[test]
fn tasks_are_found_by_place_line_and_words() {
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="do"/>
        <userTask id="do" banyan:roles="clerk" banyan:title="&quot;核验&quot; + name" banyan:unit="unit" banyan:region="region" banyan:line="line"
        banyan:priority="priority"/>
        <sequenceFlow id="b" sourceRef="do" targetRef="end"/><endEvent id="end"/>"#;
    for stage in stages(Ports::default, Vec::new) {
        stage.deploy(
            "demo",
            "check",
            &file("check", r#"banyan:starters="clerk""#, inside),
        );
        let root = person("root", &["admin"]);
        for variables in [
            json!({ "name": "取水许可", "region": "350102", "priority": 10 }),
            json!({ "name": "道路占用", "region": "350000", "priority": 90 }),
            json!({ "name": "食品经营", "unit": "U1", "line": "market", "priority": 50 }),
            json!({ "name": "取水口", "priority": 20 }),
        ] {
            stage
                .call(
                    &root,
                    "process.start",
                    body("demo.check", json!({ "variables": variables })),
                )
                .unwrap();
        }
        let mut somebody = person("chen", &["demo.clerk"]);
        let titles = |who: &banyan_base::Actor, query: &[(&str, &str)]| -> Vec<String> {
            let input = Input {
                query: query
                    .iter()
                    .map(|(name, value)| ((*name).into(), (*value).into()))
                    .collect(),
                ..Input::default()
            };
            let page = stage.call(who, "task.list", input).unwrap();
            let items = page["items"].as_array().unwrap();
            items
                .iter()
                .map(|item| item["title"].as_str().unwrap().to_owned())
                .collect()
        };
        // Without a jurisdiction: what is everybody's.
        assert_eq!(titles(&somebody, &[]), ["核验取水口"], "{}", stage.name);
        // A city sees what lies in it, not what is the province's.
        somebody.standing.regions = ["350100".to_owned()].into();
        assert_eq!(titles(&somebody, &[]).len(), 2);
        somebody.standing.regions = ["350000".to_owned()].into();
        assert_eq!(
            titles(&somebody, &[("sort", "priority")]),
            ["核验道路占用", "核验取水口", "核验取水许可"]
        );
        assert_eq!(titles(&somebody, &[("q", "取水")]).len(), 2);
        assert_eq!(titles(&somebody, &[("q", "取水许可")]), ["核验取水许可"]);
        assert!(titles(&somebody, &[("q", "没有的")]).is_empty());
        // A unit's, for those of its line of work.
        somebody.unit = Some("U1".into());
        assert_eq!(titles(&somebody, &[]).len(), 3);
        somebody.standing.lines = ["market".to_owned()].into();
        assert_eq!(titles(&somebody, &[]).len(), 4);
        // Page by page, nothing is left out.
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let input = Input {
                query: vec![
                    ("limit".into(), "1".into()),
                    ("cursor".into(), cursor.clone()),
                    ("sort".into(), "priority".into()),
                ],
                ..Input::default()
            };
            let page = stage.call(&somebody, "task.list", input).unwrap();
            seen.push(page["items"][0]["title"].as_str().unwrap().to_owned());
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(
            seen,
            ["核验道路占用", "核验食品经营", "核验取水口", "核验取水许可"]
        );
        let counts = stage.call(&somebody, "task.counts", Input::default()).unwrap();
        assert_eq!(counts["group"]["green"], 4);
    }
}
