//! Files made to hurt: all of them are refused or read, in bounded time, and nothing panics.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{files, shared};
use crate::bpmn::write::write;
use crate::bpmn::{Anything, check, read, xml};

const HEAD: &str = r#"<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:banyan="https://banyan.local/bpmn/1.0" id="d">"#;

/// It is refused as no XML that can be read, for that reason.
fn refused(xml: &str, why: &str) {
    let said = check(xml, &Anything);
    let [flaw] = said.as_slice() else {
        panic!("{why}: {said:?}")
    };
    assert_eq!(flaw.rule, "BAN-xml", "{flaw:?}");
    let message = flaw.message.en.as_deref().unwrap();
    assert!(message.contains(why), "{message}");
    assert!(flaw.place.line >= 1 && flaw.place.column >= 1, "{flaw:?}");
    assert!(message.len() < 400, "{message}");
    assert_eq!(read(xml).0, None);
}

#[test]
fn what_is_no_plain_xml_is_refused() {
    refused("", "no element");
    refused("   ", "no element");
    refused("not xml", "text outside");
    refused("<a>", "`a` is not closed");
    refused("<a></b>", "expected `</a>`");
    refused("<a/><b/>", "second root");
    refused("<a/>text", "text outside");
    refused("<a b='1' b='2'/>", "given twice");
    refused(
        "<a xmlns:p='urn:1' xmlns:q='urn:1' p:x='1' q:x='2'/>",
        "given twice",
    );
    refused("<p:a/>", "prefix `p` is not declared");
    refused("<a p:b='1'/>", "prefix `p` is not declared");
    refused("<a b='&unknown;'/>", "unknown");
    refused("<a>&unknown;</a>", "entity `unknown`");
    refused("<a>&#0;</a>", "no character");
    refused("<a>&#xFFFE;</a>", "no character");
    refused("<a>\u{1}</a>", "U+0001");
    refused("<a b='<'/>", "`<` in it");
    refused("<1a/>", "no name");
    refused("<a b=1/>", "");
    refused("<!-- a -- b --><a/>", "");
}

#[test]
fn entities_are_not_expanded() {
    let laughs: String = (1..10)
        .map(|at| format!("<!ENTITY l{at} \"{}\">", format!("&l{};", at - 1).repeat(10)))
        .collect();
    refused(
        &format!("<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY l0 \"lol\">{laughs}]><lolz>&l9;</lolz>"),
        "document types",
    );
    refused("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "document types");
}

#[test]
fn bounds_hold() {
    refused(&"<a>".repeat(100_000), "nested more than");
    refused(
        &format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)),
        "nested more than",
    );
    refused(
        &format!("<a>{}</a>", "<b/>".repeat(60_000)),
        "more than 50000 elements",
    );
    let attributes: String = (0..1_000).map(|at| format!(" a{at}=''")).collect();
    refused(&format!("<a{attributes}/>"), "more than 200 attributes");
    let spaces: String = (0..150).map(|at| format!(" xmlns:p{at}='urn:{at}'")).collect();
    refused(&format!("<a>{}", format!("<b{spaces}>").repeat(10)), "namespaces");
    refused(&format!("<a b='{}'/>", "x".repeat(9 << 20)), "longer than 8 MiB");
    refused(&format!("<{}", "x".repeat(1 << 20)), "");
    refused(&format!("<{0}:a></{0}:a>", "x".repeat(1 << 20)), "not declared");
    // Much that is allowed.
    let long = format!(
        "{HEAD}<process id='p' name='{}' isExecutable='true'/></definitions>",
        "字".repeat(1 << 20)
    );
    assert!(read(&long).0.is_some());
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let flaw = xml::text(b"<a>\n\xe4\xb8\xad\xff</a>").unwrap_err();
    assert_eq!((flaw.rule, flaw.place.line, flaw.place.column), ("BAN-xml", 2, 2));
    assert_eq!(xml::text("\u{feff}<a/>".as_bytes()).unwrap(), "<a/>");
    assert!(xml::text(b"\xfe\xff\x00<\x00a\x00/\x00>").is_err());
}

