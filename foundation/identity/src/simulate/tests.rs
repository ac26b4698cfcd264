use banyan_base::predicate::{Comparison, Piece, Predicate, Term, Tree};

use super::{TypeLabel, say};

fn path(name: &str) -> Vec<String> {
    name.split('.').map(str::to_owned).collect()
}

#[test]
fn conditions_are_said_twice() {
    let label = TypeLabel {
        name: "clinic.patient".into(),
        title: "病人".into(),
        fields: vec![("ward".into(), "病区".into()), ("tags".into(), "标签".into())],
    };
    let compare = |name: &str, op, value| Predicate::Compare(Term::Attribute(path(name)), op, value);
    let east = compare("ward", Comparison::Equal, Term::Text("o'e".into()));
    let young = compare("age", Comparison::Less, Term::Number(18));
    let within = |tree| Predicate::Within {
        of: Term::Attribute(path("ward")),
        tree,
        roots: vec!["3501".into(), "3502".into()],
        negated: false,
    };
    for (predicate, text, filter) in [
        (Predicate::Always, "全部", "TRUE"),
        (Predicate::Never, "没有", "FALSE"),
        (
            Predicate::All(vec![
                Predicate::Any(vec![east.clone(), young.clone()]),
                Predicate::Present(path("task.lead")),
            ]),
            "(病区等于“o'e”,或者age小于18),并且task的lead已填",
            "(ward = 'o''e' OR age < 18) AND task.lead IS NOT NULL",
        ),
        (
            Predicate::NotTrue(Box::new(compare("open", Comparison::Equal, Term::Flag(true)))),
            "除去(open等于是)",
            "NOT (open = true)",
        ),
        (
            Predicate::Like {
                of: path("created_by"),
                pattern: vec![Piece::Exactly("a".into()), Piece::Anything],
                negated: true,
            },
            "创建人不符合“a*”",
            "created_by NOT LIKE 'a%'",
        ),
        (
            Predicate::Holds {
                of: path("tags"),
                value: Term::Text("红".into()),
                negated: false,
            },
            "标签含“红”",
            "A_CONTAINS(tags, ('红'))",
        ),
        (
            within(Tree::Region),
            "病区在区划 3501、3502 及其下",
            "WITHIN_REGION(ward, ('3501', '3502'))",
        ),
        (
            within(Tree::Unit),
            "病区在单位 3501、3502 及其下",
            "WITHIN_UNIT(ward, ('3501', '3502'))",
        ),
    ] {
        let said = say(&predicate, &label);
        assert_eq!((said.text.as_str(), said.filter.as_str()), (text, filter));
    }
}
