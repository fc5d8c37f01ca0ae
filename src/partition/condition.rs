//! The condition of a partial index, read far enough to name the operators of columns whose types are not
//! Postgres' own.
//!
//! The operator's sessions see the names of `pg_catalog` only. There `=` of a column of an extension's type is
//! another operator than its owner means, or none.

use super::{Identifier, QualifiedName};

/// A column whose type has its equality operator outside `pg_catalog`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnOperators {
    /// Name of the column.
    pub column: Identifier,
    /// The schema of the operators.
    pub schema: Identifier,
    /// The type that they compare.
    pub type_name: QualifiedName,
}

/// A piece of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConditionPiece<'a> {
    /// Text as it was written, and as it means the same everywhere.
    Text(String),
    /// An operator of the column's type.
    Operator(&'a ColumnOperators, &'static str),
    /// A cast to an array of the column's type.
    ArrayCast(&'a ColumnOperators),
}

/// Returns the columns that a condition names and that have operators of their own.
#[must_use]
pub fn columns_with_operators(condition: &str, all: &[ColumnOperators]) -> Vec<ColumnOperators> {
    let tokens = tokens(condition).unwrap_or_default();
    let is_named = |of: &&ColumnOperators| tokens.iter().any(|token| token.is_column(of));
    all.iter().filter(is_named).cloned().collect()
}

/// Returns the pieces of a condition, or `None` if it uses a column that has operators of its own in an expression or a
/// function call. Such a column must be beside an operator.
#[must_use]
pub fn condition_pieces<'a>(
    condition: &str,
    operators: &'a [ColumnOperators],
) -> Option<Vec<ConditionPiece<'a>>> {
    if operators.is_empty() {
        return Some(vec![ConditionPiece::Text(condition.to_owned())]);
    }
    let tokens = tokens(condition)?;
    let mut reader = Reader { tokens: &tokens, operators, at: 0, pieces: Vec::new() };
    while reader.at < tokens.len() {
        reader.piece()?;
    }
    Some(reader.pieces)
}

/// Returns whether a condition uses an operator of these columns.
#[must_use]
pub fn uses_operators(condition: &str, operators: &[ColumnOperators]) -> bool {
    let pieces = condition_pieces(condition, operators).unwrap_or_default();
    pieces.iter().any(|piece| matches!(piece, ConditionPiece::Operator(..)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Quoted,
    Constant,
    Operator,
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Token<'t> {
    kind: Kind,
    text: &'t str,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.kind != Kind::Quoted
            && self.kind != Kind::Constant
            && self.text.eq_ignore_ascii_case(word)
    }

    fn is_column(&self, of: &ColumnOperators) -> bool {
        let column = of.column.as_str();
        match self.kind {
            Kind::Word => self.text.to_lowercase() == column,
            Kind::Quoted => {
                let inner = self.text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                inner.is_some_and(|inner| inner.replace("\"\"", "\"") == column)
            }
            Kind::Constant | Kind::Operator | Kind::Other => false,
        }
    }
}

struct Reader<'a, 't> {
    tokens: &'t [Token<'t>],
    operators: &'a [ColumnOperators],
    at: usize,
    pieces: Vec<ConditionPiece<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn piece(&mut self) -> Option<()> {
        let token = self.tokens.get(self.at)?;
        if let Some(of) = self.operators.iter().find(|of| token.is_column(of)) {
            return self.comparison(of);
        }
        if let Some(operator) = comparison(token) {
            let after = self.tokens.get(self.at + 1);
            if let Some(of) =
                self.operators.iter().find(|of| after.is_some_and(|a| a.is_column(of)))
            {
                self.pieces.push(ConditionPiece::Operator(of, operator));
                self.at += 1;
                return Some(());
            }
        }
        // What compares an expression in parentheses may compare such a column.
        let before = self.at.checked_sub(1).and_then(|before| self.tokens.get(before));
        let compares = comparison(token).is_some()
            || ["in", "between", "like", "ilike", "distinct"].iter().any(|w| token.is(w));
        let of_parentheses = before.is_some_and(|b| b.is(")"))
            || comparison(token).is_some()
                && self.tokens.get(self.at + 1).is_some_and(|a| a.is("("));
        if compares && of_parentheses {
            return None;
        }
        self.take(1)
    }

    /// Reads a column that has operators of its own, with what it is compared with.
    fn comparison(&mut self, of: &'a ColumnOperators) -> Option<()> {
        let column = self.text(0)?;
        let negated = self.word(1, "not") && !self.word(2, "null");
        let next = 1 + usize::from(negated);
        let operator = self.tokens.get(self.at + 1).and_then(comparison);
        if let Some(operator) = operator {
            self.take(1)?;
            self.pieces.push(ConditionPiece::Operator(of, operator));
            self.at += 1;
            // What it is compared with is a constant or a column, and no expression.
            return (!self.word(0, "(")).then_some(());
        }
        if self.word(next, "in") {
            return self.list(of, negated, next);
        }
        if self.word(next, "between") {
            return self.between(of, &column, negated, next);
        }
        for (word, like, unlike) in [("like", "~~", "!~~"), ("ilike", "~~*", "!~~*")] {
            if self.word(next, word) {
                self.take(1)?;
                self.pieces.push(ConditionPiece::Operator(of, if negated { unlike } else { like }));
                self.at += next;
                return Some(());
            }
        }
        let is_null = self.word(1, "is")
            && (self.word(2, "null") || self.word(2, "not") && self.word(3, "null"));
        let ends = match self.tokens.get(self.at + 1) {
            None => true,
            Some(token) => token.is(")") || token.is("and") || token.is("or"),
        };
        if is_null || ends { self.take(1) } else { None }
    }

    /// `IN (…)`, which would look for `=` by its bare name.
    fn list(&mut self, of: &'a ColumnOperators, negated: bool, next: usize) -> Option<()> {
        let opens = self.word(next + 1, "(");
        let from = self.at + next + 2;
        let length = self.tokens.get(from..)?.iter().position(|token| token.is(")"))?;
        let values: Vec<_> = self.tokens.get(from..from + length)?.iter().map(|t| t.text).collect();
        let (operator, quantifier) = if negated { ("<>", "ALL") } else { ("=", "ANY") };
        self.take(1)?;
        self.pieces.push(ConditionPiece::Operator(of, operator));
        self.push(&format!("{quantifier} (ARRAY[{}]", values.join(" ")));
        self.pieces.push(ConditionPiece::ArrayCast(of));
        self.push(")");
        self.at = from + length + 1;
        opens.then_some(())
    }

    /// `BETWEEN … AND …`, which would look for `>=` and `<=` by their bare names.
    fn between(
        &mut self,
        of: &'a ColumnOperators,
        column: &str,
        negated: bool,
        next: usize,
    ) -> Option<()> {
        let from = self.at + next + 1;
        let and = self.tokens.get(from..)?.iter().position(|token| token.is("and"))?;
        let low = value(self.tokens.get(from..from + and)?)?;
        let rest = self.tokens.get(from + and + 1..)?;
        let length = 1 + usize::from(rest.first()?.is("-"));
        let high = value(rest.get(..length)?)?;
        let (above, joined, below) = if negated { ("<", "OR", ">") } else { (">=", "AND", "<=") };
        self.push(&format!("({column}"));
        self.pieces.push(ConditionPiece::Operator(of, above));
        self.push(&format!("{low} {joined} {column}"));
        self.pieces.push(ConditionPiece::Operator(of, below));
        self.push(&format!("{high})"));
        self.at = from + and + 1 + length;
        Some(())
    }

    fn word(&self, ahead: usize, word: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| token.is(word))
    }

    fn text(&self, ahead: usize) -> Option<String> {
        self.tokens.get(self.at + ahead).map(|token| token.text.to_owned())
    }

    fn take(&mut self, count: usize) -> Option<()> {
        for _ in 0..count {
            let text = self.text(0)?;
            self.push(&text);
            self.at += 1;
        }
        Some(())
    }

    fn push(&mut self, text: &str) {
        if let Some(ConditionPiece::Text(before)) = self.pieces.last_mut() {
            before.push(' ');
            before.push_str(text);
        } else {
            self.pieces.push(ConditionPiece::Text(text.to_owned()));
        }
    }
}

