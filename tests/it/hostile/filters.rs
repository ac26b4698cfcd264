//! Filters, sorts and searches that try for more than they may have.

use super::Target;
use super::requests::ALL;

pub fn filters(target: &Target) {
    let list = |filter: &str| {
        target
            .clerk("GET", ALL)
            .query(&[("filter", filter), ("count", "1")])
    };
    let repeat = |text: &str, times: usize| text.repeat(times);
    let bad = [
        "name = 'x' OR 1=1 --".to_owned(),
        "1 = 1".into(),
        "name = 'x'; DROP TABLE r_bad__thing; --".into(),
        "name = 'x' UNION SELECT password FROM account".into(),
        "name = 'x' /* */ OR true".into(),
        "name = (SELECT name FROM r_bad__secret)".into(),
        "name = \"x".into(),
        "name = 'x".into(),
        "_seq > 0".into(),
        "_id = 'x'".into(),
        "f_name = 'x'".into(),
        "password = 'x'".into(),
        "pg_sleep(10) = 1".into(),
        "number = 1 AND sleep(10)".into(),
        "number = 'x'".into(),
        "number = 1e400".into(),
        "number > 99999999999999999999999999".into(),
        "name LIKE 5".into(),
        "".into(),
        "(".into(),
        "()".into(),
        "name =".into(),
        "= 'x'".into(),
        "name IN ()".into(),
        "name BETWEEN 'a'".into(),
        "S_INTERSECTS(place, POINT(1))".into(),
        "S_INTERSECTS(place, POLYGON((0 0)))".into(),
        "S_INTERSECTS(name, POINT(0 0))".into(),
        "\u{202e}name = 'x'".into(),
        repeat("(", 3_000),
        repeat("NOT ", 2_000) + "number = 1",
        format!("{}number = 1{}", repeat("(", 500), repeat(")", 500)),
        repeat("number = 1 AND ", 800) + "number = 1",
        format!("number IN ({}1)", repeat("1,", 5_000)),
        format!("name LIKE '{}'", repeat("%_", 2_000)),
        format!("name = '{}'", repeat("x", 14_000)),
        format!("name = {}'x'{}", repeat("CASEI(", 400), repeat(")", 400)),
        format!(
            "S_INTERSECTS(place, {}POINT(0 0){})",
            repeat("GEOMETRYCOLLECTION(", 400),
            repeat(")", 400)
        ),
        format!("number = {}1", repeat("-", 4_000)),
        format!("S_INTERSECTS(place, POLYGON(({}0 0)))", repeat("0 0,", 2_000)),
    ];
    let (mut refused, mut answered) = (0, 0);
    for filter in &bad {
        let answer = target.survives(filter, &list(filter));
        if answer.status == 200 {
            // What can be read as a filter is one: it finds what it says, not everything.
            let found = answer.json()["matched"].as_u64().unwrap_or(0);
            target.expect(found <= 1 || filter.is_empty(), || {
                format!("{filter} found {found}: {answer:?}")
            });
            answered += 1;
        } else {
            target.expect(answer.status == 400, || format!("{filter} {answer:?}"));
            refused += 1;
        }
    }
    println!(
        "{}: {refused} filters refused, {answered} answered",
        target.name()
    );
    let deep = |n: usize| {
        format!(
            "{}{}{}",
            "{\"op\":\"not\",\"args\":[".repeat(n),
            "true",
            "]}".repeat(n)
        )
    };
    let json = [
        "{".to_owned(),
        "[]".into(),
        "null".into(),
        "{\"op\":\"drop\",\"args\":[]}".into(),
        "{\"op\":\"=\",\"args\":[{\"property\":\"_seq\"},1]}".into(),
        "{\"op\":\"=\",\"args\":[{\"property\":\"name\"},{\"property\":\"none\"}]}".into(),
        "{\"op\":\"=\",\"args\":[{\"property\":\"name' OR '1'='1\"},\"x\"]}".into(),
        "{\"op\":\"=\",\"args\":[1,1]}".into(),
        "{\"op\":\"and\",\"args\":[]}".into(),
        "{\"op\":\"=\",\"args\":[{\"property\":\"number\"},1e400]}".into(),
        "{\"op\":\"like\",\"args\":[{\"property\":\"name\"},5]}".into(),
        "{\"op\":\"s_intersects\",\"args\":[{\"property\":\"place\"},{\"type\":\"Polygon\",\"coordinates\":[]}]}".into(),
        deep(40),
        deep(300),
        "[".repeat(5_000),
    ];
    for filter in &json {
        let items = "/ogc/collections/bad.thing/items";
        let request = target
            .clerk("GET", items)
            .query(&[("filter-lang", "cql2-json"), ("filter", filter)]);
        target.refuses(filter, &request, &[400]);
    }
    for words in [
        "'; DROP TABLE r_bad__thing; --",
        "\" OR \"",
        "* AND *",
        "NEAR(",
        "a:* | b",
        "\\",
        "'\\''",
        &"物".repeat(2_000),
        "((((",
        "^",
        "-",
    ] {
        target.survives(words, &target.clerk("GET", ALL).query(&[("q", words)]));
    }
    for (name, value) in [
        ("bbox", "1,2,3"),
        ("bbox", "a,b,c,d"),
        ("bbox", "NaN,0,1,1"),
        ("bbox", "0,0,1e999,1"),
        ("bbox", "181,0,182,1"),
        ("datetime", "x"),
        ("datetime", "2022-13-01T00:00:00Z"),
        ("limit", "-5"),
        ("cursor", "00"),
        ("f", "exe"),
        ("crs", "x"),
        ("nothing", "1"),
        ("filter-lang", "sql"),
        ("sortby", "_seq"),
    ] {
        let request = target
            .clerk("GET", "/ogc/collections/bad.thing/items")
            .query(&[(name, value)]);
        target.refuses(&format!("{name}={value}"), &request, &[400]);
    }
}
