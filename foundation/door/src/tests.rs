//! The order of the door's steps, and that each step can refuse: on every database that can be had.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use banyan_base::{Actor, ActorKind, Ctx, Problem, World, codes};
use banyan_store::testing::{TestDb, databases};
use serde_json::json;

use crate::{
    Access, AuditLog, AuditStart, AuditTicket, Decision, Door, Handler, Input, MIGRATIONS, Method, Metrics,
    Obligations, Operation, Outcome, Outside, Policy, Reply, ReplyBody, Target, Touch,
};

/// What happened at the door, in order.
#[derive(Default)]
struct Book {
    lines: Mutex<Vec<String>>,
    audit_fails: AtomicBool,
    /// The entry is taken and then can't be kept.
    entry_lost: AtomicBool,
    /// The same of entries that tell whose data were shown.
    touch_lost: AtomicBool,
}

impl Book {
    fn note(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

struct Ends(Arc<Book>);

impl AuditLog for Ends {
    fn start(&self, entry: &AuditStart<'_>) -> Result<AuditTicket, Problem> {
        if self.0.audit_fails.load(Ordering::SeqCst) {
            return Err(Problem::new(codes::BUSY, "审计日志写不进去。"));
        }
        self.0.note(format!("audit {}", entry.operation.name));
        let book = Arc::clone(&self.0);
        Ok(AuditTicket::new(move || {
            if book.entry_lost.load(Ordering::SeqCst) {
                Err(Problem::new(codes::BUSY, "审计日志写不进去。"))
            } else {
                Ok(())
            }
        }))
    }

    fn touch(
        &self,
        entry: &AuditStart<'_>,
        touch: &Touch,
        subjects: &[String],
    ) -> Result<AuditTicket, Problem> {
        let (name, count) = (entry.operation.name, subjects.len());
        self.0
            .note(format!("{name} touches {count} of {}", touch.resource));
        let book = Arc::clone(&self.0);
        Ok(AuditTicket::new(move || {
            book.note("touches durable".into());
            if book.touch_lost.load(Ordering::SeqCst) {
                Err(Problem::new(codes::BUSY, "审计日志写不进去。"))
            } else {
                Ok(())
            }
        }))
    }

    fn finish(&self, _: &AuditStart<'_>, outcome: Outcome) {
        self.0.note(format!("audit ends {}", outcome.as_str()));
    }
}

impl Policy for Ends {
    fn decide(&self, cx: &Ctx, target: &Target, _: &Operation) -> Result<Decision, Problem> {
        self.0.note(format!("policy {}", target.action));
        Ok(if cx.actor.has_role("second") {
            Decision::Permit(Arc::new(Obligations {
                two_person: Some("要两人".into()),
                ..Obligations::default()
            }))
        } else if cx.actor.has_role("writer") {
            Decision::permit()
        } else {
            Decision::Deny {
                reason: "要有 writer 角色。".into(),
            }
        })
    }
}

/// A door with one table `fact`, and operations that write to it, fail, panic and enter again.
fn door(test: &TestDb, book: &Arc<Book>) -> Door {
    test.db.migrate(&[&MIGRATIONS]).unwrap();
    test.db
        .write::<_, Problem>(|tx| Ok(tx.execute("CREATE TABLE fact (text TEXT)", &[])?))
        .unwrap();
    let noted = Arc::clone(book);
    let write = Handler::inside(move |call| {
        noted.note("handler".into());
        let text = call
            .input
            .typed_body::<BTreeMap<String, String>>()?
            .remove("text")
            .unwrap_or_default();
        call.tx
            .execute("INSERT INTO fact (text) VALUES (?1)", &[text.as_str().into()])?;
        match text.as_str() {
            "refuse" => Err(Problem::new(codes::INVALID, "不收。")),
            "panic" => panic!("a handler's mistake"),
            _ => Reply::json(json!({ "text": text })),
        }
    });
    let again = Handler::inside(|call| {
        let input = Input::json(json!({ "text": "inner" }));
        call.door.call_within(call.cx, call.tx, "fact.write", input)
    });
    let alone = Handler::inside(|call| {
        call.door
            .call_within(call.cx, call.tx, "fact.alone", Input::default())
    });
    let shown = |from: u32, to: u32| (from..to).map(|number| format!("person-{number}"));
    let list = Handler::inside(move |call| {
        call.touched(&Touch::of("facts.fact"), shown(0, 10))?;
        call.touched(&Touch::of("facts.fact"), shown(5, 15))?;
        call.touched(&Touch::of("facts.other").fields(["name"]), shown(0, 1))?;
        Reply::json(json!({}))
    });
    // 5,000 lines of 100 bytes: some pieces of 64 KiB.
    let export = Handler::outside(move |call: &Outside<'_>| {
        let touches = call.touches.clone();
        let write = Box::new(move |out: &mut dyn std::io::Write| {
            for subject in shown(0, 5_000) {
                touches.touched(&Touch::of("facts.fact"), [&subject])?;
                writeln!(out, "{subject:99}").map_err(Problem::internal)?;
            }
            Ok(())
        });
        Ok(Reply::stream("text/plain", write))
    });
    let enter_list = Handler::inside(|call| {
        call.door
            .call_within(call.cx, call.tx, "fact.list", Input::default())
    });
    let rows = vec![
        Operation::read("fact.list", "列", "/facts", list.clone()),
        Operation::read("fact.outer", "转列", "/outer", enter_list),
        Operation::write("fact.shown", "写列", Method::Post, "/shown", list),
        Operation::read("fact.export", "导出", "/export", export),
        Operation::write("fact.write", "写", Method::Post, "/facts", write),
        Operation::write("fact.again", "再写", Method::Post, "/again", again),
        Operation {
            access: Access::Alone,
            ..Operation::write("fact.alone", "独写", Method::Post, "/alone", alone.clone())
        },
        Operation::write("fact.nested", "内独写", Method::Post, "/nested", alone),
    ];
    Door::new(
        test.db.clone(),
        World::system(),
        Arc::new(Ends(Arc::clone(book))),
        Arc::new(Ends(Arc::clone(book))),
        Metrics::new().unwrap(),
        rows,
    )
    .unwrap()
}

fn person(door: &Door, role: &str) -> Ctx {
    door.world().ctx(Actor {
        id: format!("a-{role}"),
        name: "甲".into(),
        kind: ActorKind::Person,
        unit: None,
        roles: [role.to_owned()].into(),
        standing: banyan_base::Standing::default(),
        grant: banyan_base::Grant::default(),
    })
}

fn facts(door: &Door) -> i64 {
    let count = door
        .db()
        .read::<_, Problem>(|tx| Ok(tx.query("SELECT COUNT(*) FROM fact", &[])?));
    count.unwrap()[0].get(0).unwrap()
}

fn text(text: &str, key: Option<&str>) -> Input {
    Input {
        idempotency_key: key.map(str::to_owned),
        ..Input::json(json!({ "text": text }))
    }
}

#[test]
fn every_call_takes_the_steps_in_one_order() {
    // What is called with what, by whom; how it ends; what happens on the way; how many facts there are then.
    let full = |end: &str| format!("audit fact.write, policy fact.write, handler, {end}");
    // A refusal is asked for twice: another server may have replaced the policies.
    let stopped = "audit fact.write, policy fact.write, policy fact.write, audit ends denied".to_owned();
    let cases = [
        ("writer", "good", 200, full("audit ends done"), 1),
        ("writer", "refuse", 422, full("audit ends refused"), 1),
        ("writer", "panic", 500, full("audit ends failed"), 1),
        ("reader", "good", 403, stopped, 1),
    ];
    for test in databases().unwrap() {
        let book = Arc::new(Book::default());
        let door = door(&test, &book);
        for (role, sent, status, steps, count) in &cases {
            let result = door.call(&person(&door, role), "fact.write", text(sent, None));
            let came = match &result {
                Ok(reply) => reply.status,
                Err(problem) => problem.code.status,
            };
            assert_eq!(came, *status, "{}: {role} {sent}", test.name);
            assert_eq!(book.take().join(", "), *steps, "{}: {role} {sent}", test.name);
            assert_eq!(facts(&door), *count, "{}: {role} {sent}", test.name);
        }
        let nobody = door.world().ctx(Actor::anonymous());
        let problem = door.call(&nobody, "fact.write", text("good", None)).unwrap_err();
        assert_eq!(problem.code, codes::UNAUTHENTICATED);
        let problem = door.call(&nobody, "fact.none", Input::default()).unwrap_err();
        assert_eq!(problem.code, codes::NOT_FOUND);
    }
}

#[test]
fn an_act_that_cannot_be_audited_is_refused() {
    for test in databases().unwrap() {
        let book = Arc::new(Book::default());
        let door = door(&test, &book);
        book.audit_fails.store(true, Ordering::SeqCst);
        let refused = door.call(&person(&door, "writer"), "fact.write", text("good", None));
        assert_eq!(refused.unwrap_err().code, codes::BUSY);
        assert!(
            !book
                .take()
                .iter()
                .any(|line| line == "handler" || line.starts_with("policy"))
        );
        assert_eq!(facts(&door), 0);
        // Nor does one stay whose entry was taken and then lost: it is undone.
        book.audit_fails.store(false, Ordering::SeqCst);
        book.entry_lost.store(true, Ordering::SeqCst);
        let refused = door.call(&person(&door, "writer"), "fact.write", text("good", None));
        assert_eq!(refused.unwrap_err().code, codes::BUSY);
        assert!(book.take().contains(&"handler".to_owned()));
        assert_eq!(facts(&door), 0);
    }
}

#[test]
fn a_key_acts_once_and_answers_alike() {
    for test in databases().unwrap() {
        let book = Arc::new(Book::default());
        let door = door(&test, &book);
        let (writer, other) = (
            person(&door, "writer"),
            Ctx {
                actor: Actor {
                    id: "another".into(),
                    ..person(&door, "writer").actor
                },
                ..person(&door, "writer")
            },
        );
        let first = door.call(&writer, "fact.write", text("one", Some("k1"))).unwrap();
        let again = door.call(&writer, "fact.write", text("one", Some("k1"))).unwrap();
        assert_eq!(first.as_json(), again.as_json());
        let replayed = ("Idempotency-Replayed".to_owned(), "true".to_owned());
        assert!(again.headers.contains(&replayed) && !first.headers.contains(&replayed));
        assert_eq!(facts(&door), 1);
        // Another content under the same key is a mistake; another's key is another key.
        let mismatch = door.call(&writer, "fact.write", text("two", Some("k1")));
        assert_eq!(mismatch.unwrap_err().code, codes::IDEMPOTENCY_MISMATCH);
        door.call(&other, "fact.write", text("two", Some("k1"))).unwrap();
        assert_eq!(facts(&door), 2);
        // What was refused left no trace: the key is free.
        let refused = door.call(&writer, "fact.write", text("refuse", Some("k2")));
        assert_eq!(refused.unwrap_err().code, codes::INVALID);
        door.call(&writer, "fact.write", text("good", Some("k2")))
            .unwrap();
        assert_eq!(facts(&door), 3);
        for key in ["", &"k".repeat(201)] {
            let wrong = door.call(&writer, "fact.write", text("one", Some(key)));
            assert_eq!(wrong.unwrap_err().code, codes::BAD_REQUEST, "{key:?}");
        }
        // Two at once with one key: one acts, the other is told the same.
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (door, writer) = (door.clone(), writer.clone());
                std::thread::spawn(move || door.call(&writer, "fact.write", text("race", Some("k3"))))
            })
            .collect();
        for thread in threads {
            match thread.join().unwrap() {
                Ok(reply) => assert_eq!(reply.as_json(), Some(&json!({ "text": "race" }))),
                Err(problem) => assert_eq!(problem.code, codes::BUSY),
            }
        }
        assert_eq!(facts(&door), 4);
    }
}

