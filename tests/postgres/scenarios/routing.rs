//! A role reads the copy of a plain table while that is in parity, and then no more.

use serde_json::json;

use super::{Phase, Scenario};
use crate::database::World;

const NOW: &str = "2026-01-15T12:00:00Z";

/// A role that all scenarios of a server share.
const READER: &str = "re;ad\"er";

/// The reader has a path of its own in this database.
const ROUTED: &str = r#"
CREATE TABLE "Rou;t""ed" (org int, "i;d" bigint, "Größe – 大きさ" text, PRIMARY KEY (org, "i;d"));
INSERT INTO "Rou;t""ed" SELECT n % 3, n, 'row ' || n FROM generate_series(1, 30) AS n;
GRANT SELECT, UPDATE ("i;d") ON "Rou;t""ed" TO "re;ad""er";
GRANT SELECT (org) ON "Rou;t""ed" TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "re;ad""er";
"#;

/// A trigger is disabled for a moment, so that writes may have missed it.
const ALTERED: &str = r#"
ALTER TABLE "Rou;t""ed" DISABLE TRIGGER ALL;
INSERT INTO "Rou;t""ed" VALUES (1, 100, 'missed');
"#;

/// Creates the role, grants it to the operator, and sets its path.
pub(crate) async fn create_reader(world: &World) {
    let (operator, schema) = (&world.operator, crate::database::SCHEMA_SQL);
    world
        .admin(&format!(
            r#"DO $$ BEGIN
                BEGIN CREATE ROLE "re;ad""er" LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
                EXECUTE format('ALTER ROLE "re;ad""er" IN DATABASE %I SET search_path = public, {schema}', current_database());
                EXECUTE format('GRANT CREATE ON DATABASE %I TO %s', current_database(), $o${owner}$o$);
            END $$;
            GRANT "re;ad""er" TO {operator}; GRANT USAGE ON SCHEMA {schema} TO "re;ad""er""#,
            owner = world.owner,
        ))
        .await;
}

pub(crate) fn routing() -> Scenario {
    let phase = |roles: &[&str]| {
        let conversion = json!({"method": "Copy", "routing": {"roles": roles}});
        let hash = json!({"columns": ["org"], "partitions": 2});
        let spec =
            json!({"table": "Rou;t\"ed", "partitionBy": {"hash": hash}, "conversion": conversion});
        Phase::new(NOW, spec)
    };
    let altered = Phase { meanwhile: ALTERED, ..phase(&[READER]) };
    Scenario { name: "routing", setup: ROUTED, phases: vec![phase(&[READER]), altered, phase(&[])] }
}
