//! Comparison of a written predicate with the one that the catalog deparses.
//!
//! The form in the catalog is known for the simplest predicates only: comparisons, all joined by AND or all by OR,
//! each in parentheses, and with casts that change nothing.

/// Whether a predicate as it was written means the same as one that the catalog deparsed. "No" may
/// be wrong; "yes" is not.
pub(super) fn means_the_same(written: &str, deparsed: &str) -> bool {
    as_deparsed(&words(written)).is_some_and(|expected| expected == words(deparsed))
}

/// Returns the form of a simple predicate in the catalog, or `None` for others.
fn as_deparsed(written: &[String]) -> Option<Vec<String>> {
    let is_plain = |word: &String| !matches!(word.as_str(), "(" | ")" | "between" | "::");
    let negates = |pair: &[String]| matches!(pair, [not, what] if not == "not" && what != "null");
    let starts_with_not = written.first().is_some_and(|word| word == "not");
    if !written.iter().all(is_plain) || starts_with_not || written.windows(2).any(negates) {
        return None;
    }
    let holds = |connective: &str| written.iter().any(|word| word == connective);
    let connective = match (holds("and"), holds("or")) {
        (true, true) => return None,
        (_, or) => {
            if or {
                "or"
            } else {
                "and"
            }
        }
    };
    let clauses: Vec<_> = written.split(|word| word == connective).collect();
    let mut expected = Vec::new();
    for (at, clause) in clauses.iter().enumerate() {
        if at > 0 {
            expected.push(connective.to_owned());
        }
        expected.push("(".to_owned());
        expected.extend(clause.iter().cloned());
        expected.push(")".to_owned());
    }
    if clauses.len() > 1 {
        expected.insert(0, "(".to_owned());
        expected.push(")".to_owned());
    }
    Some(expected)
}

/// The words of a predicate, parentheses among them, without white space and without casts that change
/// nothing: those of constants.
fn words(predicate: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = predicate.trim_start();
    while !rest.is_empty() {
        let (word, after) = rest.split_at(word_length(rest));
        rest = after.trim_start();
        match word {
            "::" => {
                let (type_name, after) = split_type(rest);
                rest = after.trim_start();
                strip_parentheses(&mut words);
                let of_constant = words.last().is_some_and(|word| is_constant(word));
                if !of_constant {
                    words.push(format!("::{type_name}"));
                }
            }
            "!=" => words.push("<>".to_owned()),
            quoted if quoted.starts_with(['\'', '"']) => words.push(quoted.to_owned()),
            word => words.push(word.to_lowercase()),
        }
    }
    words
}

/// Takes the parentheses from around the last word: `(status)` in `(status)::text`.
fn strip_parentheses(words: &mut Vec<String>) {
    if let [.., open, word, close] = words.as_slice()
        && open == "("
        && close == ")"
    {
        let word = word.clone();
        words.truncate(words.len() - 3);
        words.push(word);
    }
}

fn is_constant(word: &str) -> bool {
    word.starts_with('\'') || word.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns the length of the first word of `text` in bytes: a quoted text, a name or number, or an operator.
fn word_length(text: &str) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    match first {
        '\'' | '"' => {
            let end = text.get(1..).and_then(|rest| rest.find(first));
            end.map_or(text.len(), |end| end + 2)
        }
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
    let (_, mut rest) = text.split_at(word_length(text));
    for more in [" varying", " precision", " without time zone", " with time zone"] {
        rest = rest.strip_prefix(more).unwrap_or(rest);
    }
    if let Some(arguments) = rest.strip_prefix('(') {
        rest = arguments.split_once(')').map_or("", |(_, after)| after);
    }
    rest = rest.strip_prefix("[]").unwrap_or(rest);
    text.split_at(text.len() - rest.len())
}
