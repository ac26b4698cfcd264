use std::sync::Arc;

use jiff::civil::date;

use crate::cn::{self, Fault};
use crate::text::{self, Term};
use crate::{ManualClock, Money, World};

#[test]
fn person_numbers() {
    let check = |text: &str, expected: Result<(), Fault>| {
        assert_eq!(
            cn::check_person_number(text, date(2022, 3, 1)),
            expected,
            "{text}"
        );
    };
    // The two worked examples of GB 11643-1999 itself.
    check("11010519491231002X", Ok(()));
    check("440524188001010014", Ok(()));
    check("110105194912310021", Err(Fault::CheckDigit));
    check("11010519491331002X", Err(Fault::BirthDate));
    check("11010520491231002X", Err(Fault::BirthDate));
    check("1101051949123100", Err(Fault::Length));
    check("11010519491231002x", Err(Fault::Character));
    check("01010519491231002X", Err(Fault::Region));
    check("一二三四五六", Err(Fault::Character));
}

#[test]
fn credit_codes() {
    let check =
        |text: &str, expected: Result<(), Fault>| assert_eq!(cn::check_credit_code(text), expected, "{text}");
    check("91350100M000100Y43", Ok(()));
    check("91350100M000100Y44", Err(Fault::CheckDigit));
    check("91350100M000100Y4", Err(Fault::Length));
    check("91350100I000100Y43", Err(Fault::Character));
    check("9135A100M000100Y43", Err(Fault::Region));
}

#[test]
fn regions_and_phones() {
    assert_eq!(cn::region_parent("350102001001"), Some("350102001"));
    assert_eq!(cn::region_parent("35"), None);
    assert_eq!(cn::check_region_code("3501020"), Err(Fault::Length));
    for good in ["13805912345", "0591-87654321", "12345", "4008001234"] {
        assert_eq!(cn::check_phone(good), Ok(()), "{good}");
    }
    for bad in ["1380591234", "12805912345", "abc", ""] {
        assert!(cn::check_phone(bad).is_err(), "{bad}");
    }
}

#[test]
fn money_reads_and_shows_yuan() {
    for (text, expected) in [
        ("12.5", Some(1250)),
        ("1,234.56", Some(123_456)),
        ("-0.01", Some(-1)),
        ("1.234", None),
        ("", None),
    ] {
        assert_eq!(Money::parse_yuan(text), expected.map(Money), "{text}");
    }
    assert_eq!(Money(-5).to_string(), "-0.05");
}

#[test]
fn tokens_find_any_pair() {
    assert_eq!(
        text::index_tokens("数字福建2022,ABC"),
        ["数字", "字福", "福建", "建", "2022", "abc"]
    );
    assert_eq!(
        text::query_tokens("字福 省"),
        [Term::Phrase(vec!["字福".into()]), Term::Prefix("省".into())]
    );
}

#[test]
fn ids_rise() {
    let world = World::new(
        Arc::new(ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap())),
        7,
    );
    let ids: Vec<_> = (0..10_000).map(|_| world.id()).collect();
    assert!(ids.is_sorted());
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
}
