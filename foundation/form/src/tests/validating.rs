use serde_json::{Value as Json, json};

use super::{cx, form, object, run};

/// One component under the key `a`: what is kept of a value, or the codes of what is wrong with it.
fn one(component: Json, value: Json) -> Result<Json, Vec<String>> {
    let mut component = component;
    component["key"] = json!("a");
    let given =
        json!({ "towns": ["武汉", { "label": "宜昌市", "value": "宜昌" }, { "value": 3 }], "limit": 10 });
    run(&form(json!([component])), json!({ "a": value }), given)
        .map(|kept| kept["a"].clone())
        .map_err(|errors| {
            errors
                .iter()
                .map(|error| error.replacen("/a ", "", 1).replacen("/a", "", 1))
                .collect()
        })
}

fn accepts(component: &Json, value: Json, kept: Json) {
    assert_eq!(
        one(component.clone(), value.clone()),
        Ok(kept),
        "{component} {value}"
    );
}

fn refuses(component: &Json, value: Json, codes: &[&str]) {
    let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(
        one(component.clone(), value.clone()),
        Err(codes),
        "{component} {value}"
    );
}

#[test]
fn texts() {
    let plain = json!({ "type": "textfield" });
    accepts(&plain, json!("张三"), json!("张三"));
    accepts(&plain, json!(null), json!(""));
    accepts(&plain, json!("a\nb"), json!("a b"));
    accepts(&json!({ "type": "textarea" }), json!("a\nb"), json!("a\nb"));
    refuses(&plain, json!(3), &["type"]);
    refuses(&plain, json!(["a"]), &["type"]);
    refuses(&plain, json!("a\0"), &["type"]);
    refuses(&plain, json!("字".repeat(100_001)), &["length"]);
    let required = json!({ "type": "textfield", "validate": { "required": true, "minLength": 2, "maxLength": "=limit - 6" } });
    accepts(&required, json!("张三"), json!("张三"));
    refuses(&required, json!(""), &["required"]);
    refuses(&required, json!("  "), &["required"]);
    refuses(&required, json!(null), &["required"]);
    refuses(&required, json!(" 张 "), &["length"]);
    refuses(&required, json!("张三李四王"), &["length"]);
    // As JavaScript counts: two units.
    accepts(&required, json!("𠮷"), json!("𠮷"));
    let pattern = json!({ "type": "textfield", "validate": { "pattern": "^\\d+$" } });
    accepts(&pattern, json!(""), json!(""));
    accepts(&pattern, json!("12"), json!("12"));
    refuses(&pattern, json!("1a"), &["pattern"]);
    let mail = json!({ "type": "textfield", "validate": { "validationType": "email" } });
    accepts(&mail, json!("a.b+c@example.com"), json!("a.b+c@example.com"));
    refuses(&mail, json!("a@"), &["email"]);
    refuses(&mail, json!("a@-x.com"), &["email"]);
    refuses(&mail, json!("a b@x.com"), &["email"]);
    let phone = json!({ "type": "textfield", "validate": { "validationType": "phone" } });
    accepts(&phone, json!("+8613800000000"), json!("+8613800000000"));
    refuses(&phone, json!("13800000000"), &["phone"]);
    refuses(&phone, json!("x+8613800000000"), &["phone"]);
}

#[test]
fn numbers() {
    let amount = json!({ "type": "number", "decimalDigits": 2, "validate": { "min": 0.1, "max": "=limit" } });
    accepts(&amount, json!(0.1), json!(0.1));
    accepts(&amount, json!(10), json!(10));
    accepts(&amount, json!(null), json!(null));
    refuses(&amount, json!(0.09), &["range"]);
    refuses(&amount, json!(10.01), &["range"]);
    refuses(&amount, json!(1.005), &["digits"]);
    refuses(&amount, json!("3"), &["type"]);
    refuses(&amount, json!(true), &["type"]);
    refuses(&amount, json!(1e300), &["range"]);
    let money = json!({ "type": "number", "serializeToString": true, "decimalDigits": 2, "increment": "0.05",
        "validate": { "max": "9007199254740993.10" } });
    accepts(&money, json!("9007199254740993.10"), json!("9007199254740993.10"));
    refuses(&money, json!("9007199254740993.15"), &["range"]);
    accepts(&money, json!("0.3"), json!("0.3"));
    accepts(&money, json!(".5"), json!("0.5"));
    accepts(&money, json!(12.5), json!("12.5"));
    accepts(&money, json!(""), json!(null));
    refuses(&money, json!("0.31"), &["step"]);
    refuses(&money, json!("0.305"), &["digits", "step"]);
    refuses(&money, json!("a"), &["type"]);
    refuses(&money, json!("0x10"), &["type"]);
    refuses(&money, json!("12345678901234567890123456789"), &["range"]);
    accepts(
        &json!({ "type": "number", "decimalDigits": 0 }),
        json!(3.0),
        json!(3.0),
    );
    refuses(
        &json!({ "type": "number", "validate": { "required": true } }),
        json!(null),
        &["required"],
    );
    accepts(
        &json!({ "type": "number", "validate": { "required": true } }),
        json!(0),
        json!(0),
    );
}

