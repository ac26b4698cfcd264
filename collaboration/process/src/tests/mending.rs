//! What stands by itself: work outside, incidents, messages, versions, and who may do what about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use banyan_base::{Problem, codes};
use banyan_door::{Handler, Input, Method, Operation, Reply};
use serde_json::{Value as Json, json};

use super::{Stage, file, person, stages};
use crate::Ports;

fn id(path: &str) -> Input {
    Input::default().with_path("id", path)
}

fn body(path: &str, body: Json) -> Input {
    Input::json(body).with_path("id", path)
}

fn start(stage: &Stage, process: &str, variables: Json) -> String {
    let admin = person("root", &["admin"]);
    let made = stage
        .call(
            &admin,
            "process.start",
            body(process, json!({ "variables": variables })),
        )
        .unwrap();
    made["id"].as_str().unwrap().to_owned()
}

fn view(stage: &Stage, case: &str) -> Json {
    stage
        .call(&person("root", &["admin"]), "instance.view", id(case))
        .unwrap()
}

const PAY: &str = r#"
<startEvent id="start"/>
<sequenceFlow id="a" sourceRef="start" targetRef="transfer"/>
<serviceTask id="transfer" name="付款" banyan:operation="bank.pay" banyan:retries="1">
<extensionElements><banyan:input name="body.amount" feel="amount"/><banyan:output name="receipt" feel="result.number"/></extensionElements>
</serviceTask>
<boundaryEvent id="short" attachedToRef="transfer"><errorEventDefinition id="e" errorRef="none"/></boundaryEvent>
<sequenceFlow id="c" sourceRef="short" targetRef="refused"/>
<endEvent id="refused"/>
<sequenceFlow id="b" sourceRef="transfer" targetRef="done"/>
<endEvent id="done"/>"#;

/// A bank that pays once a call, or refuses.
fn bank(calls: &Arc<AtomicU32>) -> Vec<Operation> {
    let calls = Arc::clone(calls);
    vec![Operation::write(
        "bank.pay",
        "付款",
        Method::Post,
        "/v1/bank",
        Handler::inside(move |call| {
            let amount = call.input.json_body()?["amount"].as_i64().unwrap_or(0);
            let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
            match amount {
                ..0 => Err(Problem::new(codes::INVALID, "金额应大于 0。")),
                0 => Err(Problem::new(codes::BUSY, "银行没有应答。")),
                _ => {
                    // What the call writes belongs to the step.
                    call.tx.execute(
                        "INSERT INTO process_view (id, account, title, query, created_at) VALUES (?1, 'bank', 'paid', '{}', '')",
                        &[call.cx.id().into()],
                    )?;
                    Reply::json(json!({ "number": number }))
                }
            }
        }),
    )]
}

fn paying() -> String {
    let text = file("pay", "", PAY);
    text.replace(
        "<process ",
        r#"<error id="none" errorCode="invalid" name="n"/><process "#,
    )
}

fn paid(stage: &Stage) -> i64 {
    let rows = stage
        .db
        .query("SELECT COUNT(*) FROM process_view WHERE account = 'bank'", &[])
        .unwrap();
    rows[0].get(0).unwrap()
}