/// Returns the text of a constant or column.
fn value(tokens: &[Token<'_>]) -> Option<String> {
    let is_value =
        |token: &Token<'_>| matches!(token.kind, Kind::Constant | Kind::Word | Kind::Quoted);
    match tokens {
        [value] if is_value(value) => Some(value.text.to_owned()),
        [minus, number] if minus.is("-") && number.kind == Kind::Constant => {
            Some(format!("-{}", number.text))
        }
        _ => None,
    }
}

/// Returns the comparison operator that a token is.
fn comparison(token: &Token<'_>) -> Option<&'static str> {
    let known = [
        ("=", "="),
        ("<>", "<>"),
        ("!=", "<>"),
        ("<", "<"),
        ("<=", "<="),
        (">", ">"),
        (">=", ">="),
    ];
    let found =
        known.iter().find(|(written, _)| token.kind == Kind::Operator && token.text == *written);
    found.map(|(_, operator)| *operator)
}

/// Returns the tokens of a condition, or `None` if it ends within quotes.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '\'' | '"' => {
                let kind = if first == '"' { Kind::Quoted } else { Kind::Constant };
                (kind, quoted_length(rest, first)?)
            }
            c if c.is_ascii_digit() => {
                (Kind::Constant, length_while(rest, |c| c.is_ascii_digit() || c == '.'))
            }
            c if c.is_alphabetic() || c == '_' => {
                (Kind::Word, length_while(rest, |c| c.is_alphanumeric() || c == '_'))
            }
            c if "<>=!".contains(c) => (Kind::Operator, length_while(rest, |c| "<>=!".contains(c))),
            c => (Kind::Other, c.len_utf8()),
        };
        let (token, after) = rest.split_at_checked(length)?;
        tokens.push(Token { kind, text: token });
        rest = after.trim_start();
    }
    Some(tokens)
}

fn length_while(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of a text in quotes; a doubled quote is part of it.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text.get(at..)?.find(quote)? + 1;
        match text.get(at..)?.strip_prefix(quote) {
            Some(_) => at += 1,
            None => return Some(at),
        }
    }
}
