//! A plan has a limited number of steps.

use pg_partition_operator::partition::{Bounds, Method, QualifiedName};
use pg_partition_operator::plan::{Moment, Note, plan};
use serde_json::json;

use crate::world::{add, desired, identifier, partition, table};

#[test]
fn plan_that_leaves_indexes_to_the_next_run_says_so() {
    let name = |name: &str| QualifiedName { schema: identifier("shop"), name: identifier(name) };
    let mut world = table(&name("t"), Method::Hash, &[("id", "int8")]);
    let modulus = 128;
    for remainder in 0..modulus {
        let bounds = Bounds::Hash { modulus, remainder };
        add(&mut world, partition(name(&format!("t_{remainder:03}")), bounds));
    }
    let noted = |count: usize| {
        let index = |n: usize| json!({"name": format!("t_{n}"), "columns": [{"column": "id"}]});
        let spec = json!({
            "schema": "shop", "table": "t",
            "partitionBy": {"hash": {"columns": ["id"], "partitions": modulus}},
            "indexes": (0..count).map(index).collect::<Vec<_>>(),
        });
        let desired = desired(&spec).expect("a spec");
        let plan = plan(&desired, &world, &Moment::at(jiff::Timestamp::UNIX_EPOCH));
        plan.notes.iter().any(|note| matches!(note, Note::PlanFull { .. }))
    };
    assert_eq!([noted(2), noted(64)], [false, true]);
}
