//! Approved acts under kill -9: an approval that was used did its act, once; one that was not did nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banyan_door::Input;
use banyan_store::testing::TestDb;
use banyan_store::{Db, Options};
use rand::RngExt;
use serde_json::{Value as Json, json};

use super::Server;
use crate::client::Client;
use crate::support::{Bed, beds, files};
use crate::two_person::stand::{GOOD, package};

const REQUESTS: usize = 60;
const KILLS: usize = 12;
const POLICY: &str = "@two_person(\"须两人\") permit(principal in Role::\"clinic.nurse\", action in [Action::\"create\"], resource is clinic::patient);";
const PATH: &str = "/v1/records/clinic/patient";

/// The status, or nothing where the server died before it answered.
fn send(address: SocketAddr, token: &str, body: &Json, approval: Option<&str>) -> Option<(u16, Json)> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut request = ureq::http::Request::post(format!("http://{address}{PATH}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("banyan-purpose", "clinic.care");
    if let Some(id) = approval {
        request = request.header("banyan-approval", id);
    }
    let mut response = agent.run(request.body(body.to_string()).unwrap()).ok()?;
    let text = response.body_mut().read_to_string().ok()?;
    Some((response.status().as_u16(), serde_json::from_str(&text).ok()?))
}

fn body(number: usize) -> Json {
    json!({ "fields": { "number": number.to_string(), "ward": "east" } })
}

#[test]
fn an_approval_counts_once_whatever_dies() {
    for bed in beds() {
        one_database(bed);
    }
}

fn one_database(bed: Bed) {
    let package = package(POLICY);
    let texts: Vec<(&str, &str)> = package
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    bed.apply(files(&texts), false).unwrap();
    for login in ["an", "bo", "chen"] {
        let body = json!({ "login": login, "name": login, "password": GOOD, "roles": ["clinic.nurse"] });
        bed.ask("account.create", Input::json(body)).unwrap();
    }
    let Bed { platform, test } = bed;
    let TestDb {
        name, url, folder, ..
    } = &test;
    platform.db.close();
    drop(platform);

    let server = Server::start(url, folder, 0);
    let mut asker = Client::anonymous(server.address);
    asker.sign_in("an", GOOD);
    let token = asker.token().unwrap().to_owned();
    let mut approved = BTreeMap::new();
    let mut others: Vec<Client> = vec![];
    for login in ["bo", "chen"] {
        let mut other = Client::anonymous(server.address);
        other.sign_in(login, GOOD);
        others.push(other);
    }
    for number in 0..REQUESTS {
        let (_, refusal) = send(server.address, &token, &body(number), None).unwrap();
        let id = refusal["approval"].as_str().unwrap().to_owned();
        let path = format!("/v1/approvals/{id}/approve");
        let (status, answer) = others[number % 2].post(&path, &json!({ "reason": "好" }));
        // Those that wait are at most fifty.
        assert_eq!(status, 200, "{answer}");
        approved.insert(number, id);
    }
    drop(server);

    let done: Arc<Mutex<Vec<usize>>> = Arc::default();
    let (mut random, mut unanswered) = (rand::rng(), 0);
    for kill in 0..=KILLS {
        let server = Server::start(url, folder, 0);
        let address = server.address;
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (token, approved, done) = (token.clone(), approved.clone(), Arc::clone(&done));
                std::thread::spawn(move || {
                    let mut lost = 0;
                    for (number, id) in &approved {
                        if done.lock().unwrap().contains(number) {
                            continue;
                        }
                        match send(address, &token, &body(*number), Some(id)) {
                            Some((201, _)) => done.lock().unwrap().push(*number),
                            Some((403, refusal)) => {
                                assert!(
                                    refusal["detail"].as_str().unwrap().contains("已经用过"),
                                    "{refusal}"
                                );
                            }
                            Some(other) => panic!("{other:?}"),
                            None => lost += 1,
                        }
                    }
                    lost
                })
            })
            .collect();
        if kill < KILLS {
            std::thread::sleep(Duration::from_millis(random.random_range(5..60)));
            drop(server);
        }
        unanswered += threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum::<usize>();
    }
    let db = Db::open(url, &Options::default()).unwrap();
    let rows = db
        .query(
            "SELECT f_number, COUNT(*) FROM r_clinic__patient GROUP BY f_number",
            &[],
        )
        .unwrap();
    let made: BTreeMap<String, i64> = rows
        .iter()
        .map(|row| (row.get(0).unwrap(), row.get(1).unwrap()))
        .collect();
    let used = db
        .query("SELECT COUNT(*) FROM approval WHERE state = 'used'", &[])
        .unwrap();
    let answered = done.lock().unwrap().clone();
    println!(
        "{name}: {KILLS} kills, {} acknowledged, {unanswered} without an answer",
        answered.len()
    );
    assert_eq!(made.len(), REQUESTS, "{name}: each was done in the end");
    assert!(made.values().all(|count| *count == 1), "{name}: {made:?}");
    assert_eq!(used[0].get::<i64>(0).unwrap(), REQUESTS as i64, "{name}");
    assert!(unanswered > 0, "{name}: no kill met an act");
    let mut distinct = answered.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(
        distinct.len(),
        answered.len(),
        "{name}: one was acknowledged twice"
    );
    db.close();
}
