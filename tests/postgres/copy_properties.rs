//! Properties that the copy of a conversion takes from its source, row by row as in `docs/reference/inheritance.md`.

use pg_partition_operator::observed::CopyDifferences;
use pg_partition_operator::partition::{CopiedTable, Method};
use pg_partition_operator::postgres::inspect_copy;
use pg_partition_operator::sql::create_copy;

use crate::copied::{described, in_sql, read_columns, run_as_owner};
use crate::support::postgres::majors;
use crate::world::{SCHEMA_SQL, World};

/// A table with everything that a copy takes. A column was dropped, so that columns have other numbers than places.
const TABLE: &str = r#"
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE members (org int, who name);
CREATE DOMAIN positive AS numeric CHECK (value > 0);
CREATE TABLE t (
    gone int, id bigint GENERATED ALWAYS AS IDENTITY (INCREMENT 3 CACHE 5 MAXVALUE 100000 CYCLE),
    org int NOT NULL DEFAULT 7, at timestamptz NOT NULL DEFAULT now(), n serial,
    amount numeric(10, 2) CONSTRAINT more_than_none CHECK (amount > 0), price positive,
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED, body text COLLATE "C" DEFAULT 'it''s \ %s',
    customer bigint, parent bigint, "Odd ""@key" varchar(7)[], status varchar(9) CHECK (status IN ('a', 'b')),
    CONSTRAINT t_key PRIMARY KEY (id) INCLUDE (body) WITH (fillfactor = 71)
) WITH (fillfactor = 72);
ALTER TABLE t DROP gone;
ALTER TABLE t ADD late int NOT NULL DEFAULT 5, ADD CONSTRAINT t_late UNIQUE (org, late, id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT only_body UNIQUE (body), ADD CONSTRAINT pair CHECK (amount < late AND body <> 'x'),
    ADD CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT up FOREIGN KEY (parent) REFERENCES t, ENABLE ROW LEVEL SECURITY, REPLICA IDENTITY FULL,
    ALTER amount SET STATISTICS 123, ALTER body SET STORAGE EXTERNAL, ALTER body SET COMPRESSION pglz,
    ALTER org SET (n_distinct = -0.5), ALTER late SET (n_distinct_inherited = 9);
CREATE POLICY mine ON t FOR SELECT TO @reader
    USING (EXISTS (SELECT FROM members AS m WHERE m.org = t.org AND m.who = current_user));
CREATE POLICY rest ON t AS RESTRICTIVE USING (status IN ('a', 'b')) WITH CHECK (org > 1);
CREATE STATISTICS t_amounts ON customer, amount FROM t;
CREATE STATISTICS odd (mcv) ON (amount + 1), org FROM t;
CREATE STATISTICS one ON (lower(body)) FROM t;
ALTER STATISTICS one SET STATISTICS 77;
GRANT USAGE ON SCHEMA @schema TO @reader;
GRANT SELECT ON t TO @reader WITH GRANT OPTION;
GRANT INSERT, UPDATE (body, org) ON t TO @reader;
GRANT SELECT (id) ON t TO PUBLIC;
GRANT USAGE ON SEQUENCE t_id_seq TO @reader;
COMMENT ON TABLE t IS E'of the table\nsecond line';
COMMENT ON COLUMN t."Odd ""@key" IS 'of the column';
COMMENT ON CONSTRAINT pair ON t IS 'of the check';
COMMENT ON CONSTRAINT of_customer ON t IS 'of the foreign key';
COMMENT ON POLICY rest ON t IS 'of the policy';
CREATE INDEX t_lower ON t (lower(body) text_pattern_ops) WITH (fillfactor = 73) WHERE late > 3;
CREATE INDEX "t USING" ON t (at DESC);
INSERT INTO t (amount, price) VALUES (1, 1);
"#;

/// Creates a role that can read, the table, and the copy.
async fn copied(major: u16, table: &str, method: Method) -> (World, CopiedTable) {
    let world = World::new(major).await;
    let reader = format!("reader_of_{}", world.database.name());
    world.admin(&format!("CREATE ROLE {reader}")).await;
    world.owner(&table.replace("@reader", &reader).replace("@schema", SCHEMA_SQL)).await;
    let mut table = described(&world, "t", (&["id"], &["org"]));
    read_columns(&world, &mut table).await;
    let create = create_copy(&table, method);
    run_as_owner(&world.session().await, &table, create).await.unwrap();
    (world, table)
}

pub(crate) async fn differences(world: &World, table: &CopiedTable) -> CopyDifferences {
    let mut oids = Vec::new();
    for relation in [&table.source, &table.copy] {
        let relation = in_sql(&relation.name).replace('\'', "''");
        let oid = world.text(&format!("SELECT '{relation}'::regclass::oid")).await;
        oids.push(oid.parse().unwrap());
    }
    let session = world.session().await;
    let oids = (oids[0], oids[1]);
    inspect_copy(&session, &table.managed, oids, &table.columns, &table.key).await.unwrap().unwrap()
}

#[tokio::test]
async fn new_copy_differs_in_nothing_but_indexes() {
    for major in majors() {
        for method in [Method::Hash, Method::Range] {
            let (world, table) = copied(major, TABLE, method).await;
            let found = differences(&world, &table).await;
            let indexes: Vec<_> = found.indexes.iter().map(|index| index.name.as_str()).collect();
            assert_eq!(indexes, ["t USING", "t_lower"], "Postgres {major}");
            assert_eq!(found.storage, ["fillfactor=72"], "Postgres {major}");
            let nothing = CopyDifferences {
                indexes: found.indexes.clone(),
                storage: found.storage.clone(),
                ..CopyDifferences::default()
            };
            assert_eq!(found, nothing, "Postgres {major}");
            let comment = format!("SELECT obj_description('{SCHEMA_SQL}.t_partitioned'::regclass)");
            let comment = world.text(&comment).await;
            assert!(comment.starts_with(r#"pgpartition.dev copy of "Fin""an;ce".t"#), "{comment}");
            assert!(comment.ends_with("\nof the table\nsecond line"), "{comment}");
        }
    }
}
