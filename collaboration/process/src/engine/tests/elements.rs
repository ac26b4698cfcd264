//! What others' models leave out: votes, joins, undoing, clocks, bounds.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::{at, world};
use crate::bpmn::read;
use crate::engine::host::{Command, Host, OperationCall, Performed};
use crate::engine::space::{Letter, Space};
use crate::engine::state::{Standing, Wait};
use crate::engine::timer::Cron;
use crate::tests::file;

/// Nothing outside; working days are Monday to Friday.
struct Plain;

impl Host for Plain {
    fn operation(&mut self, _: &OperationCall<'_>) -> Performed {
        Performed::Later
    }

    fn decision(&mut self, _: &str, _: &Map<String, Json>) -> Performed {
        Performed::Later
    }

    fn script(&mut self, _: &str, _: &str, _: &Map<String, Json>) -> Performed {
        Performed::Later
    }

    fn working_day(&mut self, from: Date, days: i64) -> Result<Date, String> {
        crate::desk::weekdays(from, days)
    }
}

struct Play {
    space: Space,
    world: banyan_base::World,
}

impl Play {
    fn of(inside: &str, variables: Json) -> Play {
        Play::with("", inside, variables)
    }

    /// `before`: elements of the file beside the process.
    fn with(before: &str, inside: &str, variables: Json) -> Play {
        let xml = file("main", "", inside).replace("<process ", &format!("{before}<process "));
        let (definitions, flaws) = read(&xml);
        assert_eq!(flaws, []);
        let mut play = Play {
            space: Space::of(&definitions.unwrap()),
            world: world(),
        };
        let given = variables.as_object().unwrap().clone();
        let cx = play.world.system_ctx();
        play.space.start(&cx, &mut Plain, "main", given, None).unwrap();
        play
    }

    /// Does the oldest open task of an element.
    fn task(&mut self, element: &str, values: Json) {
        let place = self
            .space
            .tasks
            .iter()
            .position(|(case, task)| self.space.cases[*case].def.id_of(task.node) == element)
            .unwrap_or_else(|| panic!("no task {element}; waiting: {:?}", self.waiting()));
        let (case, task) = self.space.tasks.remove(place);
        let command = Command::TaskDone {
            token: task.token,
            values: values.as_object().unwrap().clone(),
            doer: "somebody".into(),
        };
        let cx = self.world.system_ctx();
        self.space.command(&cx, &mut Plain, case, command).unwrap();
    }

    fn command(&mut self, command: Command) {
        let cx = self.world.system_ctx();
        self.space.command(&cx, &mut Plain, 0, command).unwrap();
    }

    fn after(&mut self, seconds: i64) {
        let end = self.world.now() + SignedDuration::from_secs(seconds);
        while let Some(due) = self.space.next_due().filter(|due| *due <= end) {
            let cx = at(&self.world, due);
            self.space.clock(&cx, &mut Plain);
        }
        self.world.clock().set(end);
    }

    fn waiting(&self) -> Vec<String> {
        let mut all: Vec<String> = self.space.cases[0]
            .inst
            .tokens
            .values()
            .filter(|token| !matches!(token.wait, Wait::Inside | Wait::Repeats))
            .map(|token| self.space.cases[0].def.id_of(token.node).to_owned())
            .collect();
        all.sort();
        all
    }

