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
