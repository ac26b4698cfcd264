use banyan_base::{Limit, Problem};
use serde_json::{Value as Json, json};

use super::{Language, Query};
use crate::tests::{Platform, files, platforms};

const PACKAGE: &str = "id = \"spots\"\ntitle = { zh = \"点位\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const TAG: &str = "title = { zh = \"标签\" }\n[[items]]\ncode = \"a\"\ntitle = { zh = \"甲\" }\n[[items]]\ncode = \"b\"\ntitle = { zh = \"乙\" }\n[[items]]\ncode = \"ab\"\ntitle = { zh = \"丙\" }\n";
const SPOT: &str = r#"
title = { zh = "点位" }
label = "name"
key = ["name"]
index = [["seats"], ["day"]]
[fields.name]
type = "text"
title = { zh = "名称" }
required = true
search = true
[fields.seats]
type = "integer"
title = { zh = "座位" }
[fields.price]
type = "decimal"
title = { zh = "价格" }
[fields.open]
type = "boolean"
title = { zh = "开放" }
[fields.day]
type = "date"
title = { zh = "日期" }
[fields.until]
type = "date"
title = { zh = "截止" }
[fields.at]
type = "date_time"
title = { zh = "时间" }
[fields.tags]
type = "code"
list = "tag"
many = true
title = { zh = "标签" }
[fields.place]
type = "geometry"
kinds = ["Point"]
title = { zh = "位置" }
[fields.area]
type = "geometry"
title = { zh = "范围" }
"#;

const ROUNDS: u64 = 60_000;

/// The same six records on each database.
pub(crate) fn spots() -> Vec<Platform> {
    let all = platforms();
    for platform in &all {
        let package = files(&[
            ("package.toml", PACKAGE),
            ("codes/tag.toml", TAG),
            ("records/spot.toml", SPOT),
        ]);
        platform.apply(vec![package], false).unwrap();
        let square = |x: f64, y: f64| json!({ "type": "Polygon", "coordinates": [[[x, y], [x + 2.0, y], [x + 2.0, y + 2.0], [x, y + 2.0], [x, y]]] });
        let triangle = json!({ "type": "Polygon", "coordinates": [[[10.0, 10.0], [14.0, 10.0], [10.0, 14.0], [10.0, 10.0]]] });
        for fields in [
            json!({ "name": "A1", "seats": 3, "price": 1.5, "open": true, "day": "2022-03-01", "until": "2022-03-10", "at": "2022-03-01T00:00:00+08:00", "tags": ["a"], "place": { "type": "Point", "coordinates": [1, 1] }, "area": square(0.0, 0.0) }),
            json!({ "name": "a2", "seats": 5, "price": 2, "open": false, "day": "2022-03-02", "until": "2022-03-02", "at": "2022-03-01T23:59:59.999+08:00", "tags": ["a", "b"], "place": { "type": "Point", "coordinates": [5, 5] }, "area": square(5.0, 5.0) }),
            json!({ "name": "B\\1", "seats": 5, "price": 0.1, "at": "2022-03-02T00:00:00+08:00", "tags": ["ab"], "place": { "type": "Point", "coordinates": [11, 11] }, "area": triangle }),
            json!({ "name": "B%2", "day": "2022-04-01", "place": { "type": "Point", "coordinates": [-179, 0] } }),
            json!({ "name": "C", "seats": 1 }),
            json!({ "name": "D" }),
        ] {
            platform.create("spots.spot", fields).unwrap();
        }
    }
    all
}

fn names(platform: &Platform, query: &Query) -> Result<Vec<String>, Problem> {
    let (items, _, _) = platform.list("spots.spot", query)?;
    let name = |record: &crate::record::Record| record.fields["name"].as_str().unwrap().to_owned();
    Ok(items.iter().map(name).collect())
}

fn text(filter: &str) -> Result<Query, Problem> {
    Query::read(Some(filter), Some("created_at"))
}

#[test]
fn filters_find_the_same_in_both_databases() {
    let cases: &[(&str, &[&str])] = &[
        ("name LIKE 'a%'", &["a2"]),
        ("name LIKE 'A%'", &["A1"]),
        ("CASEI(name) LIKE CASEI('A%')", &["A1", "a2"]),
        ("CASEI(name) IN (CASEI('a1'), CASEI('c'))", &["A1", "C"]),
        ("name LIKE 'B\\\\%'", &["B\\1"]),
        ("name LIKE 'B\\%%'", &["B%2"]),
        ("5 <= seats AND \"name\" <> 'a2'", &["B\\1"]),
        ("seats IN (1.5, 5)", &["a2", "B\\1"]),
        ("seats IN (1.5)", &[]),
        ("NOT (seats IN (1.5))", &["A1", "a2", "B\\1", "C"]),
        ("seats > 2.5 AND seats < 4.5", &["A1"]),
        ("seats = 1e300 OR price = 0.1", &["B\\1"]),
        ("seats BETWEEN 2.5 AND 3.5", &["A1"]),
        ("tags = 'a'", &["A1", "a2"]),
        ("tags <> 'a'", &["B\\1"]),
        ("tags IN ('b', 'ab')", &["a2", "B\\1"]),
        ("NOT (tags IN ('b', 'ab'))", &["A1"]),
        ("tags = ','", &[]),
        ("open = FALSE", &["a2"]),
        ("TRUE AND day IS NOT NULL AND NOT FALSE", &["A1", "a2", "B%2"]),
        ("day = DATE('2022-03-02')", &["a2"]),
        ("day >= '2022-03-02'", &["a2", "B%2"]),
        ("day = TIMESTAMP('2022-03-01T16:00:00Z')", &["a2"]),
        ("day < until", &["A1"]),
        ("at = DATE('2022-03-01')", &["A1", "a2"]),
        ("at <> DATE('2022-03-01')", &["B\\1"]),
        ("at > DATE('2022-03-01')", &["B\\1"]),
        ("at <= '2022-03-01'", &["A1", "a2"]),
        ("at < '2022-03-01'", &[]),
        (
            "at IN (DATE('2022-03-02'), TIMESTAMP('2022-02-28T16:00:00Z'))",
            &["A1", "B\\1"],
        ),
        (
            "at BETWEEN DATE('2022-03-01') AND DATE('2022-03-01')",
            &["A1", "a2"],
        ),
        ("T_AFTER(day, DATE('2022-03-01'))", &["a2", "B%2"]),
        ("T_BEFORE(at, TIMESTAMP('2022-03-01T00:00:00Z'))", &["A1"]),
        ("T_DURING(day, INTERVAL('2022-03-01', '2022-04-01'))", &["a2"]),
        ("T_INTERSECTS(day, INTERVAL('2022-03-02', '..'))", &["a2", "B%2"]),
        ("T_INTERSECTS(day, INTERVAL('..', '..'))", &["A1", "a2", "B%2"]),
        ("NOT T_INTERSECTS(day, INTERVAL('..', '2022-03-02'))", &["B%2"]),
        (
            "T_DISJOINT(INTERVAL(day, until), INTERVAL('2022-03-04', '2022-03-05'))",
            &["a2", "B%2"],
        ),
        ("T_CONTAINS(INTERVAL(day, until), DATE('2022-03-05'))", &["A1"]),
        ("T_EQUALS(INTERVAL(day, until), DATE('2022-03-02'))", &["a2"]),
        ("T_STARTS(day, INTERVAL('2022-03-01', '2022-03-05'))", &["A1"]),
        ("T_INTERSECTS(at, DATE('2022-03-01'))", &["A1", "a2"]),
        ("S_INTERSECTS(place, BBOX(0, 0, 5, 5))", &["A1", "a2"]),
        ("S_INTERSECTS(place, BBOX(170, -10, -170, 10))", &["B%2"]),
        ("NOT S_INTERSECTS(place, BBOX(0, 0, 5, 5))", &["B\\1", "B%2"]),
        ("S_DISJOINT(place, BBOX(0, 0, 5, 5))", &["B\\1", "B%2"]),
        ("S_INTERSECTS(place, POINT(1 1))", &["A1"]),
        ("S_INTERSECTS(area, BBOX(1, 1, 6, 6))", &["A1", "a2"]),
        ("S_INTERSECTS(area, BBOX(13, 13, 15, 15))", &[]),
        ("S_INTERSECTS(BBOX(11.5, 11.5, 15, 15), area)", &["B\\1"]),
        ("S_INTERSECTS(area, POLYGON((13 13, 15 13, 15 15, 13 13)))", &[]),
        (
            "S_INTERSECTS(area, LINESTRING(-1 1, 6 1)) OR name = 'D'",
            &["A1", "D"],
        ),
        (
            "S_WITHIN(area, POLYGON((-1 -1, 3 -1, 3 3, -1 3, -1 -1)))",
            &["A1"],
        ),
        ("S_WITHIN(POINT(11 11), area)", &["B\\1"]),
        (
            "S_CONTAINS(area, POINT(6 6)) AND NOT S_CONTAINS(area, POINT(1 1))",
            &["a2"],
        ),
        ("S_TOUCHES(area, POINT(2 1))", &["A1"]),
        ("S_EQUALS(area, POLYGON((2 2, 0 2, 0 0, 2 0, 2 2)))", &["A1"]),
        ("area IS NULL AND place IS NOT NULL", &["B%2"]),
        (
            "S_INTERSECTS(area, GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(11 9, 11 20)))",
            &["A1", "B\\1"],
        ),
        (
            "S_CROSSES(LINESTRING(0 0, 5 5), BBOX(1, 1, 2, 2)) AND name = 'C'",
            &["C"],
        ),
    ];
    for platform in spots() {
        for (filter, expected) in cases {
            let found = text(filter).and_then(|query| names(&platform, &query));
            let found = found.unwrap_or_else(|problem| panic!("{filter}: {problem:?}"));
            assert_eq!(found, *expected, "{} {filter}", platform.test.name);
        }
        let past = Query {
            as_of: Some("2099-01-01T00:00:00.000Z".into()),
            ..text("S_INTERSECTS(area, POINT(11 11))").unwrap()
        };
        assert_eq!(names(&platform, &past).unwrap(), ["B\\1"]);
    }
}

#[test]
fn filters_in_json_mean_what_those_in_text_mean() {
    let cases = [
        (
            json!({ "op": "=", "args": [{ "property": "seats" }, 5] }),
            "seats = 5",
        ),
        (
            json!({ "op": "<", "args": [2, { "property": "seats" }] }),
            "2 < seats",
        ),
        (
            json!({ "op": "and", "args": [{ "op": "like", "args": [{ "op": "casei", "args": [{ "property": "name" }] }, { "op": "casei", "args": ["a%"] }] }, { "op": "not", "args": [{ "op": "isNull", "args": [{ "property": "day" }] }] }] }),
            "CASEI(name) LIKE CASEI('a%') AND NOT (day IS NULL)",
        ),
        (
            json!({ "op": "or", "args": [{ "op": "in", "args": [{ "property": "name" }, ["C", "D"]] }, { "op": "between", "args": [{ "property": "seats" }, 3, 4] }] }),
            "name IN ('C', 'D') OR seats BETWEEN 3 AND 4",
        ),
        (
            json!({ "op": ">=", "args": [{ "property": "day" }, { "date": "2022-03-02" }] }),
            "day >= DATE('2022-03-02')",
        ),
        (
            json!({ "op": "t_during", "args": [{ "property": "at" }, { "interval": ["..", "2022-03-01T08:00:00Z"] }] }),
            "T_DURING(at, INTERVAL('..', '2022-03-01T08:00:00Z'))",
        ),
        (
            json!({ "op": "t_after", "args": [{ "property": "at" }, { "timestamp": "2022-03-01T08:00:00Z" }] }),
            "T_AFTER(at, TIMESTAMP('2022-03-01T08:00:00Z'))",
        ),
        (
            json!({ "op": "s_intersects", "args": [{ "property": "place" }, { "bbox": [0, 0, 5, 5] }] }),
            "S_INTERSECTS(place, BBOX(0, 0, 5, 5))",
        ),
        (
            json!({ "op": "s_within", "args": [{ "property": "area" }, { "type": "Polygon", "coordinates": [[[-1, -1], [3, -1], [3, 3], [-1, 3], [-1, -1]]] }] }),
            "S_WITHIN(area, POLYGON((-1 -1, 3 -1, 3 3, -1 3, -1 -1)))",
        ),
        (json!(true), "TRUE"),
    ];
    for platform in spots() {
        for (filter, same) in &cases {
            let query =
                Query::read_in(Language::Json, Some(&filter.to_string()), Some("created_at")).unwrap();
            let found = names(&platform, &query).unwrap();
            assert!(!found.is_empty(), "{filter}");
            assert_eq!(found, names(&platform, &text(same).unwrap()).unwrap(), "{filter}");
        }
    }
    let wrong = [
        (
            json!({ "op": "and", "args": [true, { "op": "=", "args": [1, 2] }] }),
            "/args/1/args/0",
        ),
        (
            json!({ "op": "and", "args": [{ "op": "frob", "args": [] }] }),
            "/args/0",
        ),
        (
            json!({ "op": "=", "args": [{ "property": "day" }, { "date": "zzz" }] }),
            "/args/1/date",
        ),
        (
            json!({ "op": "in", "args": [{ "property": "day" }, []] }),
            "/args/1",
        ),
        (json!({ "op": "not" }), ""),
        (json!([1]), ""),
        (
            json!({ "op": "s_intersects", "args": [{ "property": "place" }, { "type": "Point", "coordinates": [1] }] }),
            "/args/1",
        ),
    ];
    for (filter, pointer) in wrong {
        let refused = super::parse_json(&filter.to_string()).unwrap_err();
        assert_eq!(
            (refused.code.name, &refused.extra["pointer"]),
            ("bad-filter", &json!(pointer)),
            "{filter}"
        );
    }
    assert_eq!(super::parse_json("{").unwrap_err().code.status, 400);
    assert_eq!(
        super::parse_json(&format!("{}1{}", "[".repeat(4_000), "]".repeat(4_000)))
            .unwrap_err()
            .code
            .status,
        400
    );
}

#[test]
fn refusals_name_the_place() {
    let cases = [
        ("seats = 1 AND nonsense = 2", 15),
        ("seats = 1 AND name = 2", 22),
        ("seats IN (1, 'x')", 14),
        ("name LIKE 'x\\'", 11),
        ("name LIKE '%%%%%%%'", 11),
        ("CASEI(seats) = 1", 7),
        ("CASEI(day) = CASEI('2022-03-01')", 7),
        ("CASEI(tags) IN ('a')", 7),
        ("seats LIKE '1%'", 1),
        ("tags < 'a'", 1),
        ("day = DATE('zzz')", 12),
        ("day = DATE('2022-02-30')", 12),
        ("day = 'zzz'", 7),
        ("at = TIMESTAMP('2022-03-01')", 16),
        ("at = 'tomorrow'", 6),
        ("day = at", 7),
        ("name = 'a\0b'", 10),
        ("name\0 = 'a'", 5),
        ("1 = 1", 1),
        ("name = frob(1)", 8),
        ("name = AND", 8),
        ("T_AFTER(name, DATE('2022-03-01'))", 9),
        ("T_AFTER(DATE('2022-03-01'), DATE('2022-03-01'))", 9),
        ("T_DURING(day, INTERVAL('2022-03-02', '2022-03-01'))", 15),
        ("S_INTERSECTS(name, POINT(1 1))", 14),
        ("S_INTERSECTS(place, POINT(1 100))", 21),
        ("S_INTERSECTS(place, POLYGON((1 1, 2 2, 3 3)))", 21),
        ("S_INTERSECTS(place, BBOX(1, 2, 3))", 21),
        ("place = 'x'", 9),
        ("S_WITHIN(place, GEOMETRYCOLLECTION(POINT(1 1)))", 1),
        ("S_WITHIN(place, place)", 1),
        ("seats = ", 9),
    ];
    for platform in spots() {
        for (filter, position) in cases {
            let refused = text(filter)
                .and_then(|query| names(&platform, &query))
                .unwrap_err();
            let place = refused.extra.get("position").cloned().unwrap_or(Json::Null);
            assert_eq!(
                (refused.code.name, place),
                ("bad-filter", json!(position)),
                "{filter}: {}",
                refused.detail
            );
        }
        let find = |words: &str| {
            let query = Query {
                words: Some(words.into()),
                ..Query::default()
            };
            names(&platform, &query).unwrap()
        };
        assert_eq!(find("a\u{0}1"), [""; 0]);
        assert_eq!(find("a1\u{0}"), ["A1"]);
    }
}

#[test]
fn pages_follow_each_other_whatever_the_sort() {
    for platform in spots() {
        for sort in [
            "seats",
            "-seats",
            "seats,-price",
            "-day,seats",
            "day,-seats,price",
            "-name",
            "open,tags",
        ] {
            let read = Query::read(None, Some(sort)).unwrap();
            if sort.contains("tags") {
                assert_eq!(names(&platform, &read).unwrap_err().code.name, "bad-filter");
                continue;
            }
            for as_of in [None, Some("2099-01-01T00:00:00.000Z".to_owned())] {
                let whole = Query {
                    as_of,
                    ..read.clone()
                };
                let all = names(&platform, &whole).unwrap();
                for size in 1..4 {
                    let mut query = Query {
                        limit: Limit::new(size).unwrap(),
                        ..whole.clone()
                    };
                    let mut paged = Vec::new();
                    for _ in 0..9 {
                        paged.extend(names(&platform, &query).unwrap());
                        query.cursor = platform.list("spots.spot", &query).unwrap().2;
                        if query.cursor.is_none() {
                            break;
                        }
                    }
                    assert_eq!(paged, all, "{} {sort} by {size}", platform.test.name);
                }
                let mut streamed = Vec::new();
                platform
                    .test
                    .db
                    .read::<_, Problem>(|tx| {
                        let info = platform.registry.catalog(tx)?.find("spots.spot")?;
                        super::stream(tx, &info, &whole, &mut |record| {
                            streamed.push(record.fields["name"].as_str().unwrap().to_owned());
                            Ok(std::ops::ControlFlow::Continue(()))
                        })
                    })
                    .unwrap();
                assert_eq!(streamed, all, "{sort}");
            }
        }
        // Missing values stand last either way, and the newest of equals comes first where the order falls.
        let sorted = |sort: &str| names(&platform, &Query::read(None, Some(sort)).unwrap()).unwrap();
        assert_eq!(sorted("seats"), ["C", "A1", "a2", "B\\1", "B%2", "D"]);
        assert_eq!(sorted("-seats"), ["B\\1", "a2", "A1", "C", "D", "B%2"]);
    }
}

#[test]
fn cursors_belong_to_their_query() {
    let hex = |json: Json| {
        json.to_string()
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for platform in spots() {
        let query = Query {
            limit: Limit::new(2).unwrap(),
            ..Query::read(Some("seats > 0"), Some("seats")).unwrap()
        };
        let cursor = platform.list("spots.spot", &query).unwrap().2.unwrap();
        let with = |query: Query, cursor: &str| {
            let query = Query {
                cursor: Some(cursor.to_owned()),
                ..query
            };
            platform.list("spots.spot", &query)
        };
        assert_eq!(with(query.clone(), &cursor).unwrap().0.len(), 2);
        let others = [
            Query {
                ..Query::read(Some("seats > 1"), Some("seats")).unwrap()
            },
            Query {
                ..Query::read(Some("seats > 0"), Some("-seats")).unwrap()
            },
            Query {
                words: Some("a".into()),
                ..query.clone()
            },
            Query {
                as_of: Some("2099-01-01T00:00:00.000Z".into()),
                ..query.clone()
            },
        ];
        for other in others {
            assert_eq!(with(other, &cursor).unwrap_err().code.name, "bad-cursor");
        }
        let bytes: Vec<u8> = (0..cursor.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&cursor[at..at + 2], 16).unwrap())
            .collect();
        let honest: Json = serde_json::from_slice(&bytes).unwrap();
        let forged = [
            json!(["x", 1]),
            json!([1.5, 1]),
            json!([1, null]),
            json!([1, "1"]),
            json!([1]),
            json!([true, 1]),
            json!([1e300, 1]),
            json!({}),
        ];
        for values in forged {
            let cursor = hex(json!({ "h": honest["h"], "v": values }));
            assert_eq!(
                with(query.clone(), &cursor).unwrap_err().code.name,
                "bad-cursor",
                "{values}"
            );
        }
        for broken in ["", "zz", "7", "é", "00"] {
            assert_eq!(with(query.clone(), broken).unwrap_err().code.name, "bad-cursor");
        }
    }
}

#[test]
fn sorts_by_missing_values_use_indexes() {
    for platform in spots() {
        let sqlite = platform.test.name == "sqlite";
        for (order, condition) in [
            ("f_seats, _seq", "f_seats IS NOT NULL"),
            (
                "f_seats DESC, _seq DESC",
                "f_seats IS NOT NULL AND f_seats <= 5 AND (f_seats < 5 OR f_seats = 5 AND _seq < 3)",
            ),
            ("_seq", "f_seats IS NULL"),
            ("_updated_at, _seq", "1 = 1"),
        ] {
            let sql = format!("SELECT * FROM r_spots__spot WHERE {condition} ORDER BY {order} LIMIT 3");
            let plan = platform
                .test
                .db
                .read::<_, banyan_store::Error>(|tx| {
                    if sqlite {
                        tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), &[])
                    } else {
                        tx.batch("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")?;
                        tx.query(&format!("EXPLAIN {sql}"), &[])
                    }
                })
                .unwrap();
            let column = if sqlite { 3 } else { 0 };
            let plan: Vec<String> = plan.iter().map(|row| row.get(column).unwrap()).collect();
            let plan = plan.join("\n");
            assert!(plan.contains("INDEX") || plan.contains("Index"), "{sql}\n{plan}");
            assert!(
                !plan.contains("TEMP B-TREE") && !plan.contains("Sort"),
                "{sql}\n{plan}"
            );
        }
    }
}

