use banyan_base::{Severity, has_errors};
use serde_json::{Value as Json, json};

use super::schema;
use crate::parse;

/// The rules that the components break, in order, with `!` before errors.
fn rules(components: Json) -> Vec<String> {
    let (form, findings) = parse("forms/f.form.json", &schema(components));
    assert_eq!(form.is_some(), !has_errors(&findings));
    findings
        .iter()
        .map(|finding| {
            assert!(finding.line > 0 && finding.column > 0 && finding.file == "forms/f.form.json");
            match finding.severity {
                Severity::Error => format!("!{}", finding.rule),
                _ => finding.rule.clone(),
            }
        })
        .collect()
}

#[test]
fn every_component_type_is_taken() {
    let found = rules(json!([
        { "type": "text", "text": "# 标题 {{name}}", "layout": { "row": "r", "columns": 8 } },
        { "type": "html", "content": "<p>{{name}}</p>" },
        { "type": "image", "source": "https://example.com/a.png", "alt": "图" },
        { "type": "textfield", "key": "name", "label": "姓名", "description": "说明", "id": "a", "appearance": { "prefixAdorner": "x" },
          "validate": { "required": true, "minLength": 2, "maxLength": "=limit", "pattern": "^\\S+$", "patternErrorMessage": "不对" } },
        { "type": "textfield", "key": "mail", "validate": { "validationType": "email" } },
        { "type": "textarea", "key": "why", "readonly": "=state = \"done\"" },
        { "type": "number", "key": "amount", "decimalDigits": 2, "increment": 0.01, "validate": { "min": 0, "max": "=limit * 2" }, "defaultValue": 5 },
        { "type": "datetime", "key": "day", "subtype": "date", "dateLabel": "日期", "disallowPassedDates": true },
        { "type": "datetime", "key": "at", "subtype": "datetime", "timeSerializingFormat": "utc_offset", "timeInterval": 15, "use24h": true,
          "properties": { "min": "=now()" } },
        { "type": "checkbox", "key": "agree", "defaultValue": false },
        { "type": "checklist", "key": "list", "valuesKey": "given_list" },
        { "type": "radio", "key": "one", "values": [{ "label": "甲", "value": "a" }, { "label": "乙", "value": "b" }], "defaultValue": "a" },
        { "type": "select", "key": "town", "valuesExpression": "=towns[city = county]", "searchable": true },
        { "type": "taglist", "key": "tags", "values": [{ "label": "甲", "value": "a" }] },
        { "type": "filepicker", "key": "papers", "accept": ".pdf,image/*", "multiple": true },
        { "type": "table", "dataSource": "=rows", "columns": [{ "label": "天", "key": "days" }], "rowCount": 5 },
        { "type": "group", "label": "一组", "path": "who", "showOutline": true, "components": [{ "type": "textfield", "key": "name" }] },
        { "type": "dynamiclist", "path": "rows", "allowAddRemove": true, "defaultRepetitions": 2, "components": [
            { "type": "number", "key": "days", "validate": { "max": "=this.most" }, "conditional": { "hide": "=parent.agree" } },
            { "type": "number", "key": "most" },
        ] },
        { "type": "expression", "key": "total", "expression": "=amount * 2", "computeOn": "change" },
        { "type": "button", "label": "提交", "action": "submit" },
        { "type": "spacer", "height": 30 },
        { "type": "separator" },
    ]));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn mistakes_are_found() {
    let check = |component: Json, expected: &[&str]| {
        let said = component.to_string();
        assert_eq!(rules(json!([component])), expected, "{said}");
    };
    check(
        json!({ "type": "iframe", "url": "https://a" }),
        &["!form-component-refused"],
    );
    check(json!({ "type": "documentPreview" }), &["!form-component-refused"]);
    check(
        json!({ "type": "textfeld", "key": "a" }),
        &["!form-component-type"],
    );
    check(json!({ "key": "a" }), &["!form-component-type"]);
    check(json!(7), &["!form-component"]);
    check(json!({ "type": "textfield" }), &["!form-key-missing"]);
    check(
        json!({ "type": "dynamiclist", "components": [] }),
        &["!form-key-missing"],
    );
    check(json!({ "type": "textfield", "key": "a b" }), &["!form-key"]);
    check(json!({ "type": "textfield", "key": "1a" }), &["!form-key"]);
    check(json!({ "type": "textfield", "key": "a..b" }), &["!form-key"]);
    check(json!({ "type": "textfield", "key": "__proto__" }), &["!form-key"]);
    check(json!({ "type": "textfield", "key": "this" }), &["form-key-hides"]);
    check(
        json!({ "type": "textfield", "key": "a", "lable": "x" }),
        &["form-unknown-property"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "validate": { "min": 3 } }),
        &["form-unknown-property"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "conditional": { "show": "=x" } }),
        &["form-unknown-property"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "conditional": { "hide": "x > 3" } }),
        &["!form-feel-equals"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "conditional": { "hide": "=x >" } }),
        &["!form-feel"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "conditional": { "hide": "=1 + 1" } }),
        &["!form-feel"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "conditional": { "hide": true } }),
        &["!form-hide"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "conditional": { "hide": "=a > 3" } }),
        &["!form-feel"],
    );
    check(
        json!({ "type": "number", "key": "a", "conditional": { "hide": "=a > 3" } }),
        &[],
    );
    check(
        json!({ "type": "number", "key": "a", "serializeToString": true, "conditional": { "hide": "=a > 3" } }),
        &["!form-feel"],
    );
    check(
        json!({ "type": "datetime", "key": "a", "conditional": { "hide": "=a > today()" } }),
        &["!form-feel"],
    );
    check(
        json!({ "type": "datetime", "key": "a", "conditional": { "hide": "=date(a) > today()" } }),
        &[],
    );
    check(
        json!({ "type": "textfield", "key": "a", "readonly": "yes" }),
        &["!form-feel-equals"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "readonly": 3 }),
        &["!form-property-type"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "disabled": "=x" }),
        &["!form-disabled"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "validate": { "required": "=x" } }),
        &["!form-required"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "properties": { "required_when": "=x = 1" } }),
        &[],
    );
    check(
        json!({ "type": "textfield", "key": "a", "properties": { "required_when": "=x +" } }),
        &["!form-feel"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "disabled": true, "validate": { "required": true } }),
        &["form-required-disabled"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "validate": { "pattern": "(" } }),
        &["!form-pattern"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "validate": { "pattern": "(?=a)" } }),
        &["!form-pattern"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "validate": { "minLength": 5, "maxLength": 3 } }),
        &["!form-limits"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "validate": { "minLength": 1.5 } }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "validate": { "validationType": "fax" } }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "number", "key": "a", "validate": { "min": 0.3, "max": 0.1 } }),
        &["!form-limits"],
    );
    check(
        json!({ "type": "number", "key": "a", "validate": { "min": "x" } }),
        &["!form-property-type"],
    );
    check(
        json!({ "type": "number", "key": "a", "increment": 0 }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "number", "key": "a", "decimalDigits": 99 }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "number", "key": "a", "decimalDigits": -1 }),
        &["!form-property-type"],
    );
    check(
        json!({ "type": "datetime", "key": "a", "subtype": "week" }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "datetime", "key": "a", "timeInterval": 7 }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "datetime", "key": "a", "timeSerializingFormat": "local" }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "datetime", "key": "a", "properties": { "min": "2024-13-01" } }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "datetime", "key": "a", "properties": { "min": "2024-02-01", "max": "2024-01-01" } }),
        &["!form-limits"],
    );
    check(json!({ "type": "select", "key": "a" }), &["!form-options-source"]);
    check(
        json!({ "type": "select", "key": "a", "values": [], "valuesKey": "x" }),
        &["!form-options-source"],
    );
    check(
        json!({ "type": "select", "key": "a", "values": [] }),
        &["!form-options-empty"],
    );
    check(
        json!({ "type": "select", "key": "a", "values": [{ "value": "x" }, { "value": "x" }] }),
        &["!form-option-twice"],
    );
    check(
        json!({ "type": "select", "key": "a", "values": [{ "label": "x" }] }),
        &["!form-option"],
    );
    check(
        json!({ "type": "select", "key": "a", "valuesExpression": "=1 > 2" }),
        &["!form-feel"],
    );
    check(
        json!({ "type": "select", "key": "a", "values": [{ "value": "x" }], "defaultValue": "y" }),
        &["!form-default"],
    );
    check(
        json!({ "type": "checkbox", "key": "a", "defaultValue": "yes" }),
        &["!form-default"],
    );
    check(
        json!({ "type": "datetime", "key": "a", "defaultValue": "soon" }),
        &["!form-default"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "defaultValue": "=today()" }),
        &["!form-default"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "properties": { "default": "=string(today())" } }),
        &[],
    );
    check(
        json!({ "type": "filepicker", "key": "a", "accept": "pdf" }),
        &["!form-accept"],
    );
    check(
        json!({ "type": "filepicker", "key": "a", "accept": "=x" }),
        &["!form-accept"],
    );
    check(
        json!({ "type": "expression", "key": "a" }),
        &["!form-expression-missing"],
    );
    check(
        json!({ "type": "expression", "key": "a", "expression": "=a + 1" }),
        &["!form-expression-circle"],
    );
    check(
        json!({ "type": "expression", "key": "a", "expression": "=function(x) x" }),
        &["!form-feel"],
    );
    check(
        json!({ "type": "dynamiclist", "path": "a", "isRepeating": false, "components": [] }),
        &["!form-list-repeating"],
    );
    check(
        json!({ "type": "dynamiclist", "path": "a", "properties": { "min_repetitions": "3", "max_repetitions": "1" } }),
        &["!form-limits"],
    );
    check(
        json!({ "type": "html", "content": "<script>x</script>" }),
        &["!form-html-active"],
    );
    check(
        json!({ "type": "text", "text": "a <img src=x onerror=y>" }),
        &["!form-html-active"],
    );
    check(
        json!({ "type": "text", "text": "[a](javascript:x)" }),
        &["!form-html-link"],
    );
    check(
        json!({ "type": "text", "text": "[a](https://a/{{id}}) ![b](/b.png) <https://c> [d][e]" }),
        &[],
    );
    check(json!({ "type": "text", "text": "{{a +}}" }), &["form-template"]);
    check(
        json!({ "type": "text", "text": "{{#if a > 3}}x{{/if}} {{#loop rows}}{{this.a}}{{/loop}}" }),
        &[],
    );
    check(json!({ "type": "text", "text": "{{a" }), &["form-template"]);
    check(
        json!({ "type": "image", "source": "javascript:x" }),
        &["!form-image"],
    );
    check(
        json!({ "type": "table", "columns": [{ "key": "a" }] }),
        &["!form-table"],
    );
    check(json!({ "type": "table", "dataSource": "=a" }), &["!form-table"]);
    check(
        json!({ "type": "button", "action": "jump" }),
        &["!form-property-value"],
    );
    check(
        json!({ "type": "group", "components": 3 }),
        &["!form-property-type"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "label": 3 }),
        &["!form-property-type"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "properties": { "source": "a.b" } }),
        &["!form-prefill"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "properties": { "source": "ab", "by": "=x", "field": "c" } }),
        &["!form-prefill"],
    );
    check(
        json!({ "type": "textfield", "key": "a", "properties": { "source": "a.b", "by": "x", "field": "c" } }),
        &["!form-feel-equals"],
    );
    check(
        json!({ "type": "dynamiclist", "path": "l", "components": [
        { "type": "textfield", "key": "a", "properties": { "source": "a.b", "by": "=x", "field": "c" } }] }),
        &["!form-prefill-list"],
    );
    check(
        json!({ "type": "spacer", "properties": { "source": "a.b" } }),
        &["form-unknown-property"],
    );
}

