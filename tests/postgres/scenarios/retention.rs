//! Partitions expire, are reattached, and are adopted; default partitions are created, drained, and dropped.

use serde_json::{Value, json};

use super::{Phase, Scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![expired(), beside_default(), below_another(), drained(), unwanted_default()]
}

fn monthly(table: &str, column: &str, more: &Value) -> Value {
    let mut spec = json!({
        "table": table, "ahead": 0,
        "partitionBy": {"range": {"column": column, "interval": "Month", "timeZone": "UTC"}},
    });
    let fields = more.as_object().unwrap().clone();
    spec.as_object_mut().unwrap().extend(fields);
    spec
}

const EXPIRED: &str = r#"
CREATE TABLE "Re;fs" (id bigint PRIMARY KEY);
INSERT INTO "Re;fs" VALUES (1);
CREATE TABLE "Lo;gs" (
    id bigint GENERATED ALWAYS AS IDENTITY,
    "re""f" bigint REFERENCES "Re;fs",
    "when" timestamptz NOT NULL,
    n int CHECK (n > 0),
    PRIMARY KEY (id, "when")
) PARTITION BY RANGE ("when");
CREATE INDEX "Lo;gs_n" ON "Lo;gs" (n, lower(n::text));
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER "tri;gger" AFTER INSERT ON "Lo;gs" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE "Octo'ber; lo;gs" PARTITION OF "Lo;gs" FOR VALUES FROM ('2025-10-01Z') TO ('2025-11-01Z');
CREATE TABLE "elsewhere; 11" PARTITION OF "Lo;gs" FOR VALUES FROM ('2025-11-01Z') TO ('2025-12-01Z');
CREATE TABLE "Lo;gs_2025_12" PARTITION OF "Lo;gs" FOR VALUES FROM ('2025-12-01Z') TO ('2026-01-01Z');
CREATE TABLE "Lo;gs_2026_01" PARTITION OF "Lo;gs" FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
COMMENT ON TABLE "elsewhere; 11" IS E'a person''s\nown words';
INSERT INTO "Lo;gs" ("re""f", "when", n) SELECT 1, '2025-10-15Z'::timestamptz + n * interval '1 month', 1
    FROM generate_series(0, 3) n;
RESET ROLE;
CREATE PUBLICATION "mi;ne" FOR TABLE @schema."elsewhere; 11";
ALTER PUBLICATION "mi;ne" OWNER TO @owner;
CREATE PUBLICATION "oth'ers" FOR TABLE @schema."elsewhere; 11", @schema."Lo;gs";
"#;

/// Without a default partition, expired partitions are detached concurrently.
fn expired() -> Scenario {
    let spec = |keep: u32| {
        let retention = json!({"keep": keep, "onExpiry": "Drop", "dropAfter": "48h"});
        let index = json!({"name": "by_re;f", "columns": [{"column": "re\"f"}]});
        monthly("Lo;gs", "when", &json!({"retention": retention, "indexes": [index]}))
    };
    let phase = |now, keep| Phase {
        adopt: r#""Octo'ber; lo;gs", "elsewhere; 11""#,
        ..Phase::new(now, spec(keep))
    };
    let mut marked = phase("2026-01-15T12:00:00Z", 1);
    marked.steps = 2; // they are marked, and that is all
    let kept = phase("2026-01-15T12:00:00Z", 5);
    let detached = phase("2026-01-15T12:00:00Z", 1);
    let again = phase("2026-01-16T12:00:00Z", 5);
    let mut finalized = phase("2026-01-17T12:00:00Z", 2);
    finalized.pending = Some(("Lo;gs", "Lo;gs_2025_12"));
    let dropped = phase("2026-02-20T12:00:00Z", 1);
    Scenario {
        name: "expired",
        setup: EXPIRED,
        phases: vec![marked, kept, detached, again, finalized, dropped],
    }
}

const BESIDE: &str = r#"
CREATE TABLE "Oth;er" (id bigint PRIMARY KEY);
CREATE TABLE "be;side" (at date NOT NULL, n int, "re;f" bigint REFERENCES "Oth;er", PRIMARY KEY (n, at))
    PARTITION BY RANGE (at);
CREATE TABLE "be;side split" PARTITION OF "be;side" FOR VALUES FROM ('2025-10-01') TO ('2025-11-01')
    PARTITION BY HASH (n);
CREATE TABLE "be;side split 0" PARTITION OF "be;side split" FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE "be;side_2025_11" PARTITION OF "be;side" FOR VALUES FROM ('2025-11-01') TO ('2025-12-01');
CREATE TABLE "be;side_2025_12" PARTITION OF "be;side" FOR VALUES FROM ('2025-12-01') TO ('2026-01-01');
CREATE TABLE "ref;unds" (n int, at date, FOREIGN KEY (n, at) REFERENCES "be;side");
INSERT INTO "be;side" VALUES ('2025-10-02', 1), ('2025-11-02', 2), ('2025-12-02', 3);
INSERT INTO "ref;unds" VALUES (3, '2025-12-02');
"#;

/// With a default partition and foreign keys that reference the table, expired partitions are detached in one transaction.
fn beside_default() -> Scenario {
    let spec = |keep: u32, default: &str| {
        let retention = json!({"keep": keep});
        let more = json!({"retention": retention, "defaultPartition": default});
        monthly("be;side", "at", &more)
    };
    let phase = |keep, default| Phase {
        adopt: r#""be;side split", "be;side_2025_11", "be;side_2025_12""#,
        ..Phase::new("2026-01-15T12:00:00Z", spec(keep, default))
    };
    Scenario {
        name: "beside a default",
        setup: BESIDE,
        phases: vec![phase(9, "Present"), phase(0, "Present"), phase(9, "Present")],
    }
}

