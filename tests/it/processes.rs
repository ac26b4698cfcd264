//! A package with a process, over HTTP, from its application to the end of a case: as two persons at two sessions.

use serde_json::{Value as Json, json};

use crate::client::Client;
use crate::support::{beds, files};

const PACKAGE: &str = "id = \"lending\"\ntitle = { zh = \"借用\" }\nword = \"service\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n[roles.chief]\ntitle = { zh = \"负责人\" }\n";
const RECORD: &str = "title = { zh = \"借用单\" }\nlabel = \"what\"\n[fields.what]\ntitle = { zh = \"物品\" }\ntype = \"text\"\nrequired = true\n";

const PROCESS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:banyan="https://banyan.local/bpmn/1.0" id="definitions" targetNamespace="https://banyan.local/lending">
<process id="lend" name="借用审批" isExecutable="true" banyan:starters="clerk">
<startEvent id="start"><outgoing>f1</outgoing></startEvent>
<sequenceFlow id="f1" sourceRef="start" targetRef="approve"/>
<userTask id="approve" name="审批借用" banyan:roles="chief" banyan:due="P3D" banyan:dueDays="working"><incoming>f1</incoming><outgoing>f2</outgoing></userTask>
<sequenceFlow id="f2" sourceRef="approve" targetRef="gate"/>
<exclusiveGateway id="gate" default="f4"><incoming>f2</incoming><outgoing>f3</outgoing><outgoing>f4</outgoing></exclusiveGateway>
<sequenceFlow id="f3" sourceRef="gate" targetRef="record"><conditionExpression xsi:type="tFormalExpression">approved = true</conditionExpression></sequenceFlow>
<sequenceFlow id="f4" sourceRef="gate" targetRef="refused"/>
<serviceTask id="record" name="登记借用单" banyan:operation="record.create">
<extensionElements>
<banyan:input name="path.package" feel="&quot;lending&quot;"/><banyan:input name="path.type" feel="&quot;loan&quot;"/>
<banyan:input name="body.fields.what" feel="what"/><banyan:output name="loan" feel="result.id"/>
</extensionElements><incoming>f3</incoming><outgoing>f5</outgoing></serviceTask>
<sequenceFlow id="f5" sourceRef="record" targetRef="done"/>
<endEvent id="done"><incoming>f5</incoming></endEvent>
<endEvent id="refused"><incoming>f4</incoming></endEvent>
</process></definitions>"#;

fn look(client: &Client, path: &str) -> (u16, Json) {
    client.send("GET", path, &[], None)
}

