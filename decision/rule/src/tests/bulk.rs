//! The same answers over columns as row by row, from every hit policy, on random rows and on the tables of the DMN TCK.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value as Json, json};

use super::{cx, decision, definitions, input, model, rows, table};
use crate::bulk::{Frame, compile, decide_rows};
use crate::cases::same;
use crate::explain::{Reasons, decide};
use crate::kind::{Base, Kind};
use crate::model::{Model, load};
use crate::sfeel::{self, Piece};

const COLUMNS: [(&str, &str); 6] = [
    ("age", "number"),
    ("income", "number"),
    ("region", "string"),
    ("insured", "boolean"),
    ("since", "date"),
    ("stay", "yearMonthDuration"),
];

fn cell(rng: &mut StdRng, column: usize) -> String {
    if rng.random_range(0..10) < 4 {
        return "-".into();
    }
    let number = |rng: &mut StdRng| match column {
        0 => format!("{}", rng.random_range(0..100)),
        1 => format!("{}.{}", rng.random_range(-50..5000), rng.random_range(0..100)),
        4 => format!(
            "date(\"20{:02}-{:02}-15\")",
            rng.random_range(10..25),
            rng.random_range(1..13)
        ),
        _ => format!("duration(\"P{}M\")", rng.random_range(0..50)),
    };
    match column {
        2 => {
            let text = format!("\"r{}\", \"r{}\"", rng.random_range(0..6), rng.random_range(0..6));
            if rng.random_range(0..4) == 0 {
                format!("not({text})")
            } else {
                text
            }
        }
        3 => format!("{}", rng.random_range(0..2) == 0),
        _ => {
            let one = number(rng);
            match rng.random_range(0..9) {
                0 => format!("< {one}"),
                1 => format!("<= {one}"),
                2 | 3 => format!("> {one}"),
                4 | 5 => format!(">= {one}"),
                6 => format!("[{one}..{}]", number(rng)),
                7 => format!("not(< {one})"),
                _ => format!("{one}, > {}", number(rng)),
            }
        }
    }
}

fn value(rng: &mut StdRng, column: usize) -> Json {
    if rng.random_range(0..12) == 0 {
        return Json::Null;
    }
    match column {
        0 => json!(rng.random_range(0..100)),
        1 => json!(f64::from(rng.random_range(-5000..500_000)) / 100.0),
        2 => json!(format!("r{}", rng.random_range(0..8))),
        3 => json!(rng.random_range(0..2) == 0),
        4 => json!(format!(
            "20{:02}-{:02}-{}",
            rng.random_range(10..25),
            rng.random_range(1..13),
            rng.random_range(14..17)
        )),
        _ => json!(format!("P{}M", rng.random_range(0..50))),
    }
}

fn random_rows(rng: &mut StdRng, count: usize) -> Vec<Map<String, Json>> {
    let row = |rng: &mut StdRng| {
        let cells = COLUMNS.iter().enumerate();
        cells
            .map(|(at, (name, _))| ((*name).to_owned(), value(rng, at)))
            .collect()
    };
    (0..count).map(|_| row(rng)).collect()
}

fn policy(rng: &mut StdRng, attributes: &str, values: &str, rules: usize, numbers: bool) -> String {
    let rules: Vec<Vec<String>> = (0..rules)
        .map(|_| {
            let mut cells: Vec<String> = (0..COLUMNS.len()).map(|column| cell(rng, column)).collect();
            let at = rng.random_range(0..4);
            cells.push(if numbers {
                format!("{}.5", at * 3 - 2)
            } else {
                format!("\"o{at}\"")
            });
            cells
        })
        .collect();
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let logic = table(attributes, &names, &[("", values)], &rules);
    let inputs: String = COLUMNS.iter().map(|(name, kind)| input(name, kind)).collect();
    definitions(&[inputs, decision("d", "", &names, &[], &logic)].concat())
}