#[test]
fn entering_again_takes_the_same_steps_in_the_callers_transaction() {
    for test in databases().unwrap() {
        let book = Arc::new(Book::default());
        let door = door(&test, &book);
        let writer = person(&door, "writer");
        door.call(&writer, "fact.again", Input::json(json!({}))).unwrap();
        let steps = "audit fact.again, policy fact.again, audit fact.write, policy fact.write, handler, audit ends done, audit ends done";
        assert_eq!(book.take().join(", "), steps);
        assert_eq!(facts(&door), 1);
        let nested = door.call(&writer, "fact.nested", Input::json(json!({})));
        assert_eq!(nested.unwrap_err().code, codes::INTERNAL);
    }
}

#[test]
fn two_rows_may_not_share_a_name_or_a_face() {
    let row = |name, path| {
        let nothing = Handler::inside(|_| Ok(Reply::empty()));
        Operation::write(name, "写", Method::Post, path, nothing)
    };
    let test = banyan_store::testing::sqlite().unwrap();
    for rows in [
        vec![row("a", "/a"), row("a", "/b")],
        vec![row("a", "/a"), row("b", "/a")],
    ] {
        let book = Arc::new(Book::default());
        let made = Door::new(
            test.db.clone(),
            World::system(),
            Arc::new(Ends(Arc::clone(&book))),
            Arc::new(Ends(book)),
            Metrics::new().unwrap(),
            rows,
        );
        assert!(made.is_err());
    }
}

