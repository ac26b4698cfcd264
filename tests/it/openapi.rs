//! `/openapi.json`: what is installed, as far as the reader may use it, and valid.

use serde_json::{Value as Json, json};

use crate::client::{Client, Texts, texts};
use crate::support::{Bed, beds, files, outside};

const THING: &str = r#"
title = { zh = "物品" }
about = { zh = "登记在册的物品。" }
label = "name"
key = ["code"]
[fields.code]
type = "text"
title = { zh = "编号" }
required = true
immutable = true
pattern = "[A-Z][0-9]{2}"
[fields.name]
type = "text"
title = { zh = "名称" }
help = { zh = "写全称。" }
required = true
min = 2
max = 40
[fields.kind]
type = "code"
list = "kind"
title = { zh = "种类" }
[fields.kinds]
type = "code"
list = "kind"
many = true
title = { zh = "兼有种类" }
[fields.count]
type = "integer"
min = 0
max = 99
title = { zh = "件数" }
required = true
default = "1"
[fields.price]
type = "money"
title = { zh = "价格" }
[fields.rate]
type = "decimal"
scale = 3
title = { zh = "折旧" }
[fields.bought]
type = "date"
title = { zh = "购入" }
[fields.seen_at]
type = "date_time"
title = { zh = "盘点" }
[fields.lent]
type = "boolean"
title = { zh = "借出" }
[fields.place]
type = "geometry"
kinds = ["Point"]
title = { zh = "位置" }
[fields.more]
type = "json"
title = { zh = "其他" }
[fields.photo]
type = "file"
title = { zh = "照片" }
[fields.part_of]
type = "ref"
to = "thing"
title = { zh = "属于" }
[fields.total]
type = "computed"
result = "money"
feel = "if price = null then null else price * count"
title = { zh = "总价" }
[lifecycle]
initial = "kept"
[lifecycle.states.kept]
title = { zh = "在库" }
[lifecycle.states.gone]
title = { zh = "注销" }
final = true
[lifecycle.transitions.drop]
title = { zh = "注销" }
from = ["kept"]
to = "gone"
require = ["seen_at"]
input = ["name"]
"#;

fn package() -> Texts {
    texts(&[
        (
            "package.toml",
            "id = \"things\"\ntitle = { zh = \"物品\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n",
        ),
        ("records/thing.toml", THING),
        (
            "records/secret.toml",
            "title = { zh = \"内部\" }\nlabel = \"name\"\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\n",
        ),
        (
            "codes/kind.toml",
            "title = { zh = \"种类\" }\n[[items]]\ncode = \"a\"\ntitle = { zh = \"甲\" }\n[[items]]\ncode = \"b\"\ntitle = { zh = \"乙\" }\n",
        ),
        (
            "policy.cedar",
            "permit(principal in Role::\"public\", action in [Action::\"list\", Action::\"view\"], resource in Type::\"things.thing\");\npermit(principal in Role::\"things.clerk\", action in [Action::\"create\"], resource in Type::\"things.secret\");\n",
        ),
    ])
}

fn served(bed: &Bed) -> (String, Client) {
    let address = bed.serve();
    let client = Client::administrator(bed, address);
    client.apply(&package());
    let whole = json!({
        "code": "A01", "name": "桌子", "kind": "a", "kinds": ["a", "b"], "price": 10_000, "rate": 0.125, "bought": "2022-03-01",
        "seen_at": "2022-03-02T08:00:00+08:00", "lent": false, "more": { "x": [1] },
        "place": { "type": "Point", "coordinates": [119.3, 26.1] },
    });
    let made = client.create("things.thing", whole);
    client.create(
        "things.thing",
        json!({ "code": "A02", "name": "抽屉", "part_of": made["id"] }),
    );
    client.create("things.secret", json!({ "name": "不公开" }));
    (format!("http://{address}"), client)
}