/// Every row by columns and row by row: results and rules.
fn compare(model: &Arc<Model>, name: &str, rows: &[Map<String, Json>]) {
    let all = decide_rows(&cx(), model, name, rows).unwrap();
    assert!(all.why.is_empty(), "{:?}", all.why);
    for ((row, result), reasons) in rows.iter().zip(&all.results).zip(&all.reasons) {
        let outcome = decide(&cx(), model, name, row, Reasons::Given).unwrap();
        assert!(
            same(&outcome.result, result),
            "{name} {row:?}: {} by row, {result} by columns",
            outcome.result
        );
        for reason in reasons {
            let told = outcome
                .reasons
                .iter()
                .find(|told| told.name == reason.decision)
                .unwrap();
            let rules: Vec<usize> = told.matched.iter().map(|fired| fired.rule).collect();
            // Hit rules of the engine below come in the order of the table.
            assert_eq!(rules, reason.rules, "{name} {row:?}");
        }
    }
}

#[test]
fn ten_thousand_random_rows_are_decided_the_same() {
    let mut rng = StdRng::seed_from_u64(4);
    let text = "\"o2\",\"o0\",\"o3\",\"o1\"";
    let policies = [
        ("hitPolicy=\"UNIQUE\"", "", false),
        ("hitPolicy=\"ANY\"", "", false),
        ("hitPolicy=\"PRIORITY\"", text, false),
        ("hitPolicy=\"FIRST\"", "", false),
        ("hitPolicy=\"RULE ORDER\"", "", false),
        ("hitPolicy=\"OUTPUT ORDER\"", text, false),
        ("hitPolicy=\"COLLECT\"", "", false),
        ("hitPolicy=\"COLLECT\" aggregation=\"SUM\"", "", true),
        ("hitPolicy=\"COLLECT\" aggregation=\"MIN\"", "", true),
        ("hitPolicy=\"COLLECT\" aggregation=\"MAX\"", "", true),
        ("hitPolicy=\"COLLECT\" aggregation=\"COUNT\"", "", true),
    ];
    for (attributes, values, numbers) in policies {
        // Few rules match once, many match often; more than 64 take two words.
        for rules in [3, 20, 70] {
            let model = model(&policy(&mut rng, attributes, values, rules, numbers));
            let rows = random_rows(&mut rng, 310);
            compare(&model, "d", &rows);
        }
    }
}

#[test]
fn graphs_of_tables_are_decided_the_same() {
    let grade = table(
        "hitPolicy=\"FIRST\"",
        &["age", "region"],
        &[("", "")],
        &rows(&[
            &["< 18", "-", "\"child\""],
            &["-", "\"r1\"", "\"near\""],
            &["> 65", "-", "\"old\""],
        ]),
    );
    let score = table(
        "hitPolicy=\"COLLECT\" aggregation=\"SUM\"",
        &["grade", "income"],
        &[("", "")],
        &rows(&[
            &["\"child\"", "-", "5.25"],
            &["not(\"old\")", "> 10.5", "10"],
            &["null", "-", "1"],
            &["-", "<= 3000.01", "-2"],
        ]),
    );
    let inputs: String = COLUMNS.iter().map(|(name, kind)| input(name, kind)).collect();
    let xml = definitions(
        &[
            inputs,
            decision("grade", "string", &["age", "region"], &[], &grade),
            decision("score", "number", &["income"], &["grade"], &score),
        ]
        .concat(),
    );
    let model = model(&xml);
    assert_eq!(compile(&model, "score").unwrap().decisions(), ["grade", "score"]);
    let rows = random_rows(&mut StdRng::seed_from_u64(5), 1_000);
    compare(&model, "score", &rows);
}