#[test]
fn whose_data_are_shown_is_kept_before_they_leave() {
    for test in databases().unwrap() {
        let book = Arc::new(Book::default());
        let door = door(&test, &book);
        let cx = person(&door, "writer");
        let touched = |name: &str| {
            [
                format!("{name} touches 15 of facts.fact"),
                format!("{name} touches 1 of facts.other"),
                "touches durable".into(),
                "touches durable".into(),
            ]
        };
        for (operation, inner) in [
            ("fact.list", "fact.list"),
            ("fact.shown", "fact.shown"),
            ("fact.outer", "fact.list"),
        ] {
            book.take();
            door.call(&cx, operation, Input::default()).unwrap();
            let lines = book.take();
            let from = lines.iter().position(|line| line.contains("touches")).unwrap();
            assert_eq!(
                lines[from..from + 4],
                touched(inner),
                "{}: {operation}",
                test.name
            );
            assert!(lines[from + 4..].iter().all(|line| line == "audit ends done"));
            // What can't be kept is not shown.
            book.touch_lost.store(true, Ordering::SeqCst);
            let refused = door.call(&cx, operation, Input::default()).unwrap_err();
            assert_eq!(refused.code, codes::BUSY, "{}: {operation}", test.name);
            book.touch_lost.store(false, Ordering::SeqCst);
        }
    }
}

