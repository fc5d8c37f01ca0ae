-- CreatePartition
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
CREATE TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" (LIKE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STATISTICS INCLUDING STORAGE, CONSTRAINT "pgpartition_bounds" CHECK ("select" IS NOT NULL AND "select" >= '0001-12-31 00:00:00+00 BC'::timestamptz AND "select" < '2026-04-01 00:00:00.000001+00'::timestamptz)) USING "Heap""too" WITH ("fillfactor" = '77', "it's" = 'o''dd') TABLESPACE "Table;space";
CREATE UNIQUE INDEX "1;a" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" USING btree (lower("Größe") text_pattern_ops) WHERE (a > 3);
ALTER INDEX "Fin""an;ce"."1;a" SET TABLESPACE "Table;space";
ALTER INDEX "Fin""an;ce"."1;a" ALTER COLUMN 1 SET STATISTICS 1000;
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" ADD CONSTRAINT "2""b" PRIMARY KEY (id, "select");
ALTER INDEX "Fin""an;ce"."2""b" SET ("fillfactor" = '70', "it's" = 'o''dd');
ALTER INDEX "Fin""an;ce"."2""b" SET TABLESPACE "Table;space";
ALTER INDEX "Fin""an;ce"."2""b" ALTER COLUMN 1 SET STATISTICS 1000;
CREATE UNIQUE INDEX "3'c" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" USING btree ("a;b", "C""d" DESC, "select" DESC NULLS LAST, "nulls" NULLS FIRST) INCLUDE ("Größe") WHERE ("status" = 'it''s; done');
COMMENT ON INDEX "Fin""an;ce"."3'c" IS E'pgpartition.dev index 1:044d0a417a2b own;\\er';
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" ALTER COLUMN "select" SET STATISTICS 321;
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" FORCE ROW LEVEL SECURITY;
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" REPLICA IDENTITY USING INDEX "1;a";
COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS 'pgpartition.dev table for "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" FOR VALUES FROM (''0001-12-31 00:00:00+00 BC'') TO (''2026-04-01 00:00:00.000001+00'')';
COMMIT;

-- CreatePartition
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
CREATE TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" (LIKE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STATISTICS INCLUDING STORAGE);
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" REPLICA IDENTITY FULL;
COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS 'pgpartition.dev table for "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" FOR VALUES WITH (modulus 4, remainder 3)';
COMMIT;

-- CreatePartition
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
CREATE TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" (LIKE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STATISTICS INCLUDING STORAGE, CONSTRAINT "pgpartition_bounds" CHECK ("select" IS NOT NULL AND "select" >= '019ae5c0-0000-7000-8000-000000000000'::uuid));
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" REPLICA IDENTITY FULL;
COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS 'pgpartition.dev table for "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" FOR VALUES FROM (''019ae5c0-0000-7000-8000-000000000000'') TO (MAXVALUE)';
COMMIT;

-- AddDefaultCheck
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."back\slash $$ /*" ADD CONSTRAINT "pgpartition_not_36d15326b4f3935d" CHECK (NOT ("select" IS NOT NULL AND "select" >= '0001-12-31 00:00:00+00 BC'::timestamptz AND "select" < '2026-04-01 00:00:00.000001+00'::timestamptz)) NOT VALID;
COMMIT;

-- ValidateDefaultCheck
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = 0;
ALTER TABLE "Fin""an;ce"."back\slash $$ /*" VALIDATE CONSTRAINT "pgpartition_not_36d15326b4f3935d";
COMMIT;

-- AttachPartition
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '712ms';
SET LOCAL statement_timeout = '712ms';
ALTER TABLE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" ATTACH PARTITION "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" FOR VALUES FROM ('0001-12-31 00:00:00+00 BC') TO ('2026-04-01 00:00:00.000001+00');
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" DROP CONSTRAINT IF EXISTS "pgpartition_bounds", DROP CONSTRAINT IF EXISTS "pgpartition_of_605749ad855731d0";
ALTER TABLE "Fin""an;ce"."back\slash $$ /*" DROP CONSTRAINT "pgpartition_not_36d15326b4f3935d";
COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS 'pgpartition.dev partition (oid 20001, parent 20000, cycle 2) of "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" FOR VALUES FROM (''0001-12-31 00:00:00+00 BC'') TO (''2026-04-01 00:00:00.000001+00'')';
COMMIT;

