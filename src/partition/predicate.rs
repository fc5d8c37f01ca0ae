//! Whether the predicate that somebody wrote is the one that the catalog deparses.
//!
//! The catalog adds parentheses, and casts that change nothing. Where what is left is the same, word
//! for word, and could not mean something else with other parentheses, the two mean the same.

/// Whether a predicate as it was written means the same as one that the catalog deparsed. "No" may
/// be wrong; "yes" is not.
pub(super) fn means_the_same(written: &str, deparsed: &str) -> bool {
    let words = words(written);
    !depends_on_parentheses(&words) && words == self::words(deparsed)
}

/// Whether the words hold more than one kind of connective: `a AND b OR c`.
fn depends_on_parentheses(words: &[String]) -> bool {
    let holds = |connective: &str| words.iter().any(|word| word == connective);
    let negates = words.iter().zip(words.iter().skip(1)).any(|(word, next)| {
        word == "not" && !["null", "in", "like", "ilike", "between"].contains(&next.as_str())
    }) || words.first().is_some_and(|word| word == "not");
    [holds("and"), holds("or"), negates].into_iter().filter(|held| *held).count() > 1
}

/// The words of a predicate without parentheses, white space, and casts that change nothing: those of
/// constants, and of a column to `text`, as Postgres compares every `varchar`.
fn words(predicate: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = predicate.trim_start();
    while !rest.is_empty() {
        let (word, after) = rest.split_at(word_length(rest));
        rest = after.trim_start();
        match word {
            "(" | ")" => {}
            "::" => {
                let (type_name, after) = split_type(rest);
                let of_constant = words.last().is_some_and(|word| is_constant(word));
                if !of_constant && type_name != "text" {
                    words.push(format!("::{type_name}"));
                }
                rest = after.trim_start();
            }
            "!=" => words.push("<>".to_owned()),
            quoted if quoted.starts_with(['\'', '"']) => words.push(quoted.to_owned()),
            word => words.push(word.to_lowercase()),
        }
    }
    words
}

fn is_constant(word: &str) -> bool {
    word.starts_with('\'') || word.starts_with(|c: char| c.is_ascii_digit())
}

/// How many bytes the first word of `text` has: a quoted text, a name or number, an operator.
fn word_length(text: &str) -> usize {
    let first = text.chars().next().unwrap_or(' ');
    match first {
        '\'' | '"' => text[1..].find(first).map_or(text.len(), |end| end + 2),
        c if is_word(c) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        ':' if text.starts_with("::") => 2,
        c if "<>=!".contains(c) => text.find(|c| !"<>=!".contains(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.' || c == '$'
}

/// The name of a type, `character varying`, `numeric(12,2)`, `text[]` …, and what follows it.
fn split_type(text: &str) -> (&str, &str) {
    let mut rest = &text[word_length(text)..];
    for more in [" varying", " precision", " without time zone", " with time zone"] {
        rest = rest.strip_prefix(more).unwrap_or(rest);
    }
    if let Some(arguments) = rest.strip_prefix('(') {
        rest = arguments.split_once(')').map_or("", |(_, after)| after);
    }
    rest = rest.strip_prefix("[]").unwrap_or(rest);
    text.split_at(text.len() - rest.len())
}
