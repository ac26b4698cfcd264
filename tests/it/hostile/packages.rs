//! Packages that would hang or swell whoever checks or runs them.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Target;

fn record(field: &str) -> String {
    format!(
        "title = {{ zh = \"炸弹\" }}\nlabel = \"name\"\n[fields.name]\ntype = \"text\"\ntitle = {{ zh = \"名称\" }}\n[fields.number]\ntype = \"integer\"\ntitle = {{ zh = \"数\" }}\n{field}"
    )
}

fn computed(feel: &str) -> String {
    let feel = serde_json::to_string(feel).unwrap();
    record(&format!(
        "[fields.sum]\ntype = \"computed\"\nresult = \"integer\"\ntitle = {{ zh = \"和\" }}\nfeel = {feel}\n"
    ))
}

fn pattern(pattern: &str) -> String {
    record(&format!(
        "[fields.code]\ntype = \"text\"\ntitle = {{ zh = \"码\" }}\npattern = '{pattern}'\n"
    ))
}

const PACKAGE: &str =
    "id = \"bomb\"\ntitle = { zh = \"炸弹\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";

fn apply(target: &Target, verb: &str, files: &[(&str, &str)]) -> super::Ask {
    let files: serde_json::Map<_, _> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), json!(text)))
        .collect();
    target
        .admin("POST", &format!("/v1/packages/{verb}"))
        .json(json!({ "packages": [files] }).to_string())
}

