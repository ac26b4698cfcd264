//! Where in a text its policies begin.

/// The line, from 1, on which each policy begins, annotations included, in order.
pub(crate) fn lines(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let (mut line, mut within) = (1, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => line += 1,
            '/' if letters.peek() == Some(&'/') => {
                while letters.next_if(|letter| *letter != '\n').is_some() {}
            }
            '"' => {
                let mut escaped = false;
                for letter in letters.by_ref() {
                    line += usize::from(letter == '\n');
                    if letter == '"' && !escaped {
                        break;
                    }
                    escaped = letter == '\\' && !escaped;
                }
            }
            ';' => within = false,
            letter if letter.is_whitespace() => {}
            _ if within => {}
            _ => {
                within = true;
                found.push(line);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn policies_begin_where_their_annotations_do() {
        let text = "// permit(principal);\npermit(principal, action, resource); permit(principal, action, resource);\n\n@id(\"a;b\\\"c\")\n// x\nforbid(principal, action, resource)\nwhen { \"//;\" == \"\" };\n";
        assert_eq!(super::lines(text), [2, 2, 4]);
    }
}