/// Counts are kept until a record changes; places are indexed wherever records go.
#[test]
fn counts_and_places_follow_every_change() {
    for platform in spots() {
        let matched = |filter: &str| {
            let query = Query {
                count: true,
                ..text(filter).unwrap()
            };
            let (items, matched, _) = platform.list("spots.spot", &query).unwrap();
            assert_eq!(matched, Some(items.len() as u64), "{filter}");
            items.len()
        };
        let all = [
            "seats = 5",
            "S_INTERSECTS(place, BBOX(4, 4, 6, 6))",
            "S_INTERSECTS(place, BBOX(0, 0, 2, 2)) OR place IS NULL",
        ];
        let counts = || all.map(matched);
        assert_eq!(counts(), [2, 1, 3]);
        assert_eq!(counts(), [2, 1, 3]);
        let made = json!({ "name": "E", "seats": 5, "place": { "type": "Point", "coordinates": [4, 4] } });
        let made = platform.create("spots.spot", made).unwrap();
        assert_eq!(counts(), [3, 2, 3]);
        let moved = json!({ "seats": 6, "place": { "type": "Point", "coordinates": [2, 2] } });
        let moved = platform.update("spots.spot", &made.id, "\"1\"", moved).unwrap();
        assert_eq!(counts(), [2, 1, 4]);
        let lost = json!({ "place": null });
        platform.update("spots.spot", &moved.id, "\"2\"", lost).unwrap();
        assert_eq!(counts(), [2, 1, 4]);
        let found = json!({ "place": { "type": "Point", "coordinates": [5, 5] } });
        platform.update("spots.spot", &moved.id, "\"3\"", found).unwrap();
        assert_eq!(counts(), [2, 2, 3]);
    }
}

