//! Nothing is lost between reading and writing.

use quick_xml::events::Event;
use quick_xml::reader::NsReader;

use super::{files, name, shared};
use crate::bpmn::write::write;
use crate::bpmn::{Anything, check, read, xml};

/// What a file says, by another reader than ours: namespaces resolved, attributes by name, texts whole, CDATA as text.
fn canonical(text: &str) -> Vec<String> {
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut said: Vec<String> = Vec::new();
    let mut run = String::new();
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Text(text) => {
                run.push_str(&text.xml10_content());
                continue;
            }
            Event::CData(data) => {
                run.push_str(&data.xml10_content());
                continue;
            }
            Event::GeneralRef(reference) => {
                let predefined = |name: &str| {
                    quick_xml::escape::resolve_predefined_entity(name)
                        .unwrap()
                        .to_owned()
                };
                let char_ref = reference.resolve_char_ref().unwrap();
                run.push_str(&char_ref.map_or_else(|| predefined(reference), |c| c.to_string()));
                continue;
            }
            _ => {}
        }
        if !run.is_empty() {
            said.push(format!("text {run:?}"));
            run.clear();
        }
        match &event {
            Event::Start(start) => {
                let mut attributes: Vec<String> = start
                    .attributes()
                    .map(|attribute| {
                        let attribute = attribute.unwrap();
                        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
                        let value = attribute
                            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                            .unwrap();
                        format!("{namespace:?} {local:?}={value:?} as {:?}", attribute.key)
                    })
                    .collect();
                attributes.sort();
                let (namespace, local) = reader.resolver().resolve_element(start.name());
                said.push(format!(
                    "start {namespace:?} {local:?} as {:?} {attributes:?}",
                    start.name()
                ));
            }
            Event::End(end) => said.push(format!("end {:?}", end.name())),
            Event::Comment(comment) => said.push(format!("comment {:?}", &**comment)),
            Event::PI(instruction) => said.push(format!("instruction {:?}", &**instruction)),
            Event::Eof => break,
            _ => {}
        }
    }
    // Blanks outside of the root say nothing.
    said.retain(|one| {
        !(one.starts_with("text")
            && one
                .trim_start_matches("text ")
                .trim_matches('"')
                .replace("\\n", "")
                .replace("\\r", "")
                .trim()
                .is_empty()
            && one.len() < 12)
    });
    said
}

#[test]
fn interchange_models_lose_nothing() {
    let Some(folder) = shared("bpmn-miwg") else { return };
    let models = files(&folder, "bpmn");
    assert_eq!(models.len(), 21);
    for path in &models {
        // What they hold is read, too, and can be checked.
        let text = std::fs::read_to_string(path).unwrap();
        let processes = read(&text).0.unwrap().processes;
        assert!(
            processes.iter().any(|process| !process.nodes.is_empty()),
            "{}",
            name(path)
        );
        assert!(check(&text, &Anything).len() < 1_000, "{}", name(path));
        round_trip(&std::fs::read(path).unwrap(), &name(path));
    }
}

#[test]
fn other_models_lose_nothing() {
    let Some(folder) = shared("betsy") else { return };
    let models = files(&folder, "bpmn");
    assert_eq!(models.len(), 282);
    for path in &models {
        round_trip(&std::fs::read(path).unwrap(), &name(path));
    }
}

fn round_trip(bytes: &[u8], file: &str) {
    let text = xml::text(bytes).unwrap();
    let tree = xml::parse(text).unwrap_or_else(|flaw| panic!("{file}: {flaw:?}"));
    let written = write(&tree);
    let again = xml::parse(&written).unwrap_or_else(|flaw| panic!("{file}: {flaw:?}"));
    assert_eq!(bare(&again), bare(&tree), "{file}");
    let (before, after) = (canonical(text), canonical(&written));
    for (one, other) in before.iter().zip(&after) {
        assert_eq!(one, other, "{file}");
    }
    assert_eq!(before.len(), after.len(), "{file}");
    assert_eq!(write(&again), written, "{file}: writing is not stable");
    assert_eq!(read(&written).0, read(text).0, "{file}");
}

/// A tree without its places.
fn bare(tree: &xml::Tree) -> xml::Tree {
    let mut tree = tree.clone();
    for element in &mut tree.elements {
        element.place = Default::default();
    }
    tree
}

#[test]
fn what_needs_escaping_comes_back() {
    let text = "<?xml version=\"1.0\" encoding=\"GBK\" standalone=\"yes\"?><!-- a --><?pi b?><a:r xmlns:a=\"urn:a\" x=\"&lt;&amp;&quot;'&#10;&#9;&#13; \t\" a:x='\"'> t &gt; <![CDATA[<&>]]>&#13;<!--c--><b/><?pi d?></a:r><!--e-->";
    round_trip(text.as_bytes(), "escapes");
    let written = write(&xml::parse(text).unwrap());
    assert!(
        written.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"),
        "{written}"
    );
    assert!(
        written.contains("x=\"&lt;&amp;&quot;'&#10;&#9;&#13;  \""),
        "{written}"
    );
}
