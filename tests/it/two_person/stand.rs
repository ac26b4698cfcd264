//! A clinic with personal data, and its people.

use std::sync::Arc;

use banyan_base::{ManualClock, World};
use banyan_door::Input;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use crate::client::Client;
use crate::support::{Bed, beds_in, files};

const PACKAGE: &str = r#"
id = "clinic"
title = { zh = "门诊" }
word = "service"
owner = "省卫健委"
version = "1.0.0"
[roles.nurse]
title = { zh = "护士" }
[roles.ward]
title = { zh = "病区" }
[roles.emergency]
title = { zh = "应急" }
[roles.supervisor]
title = { zh = "主管" }
[purposes.care]
title = { zh = "诊疗" }
basis = "duty"
legal_basis = "《基本医疗卫生与健康促进法》第三十二条"
retention = "P5Y"
roles = ["nurse", "ward"]
[purposes.care.fields]
patient = ["name", "phone"]
[impact]
necessity = "诊疗需要"
risks = "泄露"
safeguards = "分级、脱敏、留痕"
assessed_on = "2022-01-01"
assessed_by = "省卫健委"
review_by = "2099-01-01"
"#;
const PATIENT: &str = r#"
title = { zh = "病人" }
label = "number"
[fields.number]
type = "text"
title = { zh = "编号" }
required = true
[fields.name]
type = "text"
title = { zh = "姓名" }
personal = true
grade = "重要"
[fields.phone]
type = "phone"
title = { zh = "电话" }
personal = true
grade = "重要"
mask = "tail"
[fields.ward]
type = "text"
title = { zh = "病区" }
required = true
"#;
pub const POLICY: &str = r#"
@id("nurses")
permit(principal in Role::"clinic.nurse", action in [Action::"list", Action::"view", Action::"create", Action::"update", Action::"import"],
    resource is clinic::patient);
@two_person("销毁病历须两人办理")
permit(principal in Role::"clinic.nurse", action in [Action::"delete"], resource is clinic::patient);
@two_person("导出名单须两人办理")
permit(principal in Role::"clinic.nurse", action in [Action::"export"], resource is clinic::patient);
// Those of a ward act on its patients only.
permit(principal in Role::"clinic.ward", action in [Action::"list", Action::"view"], resource is clinic::patient)
    when { resource.ward == "east" };
@two_person("销毁病历须两人办理")
permit(principal in Role::"clinic.ward", action in [Action::"delete", Action::"export"], resource is clinic::patient)
    when { resource.ward == "east" };
"#;

pub const GOOD: &str = "correct horse";
pub const PATIENTS: &str = "/v1/records/clinic/patient";
pub const CARE: (&str, &str) = ("Banyan-Purpose", "clinic.care");

pub struct Stand {
    pub bed: Bed,
    pub address: std::net::SocketAddr,
    pub admin: Client,
}

/// The clinic's files, with a policy.
pub fn package(policy: &str) -> Vec<(&'static str, String)> {
    vec![
        ("package.toml", PACKAGE.to_owned()),
        ("records/patient.toml", PATIENT.to_owned()),
        ("policy.cedar", policy.to_owned()),
        ("RETENTION.md", "五年。\n".to_owned()),
    ]
}

/// Over each database, on Thursday, 24 February 2022.
pub fn stands() -> Vec<Stand> {
    let world = || {
        let start = "2022-02-24T01:00:00Z".parse().unwrap();
        World::new(Arc::new(ManualClock::new(start)), 11)
    };
    let over = |bed: Bed| {
        let package = package(POLICY);
        let texts: Vec<(&str, &str)> = package
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        bed.apply(files(&texts), false).unwrap();
        let address = bed.serve();
        let admin = Client::administrator(&bed, address);
        Stand { bed, address, admin }
    };
    beds_in(&world).into_iter().map(over).collect()
}

impl Stand {
    /// An account with these roles; its id.
    pub fn account(&self, login: &str, roles: &[&str]) -> String {
        let body = json!({ "login": login, "name": format!("{login} 同志"), "password": GOOD, "roles": roles, "unit": "FJ001" });
        let made = self.bed.ask("account.create", Input::json(body)).unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    pub fn enter(&self, login: &str) -> Client {
        let mut client = Client::anonymous(self.address);
        client.sign_in(login, GOOD);
        client
    }

    /// An account, signed in.
    pub fn person(&self, login: &str, roles: &[&str]) -> Client {
        self.account(login, roles);
        self.enter(login)
    }

    /// A patient; his path.
    pub fn patient(&self, number: &str, ward: &str) -> String {
        let fields = json!({ "number": number, "name": "王小明", "phone": "13800138000", "ward": ward });
        let made = self.bed.create("clinic.patient", &fields).unwrap();
        format!("{PATIENTS}/{}", made["id"].as_str().unwrap())
    }

    pub fn pass(&self, hours: i64) {
        assert!(
            self.bed
                .platform
                .world
                .clock()
                .advance(SignedDuration::from_hours(hours))
        );
    }

    /// Kinds of the platform's events so far.
    pub fn told(&self, about: &str) -> Vec<String> {
        let db = &self.bed.platform.db;
        // On PostgreSQL any transaction of the cluster that still runs holds the feed back.
        banyan_store::testing::events_show(db).unwrap();
        let all = db
            .read(|tx| banyan_store::feed::read(tx, banyan_store::feed::Position::START, about, 1000))
            .unwrap();
        all.iter()
            .map(|event| event.kind.rsplit('.').next().unwrap().to_owned())
            .collect()
    }
}

pub fn id(body: &Json) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

/// The request that a refusal names.
pub fn asked((status, body): (u16, Json)) -> String {
    assert_eq!(status, 403, "{body}");
    assert_eq!(body["type"], "urn:banyan:problem:approval-required", "{body}");
    body["approval"]
        .as_str()
        .unwrap_or_else(|| panic!("{body}"))
        .to_owned()
}
