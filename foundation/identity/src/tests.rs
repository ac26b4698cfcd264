use std::collections::BTreeSet;
use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, ManualClock, World};
use banyan_door::{Authenticator, Credential, Decision, Handler, Operation, Policy, Reply, Target};
use banyan_store::testing::databases;
use jiff::SignedDuration;

use crate::account::{self, Accounts, NewAccount};
use crate::{CedarPolicy, MIGRATIONS};

fn world() -> World {
    World::new(
        Arc::new(ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap())),
        5,
    )
}

#[test]
fn people_sign_in_and_are_locked_out() {
    for test in databases().unwrap() {
        let world = world();
        test.db.migrate(&[&MIGRATIONS]).unwrap();
        let accounts = Accounts::new(test.db.clone(), world.clone()).unwrap();
        let cx = world.system_ctx();
        let new = NewAccount {
            login: "zhang".into(),
            name: "张三".into(),
            unit: None,
            roles: BTreeSet::new(),
            password: "correct horse".into(),
        };
        let hash = account::hash_password(&world, &new.password).unwrap();
        let (maker, again) = (cx.clone(), new.clone());
        let hash_again = hash.clone();
        test.db
            .write(move |tx| account::create(&maker, tx, &new, &hash))
            .unwrap();
        let maker = cx.clone();
        let twice = test
            .db
            .write(move |tx| account::create(&maker, tx, &again, &hash_again))
            .unwrap_err();
        assert_eq!(twice.errors[0].pointer, "/login");
        let (_, token) = accounts.sign_in(&cx, "zhang", "correct horse").unwrap();
        let credential = Credential::Session(token);
        assert_eq!(accounts.actor(&credential).unwrap().name, "张三");
        world.clock().advance(SignedDuration::from_hours(13));
        assert!(accounts.actor(&credential).is_err());
        let unknown = accounts.sign_in(&cx, "nobody", "correct horse").unwrap_err();
        for _ in 0..5 {
            assert_eq!(
                accounts
                    .sign_in(&world.system_ctx(), "zhang", "wrong")
                    .unwrap_err(),
                unknown
            );
        }
        assert_eq!(
            accounts
                .sign_in(&world.system_ctx(), "zhang", "correct horse")
                .unwrap_err()
                .code
                .status,
            429
        );
        world.clock().advance(SignedDuration::from_mins(16));
        assert!(
            accounts
                .sign_in(&world.system_ctx(), "zhang", "correct horse")
                .is_ok()
        );
    }
}

#[test]
fn weak_passwords_are_named() {
    assert!(account::weak("li", "short").is_some());
    assert!(account::weak("li", "aaaaaaaaaaaa").is_some());
    assert!(account::weak("zhang", "my-zhang-secret").is_some());
    assert!(account::weak("zhang", "correct horse").is_none());
}

#[test]
fn policies_decide() {
    let policy = CedarPolicy::default();
    policy.set(&[
        ("wp".into(), "permit(principal in Role::\"wp.office\", action, resource in Package::\"wp\");\npermit(principal in Role::\"wp.unit\", action in [Action::\"view\", Action::\"list\"], resource == Type::\"wp.task\");".into()),
        ("broken".into(), "permit(".into()),
    ]);
    let row = Operation::read("record.x", "查看", "/x", Handler::inside(|_| Ok(Reply::empty())));
    let decide = |role: &str, action: &str, resource: &str| {
        let actor = Actor {
            id: "1".into(),
            name: "甲".into(),
            kind: ActorKind::Person,
            unit: None,
            roles: [role.to_owned()].into(),
        };
        let cx: Ctx = world().ctx(actor);
        let target = Target {
            action: format!("{resource}.{action}"),
            resource: resource.into(),
        };
        matches!(policy.decide(&cx, &target, &row).unwrap(), Decision::Permit(_))
    };
    assert!(decide("wp.office", "delete", "wp.task"));
    assert!(!decide("wp.office", "view", "other.task"));
    assert!(decide("wp.unit", "view", "wp.task"));
    assert!(!decide("wp.unit", "update", "wp.task"));
    assert!(!decide("wp.unit", "view", "wp.notice"));
    assert!(!decide("", "view", "wp.task"));
    assert!(decide("admin", "delete", "anything.at_all"));
}

#[test]
fn only_what_names_the_public_is_open_to_the_world() {
    let policy = CedarPolicy::default();
    policy.set(&[(
        "wp".into(),
        "permit(principal, action, resource in Package::\"wp\");
         permit(principal in Role::\"public\", action in [Action::\"list\", Action::\"view\"], resource == Type::\"wp.task\");
         permit(principal in Role::\"public\", action in [Action::\"list\"], resource == Type::\"other.site\");
         forbid(principal, action, resource == Type::\"wp.task\") when { action == Action::\"wp.task.view\" && principal == Account::\"anonymous\" };"
            .into(),
    )]);
    let row = Operation::read("record.x", "查看", "/x", Handler::inside(|_| Ok(Reply::empty())));
    let described = Operation {
        open: true,
        ..row.clone()
    };
    let person = Actor {
        id: "1".into(),
        name: "甲".into(),
        kind: ActorKind::Person,
        unit: None,
        roles: BTreeSet::new(),
    };
    let decide = |actor: &Actor, action: &str, resource: &str, row: &Operation| {
        let target = Target {
            action: format!("{resource}.{action}"),
            resource: resource.into(),
        };
        let decision = policy.decide(&world().ctx(actor.clone()), &target, row);
        matches!(decision.unwrap(), Decision::Permit(_))
    };
    let nobody = Actor::anonymous();
    assert!(decide(&nobody, "list", "wp.task", &row));
    assert!(!decide(&nobody, "view", "wp.task", &row));
    assert!(!decide(&nobody, "update", "wp.task", &row));
    assert!(!decide(&nobody, "list", "wp.notice", &described));
    assert!(!decide(&nobody, "x", "platform", &row));
    assert!(decide(&nobody, "x", "platform", &described));
    assert!(decide(&person, "list", "other.site", &row));
    assert!(decide(&person, "update", "wp.task", &row));
}
