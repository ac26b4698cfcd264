//! The documentation says what the rules are.

use std::collections::BTreeSet;
use std::path::Path;

use crate::bpmn::rules::{manual, own_texts, texts};

#[test]
fn the_list_of_rules_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/bpmn-rules.md");
    if std::env::var_os("BANYAN_GENERATE").is_some() {
        std::fs::write(&path, manual()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == manual(),
        "{} is stale: run `make generate`",
        path.display()
    );
}

#[test]
fn rules_are_told_apart_and_apart_from_each_other() {
    let mut seen = BTreeSet::new();
    for rule in own_texts::ALL.iter().chain(texts::ALL) {
        assert!(seen.insert(rule.id), "{} twice", rule.id);
        for also in rule.also {
            assert!(seen.insert(also), "{also} twice");
        }
        for text in [rule.zh, rule.en, rule.hint_zh, rule.hint_en] {
            assert!(!text.trim().is_empty(), "{}", rule.id);
        }
        let chinese = |text: &str| text.chars().any(banyan_base::text::is_ideograph);
        assert!(
            chinese(rule.zh) && !chinese(rule.en) && !chinese(rule.hint_en),
            "{}",
            rule.id
        );
        // Both languages tell the same things.
        for place in ["{0}", "{1}", "{2}"] {
            assert_eq!(
                rule.zh.contains(place),
                rule.en.contains(place),
                "{} {place}",
                rule.id
            );
        }
    }
}