const BELOW: &str = r#"
CREATE TABLE "Ca;rriers" (id int PRIMARY KEY);
CREATE TABLE "ca;lls" (
    region text NOT NULL, id bigint, at timestamptz NOT NULL, carrier int REFERENCES "Ca;rriers",
    PRIMARY KEY (region, id, at)
) PARTITION BY LIST (region);
CREATE TABLE "ca;lls eu" PARTITION OF "ca;lls" FOR VALUES IN ('e''u') PARTITION BY RANGE (at);
CREATE TABLE "ca;lls eu_2025_12" PARTITION OF "ca;lls eu" FOR VALUES FROM ('2025-12-01Z') TO ('2026-01-01Z');
CREATE TABLE "bi;lls" (region text, id bigint, at timestamptz, FOREIGN KEY (region, id, at) REFERENCES "ca;lls")
    PARTITION BY LIST (region);
CREATE TABLE "bi;lls_all" PARTITION OF "bi;lls" DEFAULT;
CREATE TABLE "ref;unds of eu" (region text, id bigint, at timestamptz, FOREIGN KEY (region, id, at)
    REFERENCES "ca;lls eu");
INSERT INTO "ca;lls" VALUES ('e''u', 1, '2025-12-02Z');
"#;

/// A partition of another table; foreign keys lead to that, from that, and to this one.
fn below_another() -> Scenario {
    let phase = |keep: u32| Phase {
        adopt: r#""ca;lls eu_2025_12""#,
        ..Phase::new(
            "2026-01-15T12:00:00Z",
            monthly("ca;lls eu", "at", &json!({"retention": {"keep": keep}})),
        )
    };
    Scenario { name: "below another", setup: BELOW, phases: vec![phase(0), phase(9)] }
}

const DRAINED: &str = r#"
CREATE TABLE "Re;f" (id bigint PRIMARY KEY);
INSERT INTO "Re;f" VALUES (7);
CREATE TABLE "Dra;in" (
    id bigint GENERATED ALWAYS AS IDENTITY,
    other bigint GENERATED BY DEFAULT AS IDENTITY,
    "wh""en" timestamp NOT NULL,
    ")" int DEFAULT 3,
    dropped int,
    doubled int GENERATED ALWAYS AS (")" * 2) STORED,
    "re;f" bigint DEFAULT 7 REFERENCES "Re;f",
    PRIMARY KEY (id, "wh""en")
) PARTITION BY RANGE ("wh""en");
ALTER TABLE "Dra;in" DROP COLUMN dropped;
CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'a trigger % has fired', TG_NAME; END$$;
CREATE TABLE "Dra;in default" PARTITION OF "Dra;in" DEFAULT;
CREATE TABLE "Dra;in_2025_12" PARTITION OF "Dra;in" FOR VALUES FROM ('2025-12-01') TO ('2026-01-01');
INSERT INTO "Dra;in" ("wh""en") SELECT '2026-01-10'::timestamp + n * interval '1 day' FROM generate_series(0, 40) n;
INSERT INTO "Dra;in" ("wh""en") VALUES ('infinity'), ('-infinity'), ('2019-01-01');
CREATE TRIGGER "be;fore" BEFORE INSERT OR DELETE ON "Dra;in" FOR EACH ROW EXECUTE FUNCTION refuses();
CREATE TRIGGER "after" AFTER INSERT OR DELETE ON "Dra;in" FOR EACH ROW EXECUTE FUNCTION refuses();
CREATE CONSTRAINT TRIGGER "defer;red" AFTER INSERT OR DELETE ON "Dra;in" DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuses();
CREATE TRIGGER "al'ways" AFTER DELETE ON "Dra;in default" FOR EACH STATEMENT EXECUTE FUNCTION refuses();
CREATE TRIGGER "replica" BEFORE DELETE ON "Dra;in default" FOR EACH ROW EXECUTE FUNCTION refuses();
CREATE TRIGGER "off" BEFORE DELETE ON "Dra;in default" FOR EACH ROW EXECUTE FUNCTION refuses();
ALTER TABLE "Dra;in default" ENABLE ALWAYS TRIGGER "al'ways", ENABLE REPLICA TRIGGER "replica",
    DISABLE TRIGGER "off";
ALTER TABLE "Dra;in" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
"#;

/// The default partition holds rows of the current and of future periods.
fn drained() -> Scenario {
    let spec = monthly("Dra;in", "wh\"en", &json!({"ahead": 2, "defaultPartition": "Present"}));
    Scenario {
        name: "drained",
        setup: DRAINED,
        phases: vec![Phase::new("2026-01-15T12:00:00Z", spec)],
    }
}

/// A default partition is created and dropped.
fn unwanted_default() -> Scenario {
    let setup = r#"
        CREATE TABLE "wide;r" (id int PRIMARY KEY);
        CREATE TABLE "un;wanted" (at timestamptz NOT NULL, n int REFERENCES "wide;r") PARTITION BY RANGE (at);
        CREATE INDEX "un;wanted_n" ON "un;wanted" (n);
    "#;
    let phase = |default| {
        let spec = monthly("un;wanted", "at", &json!({"defaultPartition": default}));
        Phase::new("2026-01-15T12:00:00Z", spec)
    };
    let mut emptied = phase("Absent");
    emptied.meanwhile =
        r#"INSERT INTO "un;wanted" VALUES ('2040-01-01Z'); DELETE FROM "un;wanted""#;
    Scenario { name: "unwanted default", setup, phases: vec![phase("Present"), emptied] }
}
