//! The swap: rows, and everything that goes by the name of the table.

use pg_partition_operator::partition::Side;

use crate::copied::LEVELS;
use crate::copy_undone::{CATALOG, changed};
use crate::support::postgres::majors;
use crate::swapped::{APPLICATION, Swapped};

/// Writes that pass through names, views, functions, and triggers of the application.
const WRITES: [&str; 12] = [
    "INSERT INTO t (org, v) VALUES (1, 'a'), (2, 'plain')",
    "UPDATE t SET org = org % 9 + 1 WHERE id % 2 = 0",
    "UPDATE t SET id = id + 100000 WHERE id % 17 = 0 AND id NOT IN (SELECT t FROM lines) AND id NOT IN (SELECT parent FROM t WHERE parent IS NOT NULL)",
    "DELETE FROM t WHERE id % 19 = 0 AND id NOT IN (SELECT parent FROM t WHERE parent IS NOT NULL)",
    "INSERT INTO checked (org) VALUES (3)",
    "UPDATE over SET org = 4 WHERE id % 23 = 0",
    "INSERT INTO instead (org) VALUES (5)",
    "INSERT INTO ruled (org) VALUES (6)",
    "CALL add(7)",
    "DELETE FROM orgs WHERE id = 9; INSERT INTO orgs VALUES (9)",
    "INSERT INTO t (id, org) VALUES (7, 8) ON CONFLICT DO NOTHING",
    "DELETE FROM t WHERE parent IS NOT NULL OR id IN (SELECT parent FROM t)",
];

#[tokio::test]
async fn rows_are_equal_there_and_back_and_there() {
    for major in majors() {
        for level in LEVELS {
            let mut swapped = Swapped::new(major, level, APPLICATION).await;
            for turn in 0..5 {
                swapped.swap().await;
                for write in WRITES {
                    swapped.write(write).await;
                }
                let log = "SELECT count(*) FROM \"Fin\"\"an;ce\".log WHERE what LIKE '%never%'";
                assert_eq!(swapped.world.text(log).await, "0", "Postgres {major}, turn {turn}");
            }
            assert_eq!(swapped.table.serving(), Side::Partitioned);
        }
    }
}

/// A trigger that writes to its own row, and comes before that of the sync.
const WRITES_AGAIN: &str = "
    CREATE TABLE t (id int PRIMARY KEY, org int NOT NULL, v text);
    CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE \"Fin\"\"an;ce\".t SET v = 'again' WHERE id = NEW.id AND v IS NULL; RETURN NULL;
    END $$;
    CREATE TRIGGER again AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION again()";

#[tokio::test]
async fn write_of_a_trigger_to_its_own_row_reaches_the_source() {
    for major in majors() {
        let mut swapped = Swapped::new(major, LEVELS[0], (WRITES_AGAIN, "")).await;
        swapped.swap().await;
        swapped.write("INSERT INTO t VALUES (1, 1), (2, 2)").await;
        swapped.write("UPDATE t SET v = NULL, org = org + 1").await;
    }
}

#[tokio::test]
async fn nothing_in_the_catalog_differs_there_and_back() {
    for major in majors() {
        for level in LEVELS {
            let mut swapped = Swapped::new(major, level, APPLICATION).await;
            // The first swap adds the column of its time to the records.
            let before = swapped.world.text(CATALOG).await;
            swapped.swap().await;
            let there = swapped.world.text(CATALOG).await;
            swapped.swap().await;
            let back = swapped.world.text(CATALOG).await;
            let changed_back = changed(&before, &back);
            assert!(changed_back.is_empty(), "Postgres {major}, {level:?}: {changed_back:#?}");
            swapped.swap().await;
            let again = changed(&there, &swapped.world.text(CATALOG).await);
            assert!(again.is_empty(), "Postgres {major}, {level:?}: {again:#?}");
        }
    }
}