#[test]
fn service_tasks_call_operations_and_catch_their_refusals() {
    let calls = Arc::new(AtomicU32::new(0));
    for stage in stages(Ports::default, || bank(&calls)) {
        calls.store(0, Ordering::SeqCst);
        stage.deploy("demo", "pay", &paying());
        let case = start(&stage, "demo.pay", json!({ "amount": 5 }));
        let seen = view(&stage, &case);
        assert_eq!(seen["state"], "completed", "{}: {seen}", stage.name);
        assert_eq!(seen["variables"]["receipt"], 1);
        // A refusal with a code that is caught goes on by the boundary event.
        let case = start(&stage, "demo.pay", json!({ "amount": -1 }));
        let seen = view(&stage, &case);
        assert_eq!(seen["state"], "completed");
        let past = stage
            .call(&person("root", &["admin"]), "instance.history", id(&case))
            .unwrap();
        assert!(
            past["items"]
                .as_array()
                .unwrap()
                .iter()
                .any(|line| line["element"] == "refused")
        );
        // What is to blame on the other side is tried again after a while, and then waits to be mended.
        let case = start(&stage, "demo.pay", json!({ "amount": 0 }));
        let seen = view(&stage, &case);
        assert_eq!(seen["tokens"][0]["state"], "retry");
        assert_eq!(seen["timers"][0]["due_at"], "2022-03-01T00:00:10.000Z");
        stage.advance(10);
        let seen = view(&stage, &case);
        assert_eq!(seen["state"], "incident", "{seen}");
        let admin = person("root", &["admin"]);
        let list = stage.call(&admin, "incident.list", Input::default()).unwrap();
        let incident = list["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(list["items"][0]["element"], "transfer");
        let still = stage
            .call(&admin, "incident.retry", body(&incident, json!({})))
            .unwrap();
        assert_eq!(still["mended"], false);
        let mended = stage
            .call(
                &admin,
                "incident.retry",
                body(&incident, json!({ "variables": { "amount": 7 } })),
            )
            .unwrap();
        assert_eq!(mended["mended"], true);
        assert_eq!(view(&stage, &case)["state"], "completed");
        assert_eq!(paid(&stage), 2);
        assert!(
            stage.call(&admin, "incident.list", Input::default()).unwrap()["items"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn a_step_is_done_once_however_many_try() {
    let calls = Arc::new(AtomicU32::new(0));
    for stage in stages(Ports::default, || bank(&calls)) {
        let inside = PAY.replace(
            r#"<sequenceFlow id="a" sourceRef="start" targetRef="transfer"/>"#,
            r#"<sequenceFlow id="w" sourceRef="start" targetRef="wait"/>
            <intermediateCatchEvent id="wait"><timerEventDefinition id="t"><timeDuration xsi:type="tFormalExpression">PT5S</timeDuration></timerEventDefinition></intermediateCatchEvent>
            <sequenceFlow id="a" sourceRef="wait" targetRef="transfer"/>"#,
        );
        let text = file("pay", "", &inside).replace(
            "<process ",
            r#"<error id="none" errorCode="invalid" name="n"/><process "#,
        );
        stage.deploy("demo", "pay", &text);
        let cases: Vec<String> = (1..=10)
            .map(|amount| start(&stage, "demo.pay", json!({ "amount": amount })))
            .collect();
        stage.world.clock().advance(jiff::SignedDuration::from_secs(6));
        // Several servers look at once.
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let cx = stage.world.system_ctx();
                    while crate::run_due(&stage.engine, &stage.door, &stage.db, &cx).unwrap() > 0 {}
                });
            }
        });
        assert_eq!(paid(&stage), 10, "{}", stage.name);
        for case in cases {
            assert_eq!(view(&stage, &case)["state"], "completed");
        }
    }
}

const ASK: &str = r#"
<startEvent id="start"/>
<sequenceFlow id="a" sourceRef="start" targetRef="work"/>
<serviceTask id="work" banyan:topic="scan"/>
<sequenceFlow id="b" sourceRef="work" targetRef="answer"/>
<intermediateCatchEvent id="answer"><messageEventDefinition id="m" messageRef="msg" banyan:correlation="number"/></intermediateCatchEvent>
<sequenceFlow id="c" sourceRef="answer" targetRef="done"/>
<endEvent id="done"/>"#;

