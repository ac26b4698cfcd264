use banyan_base::{Problem, codes};
use banyan_door::{Authenticator, Capacity, Credential};
use banyan_store::testing::databases;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::sign::testing::{Bed, Browser, text};

const GOOD: &str = "correct horse";

/// Zhang with two posts of which the first is his main one, Li and Wang without; each signed in.
struct Office {
    bed: Bed,
    zhang: Browser,
    li: Browser,
    wang: Browser,
    /// Account ids by the same names.
    ids: [String; 3],
    /// Zhang's posts.
    main: String,
    second: String,
}

fn offices() -> Vec<Office> {
    let over = |test| {
        let bed = Bed::over(test, |settings| {
            settings.second_factor_roles = ["admin".to_owned()].into();
            settings.idle = SignedDuration::from_hours(24 * 30);
            settings.whole = settings.idle;
        });
        let ids = ["zhang", "li", "wang"].map(|login| bed.account(login, GOOD, &["base.reader"]));
        let enter = |login| {
            let mut browser = Browser::named(login);
            let body = json!({ "login": login, "password": GOOD });
            bed.act(&mut browser, "session.create", &[], Some(body)).unwrap();
            browser
        };
        let (zhang, li, wang) = (enter("zhang"), enter("li"), enter("wang"));
        let mut office = Office {
            bed,
            zhang,
            li,
            wang,
            ids,
            main: String::new(),
            second: String::new(),
        };
        let zhang = office.ids[0].clone();
        office.main = office.post(
            &zhang,
            json!({ "roles": ["wp.office", "admin"], "main": true, "regions": ["3501"], "lines": ["应急"] }),
        );
        office.second = office.post(
            &zhang,
            json!({ "unit": "FJ002", "roles": ["wp.unit", "wp.audit"] }),
        );
        office
    };
    databases().unwrap().into_iter().map(over).collect()
}

impl Office {
    /// Does as the platform itself.
    fn system(&self, operation: &str, id: Option<&str>, body: Value) -> Result<Value, Problem> {
        let mut input = banyan_door::Input::json(body);
        if let Some(id) = id {
            input = input.with_path("id", id);
        }
        let reply = self
            .bed
            .door
            .call(&self.bed.world.system_ctx(), operation, input)?;
        Ok(reply.as_json().cloned().unwrap_or_default())
    }

