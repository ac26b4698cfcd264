//! Limits. The parser and evaluator below are recursive and have no bounds of their own: what could overflow the stack,
//! run without end or reach outside is refused here, before it is parsed or before it is prepared.

use dsntk_feel_parser::AstNode;

/// Longest expression, in bytes.
pub const MAX_LENGTH: usize = 4_000;
/// Deepest nesting of brackets, and of what the parser makes of operators.
pub const MAX_DEPTH: usize = 40;
/// Most words and signs in a row, such as `a + b.c`, before a bracket, a comparison or a text: all of them may be one name, and
/// the parser tries them all. Its time grows with the cube of their number: 100 take some 10 ms, 800 seconds.
pub const MAX_ROW: usize = 100;
/// Most steps that iterations over ranges may take, those inside one another multiplied.
/// The evaluator's time grows with their square: 1,000 take some 10 ms, 10,000 more than a second.
pub const MAX_RANGE: i64 = 1_000;

/// The names that stand for `today()` and `now()` after [`bind_clock`].
pub const TODAY: &str = "sysToday";
pub const NOW: &str = "sysNow";

/// Checks length and nesting of the bare text.
pub fn pre_scan(text: &str) -> Result<(), String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("the expression is longer than {MAX_LENGTH} bytes"));
    }
    if text.trim().is_empty() {
        return Err("the expression is empty".into());
    }
    let (mut depth, mut operators, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for c in text.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '+' | '*' | '/' | '-' | '.' => operators += 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(format!("brackets are nested more than {MAX_DEPTH} deep"));
        }
    }
    let words = text
        .split_whitespace()
        .filter(|word| {
            matches!(
                *word,
                "if" | "for" | "some" | "every" | "function" | "or" | "and" | "in"
            )
        })
        .count();
    if operators + words > 400 {
        return Err("the expression has more than 400 operators".into());
    }
    if longest_row(text) > MAX_ROW {
        return Err(format!(
            "more than {MAX_ROW} words and signs stand in a row; put parts of them into brackets"
        ));
    }
    if quoted {
        return Err("a text is not closed with a quotation mark".into());
    }
    Ok(())
}

/// The most words and signs that can be parts of one name.
fn longest_row(text: &str) -> usize {
    let (mut longest, mut row, mut word) = (0usize, 0usize, false);
    for c in text.chars() {
        let part = c.is_alphanumeric() || matches!(c, '_' | '?' | '\u{b7}');
        let sign = matches!(c, '.' | '/' | '-' | '\'' | '+' | '*');
        if sign || (part && !word) {
            row += 1;
        } else if !part && !c.is_whitespace() {
            row = 0;
        }
        word = part;
        longest = longest.max(row);
    }
    longest
}

/// Replaces `today()` and `now()` outside of texts by names that the context gives: the clock is the platform's.
pub fn bind_clock(text: &str) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let mut bound = false;
    // Pieces between quotation marks alternate between code and text; an escaped quotation mark stays inside its piece.
    let masked = text.replace("\\\"", "\u{1}");
    for (index, piece) in masked.split('"').enumerate() {
        if index > 0 {
            out.push('"');
        }
        if index % 2 == 1 {
            out.push_str(piece);
            continue;
        }
        let replaced = piece.replace("today()", TODAY).replace("now()", NOW);
        bound |= replaced != piece;
        out.push_str(&replaced);
    }
    (out.replace('\u{1}', "\\\""), bound)
}

