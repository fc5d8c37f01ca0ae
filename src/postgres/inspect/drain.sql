-- What decides whether a drain is safe. There is no row if the table has no default partition.
drain AS (
    SELECT (
        -- A drain evaluates expressions of the owner with the privileges of the login. No restriction of Postgres
        -- prevents RESET ROLE in their functions.
        WITH RECURSIVE relations AS (
            SELECT t.oid UNION SELECT t.partdefid UNION SELECT oid FROM members WHERE NOT is_attached
        ),
        domains AS (
            SELECT ty.oid, ty.typbasetype
            FROM pg_attribute a
            JOIN pg_type ty ON ty.oid = a.atttypid AND ty.typtype = 'd'
            WHERE a.attrelid = t.oid AND a.attnum > 0
            UNION
            SELECT ty.oid, ty.typbasetype
            FROM domains d
            JOIN pg_type ty ON ty.oid = d.typbasetype AND ty.typtype = 'd'
        ),
        expressions AS (
            SELECT conbin::text AS tree FROM pg_constraint
            WHERE contype = 'c' AND conrelid IN (SELECT oid FROM relations)
            UNION ALL
            SELECT conbin::text FROM pg_constraint
            WHERE contype = 'c' AND contypid IN (SELECT oid FROM domains)
            UNION ALL
            SELECT d.adbin::text
            FROM pg_attrdef d
            JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
            WHERE d.adrelid IN (SELECT oid FROM relations) AND a.attgenerated <> ''
            UNION ALL
            SELECT concat(indexprs::text, ' ', indpred::text) FROM pg_index
            WHERE indrelid IN (SELECT oid FROM relations)
            UNION ALL
            SELECT p.partexprs::text
            FROM pg_partition_ancestors(t.oid) a
            JOIN pg_partitioned_table p ON p.partrelid = a.relid
        ),
        named AS (
            SELECT DISTINCT found[1] AS what, found[2]::oid AS oid
            FROM expressions,
                 regexp_matches(tree, ':(funcid|opfuncid|opno|resulttype|funcresulttype) ([0-9]+)', 'g') found
        ),
        functions AS (
            SELECT oid FROM named WHERE what IN ('funcid', 'opfuncid')
            UNION
            SELECT o.oprcode::oid FROM named JOIN pg_operator o USING (oid) WHERE what = 'opno'
        ),
        code AS (
            -- A superuser's function is trusted, unless it can run what an owner gives it.
            SELECT p.oid::regprocedure::text AS called
            FROM functions
            JOIN pg_proc p USING (oid)
            JOIN pg_roles r ON r.oid = p.proowner
            WHERE NOT r.rolsuper
               OR p.proname LIKE '%\_to\_xml%'
               OR p.provolatile = 'v' AND NOT (
                   p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN (
                       'random', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv4', 'uuidv7'
                   )
               )
            UNION
            SELECT 'type ' || ty.oid::regtype::text
            FROM named
            JOIN pg_type ty USING (oid)
            LEFT JOIN pg_type element ON element.oid = ty.typelem
            JOIN pg_roles r ON r.oid = ty.typowner
            WHERE what IN ('resulttype', 'funcresulttype') AND NOT r.rolsuper
              AND (ty.typtype IN ('d', 'c', 'r', 'm') OR element.typtype IN ('d', 'c', 'r', 'm'))
            UNION
            SELECT 'rule ' || quote_ident(rulename) FROM pg_rewrite WHERE ev_class = t.partdefid
        )
        SELECT coalesce(json_agg(called ORDER BY called), '[]') FROM code
    ) AS owner_code, (
        -- Privileges of the login that the owner does not have.
        SELECT coalesce(json_agg(power), '[]')
        FROM pg_roles me, pg_roles its, LATERAL (
            SELECT 'SUPERUSER' AS power WHERE me.rolsuper
            UNION ALL
            SELECT 'CREATEROLE' WHERE me.rolcreaterole AND NOT me.rolsuper
            UNION ALL
            SELECT 'REPLICATION' WHERE me.rolreplication AND NOT me.rolsuper
            UNION ALL
            SELECT 'objects of its own' WHERE NOT me.rolsuper AND EXISTS (
                SELECT FROM pg_shdepend d
                WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = me.oid AND d.deptype = 'o'
                  AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND d.objid NOT IN (
                      SELECT oid FROM pg_namespace WHERE nspname = 'pgpartition'
                      UNION ALL
                      SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = 'pgpartition'
                  )
            )
            UNION ALL
            (SELECT 'membership in ' || quote_ident(r.rolname)
             FROM pg_roles r
             WHERE NOT me.rolsuper AND r.oid NOT IN (me.oid, its.oid) AND r.rolname <> 'pg_read_all_stats'
               AND pg_has_role(me.oid, r.oid, 'MEMBER') AND NOT pg_has_role(its.oid, r.oid, 'MEMBER')
             ORDER BY 1 LIMIT 3)
        ) powers
        WHERE me.rolname = session_user AND its.oid = t.relowner AND me.oid <> its.oid AND NOT its.rolsuper
    ) AS powers
    FROM target t
    WHERE t.partdefid <> 0
)