#[test]
fn unknown_namespaces_are_let_be() {
    let text = format!(
        r#"{HEAD}<process id="p" isExecutable="true" x:y="1" xmlns:x="urn:x"><extensionElements><x:any><x:deep z="1">t</x:deep></x:any></extensionElements>
<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="e"/><endEvent id="e"/><x:shape/></process></definitions>"#
    );
    assert_eq!(check(&text, &Anything), []);
    let other = text.replace("20100524/MODEL", "20990101/MODEL");
    let said = check(&other, &Anything);
    assert_eq!(
        said.iter().map(|flaw| flaw.rule).collect::<Vec<_>>(),
        ["BAN-definitions"]
    );
    let prefixed = text.replace(
        "<startEvent",
        "<b:startEvent xmlns:b='http://www.omg.org/spec/BPMN/20100524/MODEL'",
    );
    assert_eq!(check(&prefixed, &Anything), []);
    let zeebe = text.replace(
        "<x:any>",
        "<z:taskDefinition xmlns:z='http://camunda.org/schema/zeebe/1.0'/><x:any>",
    );
    let said = check(&zeebe, &Anything);
    assert_eq!(
        said.iter().map(|flaw| flaw.rule).collect::<Vec<_>>(),
        ["BAN-foreign-extension"]
    );
}

/// Many of everything: time must not grow with the square of the file.
#[test]
fn large_models_are_checked_in_time() {
    let many = |count: usize, one: &dyn Fn(usize) -> String| -> String { (0..count).map(one).collect() };
    let bodies = [
        many(6_000, &|at| {
            format!(
                "<task id='t{at}'/><sequenceFlow id='f{at}' sourceRef='t{at}' targetRef='t{}'/>",
                at + 1
            )
        }),
        many(10_000, &|at| {
            format!("<sequenceFlow id='f{at}' sourceRef='s' targetRef='e'/>")
        }),
        many(6_000, &|at| {
            format!(
                "<dataObject id='o{at}' name='v{at}'/><dataObjectReference id='r{at}' dataObjectRef='o{at}' name='v{at}'/>"
            )
        }),
        many(4_000, &|at| {
            format!(
                "<boundaryEvent id='b{at}' attachedToRef='t'><compensateEventDefinition/></boundaryEvent><association id='a{at}' sourceRef='b{at}' targetRef='t'/>"
            )
        }),
        many(4_000, &|at| {
            format!(
                "<intermediateThrowEvent id='i{at}'><linkEventDefinition name='l'/></intermediateThrowEvent>"
            )
        }),
        many(4_000, &|at| {
            format!(
                "<subProcess id='p{at}'><startEvent id='s{at}'/></subProcess><association id='a{at}' sourceRef='p{at}' targetRef='s'/>"
            )
        }),
        many(4_000, &|at| {
            format!(
                "<sequenceFlow id='f{at}' sourceRef='s' targetRef='e'><conditionExpression xsi:type='tFormalExpression'>a + b &gt; v{at}</conditionExpression></sequenceFlow>"
            )
        }),
    ];
    for body in bodies {
        let text = format!(
            "{HEAD}<process id='p' isExecutable='true'><startEvent id='s'/><endEvent id='e'/><task id='t' isForCompensation='true'/>{body}</process></definitions>"
        );
        let start = Instant::now();
        let said = check(&text, &Anything);
        let took = start.elapsed();
        assert!(said.len() <= 1_000);
        // Without optimisation, on a busy machine; a square would take minutes.
        assert!(took < Duration::from_secs(15), "{took:?} for {}…", &body[..80]);
    }
}