#[test]
fn moments() {
    let date = json!({ "type": "datetime", "subtype": "date", "disallowPassedDates": true,
        "properties": { "max": "=date(\"2022-03-10\")" } });
    accepts(&date, json!("2022-03-02"), json!("2022-03-02"));
    accepts(&date, json!(""), json!(null));
    refuses(&date, json!("2022-03-01"), &["range"]);
    refuses(&date, json!("2022-03-11"), &["range"]);
    refuses(&date, json!("2022-02-30"), &["format"]);
    refuses(&date, json!(20_220_302), &["type"]);
    let time = json!({ "type": "datetime", "subtype": "time", "timeSerializingFormat": "no_timezone", "timeInterval": 15,
        "properties": { "min": "08:00", "max": "18:00" } });
    accepts(&time, json!("08:15"), json!("08:15"));
    refuses(&time, json!("08:20"), &["step"]);
    refuses(&time, json!("07:45"), &["range"]);
    refuses(&time, json!("09:00Z"), &["zone"]);
    let moment = json!({ "type": "datetime", "subtype": "datetime", "timeSerializingFormat": "utc_normalized", "disallowPassedDates": true,
        "properties": { "max": "=now() + duration(\"P1D\")" } });
    // 17:00 UTC of 1 March is 2 March here.
    accepts(&moment, json!("2022-03-01T16:00Z"), json!("2022-03-01T16:00Z"));
    refuses(&moment, json!("2022-03-01T15:59Z"), &["range"]);
    accepts(
        &moment,
        json!("2022-03-03T01:00+08:00"),
        json!("2022-03-03T01:00+08:00"),
    );
    refuses(&moment, json!("2022-03-03T01:01+08:00"), &["range"]);
    refuses(&moment, json!("2022-03-02T10:00"), &["zone"]);
}

#[test]
fn choices() {
    let fixed = json!({ "type": "radio", "values": [{ "label": "甲", "value": "a" }, { "label": "一", "value": 1 }] });
    accepts(&fixed, json!("a"), json!("a"));
    accepts(&fixed, json!(1.0), json!(1.0));
    accepts(&fixed, json!(null), json!(null));
    refuses(&fixed, json!("b"), &["code"]);
    refuses(&fixed, json!("1"), &["code"]);
    refuses(&fixed, json!(["a"]), &["type"]);
    let key = json!({ "type": "select", "valuesKey": "towns" });
    accepts(&key, json!("武汉"), json!("武汉"));
    accepts(&key, json!("宜昌"), json!("宜昌"));
    accepts(&key, json!(3), json!(3));
    refuses(&key, json!("宜昌市"), &["code"]);
    refuses(
        &json!({ "type": "select", "valuesKey": "nothing" }),
        json!("武汉"),
        &["code"],
    );
    let computed = json!({ "type": "taglist", "valuesExpression": "=for n in [1, 2, 3] return n * limit" });
    accepts(&computed, json!([10, 30]), json!([10, 30]));
    accepts(&computed, json!([]), json!([]));
    refuses(&computed, json!([10, 40, 10]), &["/1 code", "/2 unique"]);
    refuses(&computed, json!(10), &["type"]);
    let needed =
        json!({ "type": "checklist", "values": [{ "value": "a" }], "validate": { "required": true } });
    refuses(&needed, json!([]), &["required"]);
    let box_ = json!({ "type": "checkbox", "validate": { "required": true } });
    accepts(&box_, json!(true), json!(true));
    refuses(&box_, json!(false), &["required"]);
    refuses(&box_, json!("true"), &["type"]);
}

