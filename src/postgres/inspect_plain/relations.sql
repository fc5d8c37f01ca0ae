-- Facts about a plain table, which the preflight of its conversion needs. The query is one statement, so it sees one snapshot. It
-- is sent only if the spec has a conversion, or for `inspect`. A row has a word and a fact in JSON. The word is a field of
-- `PlainTable` (observed/plain.rs) that is a list, or "table" for the other fields. The query reads the catalog only, and no row of
-- a table of a user.
--
-- mod.rs joins its parts: relations.sql and columns.sql are common table expressions; table.sql, constraints.sql,
-- dependents.sql, replication.sql, and names.sql select the rows.
--
-- $1  object identifier of the table
-- $2  names that relations of its schema get
-- $3  names that functions get
-- $4  names that triggers on the table get
-- $5  markers of the copy of the table, and of the plain table after the cutover
-- $6  record of the triggers and functions that were installed; they can exist without a copy, and are replaced
-- $7  names of the check of the bounds, which an interrupted run can leave
--
-- No text here is longer than 300 characters, except names in lists. MAX_BYTES (mod.rs) limits the length of the answer. The
-- only lock is ACCESS SHARE on the table, to measure its size: a session waits for it for at most a second.
WITH target AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relnamespace, n.nspname, c.relkind, c.relpersistence, c.relowner, c.reltype, c.reloftype,
           c.relispartition, c.relrowsecurity, c.relforcerowsecurity, c.reltuples,
           (SELECT typarray FROM pg_type WHERE oid = c.reltype) AS typarray
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = $1
),
-- The copy that an earlier run created, or, after the cutover, the table itself. Another relation has not taken their names.
copy AS MATERIALIZED (
    SELECT c.oid
    FROM target t
    JOIN pg_class c ON c.relnamespace = t.relnamespace AND c.relname = ANY ($2::name[]) AND c.relkind IN ('p', 'r')
        AND c.relowner = t.relowner
    JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE split_part(d.description, E'\n', 1) = ANY ($5::text[])
),
constraints AS MATERIALIZED (
    SELECT con.oid, con.conname, con.contype, con.convalidated, con.condeferrable, con.connoinherit, con.conkey,
           con.confkey, con.confrelid, con.conindid, con.conexclop, con.conbin, con.conenforced
    -- 17 and older have no such column.
    FROM (SELECT true AS conenforced) before_18
    CROSS JOIN LATERAL (
        SELECT con.oid, conname, contype, convalidated, condeferrable, connoinherit, conkey, confkey, confrelid, conindid,
               conexclop, conbin, conenforced
        FROM target t
        JOIN pg_constraint con ON con.conrelid = t.oid
    ) con
),
indexes AS MATERIALIZED (
    SELECT x.indexrelid, c.relname, am.amname, x.indisprimary, x.indisexclusion, x.indimmediate, x.indnkeyatts,
           NOT (x.indisvalid AND x.indisready AND x.indislive) AS invalid, x.indpred IS NOT NULL AS partial,
           x.indkey::int2[] AS indkey, x.indclass::oid[] AS indclass, x.indcollation::oid[] AS indcollation,
           x.indoption::int2[] AS indoption, con.conname, con.conexclop
    FROM target t
    JOIN pg_index x ON x.indrelid = t.oid AND (x.indisunique OR x.indisexclusion)
    JOIN pg_class c ON c.oid = x.indexrelid
    JOIN pg_am am ON am.oid = c.relam
    LEFT JOIN constraints con ON con.conindid = x.indexrelid AND con.contype IN ('p', 'u', 'x')
),
-- What depends on the table, on one of its columns, or on its row type, and is not part of it.
dependents AS MATERIALIZED (
    SELECT DISTINCT d.classid, d.objid, d.refclassid
    FROM target t
    CROSS JOIN LATERAL (
        VALUES ('pg_class'::regclass, t.oid), ('pg_type'::regclass, t.reltype), ('pg_type'::regclass, t.typarray)
    ) AS own (classid, objid)
    JOIN pg_depend d ON d.refclassid = own.classid AND d.refobjid = own.objid AND d.deptype = 'n'
),
views AS MATERIALIZED (
    SELECT v.oid, n.nspname, v.relname, v.relowner, w.oid AS rule,
           -- A use of the whole row names the row type behind column 0, in the tree of every major.
           strpos(w.ev_action::text, ':varattno 0 :vartype ' || t.reltype || ' ') > 0 AS whole_row
    FROM target t
    JOIN dependents d ON d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN'
    JOIN pg_class v ON v.oid = w.ev_class AND v.relkind = 'v'
    JOIN pg_namespace n ON n.oid = v.relnamespace
)