#[test]
fn a_case_runs_over_http() {
    for bed in beds() {
        let package = files(&[
            ("package.toml", PACKAGE),
            ("records/loan.toml", RECORD),
            ("processes/lend.bpmn", PROCESS),
        ]);
        let applied = bed.apply(package, false);
        assert!(applied.is_ok(), "{}: {applied:?}", bed.name());
        bed.account("wang-clerk", &["lending.clerk"]);
        bed.account("li-chief", &["lending.chief"]);
        let address = bed.serve();
        let (mut clerk, mut chief) = (Client::anonymous(address), Client::anonymous(address));
        clerk.sign_in("wang-clerk", "correct horse battery");
        chief.sign_in("li-chief", "correct horse battery");

        let (status, list) = look(&clerk, "/v1/processes");
        assert_eq!(status, 200, "{list}");
        assert_eq!(list["items"][0]["id"], "lending.lend");
        let sent = json!({ "variables": { "what": "投影仪" }, "business_key": "J-7" });
        let (status, made) = clerk.post("/v1/processes/lending.lend/instances", &sent);
        assert_eq!(status, 201, "{made}");
        let case = made["id"].as_str().unwrap().to_owned();
        let (_, tasks) = look(&clerk, "/v1/tasks");
        assert_eq!(tasks["items"], json!([]));
        // What was written is read at once.
        let (_, tasks) = look(&chief, "/v1/tasks?scope=group&q=%E5%AE%A1%E6%89%B9");
        let task = tasks["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(tasks["items"][0]["light"], "green");
        assert!(tasks["items"][0]["due_at"].is_string());
        let (status, _) = clerk.post(&format!("/v1/tasks/{task}/claim"), &Json::Null);
        assert_eq!(status, 404);
        let (status, claimed) = chief.post(&format!("/v1/tasks/{task}/claim"), &Json::Null);
        assert_eq!(status, 200, "{claimed}");
        assert_eq!(claimed["assignee"]["name"], "li-chief");
        let (_, counts) = look(&chief, "/v1/tasks/counts");
        assert_eq!(counts["mine"]["green"], 1);
        let (status, done) = chief.post(
            &format!("/v1/tasks/{task}/complete"),
            &json!({ "values": { "approved": true } }),
        );
        assert_eq!(status, 200, "{done}");
        let (status, seen) = look(&clerk, &format!("/v1/process_instances/{case}"));
        assert_eq!(status, 200, "{seen}");
        assert_eq!(seen["state"], "completed", "{seen}");
        assert_eq!(seen["business_key"], "J-7");
        let loan = seen["variables"]["loan"].as_str().unwrap();
        let found = bed
            .ask(
                "record.view",
                crate::support::on("lending.loan", banyan_door::Input::default()).with_path("id", loan),
            )
            .unwrap();
        assert_eq!(found["fields"]["what"], "投影仪");
        let (status, _) = look(
            &Client::anonymous(address),
            &format!("/v1/process_instances/{case}"),
        );
        assert_eq!(status, 401);
    }
}

/// The same package with personal data, and a policy that lets an office start and watch.
fn guarded() -> Vec<banyan_base::SourceFile> {
    let purposes = "[roles.office]\ntitle = { zh = \"监督\" }\n[purposes.lending]\ntitle = { zh = \"借用\" }\nlegal_basis = \"试\"\nretention = \"P1Y\"\nroles = [\"clerk\"]\n[purposes.lending.fields]\nloan = [\"who\"]\n[impact]\nnecessity = \"试\"\nrisks = \"试\"\nsafeguards = \"试\"\nassessed_on = 2022-01-01\nassessed_by = \"省数字办\"\nreview_by = 2023-01-01\n";
    let who =
        "[fields.who]\ntitle = { zh = \"借用人\" }\ntype = \"text\"\npersonal = true\ngrade = \"重要\"\n";
    let policy = "permit(principal in Role::\"lending.office\", action in [Action::\"start\", Action::\"watch\"], resource is lending::lend);\n";
    files(&[
        ("package.toml", &format!("{PACKAGE}{purposes}")),
        ("records/loan.toml", &format!("{RECORD}{who}")),
        ("processes/lend.bpmn", PROCESS),
        ("policy.cedar", policy),
    ])
}

#[test]
fn policy_lets_in_and_keepers_see_nobodys_data() {
    for bed in beds() {
        let applied = bed.apply(guarded(), false);
        assert!(applied.is_ok(), "{}: {applied:?}", bed.name());
        let address = bed.serve();
        let come = |login: &str, roles: &[&str]| {
            bed.account(login, roles);
            let mut client = Client::anonymous(address);
            client.sign_in(login, "correct horse battery");
            client
        };
        let office = come("an-office", &["lending.office"]);
        let chief = come("a-chief", &["lending.chief"]);
        let (admin, designer) = (come("a-keeper", &["admin"]), come("a-designer", &["designer"]));
        let sent = json!({ "variables": { "what": "投影仪", "who": "张三" } });
        // Policy lets the office start it, beside the roles that the process names; it lets nobody else.
        let (status, made) = office.post("/v1/processes/lending.lend/instances", &sent);
        assert_eq!(status, 201, "{made}");
        let (status, _) = designer.post("/v1/processes/lending.lend/instances", &sent);
        assert!(matches!(status, 403 | 404), "{status}");
        let case = format!("/v1/process_instances/{}", made["id"].as_str().unwrap());

        let watcher = come("another-office", &["lending.office"]);
        let (status, seen) = look(&watcher, &case);
        assert_eq!(
            (status, &seen["variables"]["who"]),
            (200, &json!("张三")),
            "{seen}"
        );
        // Whoever keeps the platform sees where it stands, and nobody's data.
        for keeper in [&admin, &designer] {
            let (status, seen) = look(keeper, &case);
            assert_eq!(status, 200, "{seen}");
            assert_eq!(seen["tokens"][0]["element"], "approve");
            assert_eq!(seen["variables"], json!({}));
            assert_eq!(seen["variables_hidden"], true);
            let (status, past) = look(keeper, &format!("{case}/history"));
            assert_eq!(status, 200);
            assert!(!past.to_string().contains("张三"), "{past}");
        }
        let (status, _) = look(&chief, &case);
        assert_eq!(status, 404);
    }
}