fn asking() -> String {
    file("ask", "", ASK).replace("<process ", r#"<message id="msg" name="answered"/><process "#)
}

#[test]
fn only_workers_do_work() {
    for stage in stages(Ports::default, Vec::new) {
        stage.deploy("demo", "ask", &asking());
        let case = start(&stage, "demo.ask", json!({ "number": "N-1" }));
        let (clerk, worker, other) = (
            person("wang", &["demo.clerk"]),
            person("scanner", &["base.worker"]),
            person("scanner-2", &["base.worker"]),
        );
        let wanted = Input::json(json!({ "topic": "scan", "lease": "PT1M" }));
        assert_eq!(
            stage.call(&clerk, "work.fetch", wanted.clone()).unwrap_err().code,
            codes::FORBIDDEN
        );
        let got = stage.call(&worker, "work.fetch", wanted.clone()).unwrap();
        let job = got["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(got["items"][0]["variables"]["number"], "N-1");
        assert!(
            stage.call(&other, "work.fetch", wanted.clone()).unwrap()["items"]
                .as_array()
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            stage
                .call(&other, "work.complete", body(&job, json!({})))
                .unwrap_err()
                .code,
            codes::NOT_FOUND
        );
        // After its lease somebody else has it.
        stage.advance(61);
        let again = stage.call(&other, "work.fetch", wanted).unwrap();
        assert_eq!(again["items"][0]["id"], job.as_str());
        assert_eq!(
            stage
                .call(&worker, "work.complete", body(&job, json!({})))
                .unwrap_err()
                .code,
            codes::NOT_FOUND
        );
        stage
            .call(
                &other,
                "work.complete",
                body(&job, json!({ "variables": { "pages": 2 } })),
            )
            .unwrap();
        let message = |key: &str, id: &str| {
            Input::json(json!({ "name": "answered", "key": key, "id": id, "variables": { "answer": id } }))
        };
        assert_eq!(
            stage
                .call(&clerk, "message.publish", message("N-1", "m0"))
                .unwrap_err()
                .code,
            codes::FORBIDDEN
        );
        stage
            .call(&worker, "message.publish", message("N-2", "m1"))
            .unwrap();
        assert_eq!(view(&stage, &case)["state"], "running");
        stage
            .call(&worker, "message.publish", message("N-1", "m2"))
            .unwrap();
        let seen = view(&stage, &case);
        assert_eq!(seen["state"], "completed", "{}", stage.name);
        assert_eq!(seen["variables"]["answer"], "m2");
        assert_eq!(seen["variables"]["pages"], 2);
        // Sent before anybody waits, a message is kept; sent twice, it is taken once.
        let twice = stage
            .call(&worker, "message.publish", message("N-2", "m1"))
            .unwrap();
        assert_eq!(twice["taken"], false);
        let case = start(&stage, "demo.ask", json!({ "number": "N-2" }));
        let got = stage
            .call(&worker, "work.fetch", Input::json(json!({ "topic": "scan" })))
            .unwrap();
        let job = got["items"][0]["id"].as_str().unwrap().to_owned();
        stage
            .call(&worker, "work.complete", body(&job, json!({})))
            .unwrap();
        let seen = view(&stage, &case);
        assert_eq!(seen["state"], "completed");
        assert_eq!(seen["variables"]["answer"], "m1");
    }
}

const STEPS: &str = r#"
<startEvent id="start"/>
<sequenceFlow id="a" sourceRef="start" targetRef="first"/>
<userTask id="first" name="一" banyan:roles="clerk"/>
<sequenceFlow id="b" sourceRef="first" targetRef="second"/>
<userTask id="second" name="二" banyan:roles="clerk"/>
<sequenceFlow id="c" sourceRef="second" targetRef="done"/>
<endEvent id="done"/>"#;

#[test]
fn only_designers_mend() {
    for stage in stages(Ports::default, Vec::new) {
        stage.deploy("demo", "steps", &file("steps", "", STEPS));
        let case = start(&stage, "demo.steps", json!({}));
        let (clerk, designer) = (person("wang", &["demo.clerk"]), person("chen", &["designer"]));
        let token = view(&stage, &case)["tokens"][0]["id"].clone();
        let change = json!({ "terminate": [token], "start": [{ "element": "second" }], "reason": "跳过" });
        assert_eq!(
            stage
                .call(&clerk, "instance.modify", body(&case, change.clone()))
                .unwrap_err()
                .code,
            codes::NOT_FOUND
        );
        let seen = stage
            .call(&designer, "instance.modify", body(&case, change))
            .unwrap();
        assert_eq!(seen["tokens"][0]["element"], "second", "{seen}");
        let open = stage.call(&clerk, "task.list", Input::default()).unwrap();
        assert_eq!(open["items"].as_array().unwrap().len(), 1);
        assert_eq!(open["items"][0]["element"], "second");

        // A new version: another name for the second step, and a clock on it.
        let next = STEPS.replace(r#"id="second""#, r#"id="check""#).replace("\"second\"", "\"check\"").replace(
            r#"<endEvent id="done"/>"#,
            r#"<endEvent id="done"/><boundaryEvent id="late" attachedToRef="check" cancelActivity="false"><timerEventDefinition id="t"><timeDuration xsi:type="tFormalExpression">P1D</timeDuration></timerEventDefinition></boundaryEvent>
            <sequenceFlow id="d" sourceRef="late" targetRef="warned"/><endEvent id="warned"/>"#,
        );
        stage.deploy("demo", "steps", &file("steps", "", &next));
        assert_eq!(view(&stage, &case)["version"], 1);
        let ask = |mapping: Json, dry: bool| {
            Input::json(
                json!({ "process": "demo.steps", "from": 1, "to": 2, "mapping": mapping, "dry_run": dry }),
            )
        };
        assert_eq!(
            stage
                .call(&clerk, "instance.migrate", ask(json!({}), true))
                .unwrap_err()
                .code,
            codes::FORBIDDEN
        );
        let refused = stage
            .call(&designer, "instance.migrate", ask(json!({}), false))
            .unwrap();
        assert_eq!(refused["migrated"], 0);
        assert_eq!(refused["refused"][0]["element"], "second");
        assert_eq!(refused["refused"][0]["instance"], case.as_str());
        let wrong = stage
            .call(
                &designer,
                "instance.migrate",
                ask(json!({ "second": "late" }), true),
            )
            .unwrap();
        assert!(
            wrong["refused"][0]["why"].as_str().unwrap().contains("种类"),
            "{wrong}"
        );
        let done = stage
            .call(
                &designer,
                "instance.migrate",
                ask(json!({ "second": "check" }), false),
            )
            .unwrap();
        assert_eq!(done["migrated"], 1, "{done}");
        let seen = view(&stage, &case);
        assert_eq!(seen["version"], 2);
        assert_eq!(seen["tokens"][0]["element"], "check");
        // The boundary event of the new version is waited for.
        assert_eq!(seen["timers"][0]["element"], "late");
        let open = stage.call(&clerk, "task.list", Input::default()).unwrap();
        let task = open["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(open["items"][0]["element"], "check");
        stage.call(&clerk, "task.claim", id(&task)).unwrap();
        stage
            .call(&clerk, "task.complete", body(&task, json!({ "values": {} })))
            .unwrap();
        assert_eq!(view(&stage, &case)["state"], "completed");

        let case = start(&stage, "demo.steps", json!({}));
        assert_eq!(view(&stage, &case)["version"], 2);
        assert_eq!(
            stage
                .call(
                    &clerk,
                    "instance.cancel",
                    body(&case, json!({ "reason": "错了" }))
                )
                .unwrap_err()
                .code,
            codes::NOT_FOUND
        );
        stage
            .call(
                &designer,
                "instance.cancel",
                body(&case, json!({ "reason": "错了" })),
            )
            .unwrap();
        assert_eq!(view(&stage, &case)["state"], "cancelled");
        assert!(
            stage.call(&clerk, "task.list", Input::default()).unwrap()["items"]
                .as_array()
                .unwrap()
                .is_empty()
        );
        for name in ["process.check", "process.try", "process.simulate"] {
            let sent = Input::json(json!({ "xml": file("steps", "", STEPS) }));
            let reply = stage.call(&designer, name, sent).unwrap();
            match name {
                "process.check" => assert_eq!(reply["findings"], json!([])),
                "process.try" => {
                    assert_eq!(reply["ended"], false);
                    assert_eq!(reply["waiting"][0]["element"], "first");
                }
                _ => {
                    assert_eq!(reply["dead"], json!([]), "{reply}");
                    assert_eq!(reply["stuck"], json!([]));
                    assert_eq!(reply["completed"], 200);
                }
            }
        }
        let answers = json!({ "first": { "a": 1 }, "second": { "b": 2 } });
        let sent = Input::json(json!({ "xml": file("steps", "", STEPS), "answers": answers }));
        let reply = stage.call(&designer, "process.try", sent).unwrap();
        assert_eq!(reply["ended"], true);
        assert_eq!(reply["variables"], json!({ "a": 1, "b": 2 }));
    }
}

#[test]
fn views_are_ones_own() {
    for stage in stages(Ports::default, Vec::new) {
        let (wang, li) = (person("wang", &[]), person("li", &[]));
        let made = stage
            .call(
                &wang,
                "task_view.create",
                Input::json(json!({ "title": "快到期", "query": { "light": "yellow" } })),
            )
            .unwrap();
        let view = made["id"].as_str().unwrap();
        assert!(
            stage.call(&li, "task_view.list", Input::default()).unwrap()["items"]
                .as_array()
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            stage.call(&li, "task_view.delete", id(view)).unwrap_err().code,
            codes::NOT_FOUND
        );
        stage.call(&wang, "task_view.delete", id(view)).unwrap();
        assert!(
            stage.call(&wang, "task_view.list", Input::default()).unwrap()["items"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn a_message_meets_who_comes_to_wait_at_the_same_time() {
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="answer"/>
        <intermediateCatchEvent id="answer"><messageEventDefinition id="m" messageRef="msg" banyan:correlation="number"/></intermediateCatchEvent>
        <sequenceFlow id="c" sourceRef="answer" targetRef="done"/><endEvent id="done"/>"#;
    let text =
        file("meet", "", inside).replace("<process ", r#"<message id="msg" name="answered"/><process "#);
    for stage in stages(Ports::default, Vec::new) {
        stage.deploy("demo", "meet", &text);
        let worker = person("scanner", &["base.worker"]);
        for number in 0..40 {
            let key = format!("N-{number}");
            let case = std::thread::scope(|scope| {
                let waits = scope.spawn(|| start(&stage, "demo.meet", json!({ "number": key })));
                let sent = Input::json(json!({ "name": "answered", "key": key }));
                stage.call(&worker, "message.publish", sent).unwrap();
                waits.join().unwrap()
            });
            assert_eq!(
                view(&stage, &case)["state"],
                "completed",
                "{}: {number}",
                stage.name
            );
        }
    }
}
