//! A server with geographic records, asked by outside clients of OGC API Features.

use banyan_base::{Actor, Ctx, Problem};
use banyan_door::{Input, Reply};
use serde_json::{Value as Json, json};

use crate::support::{Bed, beds, body, document, files, outside};

const PACKAGE: &str = "id = \"land\"\ntitle = { zh = \"地物\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const SITE: &str = r#"
title = { zh = "测站" }
about = { zh = "观测的点位。" }
label = "name"
key = ["code"]
[fields.code]
type = "text"
title = { zh = "编号" }
required = true
[fields.name]
type = "text"
title = { zh = "名称" }
required = true
search = true
[fields.height]
type = "integer"
title = { zh = "高程" }
[fields.rate]
type = "decimal"
title = { zh = "比率" }
[fields.active]
type = "boolean"
title = { zh = "在用" }
[fields.since]
type = "date"
title = { zh = "启用" }
[fields.place]
type = "geometry"
kinds = ["Point"]
title = { zh = "位置" }
required = true
"#;
const ZONE: &str = r#"
title = { zh = "保护区" }
label = "name"
[fields.name]
type = "text"
title = { zh = "名称" }
required = true
[fields.declared_at]
type = "date_time"
title = { zh = "公布时间" }
[fields.area]
type = "geometry"
kinds = ["Polygon", "MultiPolygon"]
title = { zh = "范围" }
required = true
"#;
const SECRET: &str = "title = { zh = \"内部\" }\nlabel = \"name\"\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\n";
const POLICY: &str = r#"
permit(principal in Role::"public", action in [Action::"list", Action::"view"], resource in Type::"land.site");
permit(principal in Role::"public", action in [Action::"list", Action::"view"], resource in Type::"land.zone");
permit(principal, action, resource in Package::"land");
"#;

fn fill(bed: &Bed) {
    let package = files(&[
        ("package.toml", PACKAGE),
        ("records/site.toml", SITE),
        ("records/zone.toml", ZONE),
        ("records/secret.toml", SECRET),
        ("policy.cedar", POLICY),
    ]);
    bed.apply(package, false).unwrap();
    let create = |of: &str, fields: Json| {
        bed.create(&format!("land.{of}"), &fields).unwrap();
    };
    for number in 0..45 {
        let (x, y) = (f64::from(number % 9) * 5.0, 40.0 + f64::from(number / 9) * 4.0);
        create(
            "site",
            json!({
                "code": format!("S{number:02}"), "name": format!("测站 {number}'&<b>"), "height": number * 10, "rate": f64::from(number) / 4.0,
                "active": number % 2 == 0, "since": format!("2022-01-{:02}", number % 28 + 1),
                "place": { "type": "Point", "coordinates": [x, y] },
            }),
        );
    }
    for number in 0..25 {
        let (x, y) = (f64::from(number) * 2.0, 50.0);
        create(
            "zone",
            json!({
                "name": format!("区 {number}"), "declared_at": format!("2022-02-{:02}T08:00:00+08:00", number + 1),
                "area": { "type": "Polygon", "coordinates": [[[x, y], [x + 3.0, y], [x, y + 3.0], [x, y]]] },
            }),
        );
    }
    create("secret", json!({ "name": "不公开" }));
}

#[test]
fn outside_clients_of_ogc_api_features_are_content() {
    for bed in beds() {
        fill(&bed);
        let address = bed.serve();
        println!("{}", bed.name());
        outside("ogc.py", &[&format!("http://{address}/ogc")]);
    }
}

const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
const EPSG4490: &str = "http://www.opengis.net/def/crs/EPSG/0/4490";

/// Asks as somebody; the collection and id stand in the path, the rest after `?` in the query, not encoded.
fn ask(
    bed: &Bed,
    cx: &Ctx,
    operation: &str,
    path: &[&str],
    query: &[(&str, &str)],
) -> Result<Reply, Problem> {
    let mut input = Input {
        base_url: "http://here".into(),
        query: query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Input::default()
    };
    for (name, value) in ["collection", "id"].iter().zip(path) {
        input = input.with_path(name, *value);
    }
    bed.call(cx, operation, input)
}

