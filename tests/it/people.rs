//! Who acts in whose post, over HTTP: the entrance's headers, record history, the audit log.

use banyan_door::Input;
use serde_json::{Value as Json, json};

use crate::client::Client;
use crate::support::{Bed, beds, files, on};

const PACKAGE: &str = "id = \"pets\"\ntitle = { zh = \"宠物\" }\nword = \"service\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const PET: &str = "title = { zh = \"宠物\" }\nlabel = \"name\"\n\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名字\" }\nrequired = true\n";
const POLICY: &str = "permit(principal in Role::\"pets.clerk\", action, resource in Package::\"pets\");\n";
const GOOD: &str = "correct horse";

/// An account of nobody special; its id.
fn account(bed: &Bed, login: &str) -> String {
    let body = json!({ "login": login, "name": format!("{login} 同志"), "password": GOOD });
    let made = bed.ask("account.create", Input::json(body)).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

fn id(answer: &(u16, Json)) -> String {
    assert!(answer.0 < 300, "{answer:?}");
    answer.1["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_done_in_anothers_post_names_both() {
    for bed in beds() {
        let package = [
            ("package.toml", PACKAGE),
            ("records/pet.toml", PET),
            ("policy.cedar", POLICY),
        ];
        bed.apply(files(&package), false).unwrap();
        let address = bed.serve();
        let chief = Client::administrator(&bed, address);
        let (zhang, li) = (account(&bed, "zhang"), account(&bed, "li"));
        let today = bed.system().today().to_string();
        let body = json!({ "account": zhang, "unit": "FJ001", "title": "经办", "roles": ["pets.clerk"], "from": today, "main": true });
        let post = id(&chief.send("POST", "/v1/posts", &[], Some(&body)));
        let (mut holder, mut helper) = (Client::anonymous(address), Client::anonymous(address));
        holder.sign_in("zhang", GOOD);
        helper.sign_in("li", GOOD);
        let within = [("Banyan-Post", post.as_str())];
        let pets = "/v1/records/pets/pet";
        let pet = |name: &str| json!({ "fields": { "name": name } });
        // Before it is lent: not in one's own capacity, and not in another's.
        assert_eq!(helper.send("POST", pets, &[], Some(&pet("小白"))).0, 403);
        let (status, refusal) = helper.send("POST", pets, &within, Some(&pet("小白")));
        assert_eq!(status, 403);
        assert!(
            refusal["detail"].as_str().unwrap().contains("我的岗位与代办"),
            "{refusal}"
        );
        for wrong in ["", "x y\u{e9}", &"x".repeat(65)] {
            let answer = helper.send("POST", pets, &[("Banyan-Post", wrong)], Some(&pet("小白")));
            assert_eq!(answer.0, 400, "{wrong:?} {answer:?}");
        }
        let lend = json!({ "post": post, "to": "li", "from": today, "until": today, "reason": "出差" });
        let lent = id(&holder.send("POST", "/v1/delegations", &[], Some(&lend)));
        let made = id(&holder.send("POST", pets, &[], Some(&pet("阿黄"))));
        let one = format!("{pets}/{made}");
        let changed = helper.send(
            "PATCH",
            &one,
            &[within[0], ("If-Match", "\"1\"")],
            Some(&pet("大黄")),
        );
        assert_eq!(changed.0, 200, "{changed:?}");
        // A key that was used in one capacity is another request in another.
        let keyed = |client: &Client, headers: &[(&str, &str)]| {
            let mut all = vec![("Idempotency-Key", "k1")];
            all.extend(headers);
            client.send("POST", pets, &all, Some(&pet("二黑"))).0
        };
        assert_eq!(keyed(&helper, &within), 201);
        assert_eq!(keyed(&helper, &[]), 403);
        let history = holder.send("GET", &format!("{one}/history"), &[], None).1;
        let items = history["items"].as_array().unwrap();
        assert_eq!(items[0]["by"], json!(li), "{history}");
        assert_eq!(items[0]["on_behalf_of"], json!(zhang));
        assert_eq!(items[0]["on_behalf_of_name"], "zhang 同志");
        assert_eq!(items[1]["by"], json!(zhang));
        assert!(items[1].get("on_behalf_of").is_none());
        let deleted = helper.send("DELETE", &one, &[within[0], ("If-Match", "\"2\"")], None);
        assert!(deleted.0 < 300, "{deleted:?}");
        let input = on("pets.pet", Input::default().with_path("id", made.as_str()));
        let history = bed.ask("record.history", input).unwrap();
        assert_eq!(history["items"][0]["verb"], "deleted");
        assert_eq!(history["items"][0]["on_behalf_of"], json!(zhang));
        // The audit log names both.
        let entries = crate::audit::entries(&bed);
        let update = entries
            .iter()
            .find(|entry| entry["operation"] == "record.update" && entry["kind"] == "start");
        let update = update.unwrap();
        assert_eq!(
            (&update["actor"], &update["on_behalf_of"]),
            (&json!(li), &json!(zhang))
        );
        assert_eq!(
            (&update["post"], &update["unit"]),
            (&json!(post), &json!("FJ001"))
        );
        // Revoked in mid-session.
        let path = format!("/v1/delegations/{lent}/revoke");
        assert!(holder.send("POST", &path, &[], None).0 < 300);
        assert_eq!(helper.send("POST", pets, &within, Some(&pet("三花"))).0, 403);
    }
}
