//! Those who have no business here, and files that are not what they say.

use serde_json::json;

use super::Target;
use super::requests::ALL;
use super::wire::Ask;

pub fn strangers(target: &Target) {
    let create = || Ask::new("POST", ALL).json("{\"fields\":{\"name\":\"x\"}}");
    let cookie = |text: &str| create().header("Cookie", text);
    let session = |token: &str| format!("{}={token}", "banyan_session");
    let own = session(&target.clerk);
    let secret = "/v1/records/bad/secret";
    let cases: Vec<(&str, Ask, &[u16])> = vec![
        ("no session", create(), &[401]),
        ("a broken token", create().bearer("x"), &[401]),
        ("an empty token", create().bearer(""), &[401]),
        ("a token in Latin-1", create().header("Authorization", b"Bearer \xff"), &[400, 401]),
        ("basic", create().header("Authorization", "Basic YTpi"), &[401]),
        ("a broken cookie", cookie(&session("x")).header("X-Banyan", "1"), &[401]),
        ("a cookie of nothing", cookie("=;;;=").header("X-Banyan", "1"), &[401]),
        ("another site, with the cookie", cookie(&own), &[403]),
        ("another site, said by the browser", cookie(&own).header("Sec-Fetch-Site", "cross-site").header("Origin", "https://evil.example"), &[403]),
        ("a form of another site", Ask::new("POST", ALL).body("text/plain", "{\"fields\":{\"name\":\"x\"}}").header("Cookie", &own), &[403, 415]),
        ("another type", target.clerk("GET", secret), &[403, 404]),
        ("another type's export", target.clerk("GET", &format!("{secret}/export")), &[403, 404]),
        ("another type's import", target.clerk("POST", &format!("{secret}/imports")).body("text/csv", "name\nx\n"), &[403, 404]),
        ("another type by OGC", target.clerk("GET", "/ogc/collections/bad.secret/items"), &[403, 404]),
        ("jobs", target.clerk("GET", "/v1/jobs"), &[403]),
        ("accounts", target.clerk("GET", "/v1/accounts"), &[403]),
        ("an own administrator", target.clerk("POST", "/v1/accounts").json("{\"login\":\"evil\",\"name\":\"x\",\"roles\":[\"admin\"],\"password\":\"correct horse battery\"}"), &[403]),
        ("a package", target.clerk("POST", "/v1/packages/apply").json("{\"packages\":[]}"), &[403]),
        ("removing a package", target.clerk("DELETE", "/v1/packages/bad?allow_loss=1"), &[403]),
        ("a wrong password", Ask::new("POST", "/v1/session").json("{\"login\":\"boss\",\"password\":\"x\"}"), &[401, 422]),
        ("SQL for a login", Ask::new("POST", "/v1/session").json("{\"login\":\"' OR 1=1 --\",\"password\":\"x\"}"), &[401, 422]),
        ("NUL in a login", Ask::new("POST", "/v1/session").json("{\"login\":\"a\\u0000\",\"password\":\"x\"}"), &[400, 401, 422]),
        ("a long password", Ask::new("POST", "/v1/session").json(format!("{{\"login\":\"boss\",\"password\":\"{}\"}}", "x".repeat(900_000))), &[401, 422]),
    ];
    for (case, request, statuses) in cases {
        target.refuses(case, &request, statuses);
    }
    // What is somebody else's is not there.
    let started = target
        .send(
            &target
                .admin("POST", &format!("{ALL}/imports?dry_run=1"))
                .body("text/csv", "名称\n甲\n"),
        )
        .json();
    let import = format!("/v1/imports/{}", started["id"].as_str().unwrap());
    super::imports::ended(target, &target.admin, started["id"].as_str().unwrap());
    let kept = target
        .send(
            &target
                .admin("POST", "/v1/saved-filters")
                .json("{\"name\":\"x\",\"type\":\"bad.thing\",\"query\":\"a=1\"}"),
        )
        .json();
    let filter = format!("/v1/saved-filters/{}", kept["id"].as_str().unwrap());
    target.refuses("another's import", &target.clerk("GET", &import), &[404]);
    target.refuses(
        "another's faulty rows",
        &target.clerk("GET", &format!("{import}/errors")),
        &[404],
    );
    target.refuses(
        "stopping another's import",
        &target.clerk("POST", &format!("{import}/cancel")),
        &[404],
    );
    target.refuses("another's filter", &target.clerk("DELETE", &filter), &[403, 404]);
    let file = target
        .send(
            &target
                .admin("POST", "/v1/files")
                .body("application/pdf", "%PDF-x"),
        )
        .json();
    let hash = file["hash"].as_str().unwrap();
    target.refuses(
        "another's file",
        &target.clerk("GET", &format!("/v1/files/{hash}")),
        &[404],
    );
    target.refuses(
        "another's file by a record",
        &target.clerk("GET", &format!("/v1/files/{hash}?record=bad.thing/{}", target.id)),
        &[404],
    );
    let claim = json!({ "fields": { "name": "x", "paper": { "hash": hash, "name": "a.pdf", "size": 6, "content_type": "application/pdf" } } });
    target.refuses(
        "claiming another's file",
        &target.clerk("POST", ALL).json(claim.to_string()),
        &[422],
    );
}

