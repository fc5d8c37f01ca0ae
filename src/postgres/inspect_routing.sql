-- The routing of a table as one JSON document. Its fields are those of `RoutingFacts` (observed/routing.rs), except the roles,
-- which inspect_routing.rs asks about with the roles that the comment lists.
-- $1 object identifier of the plain table, $2 of the partitioned one, $3 schema of the view, $4 name of the view, $5 beginning of
-- the comments on such views.
--
-- It reads the catalog alone, in one statement, and locks nothing that an application waits for.
WITH source AS MATERIALIZED (
    SELECT c.oid, c.relowner, c.relacl FROM pg_class c WHERE c.oid = $1::oid
),
schema AS MATERIALIZED (
    SELECT n.oid, n.nspowner, n.nspacl, obj_description(n.oid, 'pg_namespace') AS comment
    FROM pg_namespace n WHERE n.nspname = $3::text
),
views AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.reloptions, obj_description(c.oid, 'pg_class') AS comment
    FROM pg_class c JOIN schema s ON s.oid = c.relnamespace
    WHERE c.relname = $4::text OR c.relkind = 'v'
),
reads AS MATERIALIZED (
    SELECT DISTINCT d.refobjid AS oid
    FROM views v
    JOIN pg_rewrite r ON r.ev_class = v.oid
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
    WHERE v.relname = $4::text AND d.refobjid <> v.oid
),
columns AS MATERIALIZED (
    SELECT a.attrelid, a.attname, a.attnum, a.attacl
    FROM pg_attribute a
    WHERE a.attrelid IN (SELECT oid FROM source UNION ALL SELECT oid FROM views WHERE relname = $4::text)
        AND a.attnum > 0 AND NOT a.attisdropped
),
-- What other roles may do with the plain table, as far as it is to read, and all that they may do with the view.
privileges AS MATERIALIZED (
    SELECT of.is_view, array_agg(DISTINCT (of.attname, a.grantee, a.privilege_type)::text) AS granted
    FROM (
        SELECT false AS is_view, relowner, ''::name AS attname, relacl AS acl FROM source
        UNION ALL
        SELECT false, s.relowner, c.attname, c.attacl FROM source s JOIN columns c ON c.attrelid = s.oid
        UNION ALL
        SELECT true, relowner, ''::name, relacl FROM views WHERE relname = $4::text
        UNION ALL
        SELECT true, v.relowner, c.attname, c.attacl FROM views v JOIN columns c ON c.attrelid = v.oid WHERE v.relname = $4::text
    ) AS of
    CROSS JOIN LATERAL aclexplode(of.acl) AS a
    WHERE a.grantee <> of.relowner AND (of.is_view OR a.privilege_type = 'SELECT')
    GROUP BY of.is_view
)
SELECT jsonb_build_object(
    'database', current_database(),
    'canCreateSchema', (SELECT has_database_privilege(relowner, current_database(), 'CREATE') FROM source),
    'rowSecurity', (SELECT bool_or(c.relrowsecurity) FROM pg_class c WHERE c.oid IN ($1::oid, $2::oid)),
    'schema', (
        SELECT jsonb_build_object(
            'comment', s.comment,
            'owned', s.nspowner = t.relowner,
            'trusted', (s.nspowner = t.relowner OR r.rolsuper) AND NOT EXISTS (
                SELECT FROM aclexplode(s.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'
            ),
            'canCreate', has_schema_privilege(t.relowner, s.oid, 'CREATE') AND has_schema_privilege(t.relowner, s.oid, 'USAGE')
        )
        FROM schema s CROSS JOIN source t JOIN pg_roles r ON r.oid = s.nspowner
    ),
    'view', (
        SELECT jsonb_build_object(
            'ownView', v.relkind = 'v' AND v.relowner = t.relowner,
            'comment', v.comment,
            'reads', (
                SELECT CASE min(r.oid) WHEN $1::oid THEN 'source' WHEN $2::oid THEN 'partitioned' END
                FROM reads r HAVING count(*) = 1
            ),
            'columns', (SELECT coalesce(jsonb_agg(c.attname ORDER BY c.attnum), '[]') FROM columns c WHERE c.attrelid = v.oid),
            'grantsMatch', (SELECT granted FROM privileges WHERE is_view)
                IS NOT DISTINCT FROM (SELECT granted FROM privileges WHERE NOT is_view),
            'invoker', coalesce(v.reloptions @> ARRAY['security_invoker=true'], false)
        )
        FROM views v CROSS JOIN source t WHERE v.relname = $4::text
    ),
    'otherComments', (
        SELECT coalesce(jsonb_agg(v.comment), '[]') FROM views v
        WHERE v.relname <> $4::text AND starts_with(v.comment, $5::text)
    )
)::text
FROM source
