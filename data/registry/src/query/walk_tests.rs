//! Pages that are walked are the pages that the whole question gives.

use banyan_base::Limit;
use serde_json::{Value as Json, json};

use super::Query;
use crate::tests::{Platform, files, platforms};

const PACKAGE: &str = "id = \"walks\"\ntitle = { zh = \"走\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const STEP: &str = "title = { zh = \"步\" }\nlabel = \"name\"\nindex = [[\"day\"], [\"kind\", \"day\"]]\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名\" }\nrequired = true\n[fields.kind]\ntype = \"integer\"\nindex = true\ntitle = { zh = \"类\" }\n[fields.part]\ntype = \"integer\"\nindex = true\ntitle = { zh = \"份\" }\n[fields.day]\ntype = \"date\"\ntitle = { zh = \"日\" }\n";
const ROWS: i64 = 2_600;

/// All records of a list, page by page; every page but the last is full.
fn paged(platform: &Platform, filter: &str, sort: &str, limit: u32) -> Vec<Json> {
    let mut query = Query {
        limit: Limit::new(limit).unwrap(),
        ..Query::read(Some(filter), Some(sort)).unwrap()
    };
    let mut all = Vec::new();
    loop {
        let (items, _, next) = platform.list("walks.step", &query).unwrap();
        assert!(next.is_none() || items.len() == limit as usize, "{filter} {sort}");
        all.extend(items.iter().map(|record| Json::Object(record.fields.clone())));
        let Some(cursor) = next else { return all };
        query.cursor = Some(cursor);
    }
}

#[test]
fn walked_pages_are_those_of_the_whole_question() {
    for platform in platforms() {
        let package = files(&[("package.toml", PACKAGE), ("records/step.toml", STEP)]);
        platform.apply(vec![package], false).unwrap();
        for n in 0..ROWS {
            // Some days are missing, and one part lies at the end alone.
            let day = (n % 11 != 0).then(|| format!("2022-{:02}-{:02}", 1 + n * 7 % 12, 1 + n * 13 % 28));
            let part = if n > ROWS - 30 { 99 } else { n * 31 % 40 };
            let fields = json!({ "name": format!("N{n}"), "kind": n * 17 % 9, "part": part, "day": day });
            platform.create("walks.step", fields).unwrap();
        }
        for sort in ["", "day", "-day", "kind", "-part"] {
            let whole = paged(&platform, "name IS NOT NULL", sort, 1_000);
            assert_eq!(whole.len(), usize::try_from(ROWS).unwrap());
            for (filter, fits) in [
                ("kind = 3", (|of: &Json| of["kind"] == 3) as fn(&Json) -> bool),
                ("part = 99", |of| of["part"] == 99),
                ("part = 7 AND kind > 4", |of| {
                    of["part"] == 7 && of["kind"].as_i64() > Some(4)
                }),
                ("NOT (kind = 3)", |of| of["kind"] != 3),
                ("part = 1000", |_| false),
            ] {
                let wanted: Vec<&Json> = whole.iter().filter(|of| fits(of)).collect();
                for limit in [20, 333] {
                    // Twice: by what the first time has taught.
                    for _ in 0..2 {
                        let found = paged(&platform, filter, sort, limit);
                        assert_eq!(
                            found.iter().collect::<Vec<_>>(),
                            wanted,
                            "{filter} by {sort}, {limit}"
                        );
                    }
                }
            }
        }
    }
}
