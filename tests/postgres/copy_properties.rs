//! Properties that the copy of a conversion takes from its source, row by row as in `docs/reference/inheritance.md`.

use pg_partition_operator::observed::CopyDifferences;
use pg_partition_operator::partition::{CopiedTable, Method};
use pg_partition_operator::postgres::inspect_copy;
use pg_partition_operator::sql::{create_copy, follow};

use crate::copy_fixture::{described, in_sql, read_columns, run_as_owner};
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::majors;

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
    copied_in(World::new(major).await, table, method).await
}

async fn copied_in(world: World, table: &str, method: Method) -> (World, CopiedTable) {
    let reader = format!("reader_of_{}", world.database.name());
    world.admin(&format!("CREATE ROLE {reader}")).await;
    world.owner(&table.replace("@reader", &reader).replace("@schema", SCHEMA_SQL)).await;
    // They are for tables that users create.
    let defaults = ["TABLES", "SEQUENCES"].map(|objects| {
        format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {} GRANT ALL ON {objects} TO PUBLIC;",
            world.owner
        )
    });
    world.admin(&defaults.concat()).await;
    let mut table = described(&world, "t", (&["id"], &["org"]));
    read_columns(&world, &mut table).await;
    let create = create_copy(&table, method);
    run_as_owner(&world.session().await, &table, create).await.unwrap();
    (world, table)
}

const PAGE: &str = include_str!("../../docs/reference/inheritance.md");

/// Columns of a table as a query of the catalog.
fn columns(what: &str) -> String {
    format!(
        "SELECT string_agg(concat(attname, ' ', {what}), ', ' ORDER BY attnum) FROM pg_attribute AS a
         WHERE attrelid = @t AND attnum > 0 AND NOT attisdropped"
    )
}

fn constraints(what: &str, which: &str) -> String {
    format!(
        "SELECT string_agg(concat({what}), ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = @t AND {which}"
    )
}

fn comments(catalog: &str, object: &str) -> String {
    format!("SELECT obj_description(oid, '{catalog}') FROM {catalog} WHERE {object}")
}