#[test]
fn files() {
    let hash = "0123456789abcdef".repeat(4);
    let file =
        |name: &str, media: &str| json!({ "hash": hash, "name": name, "size": 3, "content_type": media });
    let one = json!({ "type": "filepicker", "accept": ".pdf, image/*", "validate": { "required": true } });
    accepts(
        &one,
        json!([file("a.PDF", "application/pdf")]),
        json!([file("a.PDF", "application/pdf")]),
    );
    accepts(
        &one,
        file("a.png", "image/png"),
        json!([file("a.png", "image/png")]),
    );
    refuses(&one, json!([file("a.exe", "application/x")]), &["/0 ending"]);
    refuses(&one, json!([file("a.pdf", "x"), file("b.pdf", "x")]), &["length"]);
    refuses(&one, json!([]), &["required"]);
    refuses(&one, json!("files::abc"), &["type"]);
    refuses(&one, json!([{ "hash": "0", "name": "a.pdf" }]), &["type"]);
    refuses(&one, json!([{ "hash": hash, "name": "../a.pdf" }]), &["type"]);
    refuses(
        &one,
        json!([{ "hash": hash, "name": "a.pdf", "path": "/etc" }]),
        &["type"],
    );
    let many = json!({ "type": "filepicker", "multiple": "=limit > 3" });
    accepts(
        &many,
        json!([file("a", "x"), file("b", "x")]),
        json!([file("a", "x"), file("b", "x")]),
    );
}

#[test]
fn hidden_read_only_and_computed_values_are_not_taken_from_what_is_sent() {
    let form = form(json!([
        { "type": "checkbox", "key": "company" },
        { "type": "textfield", "key": "firm", "conditional": { "hide": "=not(company)" }, "validate": { "required": true } },
        { "type": "textfield", "key": "boss", "conditional": { "hide": "=firm = null or firm = \"\"" } },
        { "type": "textfield", "key": "id", "readonly": true, "validate": { "required": true, "minLength": 30 } },
        { "type": "number", "key": "fee", "disabled": true, "defaultValue": 7 },
        { "type": "textfield", "key": "note", "readonly": "=state = \"closed\"" },
        { "type": "expression", "key": "total", "expression": "=fee * 2 + (if company then 1 else 0)" },
        { "type": "expression", "key": "again", "expression": "=total + 1" },
    ]));
    let check = |sent: Json, given: Json, kept: Json| {
        assert_eq!(run(&form, sent.clone(), given), Ok(kept), "{sent}");
    };
    check(
        json!({ "company": false, "firm": "甲", "boss": "乙", "id": "forged", "fee": 0, "note": "n", "total": 99, "again": 1 }),
        json!({ "id": "A1", "state": "open" }),
        json!({ "company": false, "id": "A1", "fee": 7, "note": "n", "total": 14, "again": 15 }),
    );
    check(
        json!({ "company": true, "firm": "甲", "boss": "乙", "note": "n" }),
        json!({ "id": "A1", "state": "closed", "note": "kept", "fee": 3, "firm": "老" }),
        json!({ "company": true, "firm": "甲", "boss": "乙", "id": "A1", "fee": 3, "note": "kept", "total": 7, "again": 8 }),
    );
    // As in the browser: a hidden field counts in conditions as the form was shown with it, never as it is sent.
    check(
        json!({ "company": false, "firm": "甲", "note": "" }),
        json!({ "firm": "老", "boss": "旧" }),
        json!({ "company": false, "boss": "", "id": "", "fee": 7, "note": "", "total": 14, "again": 15 }),
    );
    assert_eq!(
        run(&form, json!({ "company": true }), json!({})),
        Err(vec!["/firm required".into()])
    );
}

#[test]
fn either_of_two_fields_may_hide_the_other() {
    let either = form(json!([
        { "type": "textfield", "key": "a", "conditional": { "hide": "=b != null and b != \"\"" } },
        { "type": "textfield", "key": "b", "conditional": { "hide": "=a != null and a != \"\"" } },
    ]));
    assert_eq!(
        run(&either, json!({ "a": "x", "b": "" }), json!({})),
        Ok(json!({ "a": "x" }))
    );
    assert_eq!(
        run(&either, json!({ "a": "", "b": "y" }), json!({})),
        Ok(json!({ "b": "y" }))
    );
    // Both can't be: the first gives way.
    assert_eq!(
        run(&either, json!({ "a": "x", "b": "y" }), json!({})),
        Ok(json!({ "b": "y" }))
    );
    let never = form(json!([
        { "type": "checkbox", "key": "a", "conditional": { "hide": "=a = true" } },
    ]));
    assert_eq!(
        run(&never, json!({ "a": true }), json!({})),
        Err(vec![" conditions".into()])
    );
}