-- AttachPartition
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" ATTACH PARTITION "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" FOR VALUES WITH (modulus 4, remainder 3);
COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS 'pgpartition.dev partition (oid 20001, parent 20000, cycle 2) of "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" FOR VALUES WITH (modulus 4, remainder 3)';
COMMIT;

-- DiscardPartition
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
SET LOCAL row_security = off;
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" NO FORCE ROW LEVEL SECURITY;
DO 'BEGIN IF EXISTS (SELECT FROM ONLY "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026") OR starts_with(obj_description(''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass, ''pg_class''), ''pgpartition.dev table for '') IS NOT TRUE THEN RAISE EXCEPTION USING ERRCODE = ''object_in_use'', MESSAGE = ''the table is unmanaged or has rows, so it is not dropped''; END IF; END';
DROP TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026";
COMMIT;

-- DropDefaultCheck
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."back\slash $$ /*" DROP CONSTRAINT "pgpartition_not_36d15326b4f3935d";
COMMIT;

-- DrainDefault
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '669ms';
SET LOCAL statement_timeout = '1425ms';
SET LOCAL row_security = off;
DO E'#variable_conflict use_column
DECLARE moved "Fin""an;ce"."back\\slash $$ /*"[]; command text; disable text[]; enable text[]; forced boolean := (SELECT relforcerowsecurity FROM pg_class WHERE oid = ''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass); BEGIN LOCK TABLE ONLY "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --", ONLY "Fin""an;ce"."back\\slash $$ /*" IN ACCESS EXCLUSIVE MODE; SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" NO FORCE ROW LEVEL SECURITY; ALTER TABLE ONLY "Fin""an;ce"."back\\slash $$ /*" DISABLE TRIGGER "o;ne"; ALTER TABLE ONLY "Fin""an;ce"."back\\slash $$ /*" DISABLE TRIGGER "tw''o"; ALTER TABLE ONLY "Fin""an;ce"."back\\slash $$ /*" DISABLE TRIGGER "thr\\ee"; IF EXISTS (SELECT FROM ONLY "Fin""an;ce"."back\\slash $$ /*" AS "pgpartition_row" WHERE "select" IS NOT NULL AND "select" >= ''0001-12-31 00:00:00+00 BC''::timestamptz AND "select" < ''2026-04-01 00:00:00.000001+00''::timestamptz) THEN WITH gone AS (DELETE FROM ONLY "Fin""an;ce"."back\\slash $$ /*" AS "pgpartition_row" WHERE "select" IS NOT NULL AND "select" >= ''0001-12-31 00:00:00+00 BC''::timestamptz AND "select" < ''2026-04-01 00:00:00.000001+00''::timestamptz RETURNING "pgpartition_row") SELECT array_agg("pgpartition_row") INTO moved FROM gone; END IF; ALTER TABLE ONLY "Fin""an;ce"."back\\slash $$ /*" ENABLE TRIGGER "o;ne"; ALTER TABLE ONLY "Fin""an;ce"."back\\slash $$ /*" ENABLE REPLICA TRIGGER "tw''o"; ALTER TABLE ONLY "Fin""an;ce"."back\\slash $$ /*" ENABLE ALWAYS TRIGGER "thr\\ee"; ALTER TABLE "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" ATTACH PARTITION "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" FOR VALUES FROM (''0001-12-31 00:00:00+00 BC'') TO (''2026-04-01 00:00:00.000001+00''); ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" DROP CONSTRAINT IF EXISTS "pgpartition_bounds", DROP CONSTRAINT IF EXISTS "pgpartition_of_605749ad855731d0"; COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS ''pgpartition.dev partition (oid 20001, parent 20000, cycle 2) of "Fin""an;ce"."Or""der''''; DROP TABLE ""x"" --" FOR VALUES FROM (''''0001-12-31 00:00:00+00 BC'''') TO (''''2026-04-01 00:00:00.000001+00'''')
it''''s mine''; SELECT array_agg(format(''ALTER TABLE %s DISABLE TRIGGER %I'', tgrelid::regclass, tgname)), array_agg(format(''ALTER TABLE %s ENABLE %sTRIGGER %I'', tgrelid::regclass, CASE tgenabled WHEN ''A'' THEN ''ALWAYS '' WHEN ''R'' THEN ''REPLICA '' ELSE '''' END, tgname)) INTO disable, enable FROM pg_trigger LEFT JOIN pg_constraint AS c ON c.oid = tgconstraint WHERE tgrelid = ''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass AND tgenabled <> ''D'' AND (c.oid IS NULL OR contype = ''t''); FOREACH command IN ARRAY coalesce(disable, ''{}'') LOOP EXECUTE command; END LOOP; INSERT INTO "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" ("select", "(a;b)") OVERRIDING SYSTEM VALUE SELECT "select", "(a;b)" FROM unnest(moved); FOREACH command IN ARRAY coalesce(enable, ''{}'') LOOP EXECUTE command; END LOOP; IF forced THEN ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" FORCE ROW LEVEL SECURITY; END IF; END';
COMMIT;

-- AttachPartition
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" DROP CONSTRAINT "ex'cl";
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" DROP CONSTRAINT "ke""y";
ALTER TABLE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" ATTACH PARTITION "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" DEFAULT;
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" DROP CONSTRAINT IF EXISTS "pgpartition_bounds", DROP CONSTRAINT IF EXISTS "pgpartition_of_605749ad855731d0";
COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS 'pgpartition.dev partition (oid 20001, parent 20000, cycle 2) of "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" DEFAULT';
COMMIT;

-- DropDefault
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '669ms';
SET LOCAL statement_timeout = '1425ms';
SET LOCAL row_security = off;
DO E'BEGIN LOCK TABLE ONLY "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --", ONLY "Fin""an;ce"."back\\slash $$ /*" IN ACCESS EXCLUSIVE MODE; IF EXISTS (SELECT FROM ONLY "Fin""an;ce"."back\\slash $$ /*") OR starts_with(obj_description(E''"Fin""an;ce"."back\\\\slash $$ /*"''::regclass, ''pg_class''), ''pgpartition.dev '') IS NOT TRUE THEN RAISE EXCEPTION USING ERRCODE = ''object_not_in_prerequisite_state'', MESSAGE = ''the default partition is unmanaged or has rows, so it is kept''; END IF; ALTER TABLE "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" DETACH PARTITION "Fin""an;ce"."back\\slash $$ /*"; DROP TABLE "Fin""an;ce"."back\\slash $$ /*"; END';
COMMIT;

-- MarkPartitions
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS 'pgpartition.dev expired (oid 20001, parent 20000, cycle 2, drops) from "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" FOR VALUES FROM (''0001-12-31 00:00:00+00 BC'') TO (''2026-04-01 00:00:00.000001+00'')';
COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS E'pgpartition.dev expired (oid 20001, parent 20000, cycle 2, drops) from "Fin""an;ce"."Or""der''; DROP TABLE ""x"" --" FOR VALUES FROM (''0001-12-31 00:00:00+00 BC'') TO (''2026-04-01 00:00:00.000001+00'')
it''s \\ mine;
-- and stays';
DO E'BEGIN EXECUTE format(''COMMENT ON TABLE %s IS %L'', ''"Fin""an;ce"."Or""der''''; DROP TABLE ""x"" --"'', nullif(concat_ws(chr(10), nullif(regexp_replace(obj_description(''"Fin""an;ce"."Or""der''''; DROP TABLE ""x"" --"''::regclass, ''pg_class''), ''(?n)(^|\\n)pgpartition\\.dev adopted [0-9a-f ]*$'', ''''), ''''), ''pgpartition.dev adopted 0a 1b''), '''')); END';
DO 'BEGIN IF EXISTS (SELECT FROM (VALUES (''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass::oid, 20001::oid), (''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass::oid, 20001::oid)) AS tables (there, looked_at) WHERE there <> looked_at) THEN RAISE EXCEPTION USING ERRCODE = ''object_not_in_prerequisite_state'', MESSAGE = ''another table has the name now, and is not changed''; END IF; END';
COMMIT;

-- DetachPartition
SET ROLE "own;\er";
SET lock_timeout = '1425ms';
SET statement_timeout = 0;
ALTER TABLE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" DETACH PARTITION "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" CONCURRENTLY;
RESET lock_timeout;
RESET statement_timeout;
RESET ROLE;

-- DetachPartition
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" DETACH PARTITION "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026";
COMMIT;

-- FinalizeDetach
BEGIN ISOLATION LEVEL REPEATABLE READ;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" DETACH PARTITION "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" FINALIZE;
COMMIT;

-- RecordDetach
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" DROP CONSTRAINT IF EXISTS "pgpartition_of_605749ad855731d0";
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" ADD CONSTRAINT "pgpartition_of_605749ad855731d0" CHECK ("select" IS NOT NULL AND "select" >= '0001-12-31 00:00:00+00 BC'::timestamptz AND "select" < '2026-04-01 00:00:00.000001+00'::timestamptz AND (((region IS NOT NULL) AND (region = 'e''u'::text)))) NOT VALID;
DO 'BEGIN IF EXISTS (SELECT FROM (VALUES (''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass::oid, 20001::oid)) AS tables (there, looked_at) WHERE there <> looked_at) THEN RAISE EXCEPTION USING ERRCODE = ''object_not_in_prerequisite_state'', MESSAGE = ''another table has the name now, and is not changed''; END IF; END';
ALTER PUBLICATION "fe;ed" DROP TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026";
ALTER PUBLICATION "fe""ed" DROP TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026";
DO E'DECLARE written text := concat(rtrim(rtrim(to_char(greatest(clock_timestamp(), ''2026-04-01T00:00:00.5Z''::timestamptz) AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US''), ''0''), ''.''), ''Z''); old text := obj_description(''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass, ''pg_class''); BEGIN EXECUTE concat(''COMMENT ON TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IS '', quote_literal(concat(''pgpartition.dev detached '', written, '' (oid 20001, parent 20000, cycle 2, drops since '', written, '')'', '' from "Fin""an;ce"."Or""der''''; DROP TABLE ""x"" --" FOR VALUES FROM (''''0001-12-31 00:00:00+00 BC'''') TO (''''2026-04-01 00:00:00.000001+00'''')'', ''
'', E''it''''s \\\\ mine;
-- and stays''))); END';
DO 'BEGIN IF EXISTS (SELECT FROM (VALUES (''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass::oid, 20001::oid)) AS tables (there, looked_at) WHERE there <> looked_at) THEN RAISE EXCEPTION USING ERRCODE = ''object_not_in_prerequisite_state'', MESSAGE = ''another table has the name now, and is not changed''; END IF; END';
COMMIT;

-- AddBoundsCheck
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" DROP CONSTRAINT IF EXISTS "pgpartition_of_605749ad855731d0";
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" ADD CONSTRAINT "pgpartition_of_605749ad855731d0" CHECK ("select" IS NOT NULL AND "select" >= '0001-12-31 00:00:00+00 BC'::timestamptz AND "select" < '2026-04-01 00:00:00.000001+00'::timestamptz) NOT VALID;
DO 'BEGIN IF EXISTS (SELECT FROM (VALUES (''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass::oid, 20001::oid)) AS tables (there, looked_at) WHERE there <> looked_at) THEN RAISE EXCEPTION USING ERRCODE = ''object_not_in_prerequisite_state'', MESSAGE = ''another table has the name now, and is not changed''; END IF; END';
COMMIT;

-- ValidateBoundsCheck
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = 0;
ALTER TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" VALIDATE CONSTRAINT "pgpartition_of_605749ad855731d0";
COMMIT;

-- DropBoundsCheck
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER TABLE "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" DROP CONSTRAINT IF EXISTS "pgpartition_of_605749ad855731d0";
COMMIT;

-- DropDetached
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
DO 'BEGIN LOCK TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" IN ACCESS EXCLUSIVE MODE; IF NOT EXISTS (SELECT FROM pg_class, LATERAL split_part(obj_description(oid, ''pg_class''), chr(10), 1) AS marker WHERE oid = 20001 AND oid = ''"Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"''::regclass AND relkind = ''r'' AND NOT relispartition AND starts_with(marker, ''pgpartition.dev detached 2026-04-01T00:00:00.5Z (oid 20001, parent 20000, cycle 2, drops since 2026-04-01T00:00:00.5Z) from '') AND right(marker, length('' FOR VALUES FROM (''''0001-12-31 00:00:00+00 BC'''') TO (''''2026-04-01 00:00:00.000001+00'''')'')) = '' FOR VALUES FROM (''''0001-12-31 00:00:00+00 BC'''') TO (''''2026-04-01 00:00:00.000001+00'''')'' AND NOT (SELECT bool_and(age(a.xmin) < age(d.xmin)) FROM pg_description d JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum > 0 AND NOT a.attisdropped WHERE d.objoid = 20001 AND d.classoid = ''pg_class''::regclass AND d.objsubid = 0)) THEN RAISE EXCEPTION USING ERRCODE = ''object_not_in_prerequisite_state'', MESSAGE = ''the table has changed since the inspection, and is not dropped''; END IF; DROP TABLE "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026"; END';
COMMIT;

-- CreateParentIndex
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
CREATE UNIQUE INDEX "In;""dex" ON ONLY "Fin""an;ce"."Or""der'; DROP TABLE ""x"" --" USING btree ("a;b", "C""d" DESC, "select" DESC NULLS LAST, "nulls" NULLS FIRST) INCLUDE ("Größe") WHERE ("status" = 'it''s; done');
COMMIT;

-- BuildIndex
SET ROLE "own;\er";
SET lock_timeout = '600000ms';
SET statement_timeout = 0;
CREATE UNIQUE INDEX CONCURRENTLY "In;""dex" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" USING btree ("a;b", "C""d" DESC, "select" DESC NULLS LAST, "nulls" NULLS FIRST) INCLUDE ("Größe") WITH ("fillfactor" = '70', "it's" = 'o''dd') TABLESPACE "Table;space" WHERE ("status" = 'it''s; done');
ALTER INDEX "Fin""an;ce"."In;""dex" ALTER COLUMN 1 SET STATISTICS 1000;
RESET lock_timeout;
RESET statement_timeout;
RESET ROLE;

-- BuildIndex
SET ROLE "own;\er";
SET lock_timeout = '600000ms';
SET statement_timeout = 0;
CREATE UNIQUE INDEX CONCURRENTLY "In;""dex" ON "Fin""an;ce"."größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026" USING btree ("a;b", "C""d" DESC, "select" DESC NULLS LAST, "nulls" NULLS FIRST) INCLUDE ("Größe") WHERE ("status" = 'it''s; done');
COMMENT ON INDEX "Fin""an;ce"."In;""dex" IS E'pgpartition.dev index 1:044d0a417a2b it''s \\ mine';
RESET lock_timeout;
RESET statement_timeout;
RESET ROLE;

-- AttachIndex
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '1425ms';
SET LOCAL statement_timeout = '1425ms';
ALTER INDEX "Fin""an;ce"."In;""dex_pgpartition_next" ATTACH PARTITION "Fin""an;ce"."In;""dex";
COMMIT;

-- DropIndex
SET ROLE "own;\er";
SET lock_timeout = '600000ms';
SET statement_timeout = 0;
DROP INDEX CONCURRENTLY "Fin""an;ce"."In;""dex";
RESET lock_timeout;
RESET statement_timeout;
RESET ROLE;

-- DropParentIndex
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '669ms';
SET LOCAL statement_timeout = '1425ms';
DROP INDEX "Fin""an;ce"."In;""dex_pgpartition_next";
COMMIT;

-- ReplaceParentIndex
BEGIN;
SET LOCAL ROLE "own;\er";
SET LOCAL lock_timeout = '334ms';
SET LOCAL statement_timeout = '712ms';
DROP INDEX "Fin""an;ce"."In;""dex";
ALTER INDEX "Fin""an;ce"."In;""dex_pgpartition_next" RENAME TO "In;""dex";
COMMIT;