/// For each row of the page a query of the catalog, and what it returns for the copy if that is something else than for
/// the source.
fn rows() -> Vec<(&'static str, String, Option<&'static str>)> {
    let class = |column: &str| format!("SELECT {column} FROM pg_class WHERE oid = @t");
    let count =
        |table: &str, condition: &str| format!("SELECT count(*) FROM {table} WHERE {condition}");
    let expression = "(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)";
    let acl = |of: &str, object: &str| {
        format!(
            "SELECT string_agg(DISTINCT concat({object}, g.privilege_type, g.is_grantable, g.grantee), ', ')
             FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid CROSS JOIN aclexplode({of}) AS g
             WHERE c.oid = @t AND g.grantee <> c.relowner"
        )
    };
    let sequence = |what: &str| {
        format!(
            "SELECT {what} FROM pg_sequence JOIN pg_class AS c ON c.oid = seqrelid
             JOIN pg_depend AS d ON d.objid = seqrelid AND d.refobjid = @t AND d.deptype = 'i'"
        )
    };
    let same = |property, query| (property, query, None);
    let key = "PRIMARY KEY (id, org) INCLUDE (body)";
    vec![
        same("columns", columns("format_type(atttypid, atttypmod), attcollation::regcollation")),
        same("owner", class("relowner")),
        ("key", constraints("pg_get_constraintdef(oid)", "contype = 'p'"), Some(key)),
        (
            "key",
            "SELECT reloptions FROM pg_class JOIN pg_index ON indexrelid = oid WHERE indrelid = @t AND indisprimary"
                .to_owned(),
            None,
        ),
        (
            "unique constraints",
            constraints("pg_get_constraintdef(oid)", "contype = 'u'"),
            Some("UNIQUE (org, late, id) DEFERRABLE INITIALLY DEFERRED"),
        ),
        ("indexes", count("pg_index", "indrelid = @t"), Some("2")),
        same("NOT NULL and CHECK", columns("attnotnull")),
        same("NOT NULL and CHECK", constraints("conname, convalidated", "contype IN ('c', 'n')")),
        same(
            "NOT NULL and CHECK",
            constraints("pg_get_constraintdef(oid)", "conname IN ('more_than_none', 'pair')"),
        ),
        same("defaults", columns(expression)),
        same("generated columns", columns("attgenerated")),
        same("identity", columns("attidentity")),
        same("identity", sequence("concat(seqincrement, seqcache, seqmax, seqcycle, seqtypid)")),
        same("foreign keys", constraints("pg_get_constraintdef(oid)", "conname = 'of_customer'")),
        (
            "foreign keys to the table itself, and of other tables",
            count("pg_constraint", "contype = 'f' AND (confrelid = @t OR conrelid = @t)"),
            Some("1"),
        ),
        same("grants", acl("c.relacl", "''")),
        same("grants", acl("a.attacl", "a.attname")),
        same("grants", sequence("(SELECT count(*) FROM aclexplode(relacl))")),
        same("row security and policies", class("relrowsecurity::text || relforcerowsecurity")),
        same(
            "row security and policies",
            "SELECT string_agg(concat(polname, polcmd, polpermissive, polroles, polqual IS NULL, polwithcheck IS NULL), ','
             ORDER BY polname) FROM pg_policy WHERE polrelid = @t"
                .to_owned(),
        ),
        same("column storage and compression", columns("attstorage, attcompression")),
        same("statistics targets and n_distinct", columns("coalesce(attstattarget, -1)")),
        (
            "statistics targets and n_distinct",
            "SELECT attoptions FROM pg_attribute WHERE attrelid = @t AND attname = 'org'".to_owned(),
            Some("{n_distinct=-0.5,n_distinct_inherited=-0.5}"),
        ),
        same(
            "extended statistics",
            "SELECT string_agg(concat(stxkind, pg_get_statisticsobjdef_columns(oid), stxstattarget), ',' ORDER BY stxkind)
             FROM pg_statistic_ext WHERE stxrelid = @t"
                .to_owned(),
        ),
        same("replica identity", class("relreplident")),
        ("storage parameters", class("reloptions"), Some("")),
        same("comments", columns("col_description(attrelid, attnum)")),
        same("comments", comments("pg_constraint", "conrelid = @t AND contype = 'c' AND conname = 'pair'")),
        same("comments", comments("pg_constraint", "conrelid = @t AND contype = 'f' AND conname = 'of_customer'")),
        same("comments", comments("pg_policy", "polrelid = @t AND polname = 'rest'")),
        (
            "triggers, rules, publications",
            "SELECT (SELECT count(*) FROM pg_trigger WHERE tgrelid = @t AND NOT tgisinternal)
                + (SELECT count(*) FROM pg_rewrite WHERE ev_class = @t)
                + (SELECT count(*) FROM pg_publication_rel WHERE prrelid = @t)"
                .to_owned(),
            Some("0"),
        ),
        ("security labels", count("pg_seclabel", "objoid = @t"), Some("0")),
    ]
}

/// Rows that have a test of their own.
const ELSEWHERE: [&str; 2] = ["exclusion, WITHOUT OVERLAPS", "tablespace, access method"];

#[tokio::test]
async fn new_copy_has_the_properties_on_the_page() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner("CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'").await;
        let more = "CREATE TRIGGER noted AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION noted();
            CREATE RULE silent AS ON UPDATE TO t WHERE false DO INSTEAD NOTHING;";
        let (world, table) = copied_in(world, &format!("{TABLE}{more}"), Method::Hash).await;
        for (property, query, expected) in rows() {
            let of = |relation: &str| {
                query.replace("@t", &format!("'{SCHEMA_SQL}.{relation}'::regclass"))
            };
            let copy = world.text(&of(table.copy.name.as_str())).await;
            let source = world.text(&of("t")).await;
            assert_eq!(copy, expected.unwrap_or(&source), "Postgres {major}: {property}");
            assert_ne!(source, "", "Postgres {major}: {property}");
        }
    }
}

