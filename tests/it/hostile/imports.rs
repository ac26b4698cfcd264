//! Tables that nobody should import.

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use zip::write::SimpleFileOptions;

use super::Target;
use super::wire::Ask;

const IMPORTS: &str = "/v1/records/bad/thing/imports";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Waits for the end of an import.
pub fn ended(target: &Target, token: &str, id: &str) -> Json {
    let began = Instant::now();
    loop {
        let run = target
            .send(&Ask::new("GET", &format!("/v1/imports/{id}")).bearer(token))
            .json();
        if !matches!(run["state"].as_str(), Some("queued" | "running")) {
            return run;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "never ended: {run}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn import(target: &Target, kind: &str, body: &[u8]) -> Json {
    let answer = target.send(&target.clerk("POST", IMPORTS).body(kind, body));
    assert_eq!(answer.status, 202, "{answer:?}");
    ended(target, &target.clerk, answer.json()["id"].as_str().unwrap())
}

/// The file is refused as a whole, for this reason; nothing of it is in.
fn fails(target: &Target, case: &str, kind: &str, body: &[u8], reason: &str) {
    let things = target.counts()[0];
    let run = import(target, kind, body);
    let said = run["message"].as_str().is_some_and(|text| text.contains(reason));
    let clean = target.counts()[0] == things && run["created"] == 0;
    target.expect(run["state"] == "failed" && said && clean, || {
        format!("{case}: {run}, not {reason}")
    });
}

/// Some rows go in, each other is told of at its line with the column.
fn partly(target: &Target, case: &str, kind: &str, body: &[u8], created: i64, faulty: &[(i64, &str, &str)]) {
    let things = target.counts()[0];
    let run = import(target, kind, body);
    let counted = run["state"] == "done" && run["created"] == created && run["failed"] == faulty.len();
    let there = target.counts()[0] - things;
    target.expect(counted && there == created, || {
        format!("{case}: {there} rows by {run}")
    });
    let errors = run["first_errors"].as_array().unwrap();
    for (line, column, reason) in faulty {
        let found = errors.iter().any(|error| {
            error["line"] == *line
                && error["column"] == *column
                && error["message"].as_str().unwrap().contains(reason)
        });
        target.expect(found, || format!("{case}: no {reason} at line {line} of {run}"));
    }
}

/// Names and numbers of the records whose names begin so are these.
fn holds(target: &Target, like: &str, want: &[(&str, i64)]) {
    let want: Vec<(String, Json)> = want
        .iter()
        .map(|(name, number)| ((*name).to_owned(), json!(number)))
        .collect();
    let found = names(target, like);
    target.expect(found == want, || format!("{like}: {found:?}"));
}

fn names(target: &Target, like: &str) -> Vec<(String, Json)> {
    let filter = format!("name LIKE '{like}%'");
    let page = target
        .send(
            &target
                .clerk("GET", "/v1/records/bad/thing")
                .query(&[("filter", &filter), ("sortby", "number")]),
        )
        .json();
    let one = |item: &Json| {
        (
            item["fields"]["name"].as_str().unwrap().to_owned(),
            item["fields"]["number"].clone(),
        )
    };
    page["items"].as_array().unwrap().iter().map(one).collect()
}

pub fn tables(target: &Target) {
    // 名称,数 / 国标一,1 / 国标𠀀,2 (a character of four bytes) / 国标,逗号 quoted.
    let gb: &[u8] = b"\xc3\xfb\xb3\xc6,\xca\xfd\r\n\xb9\xfa\xb1\xea\xd2\xbb,1\r\n\xb9\xfa\xb1\xea\x95\x32\x82\x36,2\r\n\"\xb9\xfa\xb1\xea,\xb6\xba\xba\xc5\",3\r\n";
    partly(target, "GB18030", "text/csv", gb, 3, &[]);
    holds(
        target,
        "国标",
        &[("国标一", 1), ("国标\u{20000}", 2), ("国标,逗号", 3)],
    );
    let utf16: Vec<u8> = [0xfe, 0xff]
        .into_iter()
        .chain("名称,数\n宽字,1\n".encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    partly(target, "UTF-16", "text/csv", &utf16, 1, &[]);
    holds(target, "宽字", &[("宽字", 1)]);

    // UTF-8 with a broken byte is not another encoding: the row is told of, the others are what they were.
    let mut broken = "名称,数\n坏码甲,1\n坏码".as_bytes().to_vec();
    broken.extend(b"\xff,2\n");
    broken.extend("坏码丙,3\n".bytes());
    partly(
        target,
        "a broken byte",
        "text/csv",
        &broken,
        2,
        &[(3, "名称", "编码")],
    );
    holds(target, "坏码", &[("坏码甲", 1), ("坏码丙", 3)]);
    let cut = &"名称,数\n断尾甲,1\n断尾乙".as_bytes()[.."名称,数\n断尾甲,1\n断尾乙".len() - 1];
    partly(
        target,
        "a cut character",
        "text/csv",
        cut,
        1,
        &[(3, "名称", "编码")],
    );
    partly(
        target,
        "NUL",
        "text/csv",
        "名称,数\n空\0字,1\n空字,2\n".as_bytes(),
        1,
        &[(2, "名称", "空字符")],
    );
    partly(
        target,
        "faults of all kinds",
        "text/csv",
        "名称,数\n半途甲,1\n半途乙,x\n,3\n半途丁,99999999999999999999\n半途戊,5\n半途己,6,7,8\n".as_bytes(),
        3,
        &[(3, "数", "不是数字"), (4, "名称", "请填写"), (5, "数", "整数")],
    );
    let open = "名称,数\n引号甲,1\n\"引号乙,2\n引号丙,3\n".as_bytes();
    fails(target, "an open quotation mark", "text/csv", open, "第 3 行");
    let wide = format!(
        "{}\n{}\n",
        vec!["名称"; 10_000].join(","),
        vec!["x"; 10_000].join(",")
    );
    fails(target, "10,000 columns", "text/csv", wide.as_bytes(), "列数");
    let ragged = format!("名称\n{}\n", vec!["x"; 10_000].join(","));
    fails(
        target,
        "a row of 10,000 columns",
        "text/csv",
        ragged.as_bytes(),
        "列数",
    );
    fails(
        target,
        "unknown columns",
        "text/csv",
        "名称,密码\nx,y\n".as_bytes(),
        "密码",
    );
    fails(
        target,
        "one column twice",
        "text/csv",
        "名称,名称\nx,y\n".as_bytes(),
        "名称",
    );
    fails(
        target,
        "columns of the platform",
        "text/csv",
        "名称,_seq,_version\nx,1,1\n".as_bytes(),
        "_seq",
    );
    fails(target, "only blanks", "text/csv", b"\n\n  \n", "列名");
    fails(
        target,
        "a cell of 2 MB",
        "text/csv",
        format!("名称\n{}\n", "x".repeat(2 << 20)).as_bytes(),
        "第 2 行",
    );
    fails(target, "not a workbook", XLSX, b"PK\x03\x04rubbish", "XLSX");
    target.refuses(
        "nothing",
        &target.clerk("POST", IMPORTS).body("text/csv", b""),
        &[400, 415],
    );
    target.refuses("JSON", &target.clerk("POST", IMPORTS).json("{}"), &[415]);
    target.refuses(
        "a wrong mode",
        &target
            .clerk("POST", &format!("{IMPORTS}?mode=evil"))
            .body("text/csv", "名称\nx\n"),
        &[400],
    );
    target.refuses(
        "65 MiB",
        &target
            .clerk("POST", IMPORTS)
            .body("text/csv", vec![b'x'; 65 << 20]),
        &[413],
    );
    workbooks(target);
}

const CELLS: &str = r#"<row r="1"><c r="A1" t="inlineStr"><is><t>名称</t></is></c><c r="B1" t="inlineStr"><is><t>数</t></is></c></row>"#;

fn sheet(rows: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{CELLS}{rows}</sheetData></worksheet>"#
    )
}

/// A workbook of one sheet, and what else is to be in the archive.
fn workbook(sheet: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let head = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    let types = format!(
        r#"{head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>"#
    );
    let book = format!(
        r#"{head}<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="x" sheetId="1" r:id="rId1"/></sheets></workbook>"#
    );
    let links = format!(
        r#"{head}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#
    );
    let root = format!(
        r#"{head}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
    );
    let parts = [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", links.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    for (name, content) in parts.iter().chain(more) {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn workbooks(target: &Target) {
    let row = |line: usize, name: &str, number: &str| {
        format!(r#"<row r="{line}"><c r="A{line}" t="inlineStr"><is><t>{name}</t></is></c>{number}</row>"#)
    };
    let good = row(2, "簿甲", r#"<c r="B2"><v>1</v></c>"#);
    partly(target, "a workbook", XLSX, &workbook(&sheet(&good), &[]), 1, &[]);
    let errors = [
        good.as_str(),
        &row(3, "簿乙", "<c r=\"B3\" t=\"e\"><f>1/0</f><v>#DIV/0!</v></c>"),
        r##"<row r="4"><c r="A4" t="e"><f>NA()</f><v>#N/A</v></c><c r="B4"><v>4</v></c></row>"##,
    ];
    let bytes = workbook(&sheet(&errors.concat()), &[]);
    partly(
        target,
        "errors of formulas",
        XLSX,
        &bytes,
        1,
        &[(3, "数", "#DIV/0!"), (4, "名称", "#N/A")],
    );
    // What a spreadsheet would run is text here, and text again when it goes out.
    partly(
        target,
        "a formula as text",
        XLSX,
        &workbook(&sheet(&row(2, "=cmd|' /C calc'!A1", "")), &[]),
        1,
        &[],
    );
    let out = target.send(
        &target
            .clerk("GET", "/v1/records/bad/thing/export")
            .query(&[("filter", "name LIKE '=cmd%'"), ("format", "csv")]),
    );
    assert!(String::from_utf8_lossy(&out.body).contains("'=cmd"), "{out:?}");

    let zeros = vec![b'0'; (256 << 20) + 1];
    let bomb = workbook(&sheet(&good), &[("xl/sharedStrings.xml", &zeros)]);
    assert!(bomb.len() < 1 << 20);
    drop(zeros);
    fails(target, "a bomb", XLSX, &bomb, "压缩炸弹");
    let many: Vec<String> = (0..11_000).map(|number| format!("x/{number}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    fails(
        target,
        "11,000 parts",
        XLSX,
        &workbook(&sheet(&good), &many),
        "压缩炸弹",
    );
    for (case, rows) in [
        ("far columns", r#"<row r="2"><c r="XFD2"><v>1</v></c></row>"#),
        (
            "columns beyond columns",
            r#"<row r="2"><c r="ZZZZZZZZZZ2"><v>1</v></c></row>"#,
        ),
        (
            "rows beyond rows",
            r#"<row r="2"><c r="A99999999999999999999"><v>1</v></c></row>"#,
        ),
        ("a place of nothing", r#"<row r="2"><c r=""><v>1</v></c></row>"#),
        (
            "a string that is not there",
            r#"<row r="2"><c r="A2" t="s"><v>999999</v></c></row>"#,
        ),
        ("an unclosed row", r#"<row r="2"><c r="A2"><v>1</v>"#),
    ] {
        let things = target.counts()[0];
        let run = import(target, XLSX, &workbook(&sheet(rows), &[]));
        let created = run["created"].as_i64().unwrap();
        let whole = matches!(run["state"].as_str(), Some("failed" | "done"))
            && created <= 1
            && things + created == target.counts()[0];
        target.expect(whole, || format!("{case}: {run}"));
    }
    let entities: String = (1..10)
        .map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10)))
        .collect();
    let laughs = sheet(&row(2, "&e9;", "")).replacen(
        "?>",
        &format!("?><!DOCTYPE x [<!ENTITY e0 \"ha\">{entities}]>"),
        1,
    );
    let outside = sheet(&row(2, "&out;", "")).replacen(
        "?>",
        "?><!DOCTYPE x [<!ENTITY out SYSTEM \"file:///etc/passwd\">]>",
        1,
    );
    for (case, text) in [("a billion laughs", laughs), ("an entity from outside", outside)] {
        let began = Instant::now();
        let run = import(target, XLSX, &workbook(&text, &[]));
        assert!(began.elapsed() < Duration::from_secs(5), "{case}: {run}");
        let all = target.send(&target.clerk("GET", "/v1/records/bad/thing/export?format=csv"));
        let all = String::from_utf8_lossy(&all.body).into_owned();
        assert!(!all.contains("hahaha") && !all.contains("root:"), "{case}: {run}");
    }
}
