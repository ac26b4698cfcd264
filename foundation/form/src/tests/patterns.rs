use crate::html;
use crate::moment::{self, Part, Zone};
use crate::number;
use crate::pattern::Pattern;

#[test]
fn patterns_of_javascript_fit_what_they_fit_there() {
    let check = |pattern: &str, value: &str, fits: bool| {
        let pattern = Pattern::new(pattern).unwrap_or_else(|wrong| panic!("{pattern}: {wrong:?}"));
        assert_eq!(pattern.fits(value), fits, "{} on {value}", pattern.text);
    };
    check(r"^\d{3}$", "123", true);
    check(r"^\d{3}$", "١٢٣", false);
    check(r"^\w+$", "abc_1", true);
    check(r"^\w+$", "省", false);
    check(r"b", "abc", true);
    check(r"^[\u4e00-\u9fa5]{2,4}$", "张三", true);
    check(r"^[\u4e00-\u9fa5]{2,4}$", "张", false);
    check(r"^[^\d]+$", "abc", true);
    check(r"^[\w.-]+@[\w-]+\.\w+$", "a.b-c@d-e.cn", true);
    check(r"^a.c$", "a\nc", false);
    check(r"^a[^]c$", "a\nc", true);
    check(r"^[]$", "a", false);
    check(r"^a{2}$", "aa", true);
    check(r"^a+?b{1,2}?$", "aabb", true);
    check(r"^{a}$", "{a}", true);
    check(r"^a{,2}$", "a{,2}", true);
    check(r"^(?:ab)+(?<tail>c)$", "ababc", true);
    check(r"\bcat\b", "a cat!", true);
    check(r"\bcat\b", "concat", false);
    check(r"^[a&&b]+$", "a&b", true);
    check(r"^[a--z]+$", "a", true);
    check(r"^\/x\-y\.$", "/x-y.", true);
    check(r"^[[]+$", "[[", true);
    check(r"^\s$", "\u{3000}", true);
    check(r"^\S+$", "省a", true);
    check("^a|b$", "xb", true);
    check(r"^\x41\u0042$", "AB", true);
    check(r"^[\b]$", "\u{8}", true);
}

#[test]
fn patterns_that_can_not_be_run_alike_are_refused() {
    let check = |pattern: &str, part: &str| {
        let wrong = Pattern::new(pattern).unwrap_err();
        assert!(wrong.message.contains(part), "{pattern}: {wrong:?}");
    };
    check(r"(?=.*\d).+", "ahead");
    check(r"(?<!a)b", "behind");
    check(r"(a)\1", "back");
    check(r"(?<a>x)\k<a>", "back");
    check(r"(?i)a", "flags");
    check(r"\p{Han}", "each browser");
    check("(", "no regular expression");
    check("[a", "not closed");
    check("a\\", "ends with");
    check("a**", "another count");
    check("a{2}{3}", "another count");
    check("*a", "no regular expression");
    check(r"\uD83D", "names no character");
    check("(((a{1000}){1000}){1000}){1000}", "too large");
    check(&"a".repeat(2_000), "longer");
}

