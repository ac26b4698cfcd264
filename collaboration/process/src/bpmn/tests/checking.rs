//! What the engine asks for beyond the standard, and advice.

use banyan_base::Severity;

use super::{files, name, shared};
use crate::bpmn::{Anything, Flaw, Kind, Known, Presence, check, refused};

/// Executable models, with the conditions of their collection written in FEEL: they can be deployed as they are.
#[test]
fn executable_models_can_be_deployed() {
    let Some(folder) = shared("betsy/executable") else {
        return;
    };
    for path in files(&folder, "bpmn") {
        let text = std::fs::read_to_string(&path).unwrap();
        let bare = check(&text, &Anything);
        let conditions = text.contains("test.contains") || text.contains("${");
        let only_feel = bare
            .iter()
            .filter(|flaw| flaw.severity == Severity::Error)
            .all(|flaw| flaw.rule == "BAN-feel");
        assert!(
            only_feel && refused(&bare) == conditions,
            "{}: {bare:#?}",
            name(&path)
        );
        let said = check(&in_feel(&text), &Anything);
        assert!(!refused(&said), "{}: {said:#?}", name(&path));
    }
}

/// The few expressions of the collection as FEEL writes them.
fn in_feel(text: &str) -> String {
    let mut out = text.replace("${integerVariable}", "integerVariable");
    for letter in ["a", "b", "c"] {
        let (java, feel) = (
            format!(r#"test.contains("{letter}")"#),
            format!(r#"contains(test, "{letter}")"#),
        );
        // One of the models has a stray bracket behind its condition.
        out = out
            .replace(&format!("{java}>"), &java)
            .replace(&format!("!{java}"), &format!("not({feel})"))
            .replace(&java, &feel);
    }
    out
}

/// A process with these elements in it.
fn process(body: &str) -> String {
    format!(
        r#"<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:banyan="https://banyan.local/bpmn/1.0"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="urn:t" id="d">
<message id="m" name="paid"/>
<process id="p" isExecutable="true">
{body}
</process>
</definitions>"#
    )
}

/// One element between a start and an end.
fn around(element: &str) -> String {
    process(&format!(
        r#"<startEvent id="s"/><sequenceFlow id="f1" sourceRef="s" targetRef="x"/>
{element}
<sequenceFlow id="f2" sourceRef="x" targetRef="e"/><endEvent id="e"/>"#
    ))
}

fn rules(flaws: &[Flaw]) -> Vec<&str> {
    flaws
        .iter()
        .filter(|flaw| flaw.severity > Severity::Note)
        .map(|flaw| flaw.rule)
        .collect()
}

#[test]
fn elements_say_what_they_need() {
    let one = |element: &str, expected: &[&str]| {
        let said = check(&around(element), &Anything);
        assert_eq!(rules(&said), expected, "{element}: {said:#?}");
        for flaw in said {
            assert!(
                !flaw.message.zh.is_empty() && flaw.message.en.is_some() && !flaw.hint.zh.is_empty(),
                "{flaw:?}"
            );
            assert!(
                !flaw.message.zh.contains('{') && !flaw.hint.zh.contains('{'),
                "{flaw:?}"
            );
        }
    };
    one(
        r#"<serviceTask id="x" name="n" banyan:operation="record.update"/>"#,
        &[],
    );
    one(r#"<serviceTask id="x" name="n" banyan:topic="t"/>"#, &[]);
    one(r#"<serviceTask id="x" name="n"/>"#, &["BAN-work"]);
    one(
        r#"<serviceTask id="x" name="n" banyan:operation="a.b" banyan:topic="t"/>"#,
        &["BAN-work-twice"],
    );
    one(
        r#"<serviceTask id="x" name="n" banyan:operatoin="a.b"/>"#,
        &["BAN-work", "BAN-extension"],
    );
    one(r#"<serviceTask id="x" banyan:topic="t"/>"#, &["BAN-name"]);
    one(r#"<userTask id="x" name="n" banyan:roles="r"/>"#, &[]);
    one(r#"<userTask id="x" name="n"/>"#, &["BAN-nobody"]);
    one(
        r#"<userTask id="x" name="n" banyan:roles="r" banyan:notDoersOf="s"/>"#,
        &["BAN-not-doers"],
    );
    one(
        r#"<userTask id="x" name="n" banyan:roles="r" banyan:due="P5D" banyan:dueDays="working"/>"#,
        &[],
    );
    one(
        r#"<userTask id="x" name="n" banyan:roles="r" banyan:dueDays="workdays"/>"#,
        &["BAN-value"],
    );
    one(
        r#"<userTask id="x" name="n" banyan:roles="r" banyan:title="= a + "/>"#,
        &["BAN-feel"],
    );
    one(
        r#"<userTask id="x" name="n" banyan:roles="r" banyan:priority="&quot;high&quot;"/>"#,
        &["BAN-feel"],
    );
    one(
        r#"<businessRuleTask id="x" name="n" banyan:decision="p.m#d" banyan:result="r"/>"#,
        &[],
    );
    one(
        r#"<businessRuleTask id="x" name="n" banyan:decision="m#d"/>"#,
        &["BAN-decision"],
    );
    one(
        r#"<scriptTask id="x" banyan:result="r"><script>a + 1</script></scriptTask>"#,
        &[],
    );
    one(
        r#"<scriptTask id="x"><script>a + 1</script></scriptTask>"#,
        &["BAN-no-effect"],
    );
    one(r#"<scriptTask id="x"/>"#, &["BAN-script", "BAN-no-effect"]);
    one(
        r#"<scriptTask id="x" scriptFormat="text/javascript"><script>a++</script></scriptTask>"#,
        &["BAN-script-format"],
    );
    one(r#"<sendTask id="x"/>"#, &["BAN-message"]);
    one(r#"<sendTask id="x" messageRef="m"/>"#, &[]);
    one(r#"<sendTask id="x" messageRef="nosuch"/>"#, &["BAN-reference"]);
    one(r#"<receiveTask id="x" messageRef="m"/>"#, &["BAN-correlation"]);
    one(
        r#"<receiveTask id="x" messageRef="m" banyan:correlation="case"/>"#,
        &[],
    );
    one(r#"<callActivity id="x" name="n"/>"#, &["BAN-call"]);
    one(
        r#"<callActivity id="x" name="n" calledElement="other.process"/>"#,
        &[],
    );
    one(
        r#"<task id="x"><standardLoopCharacteristics/></task>"#,
        &["BAN-loop"],
    );
    one(
        r#"<task id="x"><multiInstanceLoopCharacteristics banyan:collection="people" banyan:element="one"/></task>"#,
        &[],
    );
    one(
        r#"<task id="x"><multiInstanceLoopCharacteristics banyan:collection="people" banyan:vote="most"/></task>"#,
        &["BAN-value"],
    );
    one(
        r#"<task id="x"><multiInstanceLoopCharacteristics banyan:collection="people" behavior="One"/></task>"#,
        &["BAN-behavior"],
    );
    one(
        r#"<task id="x"><multiInstanceLoopCharacteristics banyan:collection="a" banyan:outputElement="b"/></task>"#,
        &["BAN-output"],
    );
    one(
        r#"<task id="x"><extensionElements><banyan:input name="a"/></extensionElements></task>"#,
        &["BAN-mapping"],
    );
    one(
        r#"<task id="x"><extensionElements><banyan:inptu name="a" feel="b"/></extensionElements></task>"#,
        &["BAN-extension"],
    );
    one(r#"<subProcess id="x"/>"#, &["BAN-empty"]);
    one(
        r#"<intermediateThrowEvent id="x"><signalEventDefinition/></intermediateThrowEvent>"#,
        &["BAN-signal"],
    );
    one(
        r#"<intermediateThrowEvent id="x"><escalationEventDefinition/></intermediateThrowEvent>"#,
        &["BAN-code"],
    );
    one(
        r#"<intermediateCatchEvent id="x"><timerEventDefinition/></intermediateCatchEvent>"#,
        &["BAN-timer"],
    );
    one(r#"<exclusiveGateway id="x"/>"#, &["BAN-gateway-needless"]);
    one(
        r#"<nonsense id="x"/>"#,
        &["BAN-reference", "BAN-element", "BAN-reference"],
    );
}

#[test]
fn expressions_are_compiled() {
    let one = |kind: &str, text: &str, expected: &[&str]| {
        let element = format!(
            r#"<intermediateCatchEvent id="x"><timerEventDefinition><{kind} xsi:type="tFormalExpression">{text}</{kind}></timerEventDefinition></intermediateCatchEvent>"#
        );
        let said = check(&around(&element), &Anything);
        assert_eq!(rules(&said), expected, "{kind} {text}: {said:#?}");
    };
    one("timeDuration", "PT2M", &[]);
    one("timeDuration", "P1Y2M3W4DT5H6M7.5S", &[]);
    one("timeDuration", "= limit", &[]);
    one("timeDuration", "duration(\"P\" + string(days) + \"D\")", &[]);
    one("timeDuration", "limit", &["EXT134"]);
    one("timeDuration", "P", &["EXT134"]);
    one("timeDuration", "PT", &["EXT134"]);
    one("timeDuration", "P1S", &["EXT134"]);
    one("timeDuration", "= limit +", &["BAN-feel"]);
    one("timeDate", "2026-06-01T09:00:00+08:00", &[]);
    one("timeDate", "2026-06-01", &[]);
    one("timeDate", "2026-13-01", &["EXT132"]);
    one("timeCycle", "R3/PT10S", &[]);
    one("timeCycle", "R/2026-01-01T00:00:00Z/P1D", &[]);
    one("timeCycle", "0 9 * * 1-5", &[]);
    one("timeCycle", "0 0 9 * * MON-FRI", &[]);
    one("timeCycle", "R3", &["EXT133"]);
    one("timeCycle", "every day at nine", &["EXT133"]);
}

/// A split and a join of those kinds, with two tasks between.
fn diamond(split: &str, join: &str) -> String {
    let condition = |text: &str| match split {
        "exclusiveGateway" => {
            format!(r#"<conditionExpression xsi:type="tFormalExpression">{text}</conditionExpression>"#)
        }
        _ => String::new(),
    };
    process(&format!(
        r#"<startEvent id="s"/><sequenceFlow id="f1" sourceRef="s" targetRef="g"/><{split} id="g" name="g"{}/>
<sequenceFlow id="f2" sourceRef="g" targetRef="a">{}</sequenceFlow><sequenceFlow id="f3" sourceRef="g" targetRef="b"/>
<task id="a"/><task id="b"/>
<sequenceFlow id="f4" sourceRef="a" targetRef="j"/><sequenceFlow id="f5" sourceRef="b" targetRef="j"/>
<{join} id="j"/><sequenceFlow id="f6" sourceRef="j" targetRef="e"/><endEvent id="e"/>"#,
        if split == "exclusiveGateway" {
            r#" default="f3""#
        } else {
            ""
        },
        condition("x > 1"),
    ))
}

#[test]
fn advice_is_given() {
    let one = |xml: &str, expected: &[(&str, &str)]| {
        let said = check(xml, &Anything);
        let found: Vec<(&str, &str)> = said
            .iter()
            .map(|flaw| (flaw.rule, flaw.element.as_deref().unwrap_or("")))
            .collect();
        assert_eq!(found, expected, "{xml}: {said:#?}");
    };
    one(&diamond("exclusiveGateway", "exclusiveGateway"), &[]);
    one(&diamond("parallelGateway", "parallelGateway"), &[]);
    one(
        &diamond("exclusiveGateway", "parallelGateway"),
        &[("BAN-deadlock", "j")],
    );
    one(
        &diamond("parallelGateway", "exclusiveGateway"),
        &[("BAN-runs-twice", "j")],
    );
    one(&diamond("parallelGateway", "task"), &[("BAN-runs-twice", "j")]);
    one(&diamond("task", "task"), &[("BAN-runs-twice", "j")]);
    one(&diamond("parallelGateway", "inclusiveGateway"), &[]);
    let without = diamond("exclusiveGateway", "exclusiveGateway").replace(r#" default="f3""#, "");
    one(&without, &[("BAN-condition-missing", "f3")]);
    let lost = diamond("parallelGateway", "parallelGateway").replace(
        r#"<task id="a"/>"#,
        r#"<task id="a"/><task id="lost"/><sequenceFlow id="f9" sourceRef="lost" targetRef="a"/>"#,
    );
    one(&lost, &[("BAN-unreachable", "lost")]);
    // A loop back is no second run.
    let back = process(
        r#"<startEvent id="s"/><sequenceFlow id="f1" sourceRef="s" targetRef="a"/><task id="a"/>
<sequenceFlow id="f2" sourceRef="a" targetRef="g"/><exclusiveGateway id="g" name="g" default="f4"/>
<sequenceFlow id="f3" sourceRef="g" targetRef="a"><conditionExpression xsi:type="tFormalExpression">again</conditionExpression></sequenceFlow>
<sequenceFlow id="f4" sourceRef="g" targetRef="e"/><endEvent id="e"/>"#,
    );
    one(&back, &[]);
}

#[test]
fn what_is_named_must_be_there() {
    struct Package;
    impl Known for Package {
        fn look_up(&self, kind: Kind, name: &str) -> Presence {
            let here = match kind {
                Kind::Operation => &["record.update"][..],
                Kind::Role => &["reviewer"],
                Kind::Form => &["intake"],
                Kind::Decision => &["p.m#d"],
                Kind::Process => &["p.other"],
                Kind::Script => &["x/own"],
            };
            match here.iter().find(|known| known.starts_with(&name[..3])) {
                Some(known) if *known == name => Presence::Here,
                near => Presence::Missing(near.map(|near| (*near).to_owned())),
            }
        }
    }
    let one = |element: &str, expected: &[&str]| {
        let said = check(&around(element), &Package);
        assert_eq!(rules(&said), expected, "{element}: {said:#?}");
        said
    };
    one(
        r#"<serviceTask id="x" name="n" banyan:operation="record.update"/>"#,
        &[],
    );
    one(
        r#"<userTask id="x" name="n" banyan:roles="reviewer" banyan:form="intake"/>"#,
        &[],
    );
    one(
        r#"<businessRuleTask id="x" name="n" banyan:decision="p.m#d"/>"#,
        &[],
    );
    one(r#"<callActivity id="x" name="n" calledElement="p.other"/>"#, &[]);
    one(
        r#"<scriptTask id="x" scriptFormat="x/own"><script>do it</script></scriptTask>"#,
        &[],
    );
    one(
        r#"<userTask id="x" name="n" banyan:roles="reviewer judge" banyan:form="nosuch"/>"#,
        &["BAN-unknown", "BAN-unknown"],
    );
    one(
        r#"<businessRuleTask id="x" name="n" banyan:decision="q.m#d"/>"#,
        &["BAN-unknown"],
    );
    one(
        r#"<callActivity id="x" name="n" calledElement="q.other"/>"#,
        &["BAN-unknown"],
    );
    let said = one(
        r#"<serviceTask id="x" name="n" banyan:operation="record.updata"/>"#,
        &["BAN-unknown"],
    );
    assert_eq!(
        said[0].message.en.as_deref(),
        Some("there is no operation `record.updata`")
    );
    assert_eq!(said[0].hint.en.as_deref(), Some("Did you mean `record.update`?"));
    let finding = said[0].finding("processes/p.bpmn", "zh-CN");
    assert_eq!(
        finding.to_string(),
        "processes/p.bpmn:6:1: error[BAN-unknown]: x: 操作“record.updata”不存在\n    hint: 是否指“record.update”？"
    );
}

#[test]
fn processes_that_only_describe_are_let_be() {
    let drawn = r#"</process><process id="partner"><userTask id="y"/><serviceTask id="z"/><sequenceFlow id="yz" sourceRef="y" targetRef="z">
<conditionExpression>if they like it</conditionExpression></sequenceFlow></process><process id="pool">"#;
    let beside = around("<task id=\"x\"/>").replace("</process>", &format!("{drawn}</process>"));
    assert_eq!(check(&beside, &Anything), []);
    let called = around(r#"<callActivity id="x" name="n" calledElement="partner"/>"#)
        .replace("</process>", &format!("{drawn}</process>"));
    assert_eq!(rules(&check(&called, &Anything)), ["BAN-call-not-executable"]);
    let alone = beside.replace(r#" isExecutable="true""#, "");
    let said = check(&alone, &Anything);
    for rule in ["BAN-nothing-executable", "BAN-nobody", "BAN-work", "BAN-feel"] {
        assert!(rules(&said).contains(&rule), "{rule}: {said:#?}");
    }
}

/// What the collection calls by these names is found.
#[test]
fn joins_of_others_are_looked_through() {
    let Some(folder) = shared("betsy/executable") else {
        return;
    };
    let one = |file: &str, expected: &[&str]| {
        let said = check(
            &in_feel(&std::fs::read_to_string(folder.join(file)).unwrap()),
            &Anything,
        );
        let found: Vec<&str> = rules(&said)
            .into_iter()
            .filter(|rule| matches!(*rule, "BAN-deadlock" | "BAN-runs-twice"))
            .collect();
        assert_eq!(found, expected, "{file}");
    };
    one("ExclusiveDiverging_ParallelConverging.bpmn", &["BAN-deadlock"]);
    one("ParallelDiverging_ExclusiveConverging.bpmn", &["BAN-runs-twice"]);
    one("ParallelGateway.bpmn", &[]);
    one("ExclusiveGateway.bpmn", &[]);
    one("InclusiveGateway.bpmn", &[]);
    one("WCP07_StructuredSynchronizingMerge.bpmn", &[]);
}
