//! Bodies, addresses and headers that nobody should send.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Target;
use super::wire::{Ask, read};

pub const ALL: &str = "/v1/records/bad/thing";

pub fn bodies(target: &Target) {
    let post = |body: &[u8]| target.clerk("POST", ALL).json(body);
    let name = |text: &str| format!("{{\"fields\":{{\"name\":\"{text}\"}}}}").into_bytes();
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"fields\":{{\"name\":\"x\",\"more\":{}1{}}}}}",
            open.repeat(100_000),
            close.repeat(100_000)
        )
        .into_bytes()
    };
    let field = |text: &str| format!("{{\"fields\":{{\"name\":\"x\",{text}}}}}").into_bytes();
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("malformed", b"{\"fields\":".to_vec(), &[400]),
        ("a lone comma", b",".to_vec(), &[400]),
        ("nothing", Vec::new(), &[400]),
        ("blanks", b"   ".to_vec(), &[400]),
        ("an array", b"[]".to_vec(), &[400, 422]),
        ("a text", b"\"x\"".to_vec(), &[400, 422]),
        ("null", b"null".to_vec(), &[400, 422]),
        (
            "two documents",
            b"{\"fields\":{\"name\":\"x\"}}{}".to_vec(),
            &[400],
        ),
        ("over-long", name(&"x".repeat(2 << 20)), &[413]),
        ("a field of 10 MB", name(&"x".repeat(10 << 20)), &[413]),
        ("a field of 900 kB", name(&"x".repeat(900_000)), &[422]),
        ("deep arrays", deep("[", "]"), &[400]),
        ("deep objects", deep("{\"a\":", "}"), &[400]),
        ("deep and never closed", b"[".repeat(100_000), &[400]),
        ("NaN", field("\"rate\":NaN"), &[400]),
        ("Infinity", field("\"rate\":Infinity"), &[400]),
        ("1e999", field("\"rate\":1e999"), &[400, 422]),
        ("1e308", field("\"rate\":1e308"), &[422]),
        (
            "a huge integer",
            field(&format!("\"number\":{}", "9".repeat(400))),
            &[400, 422],
        ),
        ("beyond 64 bits", field("\"number\":9223372036854775808"), &[422]),
        ("NaN as text", field("\"rate\":\"NaN\""), &[422]),
        (
            "duplicate keys",
            b"{\"fields\":{\"name\":\"a\",\"name\":\"b\"}}".to_vec(),
            &[400],
        ),
        (
            "duplicate members",
            b"{\"fields\":{\"name\":\"a\"},\"fields\":{\"name\":\"b\"}}".to_vec(),
            &[400],
        ),
        ("a lone surrogate", name("\\ud800"), &[400]),
        ("surrogates reversed", name("\\udc00\\ud800"), &[400]),
        ("NUL", name("a\\u0000b"), &[422]),
        (
            "a bare NUL",
            b"{\"fields\":{\"name\":\"a\x00b\"}}".to_vec(),
            &[400],
        ),
        (
            "NUL in JSON",
            field("\"more\":{\"a\\u0000\":\"\\u0000\"}"),
            &[422],
        ),
        (
            "invalid UTF-8",
            b"{\"fields\":{\"name\":\"\xff\xfe\"}}".to_vec(),
            &[400],
        ),
        (
            "overlong UTF-8",
            b"{\"fields\":{\"name\":\"\xc0\xaf\"}}".to_vec(),
            &[400],
        ),
        (
            "UTF-16",
            "{\"fields\":{}}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
            &[400],
        ),
        (
            "a control character",
            b"{\"fields\":{\"name\":\"a\x01b\"}}".to_vec(),
            &[400],
        ),
        (
            "an unknown member",
            b"{\"fields\":{\"name\":\"x\"},\"admin\":true}".to_vec(),
            &[422],
        ),
        (
            "the id",
            b"{\"fields\":{\"name\":\"x\"},\"id\":\"1\"}".to_vec(),
            &[422],
        ),
        ("a state", field("\"state\":\"shut\""), &[422]),
        ("a version", field("\"version\":9"), &[422]),
        ("_seq", field("\"_seq\":1"), &[422]),
        ("_id", field("\"_id\":\"1\""), &[422]),
        ("_created_by", field("\"_created_by\":\"x\""), &[422]),
        ("a computed field", field("\"twice\":4"), &[422]),
        (
            "a field named as SQL",
            field("\"number = 1; DROP TABLE r_bad__thing; --\":1"),
            &[422],
        ),
        ("a text for fields", b"{\"fields\":\"name\"}".to_vec(), &[422]),
        ("an object for a text", field("\"code\":{}"), &[422]),
        (
            "an open ring",
            field("\"place\":{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1],[2,2]]]}"),
            &[422],
        ),
        (
            "coordinates out of range",
            field("\"place\":{\"type\":\"Point\",\"coordinates\":[1e300,0]}"),
            &[422],
        ),
        (
            "a collection of geometries",
            field("\"place\":{\"type\":\"GeometryCollection\",\"geometries\":[]}"),
            &[422],
        ),
        (
            "a long note",
            b"{\"fields\":{\"name\":\"x\"},\"note\":\""
                .iter()
                .copied()
                .chain(b"x".repeat(5_000))
                .chain(*b"\"}")
                .collect(),
            &[422],
        ),
    ];
    for (case, body, statuses) in cases {
        target.refuses(case, &post(&body), statuses);
    }
    for kind in [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "",
        "\u{1}",
    ] {
        let request = target.clerk("POST", ALL).body(kind, name("x"));
        target.refuses(&format!("type {kind:?}"), &request, &[400, 415]);
    }
    // Linear time: a pattern that is a bomb elsewhere.
    let began = Instant::now();
    target.refuses(
        "a pattern's bomb",
        &post(&field(&format!("\"code\":\"{}\"", "a".repeat(5_000)))),
        &[422],
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    // One byte now and then: the server gives up, not the caller.
    slow(target, b"POST /v1/records/bad/thing HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", &[408]);
    slow(target, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", &[0, 408]);
}

/// A request that never ends: the server lets go of it.
fn slow(target: &Target, start: &[u8], statuses: &[u16]) {
    let mut stream = TcpStream::connect(target.address).unwrap();
    stream.write_all(start).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        for _ in 0..28 {
            std::thread::sleep(Duration::from_secs(1));
            if writing.write_all(b"x").is_err() {
                break;
            }
        }
    });
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let began = Instant::now();
    let answer = read(&mut stream);
    let _ = stream.shutdown(std::net::Shutdown::Both);
    drop(drip);
    let told = format!("{} slow {answer:?} after {:?}", target.name(), began.elapsed());
    target.expect(
        statuses.contains(&answer.status) && began.elapsed() < Duration::from_secs(35),
        || told,
    );
}

