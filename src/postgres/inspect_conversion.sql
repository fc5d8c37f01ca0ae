-- State of a conversion by copy: rows of a word and of one fact in JSON, as in inspect_plain/. The word is a field of
-- `ConversionState` (observed/conversion.rs). It is one statement, so one snapshot. inspect_conversion.rs writes the
-- query `record` before it, since a table that may be missing cannot be named here.
-- $1 schema, $2 name of the table in the record and of the one that applications use, $3 name of the source, $4 name of the
-- copy, $5 names of the sync triggers on the table that applications use, $6 name of the guard on the other one, $7 names of
-- functions.
--
-- It reads the catalog and the record, and no row of a user's table. Keys of rows are in the record: the answer has none.
-- Its only lock is ACCESS SHARE on the record.
tables AS MATERIALIZED (
    SELECT c.oid, c.relowner, c.relname = $4 AS is_copy, c.relname = $2 AS is_serving
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname IN ($3, $4)
),
-- Partitions of the table that applications use, each with the transactions that attached it and those above it.
partitions AS MATERIALIZED (
    WITH RECURSIVE below AS (
        SELECT i.inhrelid, ARRAY[i.xmin::text] AS attached
        FROM tables t
        JOIN pg_inherits i ON i.inhparent = t.oid
        WHERE t.is_copy AND t.is_serving
        UNION ALL
        SELECT i.inhrelid, b.attached || i.xmin::text
        FROM below b
        JOIN pg_inherits i ON i.inhparent = b.inhrelid
    )
    SELECT * FROM below
)
SELECT 'record' AS what, fact::text
FROM record
UNION ALL
SELECT 'triggers', json_build_object(
           'name', g.tgname,
           'onCopy', t.is_copy,
           'fires', g.tgenabled = 'A',
           'oid', g.oid::bigint,
           'xmin', g.xmin::text::bigint,
           -- A partition gets the trigger with the table, or when it is attached. A later change is of the partition alone.
           'altered', (
               SELECT coalesce(json_agg(json_build_object(
                   'partition', json_build_object('schema', n.nspname, 'name', c.relname), 'fires', k.tgenabled = 'A'
               ) ORDER BY n.nspname, c.relname), '[]')
               FROM (
                   SELECT k.tgrelid, k.tgenabled
                   FROM partitions p
                   JOIN pg_trigger k ON k.tgrelid = p.inhrelid AND k.tgname = g.tgname
                   WHERE t.is_serving
                     AND (k.tgenabled <> 'A' OR k.xmin <> g.xmin AND k.xmin::text <> ALL (p.attached))
                   LIMIT 10
               ) k
               JOIN pg_class c ON c.oid = k.tgrelid
               JOIN pg_namespace n ON n.oid = c.relnamespace
           )
       )::text
FROM tables t
JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    AND CASE WHEN t.is_serving THEN g.tgname = ANY ($5) ELSE g.tgname = $6 END
UNION ALL
SELECT 'functions', json_build_object(
           'name', p.proname,
           'oid', p.oid::bigint,
           'xmin', p.xmin::text::bigint,
           'bodyHash', CASE
               WHEN p.prokind = 'f' AND p.provolatile = 'v' AND NOT p.proisstrict AND l.lanname = 'plpgsql'
                   AND p.proowner IN (SELECT relowner FROM tables WHERE NOT is_copy)
               THEN encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex')
           END,
           'settings', coalesce(p.proconfig, '{}'),
           'isDefiner', p.prosecdef,
           'usedElsewhere', EXISTS (
               -- Partitions have the triggers of their table.
               SELECT FROM pg_trigger g
               WHERE g.tgfoid = p.oid AND g.tgparentid = 0 AND g.tgrelid NOT IN (SELECT oid FROM tables)
           )
       )::text
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname = $1 AND p.proname = ANY ($7) AND p.pronargs = 0 AND p.prokind = 'f'
