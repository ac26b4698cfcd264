//! Processes under kill -9: a case whose start was acknowledged goes on to its end, and each of its steps is done once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use banyan_store::testing::TestDb;
use banyan_store::{Db, Options};
use rand::RngExt;
use serde_json::{Value as Json, json};

use super::Server;
use crate::client::Client;
use crate::support::{Bed, beds, files};

const KILLS: usize = 15;
const STARTERS: usize = 3;
const PACKAGE: &str = "id = \"steps\"\ntitle = { zh = \"步骤\" }\nword = \"service\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const MARK: &str = "title = { zh = \"记号\" }\nlabel = \"code\"\n[fields.code]\ntitle = { zh = \"编号\" }\ntype = \"text\"\nrequired = true\n[fields.step]\ntitle = { zh = \"步骤\" }\ntype = \"text\"\nrequired = true\n";

/// Two marks with a clock between them.
fn process() -> String {
    let mark = |id: &str, from: &str, to: &str| {
        format!(
            r#"<serviceTask id="{id}" name="记" banyan:operation="record.create"><extensionElements>
            <banyan:input name="path.package" feel="&quot;steps&quot;"/><banyan:input name="path.type" feel="&quot;mark&quot;"/>
            <banyan:input name="body.fields.code" feel="code"/><banyan:input name="body.fields.step" feel="&quot;{id}&quot;"/>
            <banyan:output name="{id}" feel="result.id"/></extensionElements><incoming>{from}</incoming><outgoing>{to}</outgoing></serviceTask>"#
        )
    };
    format!(
        r#"<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
        xmlns:banyan="https://banyan.local/bpmn/1.0" id="definitions" targetNamespace="https://banyan.local/steps">
        <process id="walk" name="走" isExecutable="true" banyan:starters="clerk">
        <startEvent id="start"><outgoing>f1</outgoing></startEvent><sequenceFlow id="f1" sourceRef="start" targetRef="first"/>{}
        <sequenceFlow id="f2" sourceRef="first" targetRef="wait"/>
        <intermediateCatchEvent id="wait" name="等"><incoming>f2</incoming><outgoing>f3</outgoing><timerEventDefinition id="t">
        <timeDuration xsi:type="tFormalExpression">PT1S</timeDuration></timerEventDefinition></intermediateCatchEvent>
        <sequenceFlow id="f3" sourceRef="wait" targetRef="second"/>{}
        <sequenceFlow id="f4" sourceRef="second" targetRef="done"/><endEvent id="done"><incoming>f4</incoming></endEvent>
        </process></definitions>"#,
        mark("first", "f1", "f2"),
        mark("second", "f3", "f4"),
    )
}

fn start(address: SocketAddr, token: &str, code: &str) -> Option<u16> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let request = ureq::http::Request::post(format!("http://{address}/v1/processes/steps.walk/instances"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    let body: Json = json!({ "variables": { "code": code } });
    let response = agent.run(request.body(body.to_string()).unwrap()).ok()?;
    Some(response.status().as_u16())
}

#[test]
fn a_step_is_done_once_whatever_dies() {
    for bed in beds() {
        one_database(bed);
    }
}

fn one_database(bed: Bed) {
    let text = process();
    let package = [
        ("package.toml", PACKAGE),
        ("records/mark.toml", MARK),
        ("processes/walk.bpmn", text.as_str()),
    ];
    bed.apply(files(&package), false).unwrap();
    let (_, token) = bed.account("clerk", &["steps.clerk"]);
    let Bed { platform, test } = bed;
    let TestDb {
        name, url, folder, ..
    } = &test;
    platform.db.close();
    drop(platform);

    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    let number = Arc::new(AtomicUsize::new(0));
    let mut random = rand::rng();
    for _ in 0..KILLS {
        let server = Server::start(url, folder, 0);
        let address = server.address;
        let threads: Vec<_> = (0..STARTERS)
            .map(|_| {
                let (token, number, acknowledged) =
                    (token.clone(), Arc::clone(&number), Arc::clone(&acknowledged));
                std::thread::spawn(move || {
                    loop {
                        let code = format!("c-{}", number.fetch_add(1, Ordering::SeqCst));
                        match start(address, &token, &code) {
                            Some(201) => acknowledged.lock().unwrap().push(code),
                            Some(status) => panic!("{status}"),
                            None => return,
                        }
                    }
                })
            })
            .collect();
        // Long enough for clocks of the last round to ring, now and then.
        std::thread::sleep(Duration::from_millis(random.random_range(50..1_500)));
        drop(server);
        for thread in threads {
            thread.join().unwrap();
        }
    }
    let server = Server::start(url, folder, 0);
    let client = Client::with_token(server.address, &token);
    let began = Instant::now();
    loop {
        let page = client.get("/v1/process_instances?state=running&limit=1");
        if page["items"] == json!([]) {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{name}: cases do not end: {page}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(server);
    let db = Db::open(url, &Options::default()).unwrap();
    let rows = db
        .query(
            "SELECT f_code, f_step, COUNT(*) FROM r_steps__mark GROUP BY f_code, f_step",
            &[],
        )
        .unwrap();
    let mut steps: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    for row in &rows {
        let code: String = row.get(0).unwrap();
        steps
            .entry(code)
            .or_default()
            .push((row.get(1).unwrap(), row.get(2).unwrap()));
    }
    let acknowledged = acknowledged.lock().unwrap();
    println!(
        "{name}: {KILLS} kills, {} cases acknowledged, {} there",
        acknowledged.len(),
        steps.len()
    );
    assert!(
        acknowledged.len() > KILLS,
        "{name}: too few cases to tell anything"
    );
    for code in acknowledged.iter() {
        assert!(
            steps.contains_key(code),
            "{name}: {code} was acknowledged and is lost"
        );
    }
    for (code, mut done) in steps {
        done.sort();
        assert_eq!(
            done,
            [("first".to_owned(), 1), ("second".to_owned(), 1)],
            "{name}: {code}"
        );
    }
}