fn ids(api: &Json) -> Vec<String> {
    let operations = api["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values());
    let ids = operations.map(|operation| operation["operationId"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.filter(|id| id.starts_with("things.")).collect();
    ids.sort();
    ids
}

#[test]
fn the_description_tells_what_is_installed() {
    for bed in beds() {
        let (url, client) = served(&bed);
        let api = client.get("/openapi.json");
        let fields = &api["components"]["schemas"]["things.thing.Fields"]["properties"];
        let expected = json!({
            "code": { "type": "string", "maxLength": 200, "pattern": "^(?:[A-Z][0-9]{2})$", "title": "编号", "description": "登记后不能修改。" },
            "name": { "type": "string", "minLength": 2, "maxLength": 40, "title": "名称", "description": "写全称。" },
            "kind": { "type": ["string", "null"], "enum": ["a", "b", null], "title": "种类", "description": "代码:a 甲;b 乙。" },
            "count": { "type": "integer", "minimum": 0, "maximum": 99, "title": "件数" },
            "bought": { "type": ["string", "null"], "format": "date", "title": "购入" },
            "seen_at": { "type": ["string", "null"], "format": "date-time", "title": "盘点" },
            "total": { "type": ["integer", "null"], "title": "总价", "description": "金额,以分计。", "readOnly": true },
        });
        for (name, schema) in expected.as_object().unwrap() {
            assert_eq!(&fields[name], schema, "{name}");
        }
        let schemas = &api["components"]["schemas"];
        assert_eq!(
            schemas["things.thing.Create"]["properties"]["fields"]["allOf"][1]["required"],
            json!(["code", "name"])
        );
        assert_eq!(
            schemas["things.thing.Record"]["properties"]["state"]["enum"],
            json!(["kept", "gone"])
        );
        let body = &schemas["things.thing.Transition.drop"]["properties"]["fields"]["properties"];
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(names, ["name", "seen_at"]);
        let patch = &api["paths"]["/v1/records/things/thing/{id}"]["patch"];
        assert!(
            patch["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["name"] == "If-Match" && one["required"] == true),
            "{patch:#}"
        );
        let all = ids(&api);
        for verb in [
            "list",
            "create",
            "view",
            "update",
            "delete",
            "history",
            "transition.drop",
            "export",
            "import",
            "template",
        ] {
            assert!(all.contains(&format!("things.thing.{verb}")), "{verb}: {all:?}");
        }
        // The public is told what is open to it, and no more.
        let public =
            Client::anonymous(url.trim_start_matches("http://").parse().unwrap()).get("/openapi.json");
        assert_eq!(
            ids(&public),
            ["things.thing.history", "things.thing.list", "things.thing.view"]
        );
        assert!(
            !public.to_string().contains("things.secret"),
            "what is not open is not named"
        );
        // An upgrade shows at once.
        let mut next = package();
        let secret = next.get_mut("records/secret.toml").unwrap();
        secret.push_str("[fields.reason]\ntype = \"text\"\ntitle = { zh = \"缘由\" }\n");
        client.apply(&next);
        let api = client.get("/openapi.json");
        assert_eq!(
            api["components"]["schemas"]["things.secret.Fields"]["properties"]["reason"]["title"],
            "缘由"
        );
    }
}

#[test]
fn the_description_is_valid_and_admits_what_is_answered() {
    for bed in beds() {
        let (url, client) = served(&bed);
        println!("{}", bed.name());
        outside("openapi.py", &[&url, client.token().unwrap()]);
    }
}

/// Every reader's operations, with data as promised and data that breaks the promise.
#[test]
fn the_server_keeps_what_it_promises() {
    let beds = beds();
    let alone = beds.len() == 1;
    for bed in beds {
        let (url, _) = served(&bed);
        let mut all = package();
        let policy = all.get_mut("policy.cedar").unwrap();
        policy.push_str(
            "permit(principal in Role::\"things.clerk\", action, resource in Type::\"things.thing\");\n",
        );
        let sources: Vec<(&str, &str)> = all
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        bed.apply(files(&sources), false).unwrap();
        let clerk = format!("clerk={}", bed.account("clerk", &["things.clerk"]).1);
        let boss = format!("administrator={}", bed.account("boss", &["admin"]).1);
        println!("{}", bed.name());
        // Some 10,000 requests: as everybody where the database is the pickier one, as one who may most beside it.
        if alone || bed.name() == "postgres" {
            outside("contract.py", &[&url, "anonymous=", &clerk, &boss]);
        } else {
            outside("contract.py", &[&url, &boss]);
        }
    }
}