    fn variable(&self, name: &str) -> Json {
        self.space.cases[0]
            .inst
            .variables()
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    fn standing(&self) -> Standing {
        self.space.cases[0].inst.standing
    }

    /// Elements that were entered, in order.
    fn entered(&self) -> Vec<String> {
        self.space
            .trace
            .iter()
            .filter(|(_, _, entry)| entry.kind == "entered")
            .filter_map(|(_, case, entry)| Some(self.space.cases[*case].def.id_of(entry.node?).to_owned()))
            .collect()
    }
}

fn vote(rule: &str) -> String {
    format!(
        r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="sign"/>
        <userTask id="sign" banyan:roles="r"><multiInstanceLoopCharacteristics banyan:collection="voters" banyan:element="voter"
        banyan:outputElement="voter + &quot;!&quot;" banyan:outputCollection="said" banyan:vote="{rule}" banyan:voteVariable="agreed"
        banyan:voteResult="carried"/></userTask>
        <sequenceFlow id="b" sourceRef="sign" targetRef="end"/><endEvent id="end"/>"#
    )
}

#[test]
fn votes_end_as_soon_as_they_are_decided() {
    // Rule, the answers that are given, and what must have come of it: the vote needs all of them.
    let table: [(&str, &[bool], bool); 7] = [
        ("all", &[true, true, true], true),
        ("all", &[true, false], false),
        ("any", &[false, true], true),
        ("any", &[false, false, false], false),
        ("ratio:0.66", &[true, true], true),
        ("ratio:0.66", &[false, true, false], false),
        ("ratio:0.67", &[true, true, true], true),
    ];
    for (rule, answers, carried) in table {
        let mut play = Play::of(&vote(rule), json!({ "voters": ["甲", "乙", "丙"] }));
        assert_eq!(play.space.tasks.len(), 3);
        for (place, answer) in answers.iter().enumerate() {
            assert_eq!(play.standing(), Standing::Running, "{rule} after {place}");
            play.task("sign", json!({ "agreed": answer }));
        }
        assert_eq!(play.standing(), Standing::Completed, "{rule} {answers:?}");
        assert_eq!(play.variable("carried"), json!(carried), "{rule} {answers:?}");
        assert!(
            play.space.tasks.is_empty(),
            "what is left of the votes is called off"
        );
        // A voter's answer is his own: it does not become the process's.
        assert_eq!(play.variable("agreed"), Json::Null);
        assert_eq!(play.variable("said").as_array().unwrap().len(), 3);
        assert_eq!(play.variable("said")[0], "甲!");
    }
}

#[test]
fn inclusive_joins_wait_for_what_can_still_come() {
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="split"/>
        <inclusiveGateway id="split"/>
        <sequenceFlow id="b" sourceRef="split" targetRef="one"><conditionExpression>x &gt; 0</conditionExpression></sequenceFlow>
        <sequenceFlow id="c" sourceRef="split" targetRef="two"><conditionExpression>x &gt; 1</conditionExpression></sequenceFlow>
        <sequenceFlow id="d" sourceRef="split" targetRef="three"><conditionExpression>x &gt; 2</conditionExpression></sequenceFlow>
        <userTask id="one" banyan:roles="r"/><userTask id="two" banyan:roles="r"/><userTask id="three" banyan:roles="r"/>
        <sequenceFlow id="e" sourceRef="one" targetRef="join"/><sequenceFlow id="f" sourceRef="two" targetRef="join"/>
        <sequenceFlow id="g" sourceRef="three" targetRef="join"/><inclusiveGateway id="join"/>
        <sequenceFlow id="h" sourceRef="join" targetRef="last"/><userTask id="last" banyan:roles="r"/>
        <sequenceFlow id="i" sourceRef="last" targetRef="end"/><endEvent id="end"/>"#;
    let mut play = Play::of(inside, json!({ "x": 2 }));
    assert_eq!(play.waiting(), ["one", "two"]);
    play.task("two", json!({}));
    assert_eq!(play.waiting(), ["join", "one"]);
    play.task("one", json!({}));
    assert_eq!(play.waiting(), ["last"]);
    let mut play = Play::of(inside, json!({ "x": 1 }));
    play.task("one", json!({}));
    assert_eq!(play.waiting(), ["last"]);
}

#[test]
fn what_was_done_is_undone_last_first() {
    let step = |name: &str| {
        format!(
            r#"<task id="{name}"/><boundaryEvent id="{name}b" attachedToRef="{name}"><compensateEventDefinition id="{name}c"/></boundaryEvent>
            <task id="undo-{name}" isForCompensation="true"/>
            <association id="{name}a" associationDirection="One" sourceRef="{name}b" targetRef="undo-{name}"/>"#
        )
    };
    let inside = format!(
        r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="one"/>{}
        <sequenceFlow id="b" sourceRef="one" targetRef="sub"/>
        <subProcess id="sub"><startEvent id="s"/><sequenceFlow id="sa" sourceRef="s" targetRef="two"/>{}
        <sequenceFlow id="sb" sourceRef="two" targetRef="three"/>{}<sequenceFlow id="sc" sourceRef="three" targetRef="se"/><endEvent id="se"/></subProcess>
        <sequenceFlow id="c" sourceRef="sub" targetRef="throw"/>
        <intermediateThrowEvent id="throw"><compensateEventDefinition id="t"/></intermediateThrowEvent>
        <sequenceFlow id="d" sourceRef="throw" targetRef="end"/><endEvent id="end"/>"#,
        step("one"),
        step("two"),
        step("three"),
    );
    let play = Play::of(&inside, json!({}));
    let undone: Vec<String> = play
        .entered()
        .into_iter()
        .filter(|id| id.starts_with("undo"))
        .collect();
    assert_eq!(undone, ["undo-three", "undo-two", "undo-one"]);
    assert_eq!(play.standing(), Standing::Completed);
    assert_eq!(play.entered().last().unwrap(), "end");
}

#[test]
fn errors_of_called_processes_are_caught_where_they_were_called() {
    let called = r#"<error id="no" errorCode="NO" name="no"/><process id="other" isExecutable="true"><startEvent id="os"><outgoing>oa</outgoing></startEvent>
        <sequenceFlow id="oa" sourceRef="os" targetRef="oe"/><endEvent id="oe"><incoming>oa</incoming><errorEventDefinition id="od" errorRef="no"/></endEvent></process>"#;
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="call"/>
        <callActivity id="call" calledElement="other"/><sequenceFlow id="b" sourceRef="call" targetRef="end"/><endEvent id="end"/>
        <boundaryEvent id="caught" attachedToRef="call"><errorEventDefinition id="ed" errorRef="no"/></boundaryEvent>
        <sequenceFlow id="c" sourceRef="caught" targetRef="sorry"/><userTask id="sorry" banyan:roles="r"/>
        <sequenceFlow id="d" sourceRef="sorry" targetRef="end2"/><endEvent id="end2"/>"#;
    let xml = file("main", "", inside).replacen("<process ", &format!("{called}<process "), 1);
    let (definitions, flaws) = read(&xml);
    assert_eq!(flaws, []);
    let mut space = Space::of(&definitions.unwrap());
    let cx = world().system_ctx();
    space.start(&cx, &mut Plain, "main", Map::new(), None).unwrap();
    assert_eq!(space.tasks.len(), 1);
    assert_eq!(space.cases[1].inst.standing, Standing::Failed);
}

#[test]
fn a_loop_without_end_is_stopped() {
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="one"/>
        <exclusiveGateway id="one"/><sequenceFlow id="b" sourceRef="one" targetRef="two"/><task id="two"/>
        <sequenceFlow id="c" sourceRef="two" targetRef="one"/>"#;
    let play = Play::of(inside, json!({}));
    let trouble = play.space.cases[0].inst.troubles().next().unwrap().2.clone();
    assert_eq!(trouble.kind, "loop");
}

#[test]
fn what_is_wrong_is_mended_and_tried_again() {
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="choose"/>
        <exclusiveGateway id="choose"/>
        <sequenceFlow id="b" sourceRef="choose" targetRef="one"><conditionExpression>way = 1</conditionExpression></sequenceFlow>
        <sequenceFlow id="c" sourceRef="choose" targetRef="two"><conditionExpression>way = 2</conditionExpression></sequenceFlow>
        <userTask id="one" banyan:roles="r"/><userTask id="two" banyan:roles="r"/>
        <sequenceFlow id="d" sourceRef="one" targetRef="end"/><sequenceFlow id="e" sourceRef="two" targetRef="end"/><endEvent id="end"/>"#;
    let mut play = Play::of(inside, json!({ "way": 3 }));
    let (token, kind) = {
        let (token, _, trouble) = play.space.cases[0].inst.troubles().next().unwrap();
        (token, trouble.kind.clone())
    };
    assert_eq!(kind, "no_flow");
    let variables = json!({ "way": 2 }).as_object().unwrap().clone();
    play.command(Command::Retry { token, variables });
    assert_eq!(play.waiting(), ["two"]);
}

#[test]
fn clocks_warn_stand_still_and_count_working_days() {
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="do"/>
        <userTask id="do" banyan:roles="r" banyan:due="P2D" banyan:dueDays="working"/>
        <sequenceFlow id="b" sourceRef="do" targetRef="end"/><endEvent id="end"/>
        <boundaryEvent id="late" attachedToRef="do" cancelActivity="false"><timerEventDefinition id="t" banyan:pausedWhile="waiting = true">
        <timeDuration xsi:type="tFormalExpression">PT1H</timeDuration></timerEventDefinition></boundaryEvent>
        <sequenceFlow id="c" sourceRef="late" targetRef="warn"/><userTask id="warn" banyan:roles="r"/>
        <sequenceFlow id="d" sourceRef="warn" targetRef="end2"/><endEvent id="end2"/>
        <subProcess id="ev" triggeredByEvent="true"><startEvent id="es" isInterrupting="false"><messageEventDefinition id="m" messageRef="msg"/></startEvent></subProcess>"#;
    let mut play = Play::with(r#"<message id="msg" name="papers"/>"#, inside, json!({}));
    // Tuesday 1 March: two working days end with Thursday.
    let due: Timestamp = "2022-03-04T00:00:00+08:00".parse().unwrap();
    assert_eq!(play.space.tasks[0].1.due, Some(due));
    play.after(1800);
    let letter = |waiting: bool| Letter {
        name: "papers".into(),
        key: None,
        variables: json!({ "waiting": waiting }).as_object().unwrap().clone(),
    };
    let cx = play.world.system_ctx();
    play.space.publish(&cx, &mut Plain, letter(true));
    play.after(7200);
    assert_eq!(play.waiting(), ["do"], "the clock stands still");
    let cx = play.world.system_ctx();
    play.space.publish(&cx, &mut Plain, letter(false));
    play.after(1799);
    assert_eq!(play.waiting(), ["do"]);
    play.after(2);
    assert_eq!(play.waiting(), ["do", "warn"]);
}

#[test]
fn conditions_are_looked_at_when_variables_change() {
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="fork"/><parallelGateway id="fork"/>
        <sequenceFlow id="b" sourceRef="fork" targetRef="do"/><userTask id="do" banyan:roles="r"/>
        <sequenceFlow id="c" sourceRef="fork" targetRef="until"/>
        <intermediateCatchEvent id="until"><conditionalEventDefinition id="k"><condition xsi:type="tFormalExpression">sum &gt; 10</condition></conditionalEventDefinition></intermediateCatchEvent>
        <sequenceFlow id="d" sourceRef="until" targetRef="then"/><userTask id="then" banyan:roles="r"/>
        <sequenceFlow id="e" sourceRef="do" targetRef="do2"/><userTask id="do2" banyan:roles="r"/>
        <sequenceFlow id="f" sourceRef="do2" targetRef="end"/><sequenceFlow id="g" sourceRef="then" targetRef="end"/><endEvent id="end"/>"#;
    let mut play = Play::of(inside, json!({}));
    play.task("do", json!({ "sum": 5 }));
    assert_eq!(play.waiting(), ["do2", "until"]);
    play.task("do2", json!({ "sum": 50 }));
    assert_eq!(play.waiting(), ["then"]);
}

#[test]
fn cron_lines_are_read() {
    let from: Timestamp = "2022-03-01T09:30:00+08:00".parse().unwrap();
    let table = [
        ("0 9 * * 1-5", Some("2022-03-02T09:00:00+08:00")),
        ("*/15 * * * *", Some("2022-03-01T09:45:00+08:00")),
        ("0 0 29 2 *", Some("2024-02-29T00:00:00+08:00")),
        ("0 0 31 2 *", None),
        ("30 8 1,15 * *", Some("2022-03-15T08:30:00+08:00")),
        ("0 0 8 * * 7", Some("2022-03-06T08:00:00+08:00")),
    ];
    for (line, next) in table {
        let next: Option<Timestamp> = next.map(|text| text.parse().unwrap());
        assert_eq!(Cron::parse(line).unwrap().next(from), next, "{line}");
    }
    for line in [
        "",
        "* * * *",
        "60 * * * *",
        "a * * * *",
        "* * * * 8",
        "*/0 * * * *",
    ] {
        assert!(Cron::parse(line).is_none(), "{line}");
    }
}

#[test]
fn large_variables_are_refused() {
    let inside = r#"<startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="do"/>
        <userTask id="do" banyan:roles="r"/><sequenceFlow id="b" sourceRef="do" targetRef="end"/><endEvent id="end"/>"#;
    let mut play = Play::of(inside, json!({}));
    play.task("do", json!({ "text": "x".repeat(2 << 20) }));
    let trouble = play.space.cases[0].inst.troubles().next().unwrap().2.clone();
    assert_eq!(trouble.kind, "size");
    assert!(play.variable("text").is_null());
}
