-- The columns of the table, with the collations and operator classes that the conversion depends on.
-- A function or a catalog that a major lacks must not be named; a column that it lacks can be, if something around
-- it has the name too.
db AS (
    SELECT d.datcollversion, d.datlocprovider, d.daticulocale
    FROM (SELECT NULL::text AS datcollversion, NULL::"char" AS datlocprovider, NULL::text AS daticulocale) not_everywhere
    CROSS JOIN LATERAL (
        SELECT datcollversion, datlocprovider, daticulocale FROM pg_database WHERE datname = current_database()
    ) d
),
-- Collations whose version Postgres recorded.
collations AS MATERIALIZED (
    SELECT co.oid, co.collname, recorded.version AS recorded,
           -- 15 does not say what it is for the default collation: that of another collation by the same rules.
           coalesce(pg_collation_actual_version(co.oid), CASE co.collprovider WHEN 'd' THEN (
               SELECT max(pg_collation_actual_version(oid))
               FROM (
                   SELECT c.oid
                   FROM (SELECT NULL::text AS colliculocale) only_15_and_16
                   CROSS JOIN LATERAL (SELECT oid, collprovider, colliculocale FROM pg_collation) c
                   WHERE c.collprovider = db.datlocprovider
                     AND (c.collprovider = 'c' OR c.colliculocale = db.daticulocale)
               ) matching
           ) END) AS actual
    FROM db
    JOIN pg_collation co ON co.oid IN (SELECT attcollation FROM target t JOIN pg_attribute a ON a.attrelid = t.oid)
    CROSS JOIN LATERAL (
        SELECT CASE co.collprovider WHEN 'd' THEN db.datcollversion ELSE co.collversion END AS version
    ) recorded
    WHERE recorded.version IS NOT NULL
),
columns AS MATERIALIZED (
    SELECT a.attnum, a.attname, a.attnotnull, a.attgenerated, a.attidentity, a.attcollation, a.atttypid, a.atttypmod,
           base.oid AS base, base.typname, base.typtype, base.typcategory, base.runs_code
    FROM target t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type own ON own.oid = a.atttypid
    CROSS JOIN LATERAL (
        -- A domain can be over another one.
        WITH RECURSIVE types AS (
            SELECT own.oid, own.typname, own.typtype, own.typcategory, own.typbasetype
            UNION ALL
            SELECT y.oid, y.typname, y.typtype, y.typcategory, y.typbasetype
            FROM types d
            JOIN pg_type y ON d.typtype = 'd' AND y.oid = d.typbasetype
        )
        SELECT oid, typname, typtype, typcategory,
               -- Creating a partition evaluates the conditions of a domain. A function of Postgres that changes or reads
               -- nothing cannot do harm there.
               EXISTS (
                   SELECT
                   FROM types d
                   JOIN pg_constraint con ON con.contypid = d.oid AND con.contype = 'c'
                   CROSS JOIN LATERAL regexp_matches(
                       con.conbin::text, ':(funcid|opfuncid|opno|resulttype) ([0-9]+)', 'g'
                   ) AS named
                   LEFT JOIN pg_operator o ON named[1] = 'opno' AND o.oid = named[2]::oid
                   LEFT JOIN pg_proc p ON p.oid = CASE named[1] WHEN 'opno' THEN o.oprcode::oid
                                                      WHEN 'resulttype' THEN NULL ELSE named[2]::oid END
                   LEFT JOIN pg_type y ON named[1] = 'resulttype' AND y.oid = named[2]::oid
                   WHERE y.typtype = 'd' OR p.pronamespace <> 'pg_catalog'::regnamespace OR p.provolatile <> 'i'
               ) AS runs_code
        FROM types
        WHERE typtype <> 'd'
    ) base
),
-- The operator class that an index on a column has by default, as Postgres finds it: that of the type, of a type with
-- the same bytes, or of all types of its sort.
classes AS (
    SELECT k.attnum, am.amname, n.nspname, class.opcfamily
    FROM columns k
    JOIN pg_am am ON am.amname IN ('btree', 'hash')
    CROSS JOIN LATERAL (
        SELECT o.opcnamespace, o.opcfamily
        FROM pg_opclass o
        WHERE o.opcmethod = am.oid AND o.opcdefault AND (
            o.opcintype = k.base
            OR o.opcintype = CASE
                WHEN k.typtype = 'e' THEN 'anyenum'::regtype
                WHEN k.typtype = 'r' THEN 'anyrange'::regtype
                WHEN k.typtype = 'm' THEN 'anymultirange'::regtype
                WHEN k.typtype = 'c' THEN 'record'::regtype
                WHEN k.typcategory = 'A' THEN 'anyarray'::regtype
            END
            OR EXISTS (
                SELECT FROM pg_cast
                WHERE castsource = k.base AND casttarget = o.opcintype AND castmethod = 'b' AND castcontext = 'i'
            )
        )
        ORDER BY o.opcintype = k.base DESC, (SELECT typispreferred FROM pg_type WHERE oid = o.opcintype) DESC
        LIMIT 1
    ) class
    JOIN pg_namespace n ON n.oid = class.opcnamespace
)