/// Some models of the collection to start from, and one of our own where there is none.
fn seeds() -> Vec<String> {
    let own = format!(
        r#"{HEAD}<process id="p" isExecutable="true"><startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="u"/>
<userTask id="u" banyan:roles="r"><multiInstanceLoopCharacteristics banyan:collection="x"/></userTask>
<sequenceFlow id="g" sourceRef="u" targetRef="e"><conditionExpression xsi:type="tFormalExpression">a &gt; 1</conditionExpression></sequenceFlow><endEvent id="e"/></process></definitions>"#
    );
    let folder = shared("betsy/executable");
    let others = folder.iter().flat_map(|folder| files(folder, "bpmn")).step_by(9);
    others
        .map(|path| std::fs::read_to_string(path).unwrap())
        .chain([own])
        .collect()
}

/// One change of a text: something cut out, put in, doubled, or moved.
#[derive(Clone, Debug)]
enum Change {
    Cut(usize, usize),
    Insert(usize, &'static str),
    Copy(usize, usize, usize),
    /// The value of one attribute put into another.
    Swap(usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    const BITS: &[&str] = &[
        "<",
        ">",
        "\"",
        "&",
        "&amp;",
        "<!--",
        "]]>",
        "</",
        "/>",
        "id=\"\"",
        "\u{0}",
        "字",
        "<subProcess id=\"q\">",
        "</subProcess>",
        " attachedToRef=\"s\"",
        " sourceRef=\"e\"",
        " default=\"f\"",
        " triggeredByEvent=\"true\"",
        "<eventDefinitionRef>s</eventDefinitionRef>",
        " isInterrupting=\"maybe\"",
        " startQuantity=\"-1\"",
        "<linkEventDefinition name=\"l\"/>",
        "xmlns=\"\"",
    ];
    let change = prop_oneof![
        (0..100_000usize, 1..200usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (0..100_000usize, prop::sample::select(BITS)).prop_map(|(at, bit)| Change::Insert(at, bit)),
        (0..100_000usize, 1..400usize, 0..100_000usize)
            .prop_map(|(at, length, to)| Change::Copy(at, length, to)),
        (0..1_000usize, 0..1_000usize).prop_map(|(one, other)| Change::Swap(one, other)),
    ];
    prop::collection::vec(change, 1..6)
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for change in changes {
        let length = chars.len().max(1);
        match change {
            Change::Cut(at, count) => {
                let at = at % length;
                chars.drain(at..(at + count).min(chars.len()));
            }
            Change::Insert(at, bit) => {
                let at = at % length;
                chars.splice(at..at, bit.chars());
            }
            Change::Copy(at, count, to) => {
                let (at, to) = (at % length, to % length);
                let part = chars[at..(at + count).min(chars.len())].to_vec();
                chars.splice(to..to, part);
            }
            Change::Swap(one, other) => {
                let text: String = chars.iter().collect();
                let mut parts: Vec<String> = text.split('"').map(str::to_owned).collect();
                let values = parts.len() / 2;
                if values > 0 {
                    let (one, other) = (one % values * 2 + 1, other % values * 2 + 1);
                    parts[other] = parts[one].clone();
                }
                chars = parts.join("\"").chars().collect();
            }
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(seed in 0..100usize, changes in changes()) {
        let seeds = seeds();
        let text = changed(&seeds[seed % seeds.len()], &changes);
        let said = check(&text, &Anything);
        let (definitions, flaws) = read(&text);
        match xml::parse(&text) {
            Ok(tree) => {
                // What was read once is written so that it reads the same.
                let written = write(&tree);
                prop_assert_eq!(read(&written).0, definitions.clone());
                prop_assert_eq!(written.clone(), write(&xml::parse(&written).unwrap()));
            }
            Err(_) => prop_assert!(definitions.is_none() && said.len() == 1),
        }
        // Whatever the reader could not take over stops a deployment.
        if flaws.iter().any(|flaw| flaw.severity == banyan_base::Severity::Error) {
            prop_assert!(crate::bpmn::refused(&said));
        }
        // What can be deployed has every index in its bounds.
        for process in definitions.iter().flat_map(|definitions| &definitions.processes) {
            for flow in &process.flows {
                prop_assert!(flow.source < process.nodes.len() && flow.target < process.nodes.len());
            }
            for node in &process.nodes {
                prop_assert!(node.parent.is_none_or(|parent| parent < process.nodes.len()));
            }
        }
    }
}