pub fn uploads(target: &Target) {
    let upload = |kind: &str, body: &[u8]| target.clerk("POST", "/v1/files").body(kind, body);
    target.refuses("an empty file", &upload("application/pdf", b""), &[400]);
    target.refuses(
        "a file of 65 MiB",
        &upload("application/pdf", &vec![b'x'; 65 << 20]),
        &[413],
    );
    let answer = target
        .send(&upload("text/html", b"<script>").header("X-File-Name", "..%2F..%2Fetc%2Fpasswd%00%0d%0aX: y"));
    let stored = answer.json();
    let name = stored["name"].as_str().unwrap();
    assert!(
        !name.contains(['/', '\\', '\r', '\n', '\0']) && !name.contains(".."),
        "{answer:?}"
    );
    let hash = stored["hash"].as_str().unwrap();
    let served = target.send(&target.clerk("GET", &format!("/v1/files/{hash}?name=a%0d%0ab%22.html")));
    assert_eq!(
        (served.status, &served.body[..]),
        (200, &b"<script>"[..]),
        "{served:?}"
    );
    let pdf = target.send(&upload("application/pdf", b"%PDF-1.7")).json();
    let large = target.send(&upload("application/pdf", &[b'x'; 2_000])).json();
    let with = |paper: serde_json::Value| {
        let body = json!({ "fields": { "name": "x", "paper": paper } });
        target.clerk("POST", ALL).json(body.to_string())
    };
    let named = |file: &serde_json::Value, name: &str| json!({ "hash": file["hash"], "name": name, "size": file["size"], "content_type": "application/pdf" });
    for (case, paper) in [
        ("not a file", json!("x")),
        ("no hash", json!({ "name": "a.pdf" })),
        (
            "a hash of nothing",
            json!({ "hash": "0".repeat(64), "name": "a.pdf" }),
        ),
        (
            "a path for a hash",
            json!({ "hash": "../../etc/passwd", "name": "a.pdf" }),
        ),
        ("a wrong ending", named(&stored, "a.html")),
        ("too large", named(&large, "a.pdf")),
        ("a name with a path", named(&pdf, "../a.pdf")),
        ("a name with a line", named(&pdf, "a\r\nb.pdf")),
        (
            "more than a file has",
            json!({ "hash": pdf["hash"], "name": "a.pdf", "script": "x" }),
        ),
        ("several", json!([named(&pdf, "a.pdf"), named(&pdf, "b.pdf")])),
    ] {
        target.refuses(case, &with(paper), &[422]);
    }
    let lied = json!({ "hash": pdf["hash"], "name": "a.pdf", "size": 1, "content_type": "application/pdf" });
    let made = target.send(&with(lied));
    assert_eq!(
        (made.status, &made.json()["fields"]["paper"]["size"]),
        (201, &json!(8)),
        "{made:?}"
    );
}