#[test]
fn each_value_is_bound_once() {
    let field = |key: &str| json!({ "type": "textfield", "key": key });
    let group = |path: &str, inner: Json| json!({ "type": "group", "path": path, "components": inner });
    let list = |path: &str, inner: Json| json!({ "type": "dynamiclist", "path": path, "components": inner });
    let check = |components: Json, fine: bool| {
        let said = components.to_string();
        let expected: &[&str] = if fine { &[] } else { &["!form-key-twice"] };
        assert_eq!(rules(components), expected, "{said}");
    };
    check(json!([field("a"), field("b"), field("a.b")]), false);
    check(json!([field("a.b"), field("a.c")]), true);
    check(json!([field("a"), field("a")]), false);
    check(json!([field("a.b"), field("a")]), false);
    check(json!([field("x"), group("g", json!([field("x")]))]), true);
    check(json!([field("x"), group("", json!([field("x")]))]), false);
    check(json!([group("g", json!([field("x")])), field("g.x")]), false);
    check(
        json!([group("g", json!([field("x")])), group("g", json!([field("y")]))]),
        true,
    );
    check(
        json!([list("l", json!([field("x"), field("y.z")])), field("x")]),
        true,
    );
    check(json!([list("l", json!([field("x"), field("x")]))]), false);
    check(json!([list("l", json!([])), list("l", json!([]))]), false);
    check(json!([list("l", json!([field("x")])), field("l.y")]), false);
    check(
        json!([list("l", json!([list("m", json!([field("x")])), field("y")]))]),
        true,
    );
    check(
        json!([group("l", json!([field("y")])), list("l", json!([]))]),
        false,
    );
    let twice = json!([{ "type": "spacer", "id": "s" }, { "type": "spacer", "id": "s" }]);
    assert_eq!(rules(twice), ["!form-id-twice"]);
    let circle = json!([
        { "type": "expression", "key": "a", "expression": "=b + 1" },
        { "type": "group", "components": [{ "type": "expression", "key": "b", "expression": "=a + 1" }] },
    ]);
    assert_eq!(
        rules(circle),
        ["!form-expression-circle", "!form-expression-circle"]
    );
}

