//! Conditions of partial indexes, with the operators of extensions' types named in full.

use pg_partition_operator::partition::{
    ColumnOperators, ConditionPiece, QualifiedName, condition_pieces,
};

use crate::catalog::identifier;

fn operators() -> Vec<ColumnOperators> {
    let of = |column: &str, name: &str| ColumnOperators {
        column: identifier(column),
        schema: identifier("ext"),
        type_name: QualifiedName { schema: identifier("ext"), name: identifier(name) },
    };
    vec![of("mail", "citext"), of("Pa\"th", "ltree")]
}

/// The condition with operators in brackets, and casts to arrays in braces.
fn shown(condition: &str) -> Option<String> {
    let operators = operators();
    let pieces = condition_pieces(condition, &operators)?.into_iter().map(|piece| match piece {
        ConditionPiece::Text(text) => text,
        ConditionPiece::Operator(_, operator) => format!("[{operator}]"),
        ConditionPiece::ArrayCast(of) => format!("{{{}}}", of.type_name.name.as_str()),
    });
    Some(pieces.collect::<Vec<_>>().join(" "))
}

#[test]
fn operators_of_extension_types_are_named() {
    for (condition, expected) in [
        ("mail = 'a = b'", "mail [=] 'a = b'"),
        ("MAIL!='it''s' AND n=1", "MAIL [<>] 'it''s' AND n = 1"),
        ("\"Pa\"\"th\" >= 'a'", "\"Pa\"\"th\" [>=] 'a'"),
        ("'a' < mail", "'a' [<] mail"),
        ("mail = mail", "mail [=] mail"),
        ("(mail = 'a') OR (n > -3)", "( mail [=] 'a' ) OR ( n > - 3 )"),
        ("mail IN ('a', 'b')", "mail [=] ANY (ARRAY['a' , 'b'] {citext} )"),
        ("mail NOT IN ('a')", "mail [<>] ALL (ARRAY['a'] {citext} )"),
        ("mail BETWEEN 'a' AND 'b' AND n = 1", "(mail [>=] 'a' AND mail [<=] 'b') AND n = 1"),
        ("mail NOT LIKE 'a%'", "mail [!~~] 'a%'"),
        ("mail IS NOT NULL AND n IN (1)", "mail IS NOT NULL AND n IN ( 1 )"),
        ("\"MAIL\" = 'another column'", "\"MAIL\" = 'another column'"),
    ] {
        assert_eq!(shown(condition).as_deref(), Some(expected), "{condition}");
    }
}

#[test]
fn conditions_that_hide_the_operator_are_not_understood() {
    for condition in [
        "(mail) = 'a'",
        "'a' = (mail)",
        "(mail) IN ('a')",
        "mail = ('a')",
        "mail IS DISTINCT FROM 'a'",
        "mail BETWEEN SYMMETRIC 'a' AND 'b'",
        "mail IN 'a'",
        "mail IN ('a'",
        "mail BETWEEN 'a'",
        "mail 'a'",
        "mail = 'a",
    ] {
        assert_eq!(shown(condition), None, "{condition}");
    }
}
