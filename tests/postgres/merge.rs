//! MERGE on a table that has unique constraints beside its key. Postgres fires the statement triggers of a MERGE for the
//! rows that it deleted first, then for those that it updated, then for those that it inserted. So a value is free in the
//! copy before another row gets it.

use tokio_postgres::error::SqlState;

use crate::copy_fixture::{LEVELS, create, differing, install};
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::majors;

const COLUMNS: &str = "id int, part int NOT NULL DEFAULT 1, v text, n int";
const UNIQUE: &str = "
    CREATE UNIQUE INDEX ON @ (part, v);
    CREATE UNIQUE INDEX ON @ (part, (n + 1), lower(v)) WHERE n > 0;";

const ROWS: &str =
    "INSERT INTO t (id, v, n) VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', NULL)";

/// Actions of a MERGE on the rows of `m`, in their order.
const MERGES: [(&str, &str); 6] = [
    ("a new row takes the value of a deleted one", "(1, 'delete', NULL), (9, 'a', 1)"),
    ("a new row takes the value of an updated one", "(1, 'x', 1), (9, 'a', 1)"),
    ("an updated row takes the value of a deleted one", "(1, 'delete', NULL), (2, 'a', 1)"),
    (
        "each takes the value of the one before",
        "(1, 'delete', NULL), (2, 'a', 2), (3, 'b', 3), (9, 'c', 4), (10, 'x', 5)",
    ),
    ("values pass through all", "(3, 'delete', NULL), (2, 'c', 3), (1, 'b', 2), (9, 'a', 1)"),
    ("nothing is passed", "(1, 'x', 1), (2, 'delete', NULL), (9, 'y', 9)"),
];

fn merge(rows: &str) -> String {
    format!(
        "MERGE INTO t USING (VALUES {rows}) AS m (id, v, n) ON t.id = m.id
         WHEN MATCHED AND m.v = 'delete' THEN DELETE
         WHEN MATCHED THEN UPDATE SET v = m.v, n = m.n
         WHEN NOT MATCHED THEN INSERT (id, v, n) VALUES (m.id, m.v, m.n)"
    )
}

#[tokio::test]
async fn merge_passes_unique_values_between_rows() {
    for major in majors().into_iter().filter(|major| *major >= 15) {
        for level in LEVELS {
            let world = World::new(major).await;
            let table = create(&world, "t", COLUMNS, (&["id"], &["part"])).await;
            world
                .owner(&format!(
                    "{}{}",
                    UNIQUE.replace('@', "t"),
                    UNIQUE.replace('@', "t_partitioned")
                ))
                .await;
            install(&world, &table, level).await;
            let client = world.database.client().await;
            client.batch_execute(&format!("SET search_path = {SCHEMA_SQL}")).await.unwrap();
            for isolation in ["READ COMMITTED", "REPEATABLE READ"] {
                for (what, rows) in MERGES {
                    client.batch_execute(&format!("DELETE FROM t; {ROWS}")).await.unwrap();
                    let case = format!("Postgres {major}, {level:?}, {isolation}: {what}");
                    let merge =
                        format!("BEGIN ISOLATION LEVEL {isolation}; {}; COMMIT", merge(rows));
                    let merged = client.batch_execute(&merge).await;
                    merged.unwrap_or_else(|error| panic!("{case}: {:?}", error.as_db_error()));
                    assert_eq!(differing(&world.admin, &table).await, "", "{case}");
                }
            }
            // What is a duplicate of a row that stays fails, as it does without a copy.
            let duplicate = client.batch_execute(&merge("(9, 'd', 1)")).await.unwrap_err();
            assert_eq!(duplicate.code().map(SqlState::code), Some("23505"));
        }
    }
}