fn read(reply: Result<Reply, Problem>) -> Json {
    document(reply.unwrap())
}

#[test]
fn ogc_items_answer_as_asked() {
    // Parameters, and how many match.
    let counts: &[(&str, &[(&str, &str)], u64)] = &[
        ("land.site", &[], 45),
        ("land.site", &[("bbox", "0,40,5,44")], 4),
        ("land.site", &[("bbox", "0,40,-100,5,44,100")], 4),
        ("land.site", &[("bbox", "40,0,44,5"), ("bbox-crs", EPSG4490)], 4),
        ("land.site", &[("bbox", "35,40,-170,90")], 10),
        ("land.site", &[("datetime", "2022-01-02")], 2),
        ("land.site", &[("datetime", "2022-01-02T00:00:00+08:00")], 2),
        ("land.site", &[("datetime", "../2022-01-01T23:59:59+08:00")], 2),
        ("land.site", &[("datetime", "2022-01-28/..")], 1),
        ("land.site", &[("datetime", "../..")], 45),
        ("land.site", &[("active", "true"), ("height", "20")], 1),
        ("land.site", &[("since", "2022-01-01"), ("bbox", "0,40,1,41")], 1),
        ("land.site", &[("q", "测站")], 45),
        (
            "land.site",
            &[("filter", "height >= 430"), ("sortby", "-height")],
            2,
        ),
        ("land.site", &[("filter", "CASEI(code) LIKE CASEI('s0%')")], 10),
        (
            "land.site",
            &[
                ("filter-lang", "cql2-json"),
                (
                    "filter",
                    r#"{"op":"s_intersects","args":[{"property":"place"},{"bbox":[0,40,5,44]}]}"#,
                ),
            ],
            4,
        ),
        (
            "land.site",
            &[("filter", "T_DURING(since, INTERVAL('2022-01-01', '2022-01-03'))")],
            2,
        ),
        (
            "land.zone",
            &[(
                "filter",
                "S_INTERSECTS(area, POINT(2 51)) AND NOT S_CONTAINS(area, POINT(1 50.5))",
            )],
            1,
        ),
        // The corner of the box is in the bounds of the triangle but not in the triangle.
        ("land.zone", &[("bbox", "2.9,52.9,3.0,53.0")], 0),
        (
            "land.zone",
            &[("filter", "S_DISJOINT(area, BBOX(0, 50, 1, 51))")],
            24,
        ),
        ("land.zone", &[("datetime", "2022-02-01")], 1),
        // What has no geometry and no date field is everywhere, and is as old as its last change.
        ("land.secret", &[("bbox", "0,0,1,1")], 1),
        ("land.secret", &[("datetime", "../1990-01-01")], 0),
    ];
    let refused: &[(&str, &[(&str, &str)])] = &[
        ("ogc.items", &[("limit", "0")]),
        ("ogc.items", &[("limit", "many")]),
        ("ogc.items", &[("bbox", "1,2,3")]),
        ("ogc.items", &[("bbox", "")]),
        ("ogc.items", &[("bbox", "0,0,a,1")]),
        ("ogc.items", &[("bbox", "0,10,1,0")]),
        ("ogc.items", &[("bbox", "0,0,nan,1")]),
        ("ogc.items", &[("bbox-crs", "EPSG:3857"), ("bbox", "0,0,1,1")]),
        ("ogc.items", &[("crs", "urn:nonsense")]),
        ("ogc.items", &[("datetime", "yesterday")]),
        ("ogc.items", &[("datetime", "2022-01-02/2022-01-01")]),
        ("ogc.items", &[("datetime", "2022-01-01/2022-01-02/2022-01-03")]),
        ("ogc.items", &[("datetime", "..")]),
        ("ogc.items", &[("filter", "created_by = 'system'")]),
        (
            "ogc.items",
            &[("filter", "height ="), ("filter-lang", "cql2-text")],
        ),
        (
            "ogc.items",
            &[("filter", "height = 1"), ("filter-lang", "cql2-json")],
        ),
        (
            "ogc.items",
            &[
                ("filter-crs", EPSG4490),
                ("filter", "S_INTERSECTS(place, POINT(1 1))"),
            ],
        ),
        ("ogc.items", &[("sortby", "place")]),
        ("ogc.items", &[("sortby", "updated_by")]),
        ("ogc.items", &[("height", "high")]),
        ("ogc.items", &[("active", "1")]),
        ("ogc.items", &[("place", "POINT(1 1)")]),
        ("ogc.items", &[("cursor", "00")]),
        ("ogc.items", &[("f", "xml")]),
        ("ogc.items", &[("colour", "red")]),
        ("ogc.collection", &[("limit", "1")]),
        ("ogc.landing", &[("x", "")]),
    ];
    for bed in beds() {
        fill(&bed);
        let (system, nobody) = (bed.system(), bed.platform.world.ctx(Actor::anonymous()));
        for (collection, query, expected) in counts {
            let found = read(ask(&bed, &system, "ogc.items", &[collection], query));
            assert_eq!(
                found["numberMatched"],
                json!(expected),
                "{} {collection} {query:?}",
                bed.name()
            );
        }
        for (operation, query) in refused {
            let problem = ask(&bed, &system, operation, &["land.site"], query).unwrap_err();
            assert_eq!(problem.code.status, 400, "{operation} {query:?}: {problem:?}");
        }
        // Coordinates follow the reference system asked for.
        for (crs, expected) in [(CRS84, json!([5.0, 40.0])), (EPSG4490, json!([40.0, 5.0]))] {
            let reply = ask(&bed, &nobody, "ogc.item", &["land.site", "S01"], &[("crs", crs)]).unwrap();
            let header = format!("<{crs}>");
            assert!(reply.headers.contains(&("Content-Crs".to_owned(), header)));
            assert_eq!(reply.etag.as_deref(), Some("\"1\""));
            assert_eq!(read(Ok(reply))["geometry"]["coordinates"], expected);
        }
        let secret = read(ask(&bed, &system, "ogc.items", &["land.secret"], &[]));
        assert_eq!(secret["features"][0]["geometry"], Json::Null);
        // The public sees what is open to it, and only that.
        let shown = |cx: &Ctx| {
            let all = read(ask(&bed, cx, "ogc.collections", &[], &[]));
            let ids = all["collections"].as_array().unwrap().iter();
            ids.map(|one| one["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&nobody), ["land.site", "land.zone"]);
        assert_eq!(shown(&system), ["land.secret", "land.site", "land.zone"]);
        let api = read(ask(&bed, &nobody, "ogc.api", &[], &[]));
        assert!(api["paths"].get("/collections/land.secret/items").is_none());
        for operation in ["ogc.items", "ogc.collection", "ogc.schema", "ogc.queryables"] {
            let problem = ask(&bed, &nobody, operation, &["land.secret"], &[]).unwrap_err();
            assert_eq!(problem.code.status, 401, "{operation}");
            let problem = ask(&bed, &system, operation, &["land.nothing"], &[]).unwrap_err();
            assert_eq!(problem.code.status, 404, "{operation}");
        }
        assert_eq!(
            ask(&bed, &nobody, "ogc.item", &["land.site", "nothing"], &[])
                .unwrap_err()
                .code
                .status,
            404
        );
        // Pages are safe whatever the data says.
        for (operation, path) in [
            ("ogc.landing", &[][..]),
            ("ogc.conformance", &[]),
            ("ogc.api", &[]),
            ("ogc.collections", &[]),
            ("ogc.collection", &["land.site"]),
            ("ogc.queryables", &["land.site"]),
            ("ogc.items", &["land.site"]),
            ("ogc.item", &["land.site", "S01"]),
        ] {
            let (kind, page) = body(ask(&bed, &nobody, operation, path, &[("f", "html")]).unwrap());
            let page = String::from_utf8(page).unwrap();
            assert_eq!(kind, "text/html; charset=utf-8");
            assert!(
                page.starts_with("<!doctype html>") && !page.contains("<b>"),
                "{operation}"
            );
            assert!(page.contains("rel=\"alternate\""), "{operation}");
        }
    }
}
