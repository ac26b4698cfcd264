//! S-FEEL as data: what is read, and where a value stands.

use crate::sfeel::{Class, PART, Piece, Test, days_of, parts, read};

#[test]
fn tests_are_read_as_they_are_written() {
    let number =
        |low: Option<(i128, bool)>, high: Option<(i128, bool)>| Piece::Span(Class::Number, low, high);
    let check = |text: &str, expected: Test| assert_eq!(read(text), expected, "{text}");
    check("-", Test::Any);
    check(
        "5",
        Test::In(vec![number(Some((5 * PART, true)), Some((5 * PART, true)))]),
    );
    check(
        "< -1.5",
        Test::In(vec![number(None, Some((-15 * PART / 10, false)))]),
    );
    check(
        "[1..2)",
        Test::In(vec![number(Some((PART, true)), Some((2 * PART, false)))]),
    );
    check(
        "]1..2]",
        Test::In(vec![number(Some((PART, false)), Some((2 * PART, true)))]),
    );
    check(
        "\"a\", \"b\"",
        Test::In(vec![Piece::Text("a".into()), Piece::Text("b".into())]),
    );
    check("not(true)", Test::Not(vec![Piece::Boolean(true)]));
    check("null", Test::In(vec![Piece::Null]));
    check(
        ">= date(\"1970-01-02\")",
        Test::In(vec![Piece::Span(Class::Date, Some((1, true)), None)]),
    );
    check(
        "@\"P1Y2M\"",
        Test::In(vec![Piece::Span(
            Class::YearMonth,
            Some((14, true)),
            Some((14, true)),
        )]),
    );
    check(
        "!= 5",
        Test::Unequal(number(Some((5 * PART, true)), Some((5 * PART, true)))),
    );
    for other in [
        "? > 5",
        "x",
        "1 + 2",
        "contains(?, \"a\")",
        "0.0000000000001",
        "[1, 2]",
        "not(= 3)",
    ] {
        check(other, Test::Other);
    }
}

#[test]
fn days_and_parts_are_exact() {
    for (text, expected) in [
        ("0", Some(0)),
        ("-0.5", Some(-PART / 2)),
        ("12.000000000001", Some(12 * PART + 1)),
        ("1e3", None),
    ] {
        assert_eq!(parts(text), expected, "{text}");
    }
    let mut day = jiff::civil::date(1583, 1, 1);
    while day.year() < 2500 {
        let expected = day.since(jiff::civil::date(1970, 1, 1)).unwrap().get_days();
        let got = days_of(
            i64::from(day.year()),
            i64::from(day.month()),
            i64::from(day.day()),
        );
        assert_eq!(got, i64::from(expected), "{day}");
        day = day.checked_add(jiff::Span::new().days(13)).unwrap();
    }
}