pub fn addresses_and_headers(target: &Target) {
    let one = format!("{ALL}/{}", target.id);
    let get = |path: &str| target.clerk("GET", path);
    let patch = || target.clerk("PATCH", &one).json("{\"fields\":{\"number\":5}}");
    let long = "x".repeat(20_000);
    let cases: Vec<(&str, Ask, &[u16])> = vec![
        ("no such address", get("/v1/nothing"), &[404]),
        ("no such package", get("/v1/records/none/thing"), &[403, 404]),
        ("no such type", get("/v1/records/bad/none"), &[403, 404]),
        ("no such record", get(&format!("{ALL}/x")), &[404]),
        ("SQL for an id", get(&format!("{ALL}/x'%20OR%20'1'='1")), &[404]),
        (
            "a long id",
            get(&format!("{ALL}/{}", "x".repeat(8_000))),
            &[404, 400],
        ),
        ("PUT", target.clerk("PUT", ALL).json("{}"), &[405]),
        ("TRACE", target.clerk("TRACE", ALL), &[405]),
        ("an invented method", target.clerk("BREW", ALL), &[405]),
        (
            "broken UTF-8 in the path",
            get("/v1/records/bad/thing/%FF%FE"),
            &[400],
        ),
        ("NUL in the path", get("/v1/records/bad/thing/a%00b"), &[400]),
        (
            "broken UTF-8 in the query",
            get("/v1/records/bad/thing?q=%FF"),
            &[400],
        ),
        ("a broken escape", get("/v1/records/bad/thing?q=%zz"), &[400]),
        ("a cut escape", get("/v1/records/bad/thing?q=%4"), &[400]),
        ("NUL in the query", get("/v1/records/bad/thing?q=a%00"), &[400]),
        (
            "NUL in a name of the query",
            get("/v1/records/bad/thing?%00=1"),
            &[400],
        ),
        ("a long query", get(&format!("{ALL}?q={long}")), &[400]),
        ("limit 0", get(&format!("{ALL}?limit=0")), &[400]),
        ("limit -1", get(&format!("{ALL}?limit=-1")), &[400]),
        (
            "limit 1e9",
            get(&format!("{ALL}?limit=99999999999999999999")),
            &[400],
        ),
        ("limit x", get(&format!("{ALL}?limit=x")), &[400]),
        ("a forged cursor", get(&format!("{ALL}?cursor=7b7d")), &[400]),
        ("no cursor at all", get(&format!("{ALL}?cursor=zz")), &[400]),
        (
            "a cursor of half a byte",
            get(&format!("{ALL}?cursor=abc")),
            &[400],
        ),
        ("a moment", get(&format!("{ALL}?as_of=yesterday")), &[400]),
        ("unknown sort", get(&format!("{ALL}?sortby=none")), &[400]),
        (
            "SQL for a sort",
            get(&format!("{ALL}?sortby=name;DROP%20TABLE%20r_bad__thing")),
            &[400],
        ),
        ("sort by _seq", get(&format!("{ALL}?sortby=_seq")), &[400]),
        ("sort by f_name", get(&format!("{ALL}?sortby=f_name")), &[400]),
        (
            "many sorts",
            get(&format!("{ALL}?sortby={}", "name,".repeat(500))),
            &[400],
        ),
        (
            "a view of none",
            get(&format!("{ALL}/aggregate?view=none")),
            &[400, 404],
        ),
        ("a format", get(&format!("{ALL}/export?format=exe")), &[400, 406]),
        (
            "a place in the feed",
            target.admin("GET", "/v1/events?after=x"),
            &[400],
        ),
        (
            "a place beyond numbers",
            target.admin("GET", "/v1/events?after=99999999999999999999-1"),
            &[400],
        ),
        ("a file by path", get("/v1/files/..%2f..%2fetc%2fpasswd"), &[404]),
        (
            "a file by no hash",
            get(&format!("/v1/files/{}", "0".repeat(63))),
            &[404],
        ),
        (
            "an unknown hash",
            get(&format!("/v1/files/{}", "0".repeat(64))),
            &[404],
        ),
        ("no If-Match", patch(), &[428]),
        ("a late If-Match", patch().header("If-Match", "\"999\""), &[412]),
        (
            "If-Match without marks",
            patch().header("If-Match", "1"),
            &[400, 412],
        ),
        (
            "If-Match unclosed",
            patch().header("If-Match", "\"1"),
            &[400, 412],
        ),
        (
            "If-Match of words",
            patch().header("If-Match", "\"' OR 1=1 --\""),
            &[412],
        ),
        (
            "a weak late If-Match",
            patch().header("If-Match", "W/\"2\""),
            &[412],
        ),
        ("weak twice", patch().header("If-Match", "W/W/\"1\""), &[400, 412]),
        (
            "an empty If-Match",
            patch().header("If-Match", ""),
            &[400, 412, 428],
        ),
        (
            "If-Match in Latin-1",
            patch().header("If-Match", b"\"\xff\""),
            &[400],
        ),
        ("delete without If-Match", target.clerk("DELETE", &one), &[428]),
        (
            "a long key",
            patch()
                .header("If-Match", "\"1\"")
                .header("Idempotency-Key", "k".repeat(300)),
            &[400],
        ),
        (
            "an empty key",
            patch().header("If-Match", "\"1\"").header("Idempotency-Key", ""),
            &[400],
        ),
        (
            "a key in Latin-1",
            patch()
                .header("If-Match", "\"1\"")
                .header("Idempotency-Key", b"\xe9"),
            &[400],
        ),
        (
            "an unknown transition",
            target
                .clerk("POST", &format!("{one}/transitions/none"))
                .json("{\"fields\":{}}")
                .header("If-Match", "*"),
            &[404, 409],
        ),
        (
            "huge headers",
            get(ALL).header("X-Huge", "x".repeat(1 << 20)),
            &[400, 431],
        ),
        (
            "many headers",
            (0..500).fold(get(ALL), |ask, n| ask.header(&format!("X-{n}"), "x")),
            &[400, 431],
        ),
        (
            "a huge address",
            get(&format!("/{}", "x".repeat(200_000))),
            &[400, 404, 414, 431],
        ),
    ];
    for (case, request, statuses) in cases {
        target.refuses(case, &request, statuses);
    }
    // A key used again for something else.
    let create = |name: &str| {
        let body = json!({ "fields": { "name": name } }).to_string();
        target
            .clerk("POST", ALL)
            .json(body)
            .header("Idempotency-Key", "once")
    };
    assert_eq!(target.send(&create("一")).status, 201);
    target.refuses("a key used twice", &create("二"), &[422]);
    assert_eq!(target.survives("the same again", &create("一")).status, 201);
    // A cursor of another query.
    let page = target.send(&get(&format!("{ALL}?limit=2&sortby=name"))).json();
    let next = page["next"].as_str().unwrap();
    target.refuses(
        "another query's cursor",
        &get(&format!("{ALL}?limit=2&sortby=number&cursor={next}")),
        &[400],
    );
    for limit in ["100000", "4294967295"] {
        target.survives("a large limit", &get(&format!("{ALL}?limit={limit}")));
    }
    for path in [
        "/desk/../../../../etc/passwd",
        "/desk/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/desk/..%2f..%2f..%2fetc%2fpasswd",
        "/desk//etc/passwd",
        "/desk/assets/../../Cargo.toml",
    ] {
        let answer = target.send(&get(path));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(
            answer.status < 500 && !text.contains("root:") && !text.contains("[workspace]"),
            "{path} {answer:?}"
        );
    }
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /v1/records/bad/th\xffing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ] {
        let answer = super::ask(target.address, &[garbage, &b"\r\n"[..]].concat());
        target.expect(answer.status < 500, || format!("{garbage:?} {answer:?}"));
    }
}
