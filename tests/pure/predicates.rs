//! A predicate of the spec equals that of the catalog only if both surely mean the same.

use pg_partition_operator::partition::{Identifier, IndexColumn, IndexShape};

/// Written, deparsed, and whether they are known to mean the same.
const PAIRS: [(&str, &str, bool); 17] = [
    ("status = 'pending'", "(status = 'pending'::text)", true),
    ("status = 'pending'", "((status)::text = 'pending'::text)", false),
    ("Status != 'a' AND amount > 0", "((status <> 'a'::text) AND (amount > (0)::numeric))", true),
    ("a = 1 and b = 2 and c = 3", "((a = 1) AND (b = 2) AND (c = 3))", true),
    ("paid_at IS NOT NULL AND a = 1", "((paid_at IS NOT NULL) AND (a = 1))", true),
    ("at < '2026-01-01'", "(at < '2026-01-01 00:00:00+00'::timestamp with time zone)", false),
    ("status = 'pending'", "(status = 'Pending'::text)", false),
    ("status = 'pending'", "(status <> 'pending'::text)", false),
    // Other parentheses, other rows.
    ("a = 1 AND (b = 2 OR c = 3)", "(((a = 1) AND (b = 2)) OR (c = 3))", false),
    ("a = 1 AND (b = 2 OR c = 3)", "((a = 1) AND ((b = 2) OR (c = 3)))", false),
    ("NOT (a = 1 AND b = 2)", "((NOT (a = 1)) AND (b = 2))", false),
    ("a = 1 AND NOT b = 2", "(NOT ((a = 1) AND (b = 2)))", false),
    ("a AND b IS NULL", "((a AND b) IS NULL)", false),
    ("a = b IS NULL", "((a = b) IS NULL)", false),
    ("n < '10'", "((n)::text < '10'::text)", false),
    // A cast of a column may change which rows are meant.
    ("at = '2026-01-01'", "((at)::date = '2026-01-01'::date)", false),
    ("a = '1'", "((a)::integer = 1)", false),
];

#[test]
fn predicate_matches_only_if_it_is_certainly_equal() {
    for (written, deparsed, same) in PAIRS {
        let met = shape(written).is_met_by(&shape(deparsed));
        assert_eq!(met, same, "{written}   {deparsed}");
    }
}

fn shape(predicate: &str) -> IndexShape {
    let column = Identifier::new("id").expect("a name");
    IndexShape {
        method: "btree".to_owned(),
        unique: false,
        columns: vec![IndexColumn { column, descending: false, nulls_first: false }],
        include: Vec::new(),
        predicate: Some(predicate.to_owned()),
    }
}