#[test]
fn html_says_how_text_looks_and_nothing_else() {
    let check = |text: &str, rules: &[&str]| {
        let found: Vec<&str> = html::check(text).iter().map(|wrong| wrong.rule).collect();
        assert_eq!(found, rules, "{text}");
    };
    check("<h1 class=\"a\">标题</h1><p style='color: red'>a &lt; b</p>", &[]);
    check("<a href=\"https://example.com\" target=\"_blank\">x</a>", &[]);
    check("<a href=\"/help#a\">x</a> <a href='#b'>y</a>", &[]);
    check("1 < 2 and a<-b", &[]);
    check("<p>{{name}} {{#if a < b}}x{{/if}}</p>", &[]);
    check("<script>alert(1)</script>", &["form-html-active"]);
    check("<ScRiPt src=//x>", &["form-html-active", "form-html-link"]);
    check("<p onclick=\"x()\">", &["form-html-active"]);
    check("<p ONMOUSEOVER=x>", &["form-html-active"]);
    check("<img src=x onerror=alert(1)>", &["form-html-active"]);
    check(
        "<svg/onload=alert(1)>",
        &["form-html-element", "form-html-active"],
    );
    check("<iframe src='https://a'></iframe>", &["form-html-active"]);
    check("<a href=\"javascript:x\">", &["form-html-link"]);
    check("<a href=\"java\nscript:x\">", &["form-html-link"]);
    check("<a href=\" \u{1}javascript:x\">", &["form-html-link"]);
    check("<a href=\"&#106;avascript:x\">", &["form-html-link"]);
    check("<a href=\"{{where}}\">", &["form-html-link"]);
    check("<a href=\"https://example.com/{{id}}\">", &[]);
    check("<a href=\"//evil.example\">", &["form-html-link"]);
    check("<img src=\"data:image/svg+xml,<svg>\">", &["form-html-link"]);
    check("<img src=\"data:image/png;base64,AAAA\">", &[]);
    check("<p style=\"background: url(https://a)\">", &["form-html-style"]);
    check("<style>p { color: red }</style>", &[]);
    check("<style>@import 'https://a';</style>", &["form-html-style"]);
    check(
        "<form><input></form>",
        &["form-html-element", "form-html-element"],
    );
    check("<p formaction=x>", &["form-html-attribute"]);
    check("<object data=x>", &["form-html-active", "form-html-attribute"]);
    check("<math><mi>", &["form-html-element", "form-html-element"]);
}

#[test]
fn decimals_are_exact() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(
            number::parse(text).map(|value| value.to_string()).as_deref(),
            expected,
            "{text}"
        );
    };
    check("12.50", Some("12.50"));
    check("-0.1", Some("-0.1"));
    check(".5", Some("0.5"));
    check("5.", Some("5"));
    check("1e3", Some("1000"));
    check("1.5E-2", Some("0.015"));
    check(
        "12345678901234567890.12345678",
        Some("12345678901234567890.12345678"),
    );
    check("0", Some("0"));
    check("-0", Some("0"));
    check("000", Some("0"));
    check("12345678901234567890123456789", None);
    check("1e400", None);
    check("1e-400", None);
    check("1e99999999999999999999", None);
    check("", None);
    check(".", None);
    check("-", None);
    check("0x10", None);
    check("1,000", None);
    check("١", None);
    check("NaN", None);
    check("1 ", None);
}

#[test]
fn moments_are_read_strictly() {
    let check = |text: &str, part: Part, zone: Option<Zone>| {
        assert_eq!(moment::read(text, part).map(|(_, zone)| zone), zone, "{text}");
    };
    check("2024-02-29", Part::Date, Some(Zone::None));
    check("2023-02-29", Part::Date, None);
    check("20240229", Part::Date, None);
    check("2024-02-29T10:00", Part::Date, None);
    check("09:30", Part::Time, Some(Zone::None));
    check("09:30:15", Part::Time, Some(Zone::None));
    check("24:00", Part::Time, None);
    check("09:60", Part::Time, None);
    check("9:30", Part::Time, None);
    check("09:30Z", Part::Time, Some(Zone::Utc));
    check("09:30+08:00", Part::Time, Some(Zone::Offset));
    check("09:30+8", Part::Time, None);
    check("2024-03-01T09:30+08:00", Part::DateTime, Some(Zone::Offset));
    check("2024-03-01T09:30", Part::DateTime, Some(Zone::None));
    check("2024-03-01 09:30", Part::DateTime, None);
    check("2024-03-01T09:30+99:00", Part::DateTime, None);
    check("", Part::DateTime, None);
    check("省", Part::Time, None);
    let at = |text: &str| moment::read(text, Part::DateTime).unwrap().0;
    assert_eq!(at("2024-03-01T01:30Z"), at("2024-03-01T09:30"));
    assert!(at("2024-03-01T00:30+08:00") < at("2024-02-29T17:00Z"));
}