#[test]
fn the_file_as_a_whole() {
    let check = |text: &str, expected: &[&str]| {
        let (form, findings) = parse("f", text);
        let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(rules, expected, "{text:.200}");
        assert_eq!(form.is_some(), !has_errors(&findings));
    };
    check("", &["form-json"]);
    check("{", &["form-json"]);
    check("[]", &["form-json"]);
    check("{ 'type': 1 }", &["form-json"]);
    check("{\"type\":\"default\",} // x", &["form-json"]);
    check(&"[".repeat(100_000), &["form-json"]);
    check(
        &format!("{}{}", "[".repeat(300), "]".repeat(300)),
        &["form-depth"],
    );
    check(&" ".repeat((1 << 20) + 1), &["form-size"]);
    check("{}", &["form-type", "form-version", "form-empty"]);
    let root = |more: &str| format!("{{\"type\":\"default\",\"components\":[]{more}}}");
    check(&root(",\"schemaVersion\":19"), &[]);
    check(&root(",\"schemaVersion\":16,\"executionPlatform\":\"x\""), &[]);
    check(&root(",\"schemaVersion\":15"), &["form-version"]);
    check(&root(",\"schemaVersion\":20"), &["form-version"]);
    check(
        &root(",\"schemaVersion\":\"19\""),
        &["form-property-type", "form-version"],
    );
    check(
        &root(",\"schemaVersion\":19,\"component\":1"),
        &["form-unknown-property"],
    );
    check(
        &root(",\"schemaVersion\":19,\"schemaVersion\":18"),
        &["form-json-twice"],
    );
    let many: Vec<Json> = (0..501).map(|_| json!({ "type": "separator" })).collect();
    check(&schema(Json::Array(many)), &["form-size"]);
    let nested = |depth: usize| {
        let inner = json!({ "type": "separator" });
        (0..depth).fold(
            inner,
            |inner, _| json!({ "type": "group", "components": [inner] }),
        )
    };
    check(&schema(json!([nested(9)])), &[]);
    check(&schema(json!([nested(10)])), &["form-depth"]);
}

#[test]
fn findings_name_their_place_and_the_way_out() {
    let text = "{\n  \"type\": \"default\",\n  \"schemaVersion\": 19,\n  \"components\": [\n    { \"type\": \"number\", \"key\": \"a\", \"标签\": 1, \"lable\": \"x\" },\n    { \"type\": \"txtfield\", \"key\": \"b\" }\n  ]\n}";
    let (_, findings) = parse("forms/a.form.json", text);
    let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "forms/a.form.json:5:37: warning[form-unknown-property]: a `number` has no property `标签`; it does nothing\n    hint: leave it out",
            "forms/a.form.json:5:46: warning[form-unknown-property]: a `number` has no property `lable`; it does nothing\n    hint: did you mean `label`?",
            "forms/a.form.json:6:15: error[form-component-type]: there is no component type `txtfield`\n    hint: did you mean `textfield`?",
        ]
    );
}