#[test]
fn what_cannot_be_compiled_says_so_and_is_decided_all_the_same() {
    let logic = table(
        "hitPolicy=\"FIRST\"",
        &["age"],
        &[("", "")],
        &rows(&[&["? > 5", "1"], &["-", "age * 2"]]),
    );
    let model = model(&definitions(
        &[input("age", "number"), decision("d", "", &["age"], &[], &logic)].concat(),
    ));
    let rows: Vec<Map<String, Json>> = [3, 7]
        .iter()
        .map(|age| Map::from_iter([("age".to_owned(), json!(age))]))
        .collect();
    let all = decide_rows(&cx(), &model, "d", &rows).unwrap();
    assert!(all.why[0].contains("S-FEEL"), "{:?}", all.why);
    assert_eq!(all.results, [json!(6), json!(1)]);
    assert_eq!(all.reasons[1][0].rules, [1, 2]);
    // A number that no column holds.
    let plain = table(
        "hitPolicy=\"FIRST\"",
        &["age"],
        &[("", "")],
        &super::rows(&[&["> 5", "1"], &["-", "2"]]),
    );
    let model = super::model(&definitions(
        &[input("age", "number"), decision("d", "", &["age"], &[], &plain)].concat(),
    ));
    let rows = [Map::from_iter([("age".to_owned(), json!(1e25))])];
    let all = decide_rows(&cx(), &model, "d", &rows).unwrap();
    assert_eq!((all.why.len(), &all.results), (1, &vec![json!(1)]));
}

/// Values that a column of this kind is asked about, around those that tests name.
fn around(rng: &mut StdRng, kind: &Kind, named: &[Piece]) -> Json {
    if rng.random_range(0..8) == 0 {
        return Json::Null;
    }
    let piece = (!named.is_empty()).then(|| named[rng.random_range(0..named.len())].clone());
    match (&kind.base, piece) {
        (Base::Boolean, _) => json!(rng.random_range(0..2) == 0),
        (Base::Text, Some(Piece::Text(text))) if rng.random_range(0..5) > 0 => json!(text),
        (Base::Text, _) => json!("something else"),
        (_, Some(Piece::Span(class, low, high))) => {
            let (at, _) = low.or(high).unwrap();
            let unit = if class == sfeel::Class::Number {
                sfeel::PART
            } else {
                1
            };
            sfeel::shown(class, at + unit * i128::from(rng.random_range(-2..3)))
        }
        (Base::Number, _) => json!(rng.random_range(-10..10)),
        _ => Json::Null,
    }
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|end| end == "dmn") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_table_of_the_dmn_tck_that_compiles_decides_the_same() {
    let folder = std::env::var_os("BANYAN_DMN_TCK").map(PathBuf::from);
    let folder =
        folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dmn-tck"));
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "no DMN TCK: CI must have it");
        eprintln!("SKIPPED: no DMN TCK at {}", folder.display());
        return;
    }
    let mut rng = StdRng::seed_from_u64(6);
    let (mut tables, mut compiled, mut not) = (0, 0, Vec::new());
    for path in models(&folder) {
        let Ok(model) = load(&std::fs::read_to_string(&path).unwrap(), &[]) else {
            continue;
        };
        let model = Arc::new(model);
        let definitions = &model.definitions[0];
        for decision in definitions.decisions() {
            let Some(table) = crate::model::table_of(&decision) else {
                continue;
            };
            tables += 1;
            let name = dsntk_model::NamedElement::name(&decision).to_owned();
            let plan = match compile(&model, &name) {
                Ok(plan) => plan,
                Err(why) => {
                    not.push(format!(
                        "{}: {}",
                        path.file_name().unwrap().display(),
                        why.join("; ")
                    ));
                    continue;
                }
            };
            compiled += 1;
            let tests = table
                .rules()
                .flat_map(|rule| rule.input_entries.iter().map(|entry| sfeel::read(&entry.text)));
            let named: Vec<Piece> = tests.flat_map(|test| test.pieces().to_vec()).collect();
            let rows: Vec<Map<String, Json>> = (0..120)
                .map(|_| {
                    let cells = plan.inputs().iter();
                    cells
                        .map(|(name, kind)| {
                            let class = crate::check::class_of(&kind.base);
                            let own: Vec<Piece> = named
                                .iter()
                                .filter(|piece| piece.class() == class)
                                .cloned()
                                .collect();
                            (name.clone(), around(&mut rng, kind, &own))
                        })
                        .collect()
                })
                .collect();
            assert!(Frame::of_rows(plan.inputs(), &rows).is_ok());
            compare(&model, &name, &rows);
        }
    }
    println!("{compiled} of {tables} tables compile; not: {not:#?}");
    assert!(compiled >= 15, "{compiled} of {tables}: {not:#?}");
}
