//! A plain table is converted to parity, at both levels of the triggers, and the conversion is undone.

use serde_json::{Value, json};

use super::{Phase, Scenario};

const NOW: &str = "2026-01-15T12:00:00Z";

const CONVERTING: &str = r#"
CREATE TABLE "Re;fs" (id bigint PRIMARY KEY);
INSERT INTO "Re;fs" SELECT generate_series(0, 6);
CREATE TABLE "Con;v""ert" (
    "re""f" bigint REFERENCES "Re;fs" ON DELETE CASCADE DEFERRABLE,
    "i;d" bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT "ke;y" PRIMARY KEY,
    "wh""en" timestamptz NOT NULL,
    amount numeric(12, 2) DEFAULT 0 CONSTRAINT "not 'negative'" CHECK (amount >= 0),
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
    dropped int,
    "Größe – 大きさ" text COLLATE "C",
    "above;" bigint REFERENCES "Con;v""ert",
    CONSTRAINT "Uni;que" UNIQUE ("wh""en", "i;d")
);
ALTER TABLE "Con;v""ert" DROP COLUMN dropped;
CREATE INDEX "ex""pr" ON "Con;v""ert" (lower("Größe – 大きさ"), "wh""en" DESC);
CREATE INDEX "part;ial" ON "Con;v""ert" ("re""f") WHERE "Größe – 大きさ" = 'it''s; "so"';
ALTER TABLE "Con;v""ert" REPLICA IDENTITY FULL;
ALTER TABLE "Con;v""ert" ALTER COLUMN amount SET STATISTICS 321;
ALTER TABLE "Con;v""ert" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "everything; really" ON "Con;v""ert" USING ("re""f" IN (SELECT id FROM "Re;fs"));
COMMENT ON TABLE "Con;v""ert" IS E'a person''s\nown words';
COMMENT ON COLUMN "Con;v""ert".amount IS 'how much; it''s money';
CREATE STATISTICS "st;ats" ON "i;d", amount FROM "Con;v""ert";
GRANT SELECT, UPDATE (amount) ON "Con;v""ert" TO PUBLIC;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER "tri;gger" AFTER INSERT ON "Con;v""ert" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE "in;bound" ("con;v" bigint REFERENCES "Con;v""ert" ON DELETE CASCADE);
INSERT INTO "Con;v""ert" ("re""f", "wh""en", amount, "Größe – 大きさ")
    SELECT n % 7, '2025-11-10Z'::timestamptz + n * interval '1 day', n, 'row ' || n FROM generate_series(1, 60) AS n;
INSERT INTO "in;bound" SELECT "i;d" FROM "Con;v""ert" WHERE "i;d" < 5;
"#;

/// The application changes the table while it is in parity.
const ALTERED: &str = r#"
ALTER TABLE "Con;v""ert" ADD COLUMN "new;" int DEFAULT 3;
ALTER TABLE "Con;v""ert" RENAME COLUMN "Größe – 大きさ" TO "Si;ze";
ALTER TABLE "Con;v""ert" ADD CONSTRAINT "lo;w" CHECK (amount < 1000);
"#;

pub(crate) fn converting() -> Scenario {
    let phase = |conversion: Option<Value>| {
        let mut spec = json!({
            "table": "Con;v\"ert", "ahead": 1,
            "partitionBy": {"range": {"column": "wh\"en", "interval": "Month", "timeZone": "UTC"}},
        });
        let fields = spec.as_object_mut().unwrap();
        fields.extend(conversion.map(|conversion| ("conversion".to_owned(), conversion)));
        Phase::new(NOW, spec)
    };
    let at_level = |level: &str| {
        phase(Some(json!({
            "method": "Copy", "acknowledge": ["UniqueKey:\"ke;y\""], "sync": {"level": level},
        })))
    };
    let altered = Phase { meanwhile: ALTERED, ..at_level("Row") };
    let dropped = Phase { approves: true, ..phase(None) };
    let phases = vec![at_level("Row"), altered, at_level("Statement"), phase(None), dropped];
    Scenario { name: "converting", setup: CONVERTING, phases }
}
