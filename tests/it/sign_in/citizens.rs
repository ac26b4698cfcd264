//! Citizens over HTTP: known by an outside provider's word, acting for each other; and a look for their numbers where none may be.

use banyan_door::Input;
use banyan_identity::FirstLogin;
use serde_json::json;

use super::stand::{Browser, Program};
use super::{SECRET, log, served};
use crate::client::Client;
use crate::support::files;

const GOOD: &str = "correct horse";
const FANG: &str = "350102198001010011";
const LIN: &str = "35010219800101002X";
const POLICY: &str = "permit(principal in Role::\"public\", action, resource in Package::\"PACKAGE\");\n";
const PET: &str = "title = { zh = \"宠物\" }\nlabel = \"name\"\n\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名字\" }\nrequired = true\n";

#[test]
fn citizens_act_for_each_other_and_their_numbers_appear_nowhere() {
    let log = log();
    let people = json!({ "fang": ["方明", FANG], "mistaken": ["方大", FANG], "nameless": ["无号", "350102198001010014"] });
    let variables = [("CLIENT_SECRET", SECRET), ("PEOPLE", &people.to_string())];
    let mut upstream = Program::start("provider.mjs", &variables);
    let issuer = upstream.line();
    let become_user = |user: &str| {
        let url = format!("{issuer}/as?user={user}");
        assert_eq!(Browser::default().get(&url).status, 200);
    };
    for (bed, base) in served(&issuer, FirstLogin::Citizen) {
        for package in ["pets", "plants"] {
            let head = format!(
                "id = \"{package}\"\ntitle = {{ zh = \"登记\" }}\nword = \"service\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n"
            );
            let policy = POLICY.replace("PACKAGE", package);
            let all = [
                ("package.toml", head.as_str()),
                ("records/pet.toml", PET),
                ("policy.cedar", policy.as_str()),
            ];
            bed.apply(files(&all), false).unwrap();
        }
        let start = format!("{base}/v1/session/oidc/upstream/start?to=/desk/");
        let come = |user: &str| {
            become_user(user);
            let mut browser = Browser::default();
            browser.walk(&start);
            let me = browser.get(&format!("{base}/v1/session")).json();
            assert_eq!(me["account"]["kind"], "citizen", "{user} {me}");
            (browser, me["acting"]["standing"].clone())
        };
        // Whom the provider knows is known here; twice the same one; under another name, or with no number, he is not.
        let (mut fang, known) = come("fang");
        assert_eq!(known["level"], 2);
        assert_eq!(come("fang").1, known);
        for user in ["mistaken", "nameless"] {
            let (_, standing) = come(user);
            assert!(
                standing["level"] == 1 && standing["party"] != known["party"],
                "{user}"
            );
        }
        // Whoever signs up with his number is not he.
        let address = base.strip_prefix("http://").unwrap().parse().unwrap();
        let sign_up = |login: &str, name: &str, number: &str| {
            let body = json!({ "login": login, "password": GOOD, "name": name, "number": number });
            let answer = Client::anonymous(address).post("/v1/citizens", &body);
            assert_eq!(answer.0, 201, "{answer:?}");
            let mut client = Client::anonymous(address);
            client.sign_in(login, GOOD);
            client
        };
        let thief = sign_up("thief", "方明", FANG);
        let lin = sign_up("lin", "林芳", LIN);
        let standing = &thief.get("/v1/session")["acting"]["standing"];
        assert!(standing["level"] == 1 && standing["party"] != known["party"]);
        let mut refusals = Vec::new();
        let mut refused =
            |client: &Client, headers: &[(&str, &str)], path: &str, body: &serde_json::Value| {
                let (status, answer) = client.send("POST", path, headers, Some(body));
                refusals.push(answer.to_string());
                status
            };
        for body in [
            json!({ "login": "x1", "password": GOOD, "name": "林芳", "number": FANG.parse::<i64>().unwrap() }),
            json!({ "login": LIN, "password": GOOD, "name": "林芳", "number": LIN }),
            json!({ "login": "x1", "password": GOOD, "name": LIN, "number": LIN, "level": 3 }),
            json!({ "login": "lin", "password": GOOD, "name": "林芳", "number": LIN }),
        ] {
            assert_eq!(
                refused(&Client::anonymous(address), &[], "/v1/citizens", &body),
                422
            );
        }
        // Seen by a clerk.
        let body = json!({ "login": "lin", "name": "林芳", "number": LIN, "evidence": "查验身份证原件" });
        let proved = bed.ask("party.confirm", Input::json(body)).unwrap();
        assert_eq!(
            lin.get("/v1/session")["acting"]["standing"]["party"],
            proved["party"]
        );
        // Lin acts for Fang: in what was agreed, and only then.
        let pet = json!({ "fields": { "name": "阿黄" } });
        let party = known["party"].as_str().unwrap();
        let for_fang = [("Banyan-For", party)];
        let pets = "/v1/records/pets/pet";
        assert_eq!(lin.send("POST", pets, &[], Some(&pet)).0, 201, "for herself");
        for client in [&lin, &thief] {
            assert_eq!(refused(client, &for_fang, pets, &pet), 403);
        }
        for wrong in ["", "x y\u{e9}", &"x".repeat(65)] {
            assert_eq!(
                refused(&lin, &[("Banyan-For", wrong)], pets, &pet),
                400,
                "{wrong:?}"
            );
        }
        let today = bed.system().today().to_string();
        let ask = json!({ "way": "give", "name": "林芳", "number": LIN, "packages": ["pets"], "from": today, "until": today,
            "reason": "出差" });
        let asked = fang.send("POST", &format!("{base}/v1/party-links"), Some(&ask));
        assert_eq!(asked.status, 201, "{}", asked.text);
        let link = asked.json()["id"].as_str().unwrap().to_owned();
        let path = |verb: &str| format!("/v1/party-links/{link}/{verb}");
        assert_eq!(refused(&lin, &for_fang, pets, &pet), 403, "not yet agreed");
        assert_eq!(refused(&thief, &[], &path("agree"), &json!({})), 403);
        assert!(lin.send("POST", &path("agree"), &[], None).0 < 300);
        let made = lin.send("POST", pets, &for_fang, Some(&pet));
        assert_eq!(made.0, 201, "{made:?}");
        let id = made.1["id"].as_str().unwrap();
        let history = lin.get(&format!("{pets}/{id}/history"));
        assert_eq!(history["items"][0]["represents"], known["party"], "{history}");
        assert_eq!(
            refused(&lin, &for_fang, "/v1/records/plants/pet", &pet),
            403,
            "another package"
        );
        let revoked = fang.send("POST", &format!("{base}{}", path("revoke")), None);
        assert!(revoked.status < 300, "{}", revoked.text);
        assert_eq!(
            refused(&lin, &for_fang, pets, &pet),
            403,
            "revoked in mid-session"
        );
        // The numbers: not in the log, in what was refused, in any file of the database, of keys, of the audit log.
        let mut places = vec![("the log".to_owned(), log.lock().unwrap().clone())];
        places.extend(
            refusals
                .into_iter()
                .map(|text| ("a refusal".to_owned(), text.into_bytes())),
        );
        let lists = [lin.get("/v1/party-links"), lin.get("/v1/session/party")];
        places.extend(lists.map(|list| ("a list".to_owned(), list.to_string().into_bytes())));
        let mut folders = vec![bed.test.folder.clone()];
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    places.push((path.display().to_string(), std::fs::read(path).unwrap()));
                }
            }
        }
        for (table, columns) in [
            ("party", "name || coalesce(number, '')"),
            ("party_number", "number_index || pair_index"),
            ("party_proof", "way || evidence"),
            ("party_link", "kind || words"),
            ("account", "login || name"),
            ("idempotency", "request_hash || reply"),
            ("feed", "CAST(data AS TEXT)"),
        ] {
            let rows = bed
                .platform
                .db
                .query(&format!("SELECT {columns} FROM {table}"), &[])
                .unwrap();
            let lines: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
            assert!(table == "idempotency" || !lines.is_empty(), "{table}");
            places.push((table.to_owned(), lines.join("\n").into_bytes()));
        }
        let access = String::from_utf8_lossy(&places[0].1).contains("citizen.sign_up");
        assert!(access, "the log was not kept");
        for (place, bytes) in &places {
            for secret in [FANG, LIN, "查验身份证原件"] {
                let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!found, "{}: {place} holds a number", bed.name());
            }
        }
    }
}