pub fn bombs(target: &Target) {
    let cases = [
        ("a pattern that swells", pattern("(a{1000}){1000}")),
        (
            "a pattern of patterns",
            pattern("((((a{100}){100}){100}){100}){100}"),
        ),
        ("a pattern of classes", pattern(r"(\p{L}{1000}){100}")),
        ("a pattern too deep", pattern(&"(".repeat(5_000))),
        ("a pattern unclosed", pattern("(a+")),
        (
            "brackets in FEEL",
            computed(&format!("{}1{}", "(".repeat(2_000), ")".repeat(2_000))),
        ),
        (
            "lists in FEEL",
            computed(&format!("count({}{})", "[".repeat(2_000), "]".repeat(2_000))),
        ),
        (
            "ifs in FEEL",
            computed(&format!("{} 1", "if true then 1 else ".repeat(500))),
        ),
        ("minuses in FEEL", computed(&format!("{}1", "-".repeat(3_000)))),
        ("sums in FEEL", computed(&format!("1{}", " + 1".repeat(900)))),
        ("a long FEEL", computed(&format!("\"{}\"", "x".repeat(500_000)))),
        ("a wide for", computed("count(for i in 1..1000000000 return i)")),
        (
            "for in for in for",
            computed("count(for i in 1..99, j in 1..99, k in 1..9999 return i)"),
        ),
        (
            "every in every",
            computed("if every i in 1..9999 satisfies every j in 1..9999 satisfies i = j then 1 else 0"),
        ),
        ("recursion", computed("{f: function(n) f(n + 1), r: f(1)}.r")),
        (
            "Java from FEEL",
            computed(
                "{f: function(x) external {java: {class: \"java.lang.Runtime\", method signature: \"exec(String)\"}}, r: f(1)}.r",
            ),
        ),
        ("an unknown name", computed("nothing + 1")),
        (
            "nested TOML",
            format!("x = {}{}", "[".repeat(50_000), "]".repeat(50_000)),
        ),
        (
            "tables in TOML",
            format!("x = {}1{}", "{ a = ".repeat(50_000), " }".repeat(50_000)),
        ),
        ("dots in TOML", format!("{}x = 1", "a.".repeat(50_000))),
        ("NUL in TOML", "title = \"\0\"".to_owned()),
    ];
    // Refused for what is wrong with them, not for what else stands there.
    let plain = [record(""), computed("number + 1"), pattern("(a+)+b")];
    for text in &plain {
        let files = apply(
            target,
            "plan",
            &[("package.toml", PACKAGE), ("records/thing.toml", text)],
        );
        let answer = target.survives("a package as it should be", &files);
        target.expect(answer.status == 200, || format!("{text}: {answer:?}"));
    }
    for (case, text) in &cases {
        let began = Instant::now();
        let request = apply(
            target,
            "apply",
            &[("package.toml", PACKAGE), ("records/thing.toml", text)],
        );
        let answer = target.survives(case, &request);
        let findings = answer.json()["findings"].as_array().cloned().unwrap_or_default();
        let placed = findings.iter().any(|found| {
            found["severity"] == "error"
                && found["file"] == "records/thing.toml"
                && found["line"].as_u64() > Some(0)
        });
        target.expect(answer.status == 422 && placed, || format!("{case}: {answer:?}"));
        target.expect(began.elapsed() < Duration::from_secs(3), || {
            format!("{case} took {:?}", began.elapsed())
        });
    }
    let good = record("");
    for (case, path) in [
        ("a path upwards", "../../etc/evil.toml"),
        ("an absolute path", "/etc/evil.toml"),
        ("NUL in a path", "records/a\0.toml"),
        ("a path of Windows", "records\\..\\evil.toml"),
        ("a long path", &*"x/".repeat(5_000)),
        ("a SQL name", "records/a\"; DROP TABLE account; --.toml"),
    ] {
        target.refuses(
            case,
            &apply(target, "apply", &[("package.toml", PACKAGE), (path, &good)]),
            &[422, 400],
        );
    }
    for body in [
        "{}",
        "[]",
        "{\"packages\":{}}",
        "{\"packages\":[[]]}",
        "{\"packages\":[{}]}",
        "{\"packages\":[{\"package.toml\":1}]}",
        "{\"packages\":[{\"package.toml\":\"\"}]}",
    ] {
        target.refuses(
            body,
            &target.admin("POST", "/v1/packages/apply").json(body),
            &[400, 422],
        );
    }
    let evil = PACKAGE.replace("\"bomb\"", "\"bomb\\\"; DROP TABLE account; --\"");
    target.refuses(
        "SQL for an id",
        &apply(
            target,
            "apply",
            &[("package.toml", &evil), ("records/thing.toml", &good)],
        ),
        &[422],
    );
    for text in [
        "permit(",
        "permit(principal, action, resource) when { \"\\u{0}\" == \"\" };;",
        &"forbid(principal, action, resource) unless {".repeat(2_000),
    ] {
        let files = [
            ("package.toml", PACKAGE),
            ("records/thing.toml", &*good),
            ("policy.cedar", text),
        ];
        target.refuses("a broken policy", &apply(target, "apply", &files), &[422]);
    }
    // What is dear only where it runs: the record is made or refused, at once; the server lives.
    for (version, feel) in [
        "10 ** 999999999",
        "number ** number",
        "if 1 / (number - number) = null then 1 else 2",
        "count(for i in 1..999 return string(number))",
        "string length(replace(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"(a+)+$\", \"b\"))",
        "if matches(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\", \"(a+)+$\") then 1 else 2",
        "if matches(name, \"(a{1000}){1000}\") then 1 else 2",
    ]
    .iter()
    .enumerate()
    {
        let package = PACKAGE.replace("1.0.0", &format!("1.0.{version}"));
        let text = computed(feel);
        let began = Instant::now();
        let files = [("package.toml", &*package), ("records/thing.toml", &*text)];
        let applied = target.send(&apply(target, "apply", &files));
        target.expect(matches!(applied.status, 200 | 422) && applied.is_told(), || {
            format!("{feel}: {applied:?}")
        });
        let body = json!({ "fields": { "name": "x", "number": 1_000_000_000 } }).to_string();
        let made = target.send(&target.admin("POST", "/v1/records/bomb/thing").json(body));
        target.expect(
            matches!(made.status, 201 | 403 | 404 | 422) && made.is_told(),
            || format!("{feel}: {made:?}"),
        );
        target.expect(began.elapsed() < Duration::from_secs(5), || {
            format!("{feel} took {:?}", began.elapsed())
        });
        println!("{}: {feel}: {} {}", target.name(), applied.status, made.status);
    }
}