/// Geometries on a small grid meet in every odd way: rings that cross themselves, lines without length.
#[test]
fn any_two_geometries_can_be_compared() {
    use super::shape::{self, Coordinates};
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut compared = 0;
    for round in 0..ROUNDS {
        let mut make = || {
            let grid = 1 + next(5);
            let count = 2 + round % 6;
            let mut points: Vec<_> = (0..count)
                .map(|_| Coordinates::Position(next(grid) as f64, next(grid) as f64))
                .collect();
            let kind = ["point", "linestring", "multipoint", "polygon", "multipolygon"][next(5) as usize];
            if kind.ends_with("polygon") {
                points.push(points[0].clone());
            }
            let list = Coordinates::List;
            let coordinates = match kind {
                "point" => points[0].clone(),
                "polygon" => list(vec![list(points)]),
                "multipolygon" => list(vec![
                    list(vec![list(points.clone())]),
                    list(vec![list(points.clone()), list(points)]),
                ]),
                _ => list(points),
            };
            shape::make(kind, &coordinates).ok()
        };
        let (Some(a), Some(b)) = (make(), make()) else {
            continue;
        };
        let meets = shape::holds(super::SpatialOp::Intersects, &a, &b);
        assert_eq!(
            meets,
            !shape::holds(super::SpatialOp::Disjoint, &a, &b),
            "{a:?} {b:?}"
        );
        let both = geo::Geometry::GeometryCollection(vec![a.clone(), b.clone()].into());
        let either = meets || shape::holds(super::SpatialOp::Intersects, &a, &a);
        assert_eq!(shape::holds(super::SpatialOp::Intersects, &a, &both), either);
        compared += 1;
    }
    assert!(compared > ROUNDS / 4);
}

#[test]
fn long_lists_stay_shallow() {
    for platform in spots() {
        let tags: Vec<String> = (0..1_000).map(|number| format!("'{number}'")).collect();
        let days: Vec<String> = (0..450)
            .map(|number| format!("'20{:02}-01-{:02}'", number % 90 + 10, number % 28 + 1))
            .collect();
        let many: Vec<String> = (0..240).map(|number| format!("seats = {number}")).collect();
        for filter in [
            format!("tags IN ({})", tags.join(",")),
            format!("at IN ({})", days.join(",")),
            many.join(" OR "),
            format!("NOT ({})", many.join(" AND ")),
        ] {
            names(&platform, &text(&filter).unwrap()).unwrap_or_else(|problem| panic!("{problem:?}"));
        }
    }
}