#[test]
fn every_property_on_the_page_is_proven() {
    let proven: Vec<_> = rows().into_iter().map(|row| row.0).chain(ELSEWHERE).collect();
    let (_, page) = PAGE.split_once("\n## Properties of the copy").unwrap();
    let (page, _) = page.split_once("\n## ").unwrap();
    let said = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    let said: Vec<_> = said.map(|line| line[2..].split(" | ").next().unwrap()).collect();
    let unproven: Vec<_> = said.iter().filter(|row| !proven.contains(row)).collect();
    assert!(unproven.is_empty(), "{unproven:?}");
    assert!(proven.iter().all(|row| said.contains(row)), "{proven:?}\n{said:?}");
}

#[tokio::test]
async fn exclusion_constraint_is_copied_if_a_partitioned_table_can_have_it() {
    for major in majors() {
        let world = World::new(major).await;
        let overlaps =
            if major < 18 { "" } else { ", CONSTRAINT c UNIQUE (org, during WITHOUT OVERLAPS)" };
        let sql = format!(
            "CREATE TABLE t (id int PRIMARY KEY, org int4range NOT NULL, during tstzrange NOT NULL,
                 CONSTRAINT a EXCLUDE USING gist (org WITH =, during WITH &&) WHERE (id > 0) DEFERRABLE,
                 CONSTRAINT b EXCLUDE USING gist (org WITH &&, during WITH =){overlaps})"
        );
        let (world, table) = copied_in(world, &sql, Method::Hash).await;
        let found = differences(&world, &table).await;
        assert_eq!(found, CopyDifferences::default(), "Postgres {major}");
        let constraints = constraints("pg_get_constraintdef(oid)", "contype IN ('x', 'u')");
        let constraints =
            constraints.replace("@t", &format!("'{SCHEMA_SQL}.t_partitioned'::regclass"));
        let expected = match major {
            ..17 => "",
            17 => "EXCLUDE USING gist (org WITH =, during WITH &&) WHERE ((id > 0)) DEFERRABLE",
            _ => {
                "EXCLUDE USING gist (org WITH =, during WITH &&) WHERE ((id > 0)) DEFERRABLE, \
                 UNIQUE (org, during WITHOUT OVERLAPS)"
            }
        };
        assert_eq!(world.text(&constraints).await, expected, "Postgres {major}");
    }
}

#[tokio::test]
async fn tablespace_and_access_method_are_copied_and_followed() {
    for major in majors() {
        let server = crate::support::postgres::Server::start(
            major,
            &["-c", "allow_in_place_tablespaces=on"],
        );
        let world = World::on(&server, major).await;
        world.admin("CREATE TABLESPACE other LOCATION ''").await;
        world.admin("CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler").await;
        world.admin(&format!("GRANT CREATE ON TABLESPACE other TO {}", world.owner)).await;
        let sql = "CREATE TABLE t (id int CONSTRAINT t_key PRIMARY KEY USING INDEX TABLESPACE other, org int NOT NULL)
            USING heap_too TABLESPACE other";
        let (world, table) = copied_in(world, sql, Method::Hash).await;
        let found = differences(&world, &table).await;
        assert!(found.properties.is_empty() && !found.can_follow(), "Postgres {major}: {found:?}");
        assert_eq!(found.access_method.unwrap().as_str(), "heap_too", "Postgres {major}");
        let has = format!(
            "SELECT string_agg(concat(spcname, ' ', amname), ', ' ORDER BY relname) FROM pg_class AS c
             JOIN pg_tablespace AS s ON s.oid = reltablespace LEFT JOIN pg_am AS a ON a.oid = relam
             WHERE relname LIKE 't_partitioned%' AND relnamespace = '{SCHEMA_SQL}'::regnamespace"
        );
        let expected =
            if major < 17 { "other , other btree" } else { "other heap_too, other btree" };
        assert_eq!(world.text(&has).await, expected, "Postgres {major}");
        world.owner("ALTER TABLE t SET TABLESPACE pg_default").await;
        let statements = follow(&table, Method::Hash, &table.columns);
        run_as_owner(&world.session().await, &table, statements).await.unwrap();
        assert!(!differences(&world, &table).await.can_follow(), "Postgres {major}");
    }
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