#[test]
fn no_piece_of_a_stream_leaves_before_those_in_it_are_kept() {
    struct Reader(Arc<Book>, usize);
    impl std::io::Write for Reader {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.1 += data.len();
            self.0.note(format!("{} bytes out", self.1));
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let test = &databases().unwrap()[0];
    let book = Arc::new(Book::default());
    let door = door(test, &book);
    let stream = |door: &Door| {
        let reply = door.call(&person(door, "writer"), "fact.export", Input::default());
        match reply.unwrap().body {
            ReplyBody::Stream { write, .. } => write,
            _ => panic!("no stream"),
        }
    };
    let write = stream(&door);
    book.take();
    let mut reader = Reader(Arc::clone(&book), 0);
    write(&mut reader).unwrap();
    assert_eq!(reader.1, 500_000);
    let (mut kept, mut waiting, mut pieces) = (0, 0, 0);
    for line in book.take() {
        if let Some(bytes) = line.strip_suffix(" bytes out") {
            let lines = bytes.parse::<usize>().unwrap() / 100;
            assert!(lines <= kept && waiting == 0, "{lines} lines out, {kept} kept");
            pieces += 1;
        } else if line == "touches durable" {
            (kept, waiting) = (kept + waiting, 0);
        } else {
            waiting += line.split(' ').nth(2).unwrap().parse::<usize>().unwrap();
        }
    }
    assert!(kept == 5_000 && pieces > 5, "{kept} kept, {pieces} pieces");
    // Where they can't be kept the stream breaks off without a byte.
    let write = stream(&door);
    book.touch_lost.store(true, Ordering::SeqCst);
    let mut reader = Reader(Arc::clone(&book), 0);
    let refused = write(&mut reader).unwrap_err();
    assert_eq!((refused.code, reader.1), (codes::BUSY, 0));
}

/// Gives approvals out and takes them back, once each.
struct Desk {
    book: Arc<Book>,
    open: Mutex<Vec<String>>,
}

impl crate::Approvals for Desk {
    fn ask(&self, asked: &crate::Asked<'_>) -> Problem {
        let digest = asked.digest().unwrap();
        self.book.note("asked".into());
        self.open.lock().unwrap().push(digest.clone());
        crate::required(asked).with("approval", digest)
    }

    fn take(&self, asked: &crate::Asked<'_>, tx: &mut banyan_store::Tx<'_>, id: &str) -> Result<(), Problem> {
        self.book.note("taken".into());
        assert!(!tx.is_read_only());
        let good = asked.digest()? == id && self.open.lock().unwrap().iter().any(|open| open == id);
        if good { Ok(()) } else { Err(crate::required(asked)) }
    }
}

#[test]
fn what_needs_two_persons_waits_for_the_second() {
    for test in databases().unwrap() {
        let book = Arc::new(Book::default());
        let alone = door(&test, &book);
        let cx = person(&alone, "second");
        let write = || Input::json(json!({ "text": "a" }));
        // Nobody keeps approvals: nothing is done.
        let refusal = alone.call(&cx, "fact.write", write()).unwrap_err();
        assert_eq!((refusal.code, refusal.extra.len()), (codes::APPROVAL_REQUIRED, 0));
        assert!(!book.take().contains(&"handler".to_owned()));
        let door = alone.approved_by(Arc::new(Desk {
            book: Arc::clone(&book),
            open: Mutex::default(),
        }));
        let refusal = door.call(&cx, "fact.write", write()).unwrap_err();
        let id = refusal.extra["approval"].as_str().unwrap().to_owned();
        assert_eq!(
            book.take(),
            [
                "audit fact.write",
                "policy fact.write",
                "asked",
                "audit ends denied"
            ]
        );
        let with = |input: Input, id: &str| Input {
            approval: Some(id.to_owned()),
            ..input
        };
        door.call(&cx, "fact.write", with(write(), &id)).unwrap();
        assert_eq!(
            book.take(),
            [
                "audit fact.write",
                "policy fact.write",
                "taken",
                "handler",
                "audit ends done"
            ]
        );
        // Other words are another act.
        let other = Input::json(json!({ "text": "b" }));
        let refusal = door.call(&cx, "fact.write", with(other, &id)).unwrap_err();
        assert_eq!(refusal.code, codes::APPROVAL_REQUIRED);
        assert!(!book.take().contains(&"handler".to_owned()));
        // As a part of another act it can't wait.
        let nested = with(write(), &id);
        book.take();
        let refusal = door
            .db()
            .clone()
            .write::<(), Problem>({
                let (door, cx) = (door.clone(), cx.clone());
                move |tx| door.call_within(&cx, tx, "fact.write", nested).map(|_| ())
            })
            .unwrap_err();
        assert_eq!(refusal.code, codes::APPROVAL_REQUIRED);
        assert!(!book.take().contains(&"handler".to_owned()));
    }
}