#[test]
fn required_by_a_condition() {
    let form = form(json!([
        { "type": "number", "key": "amount" },
        { "type": "textarea", "key": "why", "properties": { "required_when": "=amount > 1000" } },
    ]));
    assert!(run(&form, json!({ "amount": 10 }), json!({})).is_ok());
    assert_eq!(
        run(&form, json!({ "amount": 2000 }), json!({})),
        Err(vec!["/why required".into()])
    );
    assert!(run(&form, json!({ "amount": 2000, "why": "急" }), json!({})).is_ok());
}

#[test]
fn what_no_component_binds_is_refused() {
    let form = form(json!([
        { "type": "group", "path": "who", "components": [{ "type": "textfield", "key": "name.first" }] },
        { "type": "dynamiclist", "path": "rows", "components": [{ "type": "number", "key": "amount" }] },
        { "type": "text", "text": "x" },
    ]));
    let check = |sent: Json, expected: &[&str]| {
        assert_eq!(
            run(&form, sent.clone(), json!({})).unwrap_err(),
            expected,
            "{sent}"
        );
    };
    check(json!({ "admin": true }), &["/admin unknown"]);
    check(
        json!({ "who": { "name": { "frist": 1 }, "a/b": 1, "~": 2 } }),
        &["/who/name/frist unknown", "/who/a~1b unknown", "/who/~0 unknown"],
    );
    check(
        json!({ "rows": [{ "amount": 1 }, { "amonut": 2 }] }),
        &["/rows/1/amonut unknown"],
    );
    check(json!({ "rows": { "0": 1 } }), &["/rows type"]);
    check(json!({ "rows": [3] }), &["/rows/0 type"]);
    check(json!({ "who": "x" }), &["/who type"]);
    let errors = form.validate(&cx(), &object(json!({ "row": [] })), &object(json!({})));
    assert_eq!(errors.unwrap_err()[0].message, "表单没有这一项,是否应为“rows”");
}

#[test]
fn rows() {
    let form = form(json!([
        { "type": "number", "key": "most" },
        { "type": "dynamiclist", "path": "rows", "properties": { "min_repetitions": "1", "max_repetitions": "=most" }, "components": [
            { "type": "textfield", "key": "kind", "validate": { "required": true } },
            { "type": "number", "key": "amount", "validate": { "max": "=if this.kind = \"small\" then 10 else 100" },
              "conditional": { "hide": "=this.kind = \"none\"" } },
            { "type": "expression", "key": "double", "expression": "=this.amount * 2" },
            { "type": "expression", "key": "number", "expression": "=i[1]" },
            { "type": "dynamiclist", "path": "parts", "components": [
                { "type": "number", "key": "share", "validate": { "max": "=parent.amount" } },
            ] },
        ] },
        { "type": "expression", "key": "sum", "expression": "=sum(for row in rows return row.double)" },
    ]));
    let sent = json!({ "most": 3, "rows": [
        { "kind": "small", "amount": 5, "parts": [{ "share": 5 }, { "share": 1 }], "double": 1000 },
        { "kind": "big", "amount": 50, "parts": [] },
    ] });
    let kept = json!({ "most": 3, "rows": [
        { "kind": "small", "amount": 5, "double": 10, "number": 1, "parts": [{ "share": 5 }, { "share": 1 }] },
        { "kind": "big", "amount": 50, "double": 100, "number": 2, "parts": [] },
    ], "sum": 110 });
    assert_eq!(run(&form, sent, json!({})), Ok(kept));
    let check = |sent: Json, expected: &[&str]| {
        assert_eq!(
            run(&form, sent.clone(), json!({})).unwrap_err(),
            expected,
            "{sent}"
        );
    };
    check(json!({ "most": 1, "rows": [] }), &["/rows length"]);
    check(
        json!({ "most": 1, "rows": [{ "kind": "a" }, { "kind": "b" }] }),
        &["/rows length"],
    );
    check(
        json!({ "most": 3, "rows": [{ "kind": "small", "amount": 11 }, { "amount": 101, "parts": [{ "share": 102 }] }] }),
        &[
            "/rows/0/amount range",
            "/rows/1/kind required",
            "/rows/1/amount range",
            "/rows/1/parts/0/share range",
        ],
    );
    // A hidden amount is dropped, whatever it is.
    let kept = run(
        &form,
        json!({ "most": 3, "rows": [{ "kind": "none", "amount": 9999 }] }),
        json!({}),
    )
    .unwrap();
    assert_eq!(kept["rows"][0].get("amount"), None);
    let many: Vec<Json> = (0..501).map(|_| json!({})).collect();
    check(json!({ "most": 900, "rows": many }), &["/rows length"]);
}

