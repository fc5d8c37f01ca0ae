//! Keys and partition columns.

use pg_partition_operator::converge::observe_and_plan;
use pg_partition_operator::plan::PlanTime;
use serde_json::json;

use super::{Fault, NOW, by_admin, by_owner, check, found, hash};
use crate::database::{World, apply, at, desired, in_schema};
use crate::support::postgres::majors;

/// Faults of the key and of the partition column. Those of the key take the primary key away first.
const OF_KEYS: [Fault; 24] = [
    by_owner("ALTER TABLE t DROP CONSTRAINT t_pkey", &["NoRowKey"]),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX ON t (note, org_id);
         CREATE UNIQUE INDEX ON t (id, org_id) WHERE id > 0; CREATE UNIQUE INDEX ON t ((id + 1), org_id)",
        &["NoRowKey"],
    ),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX t_key ON t (id, org_id)",
        &[],
    ),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (id, org_id) DEFERRABLE",
        &["KeyNotUsable"],
    ),
    Fault {
        owner: "ALTER TABLE t DROP CONSTRAINT t_pkey",
        admin: "CREATE EXTENSION citext SCHEMA public; ALTER TABLE t ALTER note TYPE public.citext, ALTER note SET NOT NULL;
                CREATE UNIQUE INDEX ON t (note, org_id)",
        found: &["KeyNotUsable"],
    },
    by_admin(
        "CREATE EXTENSION citext SCHEMA public; ALTER TABLE t ALTER org_id TYPE public.citext",
        // The primary key has the column, too.
        &["KeyNotUsable", "KeyNotUsable"],
    ),
    Fault {
        owner: "CREATE COLLATION german (provider = icu, locale = 'de');
                ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER note TYPE text COLLATE german, ADD PRIMARY KEY (note, org_id)",
        admin: "UPDATE pg_collation SET collversion = '0' WHERE collname = 'german'",
        found: &["CollationChanged"],
    },
    by_owner("ALTER TABLE t RENAME org_id TO organization", &["PartitionColumnMissing", "UniqueKey:t_pkey"]),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER org_id DROP NOT NULL, ADD PRIMARY KEY (id)",
        &["KeyNullable", "UniqueKey:t_pkey"],
    ),
    by_owner(
        "ALTER TABLE t DROP org_id, ADD org_id int GENERATED ALWAYS AS (1) STORED NOT NULL, ADD PRIMARY KEY (id)",
        &["KeyGenerated", "UniqueKey:t_pkey"],
    ),
    by_owner(
        "ALTER TABLE t DROP org_id, ADD org_id json NOT NULL, ADD PRIMARY KEY (id)",
        &["KeyTypeNotHashable", "UniqueKey:t_pkey"],
    ),
    // Types whose operator classes are those of another type.
    by_owner("CREATE TYPE mood AS ENUM ('a'); ALTER TABLE t ALTER org_id TYPE mood USING 'a'", &[]),
    by_owner("CREATE DOMAIN short AS varchar(9); ALTER TABLE t ALTER org_id TYPE short", &[]),
    by_owner("ALTER TABLE t ALTER org_id TYPE int[] USING '{}'", &[]),
    by_owner(
        "CREATE DOMAIN wide AS varchar(9); CREATE DOMAIN narrow AS wide; ALTER TABLE t ALTER org_id TYPE narrow",
        &[],
    ),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD g int GENERATED ALWAYS AS (org_id) STORED NOT NULL, ADD UNIQUE (g, org_id)",
        &["KeyNotUsable"],
    ),
    // Indexes that ORDER BY the columns cannot read, and those that it can.
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER note SET NOT NULL; CREATE UNIQUE INDEX ON t (note COLLATE \"C\", org_id)",
        &["KeyNotUsable"],
    ),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER note SET NOT NULL; CREATE UNIQUE INDEX ON t (note text_pattern_ops, org_id)",
        &["KeyNotUsable"],
    ),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX ON t (id DESC, org_id)",
        &["KeyNotUsable"],
    ),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX ON t (id NULLS FIRST, org_id NULLS FIRST)",
        &["KeyNotUsable"],
    ),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX ON t (id DESC, org_id DESC)",
        &[],
    ),
    by_owner(
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER note TYPE varchar(9), ALTER note SET NOT NULL;
         CREATE UNIQUE INDEX ON t (note varchar_ops, org_id)",
        &[],
    ),
    // The partition column in another collation.
    by_owner(
        "ALTER TABLE t ALTER org_id TYPE text; CREATE UNIQUE INDEX t_c ON t (org_id COLLATE \"C\", id)",
        &["UniqueKey:t_c"],
    ),
    by_owner(
        "CREATE COLLATION either (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER note TYPE text COLLATE either, ADD PRIMARY KEY (note, org_id)",
        &[],
    ),
];