/// Visits every child of a node.
pub fn children(node: &AstNode) -> Vec<&AstNode> {
    use AstNode::*;
    match node {
        Add(a, b)
        | And(a, b)
        | ContextEntry(a, b)
        | ContextTypeEntry(a, b)
        | Div(a, b)
        | Eq(a, b)
        | Every(a, b)
        | Exp(a, b)
        | Filter(a, b)
        | For(a, b)
        | FormalParameter(a, b)
        | FunctionDefinition(a, b)
        | FunctionInvocation(a, b)
        | FunctionType(a, b)
        | Ge(a, b)
        | Gt(a, b)
        | In(a, b)
        | InstanceOf(a, b)
        | IterationContextSingle(a, b)
        | Le(a, b)
        | Lt(a, b)
        | Mul(a, b)
        | NamedParameter(a, b)
        | Nq(a, b)
        | Or(a, b)
        | Out(a, b)
        | Path(a, b)
        | QuantifiedContext(a, b)
        | Range(a, b)
        | Some(a, b)
        | Sub(a, b) => vec![&**a, &**b],
        Between(a, b, c) | If(a, b, c) | IterationContextInterval(a, b, c) => vec![&**a, &**b, &**c],
        EvaluatedExpression(a)
        | FunctionBody(a, _)
        | IntervalEnd(a, _)
        | IntervalStart(a, _)
        | ListType(a)
        | Neg(a)
        | RangeType(a)
        | Satisfies(a)
        | UnaryGe(a)
        | UnaryGt(a)
        | UnaryLe(a)
        | UnaryLt(a)
        | UnaryEq(a)
        | UnaryNe(a) => {
            vec![&**a]
        }
        CommaList(list)
        | Context(list)
        | ContextType(list)
        | ExpressionList(list)
        | FormalParameters(list)
        | IterationContexts(list)
        | List(list)
        | NamedParameters(list)
        | NegatedList(list)
        | ParameterTypes(list)
        | PositionalParameters(list)
        | QualifiedName(list)
        | QuantifiedContexts(list) => list.iter().collect(),
        _ => Vec::new(),
    }
}

/// Refuses what must not be prepared: functions of one's own (they can recurse, and external ones call out), iterations
/// inside iterations beyond two, and ranges too long to walk.
pub fn post_scan(node: &AstNode) -> Result<(), String> {
    scan(node, 0, 0, 1)
}

/// `loops` iterations stand around the node, which take `steps` steps where they are over ranges.
fn scan(node: &AstNode, depth: usize, loops: usize, steps: i64) -> Result<(), String> {
    if depth > MAX_DEPTH * 4 {
        return Err("the expression is nested too deeply".into());
    }
    let (mut loops, mut steps) = (loops, steps);
    match node {
        AstNode::FunctionDefinition(..) | AstNode::FunctionBody(..) => {
            return Err("functions can't be defined here; write the rule out".into());
        }
        AstNode::For(contexts, _) | AstNode::Some(contexts, _) | AstNode::Every(contexts, _) => {
            // Several names of one iteration are iterations inside one another.
            let contexts = children(contexts);
            loops += contexts.len().max(1);
            steps = contexts
                .into_iter()
                .filter_map(span)
                .fold(steps, i64::saturating_mul);
            if loops > 2 {
                return Err("iterations are nested more than two deep".into());
            }
        }
        AstNode::IterationContextInterval(_, from, to) if constant(from).and(constant(to)).is_none() => {
            return Err(format!(
                "a range that is iterated over needs constant ends, at most {MAX_RANGE} apart"
            ));
        }
        _ => {}
    }
    if steps > MAX_RANGE {
        return Err(format!(
            "iterations over ranges take at most {MAX_RANGE} steps, those inside one another multiplied"
        ));
    }
    children(node)
        .into_iter()
        .try_for_each(|child| scan(child, depth + 1, loops, steps))
}

/// How many steps an iteration over a range of constant ends takes.
fn span(context: &AstNode) -> Option<i64> {
    match context {
        AstNode::IterationContextInterval(_, from, to) => {
            let span = constant(to)?.saturating_sub(constant(from)?);
            Some(span.saturating_abs().saturating_add(1))
        }
        _ => None,
    }
}

fn constant(node: &AstNode) -> Option<i64> {
    match node {
        AstNode::Numeric(whole, _, _, _) => whole.parse().ok(),
        AstNode::Neg(inner) => constant(inner).map(|value| -value),
        _ => None,
    }
}