#[test]
fn read_only_values_of_rows_are_those_of_the_rows_that_are_there() {
    let form = |more: Json| {
        let mut list = json!({ "type": "dynamiclist", "path": "rows", "components": [
            { "type": "textfield", "key": "id", "readonly": true },
            { "type": "number", "key": "fee", "disabled": true },
            { "type": "textfield", "key": "note" },
        ] });
        for (name, value) in more.as_object().unwrap() {
            list[name] = value.clone();
        }
        form(json!([list]))
    };
    let given = json!({ "rows": [{ "id": "A", "fee": 1 }, { "id": "B", "fee": 2 }] });
    let open = form(json!({}));
    let check = |sent: Json, kept: Json| {
        let rows = run(&open, json!({ "rows": sent.clone() }), given.clone()).unwrap();
        assert_eq!(rows["rows"], kept, "{sent}");
    };
    check(
        json!([{ "id": "A", "note": "x" }, { "id": "B", "note": "y" }]),
        json!([{ "id": "A", "fee": 1, "note": "x" }, { "id": "B", "fee": 2, "note": "y" }]),
    );
    // The first row was taken away, a new one added.
    check(
        json!([{ "id": "B", "note": "y" }, { "id": "", "note": "new" }]),
        json!([{ "id": "B", "fee": 2, "note": "y" }, { "id": "", "fee": null, "note": "new" }]),
    );
    let fixed = form(json!({ "allowAddRemove": false }));
    let errors = run(&fixed, json!({ "rows": [{ "note": "x" }] }), given.clone()).unwrap_err();
    assert_eq!(errors, ["/rows length"]);
    let kept = run(&fixed, json!({ "rows": [{ "id": "forged" }, {}] }), given.clone()).unwrap();
    assert_eq!(kept["rows"][0], json!({ "id": "A", "fee": 1, "note": "" }));
}

#[test]
fn messages_say_what_would_be_right() {
    let form = form(json!([
        { "type": "number", "key": "amount", "validate": { "min": 1, "max": 9 }, "increment": "0.5" },
        { "type": "select", "key": "kind", "values": [{ "value": "a" }, { "value": "b" }] },
        { "type": "textfield", "key": "name", "validate": { "minLength": 3, "pattern": "^a", "patternErrorMessage": "应以 a 开头" } },
        { "type": "datetime", "key": "day", "subtype": "date", "disallowPassedDates": true },
    ]));
    let sent = json!({ "amount": 9.7, "kind": "c", "name": "b", "day": "2022-03-01" });
    let errors = form
        .validate(&cx(), &object(sent), &object(json!({})))
        .unwrap_err();
    let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "不得大于 9",
            "应为 0.5 的倍数,最近的是 9.5 和 10",
            "不在可选项中。可选:a、b",
            "最少 3 个字,现有 1 个",
            "应以 a 开头",
            "不得早于今天(2022-03-02)",
        ]
    );
}

#[test]
fn first_values_are_computed() {
    let form = form(json!([
        { "type": "datetime", "key": "day", "properties": { "default": "=today() + duration(\"P7D\")" } },
        { "type": "group", "path": "who", "components": [
            { "type": "textfield", "key": "name", "properties": { "default": "=applicant.name" } },
        ] },
    ]));
    let given = object(json!({ "applicant": { "name": "张三" }, "who": { "age": 3 } }));
    assert_eq!(
        Json::Object(form.initial(&cx(), &given).unwrap()),
        json!({ "applicant": { "name": "张三" }, "who": { "age": 3, "name": "张三" }, "day": "2022-03-09" })
    );
    let given = object(json!({ "day": "2030-01-01", "applicant": { "name": "张三" } }));
    assert_eq!(form.initial(&cx(), &given).unwrap()["day"], "2030-01-01");
}

#[test]
fn expressions_do_not_read_without_end() {
    let form = form(json!([
        { "type": "dynamiclist", "path": "rows", "components": [
            { "type": "number", "key": "amount" },
            { "type": "number", "key": "kind" },
            { "type": "expression", "key": "all", "expression": "=count(rows)" },
        ] },
    ]));
    let check = |count: usize, expected: Result<(), Vec<String>>| {
        let rows = vec![json!({ "amount": 3, "kind": 0 }); count];
        assert_eq!(
            run(&form, json!({ "rows": rows }), json!({})).map(|_| ()),
            expected,
            "{count}"
        );
    };
    check(100, Ok(()));
    check(500, Err(vec![" expression".into()]));
}