#[tokio::test]
async fn every_fault_of_a_key_is_found_on_a_real_table() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        for fault in &OF_KEYS {
            check(&world, &session, fault).await;
        }
    }
}

/// Domains of a partition column, and what is found for a range of it.
const DOMAINS: [(&str, &[&str]); 5] = [
    ("CREATE DOMAIN a AS date; CREATE DOMAIN b AS a CHECK (value > '2000-01-01')", &[]),
    (
        "CREATE FUNCTION ok(date) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
         CREATE DOMAIN b AS date CHECK (ok(value))",
        &["KeyNotUsable"],
    ),
    (
        "CREATE FUNCTION ok(date, date) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
         CREATE OPERATOR === (FUNCTION = ok, LEFTARG = date, RIGHTARG = date);
         CREATE DOMAIN a AS date CHECK (value === '2000-01-01'); CREATE DOMAIN b AS a",
        &["KeyNotUsable"],
    ),
    (
        "CREATE DOMAIN b AS date CHECK (set_config('role', 'none', true) = value::text)",
        &["KeyNotUsable"],
    ),
    (
        "CREATE DOMAIN other AS text CHECK (value <> ''); CREATE DOMAIN b AS date CHECK (value::text::other <> '')",
        &["KeyNotUsable"],
    ),
];

#[tokio::test]
async fn partition_column_of_a_range_runs_no_code_of_a_user() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        for (domain, expected) in DOMAINS {
            world
                .owner(&format!(
                    "{domain}; CREATE TABLE t (id int, org_id int, day b NOT NULL, PRIMARY KEY (id, day))"
                ))
                .await;
            let mut spec = hash();
            spec["partitionBy"] =
                json!({"range": {"column": "day", "interval": "Month", "timeZone": "UTC"}});
            assert_eq!(found(&session, spec).await, expected, "Postgres {major}: {domain}");
            world.remove_all().await;
        }
    }
}

#[tokio::test]
async fn partition_key_of_a_domain_over_a_domain_has_the_base_type() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE DOMAIN a AS date; CREATE DOMAIN b AS a;
                 CREATE TABLE t (id int, day b NOT NULL) PARTITION BY RANGE (day)",
            )
            .await;
        let spec = desired(json!({
            "table": "t",
            "partitionBy": {"range": {"column": "day", "interval": "Month", "timeZone": "UTC"}},
        }));
        let (_, plan) =
            observe_and_plan(&world.session().await, &spec, &PlanTime::at(at(NOW))).await.unwrap();
        assert_eq!(plan.deferred, [], "Postgres {major}: {plan}");
    }
}

#[tokio::test]
async fn equal_keys_of_different_text_are_preserved() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE COLLATION either (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
                 CREATE TABLE t (
                     name text COLLATE either, amount numeric, org_id text COLLATE either,
                     PRIMARY KEY (name, amount, org_id)
                 );
                 INSERT INTO t SELECT chr(96 + n), n, 'org' || n % 3 FROM generate_series(1, 20) AS n",
            )
            .await;
        let session = world.session().await;
        let done = apply(&session, &desired(hash()), NOW).await;
        assert!(
            done.observed.copy.unwrap().parity().is_some(),
            "Postgres {major}: {}",
            done.remaining
        );
        world
            .owner("UPDATE t SET name = upper(name), amount = amount + 0.00, org_id = upper(org_id) WHERE amount < 9")
            .await;
        let rows = |table: &str| {
            format!("SELECT md5(string_agg(r::text, ' ' ORDER BY amount)) FROM {table} r")
        };
        let texts = [rows(&in_schema("t")), rows(&in_schema("t_partitioned"))];
        let [source, copy] = [world.text(&texts[0]).await, world.text(&texts[1]).await];
        assert_eq!(source, copy, "Postgres {major}");
        let done = apply(&session, &desired(hash()), NOW).await;
        let parity = done.observed.copy.as_ref().unwrap().parity().unwrap();
        assert_eq!((parity.rows_source, parity.difference_rows), (20, 0), "Postgres {major}");
    }
}
