-- Its checks and foreign keys, and the foreign keys that reference it.
SELECT 'checks', json_build_object(
           'name', con.conname,
           'noInherit', con.contype = 'c' AND con.connoinherit,
           'notValid', NOT con.convalidated AND con.conenforced
       )::text
FROM constraints con
WHERE con.contype IN ('c', 'n') AND (con.contype = 'c' AND con.connoinherit OR NOT con.convalidated AND con.conenforced)
    AND NOT (con.contype = 'c' AND con.conname = ANY ($7::name[]))
UNION ALL
-- A use of the whole row is column 0, in the tree of every major.
SELECT 'wholeRows', json_build_object('check', con.conname)::text
FROM constraints con
WHERE con.contype = 'c' AND strpos(con.conbin::text, ':varattno 0 ') > 0
UNION ALL
SELECT 'wholeRows', json_build_object('index', c.relname)::text
FROM target t
JOIN pg_index x ON x.indrelid = t.oid AND strpos(concat(x.indexprs::text, x.indpred::text), ':varattno 0 ') > 0
JOIN pg_class c ON c.oid = x.indexrelid
UNION ALL
SELECT 'foreignKeys', json_build_object(
           'name', con.conname,
           'references', json_build_object('schema', n.nspname, 'name', c.relname),
           'toItself', con.confrelid = t.oid,
           'notValid', NOT con.convalidated AND con.conenforced,
           'notGranted', coalesce(NOT (
               SELECT bool_and(has_column_privilege(t.relowner, con.confrelid, attnum, 'REFERENCES'))
               FROM unnest(con.confkey) AS attnum
           ), false)
       )::text
FROM target t
CROSS JOIN constraints con
JOIN pg_class c ON c.oid = con.confrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.contype = 'f'
UNION ALL
-- By way of what depends on the table: pg_constraint has no index on confrelid.
SELECT 'referencedBy', json_build_object(
           'table', json_build_object('schema', n.nspname, 'name', c.relname), 'name', con.conname,
           'otherOwner', NOT pg_has_role(t.relowner, c.relowner, 'USAGE')
       )::text
FROM target t
JOIN dependents d ON d.classid = 'pg_constraint'::regclass AND d.refclassid = 'pg_class'::regclass
JOIN pg_constraint con ON con.oid = d.objid AND con.contype = 'f' AND con.confrelid = t.oid AND con.conrelid <> t.oid
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.conparentid = 0
