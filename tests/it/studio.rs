//! The studio: one drafts, another publishes, and what is published is an overlay that stands by itself.

use banyan_base::{Actor, ActorKind, Ctx};
use banyan_door::Input;
use serde_json::{Value as Json, json};

use crate::support::{Bed, beds, body, document, files};

const PACKAGE: &str = "id = \"lending\"\ntitle = { zh = \"借用\" }\nword = \"service\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const FORM: &str = "{ \"type\": \"default\", \"id\": \"lend\", \"schemaVersion\": 16, \"components\": [\n  { \"type\": \"textfield\", \"id\": \"Field_what\", \"key\": \"what\", \"label\": \"借什么\" }\n] }\n";

fn designer(bed: &Bed, id: &str) -> Ctx {
    bed.platform.world.ctx(Actor {
        id: id.into(),
        name: id.into(),
        kind: ActorKind::Person,
        roles: ["designer".to_owned()].into(),
        ..Actor::anonymous()
    })
}

fn ask(bed: &Bed, cx: &Ctx, operation: &str, id: &str, sent: Json) -> Result<Json, u16> {
    let mut input = Input::json(sent).with_path("id", id);
    input.if_match = Some("*".into());
    match bed.call(cx, operation, input) {
        Ok(reply) if reply.status == 204 => Ok(Json::Null),
        Ok(reply) => Ok(document(reply)),
        Err(problem) => Err(problem.code.status),
    }
}

fn draft(bed: &Bed, cx: &Ctx, form: &str) -> String {
    let sent =
        json!({ "package": "lending", "title": "改借用单", "files": { "forms/lend.form.json": form } });
    let made = ask(bed, cx, "draft.create", "", sent).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn nobody_publishes_his_own_draft() {
    for bed in beds() {
        let package = files(&[("package.toml", PACKAGE), ("forms/lend.form.json", FORM)]);
        bed.apply(package, false).unwrap();
        let (ann, ben) = (designer(&bed, "ann"), designer(&bed, "ben"));
        let changed = FORM.replace("借什么", "借用物品");
        let id = draft(&bed, &ann, &changed);

        let seen = ask(&bed, &ben, "draft.view", &id, Json::Null).unwrap();
        assert_eq!(seen["base"]["forms/lend.form.json"], FORM);
        assert_eq!(seen["files"]["forms/lend.form.json"], changed.as_str());
        // What is not submitted is nobody's to publish, and what is another's nobody's to change.
        assert_eq!(ask(&bed, &ben, "draft.publish", &id, json!({})), Err(409));
        assert_eq!(
            ask(&bed, &ben, "draft.update", &id, json!({ "files": {} })),
            Err(403)
        );
        assert_eq!(ask(&bed, &ben, "draft.submit", &id, json!({})), Err(403));
        ask(&bed, &ann, "draft.submit", &id, json!({ "note": "统一用语" })).unwrap();
        assert_eq!(ask(&bed, &ann, "draft.publish", &id, json!({})), Err(403));
        // Nor in a post that its author lent.
        let mut lent = ben.clone();
        lent.actor.standing.on_behalf_of = Some("ann".into());
        assert_eq!(ask(&bed, &lent, "draft.publish", &id, json!({})), Err(403));

        assert_eq!(ask(&bed, &ben, "draft.reject", &id, json!({})), Err(422));
        let back = ask(&bed, &ben, "draft.reject", &id, json!({ "note": "请写全称" })).unwrap();
        assert_eq!(
            (&back["state"], &back["reviewer"]),
            (&json!("rejected"), &json!("ben"))
        );
        let better = FORM.replace("借什么", "借用物品名称");
        ask(
            &bed,
            &ann,
            "draft.update",
            &id,
            json!({ "files": { "forms/lend.form.json": better } }),
        )
        .unwrap();
        ask(&bed, &ann, "draft.submit", &id, json!({})).unwrap();
        let done = ask(&bed, &ben, "draft.publish", &id, json!({ "note": "可以" })).unwrap();
        assert_eq!(done["published"], "lending-studio 1.0.0");
        let now = ask(&bed, &ann, "package.files", "lending", Json::Null).unwrap();
        assert_eq!(now["items"][0]["text"], better.as_str());
        assert_eq!(ask(&bed, &ben, "draft.publish", &id, json!({})), Err(409));

        // It goes as it came, and the package is as its own files say.
        bed.call(
            &bed.system(),
            "package.remove",
            Input::default().with_path("id", "lending-studio"),
        )
        .unwrap();
        let now = ask(&bed, &ann, "package.files", "lending", Json::Null).unwrap();
        assert_eq!(now["items"][0]["text"], FORM);
    }
}

#[test]
fn what_others_changed_since_is_not_overwritten() {
    for bed in beds() {
        let package = files(&[("package.toml", PACKAGE), ("forms/lend.form.json", FORM)]);
        bed.apply(package, false).unwrap();
        let (ann, ben) = (designer(&bed, "ann"), designer(&bed, "ben"));
        let (first, second) = (
            draft(&bed, &ann, &FORM.replace("借什么", "甲")),
            draft(&bed, &ben, &FORM.replace("借什么", "乙")),
        );
        ask(&bed, &ann, "draft.submit", &first, json!({})).unwrap();
        ask(&bed, &ben, "draft.submit", &second, json!({})).unwrap();
        ask(&bed, &ben, "draft.publish", &first, json!({})).unwrap();
        assert_eq!(ask(&bed, &ann, "draft.publish", &second, json!({})), Err(409));
        let seen = ask(&bed, &ann, "draft.view", &second, Json::Null).unwrap();
        assert_eq!(seen["overtaken"], json!(["forms/lend.form.json"]));

        // Taken up again from what is there now, it goes on, in the same overlay.
        ask(&bed, &ben, "draft.reopen", &second, json!({})).unwrap();
        ask(&bed, &ben, "draft.update", &second, json!({ "files": {} })).unwrap();
        let mine = FORM.replace("借什么", "丙");
        ask(
            &bed,
            &ben,
            "draft.update",
            &second,
            json!({ "files": { "forms/lend.form.json": mine, "forms/back.form.json": FORM.replace("\"lend\"", "\"back\"") } }),
        )
        .unwrap();
        ask(&bed, &ben, "draft.submit", &second, json!({})).unwrap();
        let done = ask(&bed, &ann, "draft.publish", &second, json!({})).unwrap();
        assert_eq!(done["published"], "lending-studio 1.0.1");
        let now = ask(&bed, &ann, "package.files", "lending", Json::Null).unwrap();
        assert_eq!(now["items"].as_array().unwrap().len(), 2);

        // What is downloaded is a folder that can be applied elsewhere.
        let input = Input::default().with_path("id", second.as_str());
        let reply = bed.call(&ann, "draft.download", input).unwrap();
        let (kind, data) = body(reply);
        assert_eq!(kind, "application/zip");
        assert!(data.starts_with(b"PK"));
    }
}

#[test]
fn faulty_drafts_change_nothing() {
    for bed in beds() {
        let package = files(&[("package.toml", PACKAGE), ("forms/lend.form.json", FORM)]);
        bed.apply(package, false).unwrap();
        let ann = designer(&bed, "ann");
        for path in [
            "policy.cedar",
            "forms/../x.form.json",
            "forms/Big.form.json",
            "records/a.toml",
        ] {
            let sent = json!({ "package": "lending", "title": "坏", "files": { path: "x" } });
            assert_eq!(ask(&bed, &ann, "draft.create", "", sent), Err(422), "{path}");
        }
        let sent = json!({ "package": "nothing", "title": "无", "files": {} });
        assert_eq!(ask(&bed, &ann, "draft.create", "", sent), Err(404));
        // Cases of a model that is not there are found by the package's own check.
        let sent =
            json!({ "package": "lending", "title": "无主", "files": { "decisions/fee.cases.json": "[]" } });
        let made = ask(&bed, &ann, "draft.create", "", sent).unwrap();
        let id = made["id"].as_str().unwrap();
        let found = ask(&bed, &ann, "draft.check", id, Json::Null).unwrap();
        assert_eq!(found["findings"][0]["rule"], "cases-alone");
        assert_eq!(ask(&bed, &ann, "draft.submit", id, json!({})), Err(422));
        let seen = ask(&bed, &ann, "draft.view", id, Json::Null).unwrap();
        assert_eq!(seen["state"], "open");
        ask(&bed, &ann, "draft.delete", id, Json::Null).unwrap();
        assert_eq!(ask(&bed, &ann, "draft.view", id, Json::Null), Err(404));
    }
}
