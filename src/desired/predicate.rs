//! The condition of a partial index: the one place where a resource writes SQL.
//!
//! A role with more privileges than the author executes it, so it is limited to a small language: comparisons of
//! columns with constants, joined by AND, OR, and NOT. Nothing in that language calls a function of a user.

/// Words that can stand before a parenthesis without being a column name.
const KEYWORDS: [&str; 15] = [
    "and",
    "or",
    "not",
    "is",
    "null",
    "in",
    "between",
    "like",
    "ilike",
    "true",
    "false",
    "unknown",
    "distinct",
    "from",
    "symmetric",
];

/// Operators between values.
const OPERATORS: [&str; 7] = ["=", "<>", "!=", "<", "<=", ">", ">="];

/// Error of an invalid condition.
pub(super) fn violation(predicate: &str) -> Option<String> {
    let mut rest = predicate;
    let mut open = 0_u32;
    let mut before = Token::Start;
    while let Some((token, after)) = match next(rest) {
        Ok(token) => token,
        Err(problem) => return Some(problem),
    } {
        match token {
            Token::Open if before == Token::Name => {
                return Some("calls a function: only columns and constants are compared".into());
            }
            Token::Open => open += 1,
            Token::Close if open == 0 => {
                return Some("closes a parenthesis it did not open".into());
            }
            Token::Close => open -= 1,
            Token::Start | Token::Name | Token::Keyword | Token::Constant | Token::Operator => {}
        }
        before = token;
        rest = after;
    }
    if open > 0 {
        return Some("opens a parenthesis it does not close".into());
    }
    (before == Token::Start).then(|| "is empty".into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Start,
    Name,
    Keyword,
    Constant,
    Operator,
    Open,
    Close,
}

/// The next token and what follows it; none at the end.
fn next(text: &str) -> Result<Option<(Token, &str)>, String> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r']);
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return Ok(None) };
    let rest = chars.as_str();
    match first {
        '(' => Ok(Some((Token::Open, rest))),
        ')' => Ok(Some((Token::Close, rest))),
        ',' => Ok(Some((Token::Operator, rest))),
        '\'' => quoted(rest, '\'').map(|after| Some((Token::Constant, after))),
        '"' => quoted(rest, '"').map(|after| Some((Token::Name, after))),
        c if c.is_ascii_digit() => {
            let after = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            Ok(Some((Token::Constant, after)))
        }
        c if c.is_alphabetic() || c == '_' => Ok(Some(word(text)?)),
        '-' if rest.starts_with(|c: char| c.is_ascii_digit()) => Ok(Some((Token::Operator, rest))),
        _ => operator(text).map(Some),
    }
}

/// Returns the rest after a quoted text whose first quote is consumed; a doubled quote is part of the text.
fn quoted(text: &str, quote: char) -> Result<&str, String> {
    let mut rest = text;
    loop {
        let (inside, after) = rest.split_once(quote).ok_or("opens a quote it does not close")?;
        if inside.contains(['\\', '\0']) {
            return Err("has a backslash within quotes".into());
        }
        match after.strip_prefix(quote) {
            Some(doubled) => rest = doubled,
            None => return Ok(after),
        }
    }
}

fn word(text: &str) -> Result<(Token, &str), String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    if after.starts_with(['\'', '"', '$', '.', '&', '[']) {
        let next: String = after.chars().take(1).collect();
        return Err(format!("has {next:?} right after a word"));
    }
    let is_keyword = KEYWORDS.contains(&word.to_lowercase().as_str());
    Ok((if is_keyword { Token::Keyword } else { Token::Name }, after))
}

fn operator(text: &str) -> Result<(Token, &str), String> {
    let end = text.find(|c| !"+-*/<>=~!@#%^&|`?:;.$[]{}\\".contains(c)).unwrap_or(text.len());
    let (operator, after) = text.split_at(end.max(text.chars().next().map_or(1, char::len_utf8)));
    if OPERATORS.contains(&operator) {
        Ok((Token::Operator, after))
    } else {
        Err(format!("has {operator:?}: use =, <>, <, <=, >, >=, IN, BETWEEN, LIKE and IS NULL"))
    }
}