    fn post(&self, account: &str, more: Value) -> String {
        let mut body = json!({ "account": account, "unit": "FJ001", "title": "处长", "from": "2022-01-01" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        text(&self.system("post.create", None, body).unwrap(), "id")
    }

    /// In what capacity a browser acts.
    fn acting(&self, browser: &mut Browser) -> Result<Value, Problem> {
        Ok(self.bed.act(browser, "session.view", &[], None)?["acting"].clone())
    }

    fn days(&self, count: i64) {
        self.bed
            .world
            .clock()
            .advance(SignedDuration::from_hours(24 * count));
    }
}

fn sent(post: &str, to: &str, more: Value) -> Value {
    let mut body =
        json!({ "post": post, "to": to, "from": "2022-03-01", "until": "2022-03-05", "reason": "出差" });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

fn within(browser: &Browser, post: &str) -> Browser {
    Browser {
        capacity: Capacity {
            post: Some(post.to_owned()),
            party: None,
            emergency: false,
        },
        ..browser.clone()
    }
}

#[test]
fn an_account_acts_in_one_post_at_a_time() {
    for mut office in offices() {
        // The main post demands what its roles demand: a second factor.
        let mut zhang = office.zhang.clone();
        let seen = office.bed.act(&mut zhang, "session.view", &[], None).unwrap();
        assert_eq!(seen["due"], "second_factor");
        assert_eq!(seen["acting"]["unit"], "FJ001");
        assert_eq!(seen["acting"]["roles"], json!(["admin", "wp.office"]));
        assert_eq!(seen["acting"]["standing"]["regions"], json!(["3501"]));
        assert_eq!(seen["acting"]["standing"]["lines"], json!(["应急"]));
        let refused = office.bed.act(&mut zhang, "account.list", &[], None).unwrap_err();
        assert_eq!(refused.code, codes::FORBIDDEN);
        // One request in another post; then the session in it; then none; then the main one again.
        let mut once = within(&zhang, &office.second);
        assert_eq!(
            office.acting(&mut once).unwrap()["roles"],
            json!(["wp.audit", "wp.unit"])
        );
        assert_eq!(office.acting(&mut zhang).unwrap()["unit"], "FJ001");
        for (choice, unit, roles) in [
            (
                json!(office.second),
                json!("FJ002"),
                json!(["wp.audit", "wp.unit"]),
            ),
            (json!("own"), json!(null), json!(["base.reader"])),
            (json!(null), json!("FJ001"), json!(["admin", "wp.office"])),
        ] {
            let body = json!({ "post": choice });
            office
                .bed
                .act(&mut zhang, "post.choose", &[], Some(body))
                .unwrap();
            let acting = office.acting(&mut zhang).unwrap();
            assert_eq!((&acting["unit"], &acting["roles"]), (&unit, &roles), "{choice}");
        }
        // Whoever has no post acts as before.
        assert_eq!(
            office.acting(&mut office.li.clone()).unwrap()["roles"],
            json!(["base.reader"])
        );
        // Nobody else's post, no such post, nothing that only looks like one: all the same words.
        let texts: Vec<String> = [office.main.as_str(), "no-such-post", "", "' OR 1=1 --"]
            .map(|post| {
                let refusal = office.acting(&mut within(&office.li, post)).unwrap_err();
                assert_eq!(refusal.code, codes::FORBIDDEN, "{post}");
                let body = json!({ "post": post });
                let chosen = office
                    .bed
                    .act(&mut office.li.clone(), "post.choose", &[], Some(body));
                assert_eq!(chosen.unwrap_err().detail, refusal.detail);
                refusal.detail
            })
            .into();
        assert!(
            texts
                .iter()
                .all(|one| *one == texts[0] && one.contains("我的岗位与代办"))
        );
        // The posts that a session can choose from.
        let mine = office.bed.act(&mut office.zhang, "post.mine", &[], None).unwrap();
        assert_eq!(mine["items"].as_array().unwrap().len(), 2);
        assert_eq!(mine["current"], json!(office.main));
        // Administration is for administrators.
        for operation in ["post.list", "post.create", "post.view", "post.update", "post.end"] {
            let path = [("id", office.main.as_str())];
            let refused = office.bed.act(&mut office.li, operation, &path, Some(json!({})));
            assert_eq!(refused.unwrap_err().code, codes::FORBIDDEN, "{operation}");
        }
    }
}

#[test]
fn what_ends_ends_at_once() {
    for office in offices() {
        let zhang = office.ids[0].clone();
        let short = office.post(
            &zhang,
            json!({ "title": "专班", "until": "2022-03-02", "main": true, "from": "2022-02-01" }),
        );
        let later = office.post(&zhang, json!({ "title": "局长", "from": "2022-03-04" }));
        let mut browser = office.zhang.clone();
        // The main post that began last counts; one that has not begun does not.
        assert_eq!(
            office.acting(&mut browser).unwrap()["standing"]["post"],
            json!(short)
        );
        assert_eq!(
            office.acting(&mut within(&browser, &later)).unwrap_err().code,
            codes::FORBIDDEN
        );
        let body = json!({ "post": short });
        office
            .bed
            .act(&mut browser, "post.choose", &[], Some(body))
            .unwrap();
        office.days(1);
        assert!(office.acting(&mut browser).is_ok(), "the last day counts");
        // Past midnight of the platform's zone it is over: the session may only choose anew.
        office.bed.world.clock().advance(SignedDuration::from_hours(15));
        assert!(office.acting(&mut browser).is_ok(), "23:00");
        office.bed.world.clock().advance(SignedDuration::from_hours(1));
        assert_eq!(
            office.acting(&mut browser).unwrap()["standing"]["post"],
            json!(null)
        );
        assert_eq!(
            office.acting(&mut within(&browser, &short)).unwrap_err().code,
            codes::FORBIDDEN
        );
        let mut old = browser;
        office
            .bed
            .act(&mut old, "post.choose", &[], Some(json!({ "post": null })))
            .unwrap();
        assert_eq!(
            office.acting(&mut old).unwrap()["standing"]["post"],
            json!(office.main)
        );
        // Ended by an administrator in mid-session.
        let body = json!({ "post": office.second });
        office.bed.act(&mut old, "post.choose", &[], Some(body)).unwrap();
        office
            .system("post.end", Some(&office.second), json!(null))
            .unwrap();
        let stranded = office.acting(&mut old).unwrap();
        assert_eq!(
            (&stranded["roles"], &stranded["unit"]),
            (&json!([]), &json!(null))
        );
        let refusal = office.bed.act(&mut old, "totp.view", &[], None);
        assert_eq!(refusal.unwrap_err().code, codes::FORBIDDEN);
        office
            .bed
            .act(&mut old, "post.choose", &[], Some(json!({ "post": null })))
            .unwrap();
        assert_eq!(
            office.acting(&mut old).unwrap()["standing"]["post"],
            json!(office.main)
        );
        let input = banyan_door::Input {
            if_match: Some("\"2\"".into()),
            ..banyan_door::Input::json(json!({ "title": "x" })).with_path("id", office.second.as_str())
        };
        let refusal = office
            .bed
            .door
            .call(&office.bed.world.system_ctx(), "post.update", input);
        assert_eq!(refusal.unwrap_err().code, codes::CONFLICT);
    }
}

#[test]
fn posts_are_checked() {
    for office in offices() {
        let zhang = office.ids[0].as_str();
        let machine = office
            .system("service.create", None, json!({ "login": "meter", "name": "表" }))
            .unwrap();
        let machine = text(&machine["account"], "id");
        for (more, pointer) in [
            (json!({ "account": "nobody" }), "/account"),
            (json!({ "account": machine }), "/account"),
            (json!({ "unit": " " }), "/unit"),
            (json!({ "title": "" }), "/title"),
            (json!({ "roles": ["root"] }), "/roles"),
            (json!({ "regions": ["35010"] }), "/regions"),
            (json!({ "lines": ["a b"] }), "/lines"),
            (json!({ "from": "2022-13-01" }), "/from"),
            (json!({ "until": "2021-12-31" }), "/until"),
        ] {
            let mut body =
                json!({ "account": zhang, "unit": "FJ001", "title": "处长", "from": "2022-01-01" });
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let problem = office.system("post.create", None, body).unwrap_err();
            assert_eq!(problem.errors[0].pointer, pointer, "{more}");
        }
        let change = |tag: Option<&str>| {
            let input = banyan_door::Input {
                if_match: tag.map(str::to_owned),
                ..banyan_door::Input::json(json!({ "title": "副处长" })).with_path("id", office.main.as_str())
            };
            office
                .bed
                .door
                .call(&office.bed.world.system_ctx(), "post.update", input)
        };
        assert_eq!(change(None).unwrap_err().code.status, 428);
        assert_eq!(change(Some("\"1\"")).unwrap().etag.as_deref(), Some("\"2\""));
        assert_eq!(change(Some("\"1\"")).unwrap_err().code.status, 412);
    }
}

#[test]
fn a_post_is_lent_for_a_while_and_never_passed_on() {
    for office in offices() {
        let zhang_id = office.ids[0].clone();
        let (main, second) = (office.main.clone(), office.second.clone());
        let mut zhang = within(&office.zhang, "own");
        let give = |office: &Office, browser: &mut Browser, body: Value| {
            office.bed.act(browser, "delegation.create", &[], Some(body))
        };
        for (body, pointer) in [
            (sent(&second, "nobody", json!({})), "/to"),
            (sent(&second, "zhang", json!({})), "/to"),
            (sent(&second, "li", json!({ "until": "2022-05-30" })), "/until"),
            (sent(&second, "li", json!({ "until": "2022-02-28" })), "/until"),
            (sent(&second, "li", json!({ "from": "soon" })), "/from"),
            (sent(&second, "li", json!({ "reason": "" })), "/reason"),
            (sent(&second, "li", json!({ "roles": ["wp.office"] })), "/roles"),
            (sent(&second, "li", json!({ "roles": [] })), "/roles"),
            (sent(&main, "li", json!({ "roles": ["admin"] })), "/roles"),
        ] {
            let problem = give(&office, &mut zhang, body.clone()).unwrap_err();
            assert_eq!(
                problem.errors.first().map(|one| one.pointer.as_str()),
                Some(pointer),
                "{body} {problem:?}"
            );
        }
        // Somebody else's post; more than asked for.
        let refused = give(&office, &mut office.li.clone(), sent(&second, "wang", json!({}))).unwrap_err();
        assert_eq!(refused.code, codes::FORBIDDEN);
        assert!(
            give(
                &office,
                &mut zhang,
                sent(&second, "li", json!({ "account": zhang_id }))
            )
            .is_err()
        );
        // Some roles of one post, and another whole; what is lent twice is refused.
        let part = sent(&second, "li", json!({ "roles": ["wp.unit"] }));
        let part = text(&give(&office, &mut zhang, part).unwrap(), "id");
        let whole = text(
            &give(&office, &mut zhang, sent(&main, "li", json!({}))).unwrap(),
            "id",
        );
        assert_eq!(
            give(&office, &mut zhang, sent(&second, "li", json!({})))
                .unwrap_err()
                .code,
            codes::CONFLICT
        );
        let acting = office.acting(&mut within(&office.li, &second)).unwrap();
        assert_eq!(acting["roles"], json!(["wp.unit"]));
        assert_eq!(acting["standing"]["on_behalf_of"], json!(zhang_id));
        // Never as an administrator.
        let mut lent = within(&office.li, &main);
        assert_eq!(office.acting(&mut lent).unwrap()["roles"], json!(["wp.office"]));
        assert_eq!(
            office
                .bed
                .act(&mut lent, "account.list", &[], None)
                .unwrap_err()
                .code,
            codes::FORBIDDEN
        );
        assert_eq!(
            office
                .acting(&mut within(&office.wang, &second))
                .unwrap_err()
                .code,
            codes::FORBIDDEN
        );
        // Not passed on, acting in it or not.
        for browser in [&mut within(&office.li, &second), &mut office.li.clone()] {
            let refused = give(&office, browser, sent(&second, "wang", json!({}))).unwrap_err();
            assert_eq!(refused.code, codes::FORBIDDEN);
        }
        // What the post loses, who acts by it loses.
        let input = banyan_door::Input {
            if_match: Some("\"1\"".into()),
            ..banyan_door::Input::json(json!({ "roles": ["wp.audit"] })).with_path("id", second.as_str())
        };
        office
            .bed
            .door
            .call(&office.bed.world.system_ctx(), "post.update", input)
            .unwrap();
        assert_eq!(
            office.acting(&mut within(&office.li, &second)).unwrap()["roles"],
            json!([])
        );
        // Seen by both and nobody else; revoked by either, in mid-session.
        let list = |browser: &mut Browser| {
            office.bed.act(browser, "delegation.list", &[], None).unwrap()["items"].clone()
        };
        assert_eq!(list(&mut zhang), list(&mut office.li.clone()));
        assert_eq!(list(&mut office.wang.clone()), json!([]));
        let query = banyan_door::Input {
            query: vec![("account".into(), zhang_id.clone())],
            ..banyan_door::Input::default()
        };
        let li = office.bed.accounts.actor(
            &Credential::Session(office.li.session.clone().unwrap()),
            &Capacity::default(),
        );
        let refused = office
            .bed
            .door
            .call(&office.bed.world.ctx(li.unwrap()), "delegation.list", query);
        assert_eq!(refused.unwrap_err().code, codes::FORBIDDEN);
        let revoke = |browser: &mut Browser, id: &str| {
            office.bed.act(browser, "delegation.revoke", &[("id", id)], None)
        };
        assert_eq!(
            revoke(&mut office.wang.clone(), &part).unwrap_err().code,
            codes::NOT_FOUND
        );
        let body = json!({ "post": main });
        let mut mid = office.li.clone();
        office.bed.act(&mut mid, "post.choose", &[], Some(body)).unwrap();
        assert_eq!(office.acting(&mut mid).unwrap()["roles"], json!(["wp.office"]));
        revoke(&mut zhang, &whole).unwrap();
        assert_eq!(office.acting(&mut mid).unwrap()["roles"], json!([]));
        assert_eq!(
            office.bed.act(&mut mid, "totp.view", &[], None).unwrap_err().code,
            codes::FORBIDDEN
        );
        office
            .bed
            .act(&mut mid, "post.choose", &[], Some(json!({ "post": "own" })))
            .unwrap();
        revoke(&mut office.li.clone(), &part).unwrap();
        assert_eq!(
            office.acting(&mut within(&office.li, &second)).unwrap_err().code,
            codes::FORBIDDEN
        );
        // Both were told, each time.
        let (feed, verbs) = office.bed.feed();
        for (verb, times) in [
            ("delegation_given", 2),
            ("delegation_received", 2),
            ("delegation_revoked", 4),
        ] {
            assert_eq!(verbs.iter().filter(|one| *one == verb).count(), times, "{verb}");
        }
        assert!(!feed.contains("出差"), "the reason is for the two");
        // The last day counts, the next does not; nor does the post of somebody who is disabled.
        give(
            &office,
            &mut zhang,
            sent(
                &second,
                "li",
                json!({ "from": "2022-03-02", "until": "2022-03-02" }),
            ),
        )
        .unwrap();
        assert!(office.acting(&mut within(&office.li, &second)).is_err());
        office.days(1);
        assert!(office.acting(&mut within(&office.li, &second)).is_ok());
        let input = banyan_door::Input {
            if_match: Some("\"1\"".into()),
            ..banyan_door::Input::json(json!({ "disabled": true })).with_path("id", zhang_id.as_str())
        };
        office
            .bed
            .door
            .call(&office.bed.world.system_ctx(), "account.update", input)
            .unwrap();
        assert!(office.acting(&mut within(&office.li, &second)).is_err());
    }
}

#[test]
fn a_token_does_not_lend() {
    for office in offices() {
        let mut zhang = within(&office.zhang, "own");
        let body = json!({ "name": "t", "scopes": ["operation:delegation.create"], "days": 1 });
        let token = office
            .bed
            .act(&mut zhang, "token.create", &[], Some(body))
            .unwrap();
        let bearer = Credential::Bearer(text(&token, "token"));
        let capacity = Capacity {
            post: Some(office.second.clone()),
            party: None,
            emergency: false,
        };
        let actor = office.bed.accounts.actor(&bearer, &capacity).unwrap();
        assert_eq!(actor.standing.post.as_deref(), Some(office.second.as_str()));
        let input = banyan_door::Input::json(sent(&office.second, "li", json!({})));
        let refused = office
            .bed
            .door
            .call(&office.bed.world.ctx(actor), "delegation.create", input);
        assert_eq!(refused.unwrap_err().code, codes::FORBIDDEN);
    }
}
