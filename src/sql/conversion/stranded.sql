    -- Objects that depend on the partitioned table $2 and that a rollback cannot recreate on its oldest partition $1: they would
    -- depend on an empty table. $3 is the name of the key that $1 got for the partitioned table.
    SELECT DISTINCT left(CASE WHEN w.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                              ELSE pg_describe_object(d.classid, d.objid, 0) END, 300) AS description
    FROM pg_class AS t
    CROSS JOIN LATERAL (
        SELECT 'pg_class'::regclass, t.oid
        UNION ALL
        SELECT 'pg_type'::regclass, y.oid FROM pg_type AS y WHERE t.reltype IN (y.oid, y.typelem)
        UNION ALL
        -- The plain table gets its own key back, so a GROUP BY cannot rely on the other key.
        SELECT 'pg_constraint'::regclass, k.oid
        FROM pg_constraint AS k
        WHERE k.conrelid = t.oid AND k.contype = 'p'
          AND EXISTS (SELECT FROM pg_constraint AS o WHERE o.conrelid = $1 AND o.conname = $3)
    ) AS of (classid, oid)
    JOIN pg_depend AS d ON d.refclassid = of.classid AND d.refobjid = of.oid AND d.deptype = 'n'
    LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    LEFT JOIN pg_class AS v ON v.oid = w.ev_class
    LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
    LEFT JOIN pg_policy AS o ON d.classid = 'pg_policy'::regclass AND o.oid = d.objid
    LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
    WHERE t.oid = $2 AND d.classid NOT IN (
        'pg_trigger'::regclass, 'pg_attrdef'::regclass, 'pg_publication_rel'::regclass, 'pg_statistic_ext'::regclass
      )
      AND o.polrelid IS DISTINCT FROM t.oid
      AND (k.oid IS NULL OR k.contype = 'f' AND k.confrelid = t.oid AND k.conparentid = 0)
      -- Views and functions of the owner are recreated.
      AND NOT (of.classid = 'pg_class'::regclass AND v.oid IS NOT NULL AND v.relkind = 'v' AND v.relowner = t.relowner
        AND strpos(w.ev_action::text, format(':varattno 0 :vartype %s ', t.reltype)) = 0)
      AND NOT (of.classid = 'pg_class'::regclass AND p.oid IS NOT NULL AND p.prosqlbody IS NOT NULL AND p.proowner = t.relowner)
