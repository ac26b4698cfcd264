//! The answer as a table of plain text.

use super::{TypeSeen, VerbSeen};

/// Columns that a text takes in a terminal: Chinese takes two a character.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if c >= '\u{2e80}' && !('\u{fb00}'..'\u{fe30}').contains(&c) {
                2
            } else {
                1
            }
        })
        .sum()
}

fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

fn why(seen: &VerbSeen) -> String {
    let one = |why: &super::Why| {
        let sign = if why.permits { "+" } else { "-" };
        match why.line {
            Some(line) => format!("{sign}{}(第 {line} 行)", why.policy),
            None => format!("{sign}{}", why.policy),
        }
    };
    seen.reasons.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn line(seen: &VerbSeen) -> [String; 4] {
    let rows = match (&seen.refusal, seen.k_anonymous, &seen.two_person) {
        (Some(refusal), _, _) => refusal.clone(),
        (None, k, two) => {
            let k = k.map(|k| format!(";只看不少于 {k} 条的汇总")).unwrap_or_default();
            let two = two
                .as_ref()
                .map(|why| format!(";须经另一人同意:{why}"))
                .unwrap_or_default();
            format!("{}{k}{two}", seen.rows.text)
        }
    };
    let may = if seen.permitted { "可以" } else { "不可以" };
    [seen.verb.to_owned(), may.to_owned(), rows, why(seen)]
}

/// What was found, for a terminal.
pub fn text(seen: &[TypeSeen]) -> String {
    let mut text = String::new();
    for one in seen {
        let personal = if one.personal { "(有个人信息)" } else { "" };
        text.push_str(&format!("{} {}{personal}\n", one.name, one.title));
        let head = ["操作", "可否", "哪些记录", "依据"].map(str::to_owned);
        let lines: Vec<[String; 4]> = std::iter::once(head).chain(one.verbs.iter().map(line)).collect();
        let widest = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0).min(72)
        };
        let widths = [widest(0), widest(1), widest(2)];
        for line in &lines {
            let [verb, may, rows, why] = line;
            let [first, second, third] = widths;
            let row = format!(
                "  {}  {}  {}  {why}",
                padded(verb, first),
                padded(may, second),
                padded(rows, third)
            );
            text.push_str(row.trim_end());
            text.push('\n');
        }
        for verb in one.verbs.iter().filter(|verb| verb.permitted) {
            let less: Vec<String> = verb
                .fields
                .iter()
                .filter_map(|field| {
                    let how = match field.shown {
                        "hidden" => "不显示".to_owned(),
                        "masked" => "打码".to_owned(),
                        "partly" => format!("打码,除非{}", field.whole.text),
                        _ => return None,
                    };
                    Some(format!("{} {}:{how}", field.name, field.title))
                })
                .collect();
            if !less.is_empty() {
                text.push_str(&format!("  {} 时:{}\n", verb.verb, less.join(";")));
            }
        }
    }
    text
}
