  FOR object IN
    SELECT v.oid::regclass AS name, v.reloptions, w.rulename, w.oid AS rule,
      -- A use of the whole row refers to column 0.
      strpos(w.ev_action::text, format(':varattno 0 :vartype %s ', t.reltype)) > 0 AS whole_row
    FROM pg_class AS t
    JOIN pg_rewrite AS w ON w.oid IN (
      SELECT d.objid FROM pg_depend AS d
      WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
    )
    JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = 'v' AND v.relowner = t.relowner
    WHERE t.oid = pgpartition.serving
    ORDER BY v.oid, w.rulename
  LOOP
    IF object.rulename <> '_RETURN' THEN
      later := later || regexp_replace(pg_get_ruledef(object.rule), '^CREATE RULE', 'CREATE OR REPLACE RULE');
    ELSIF NOT object.whole_row THEN
      views := views || concat('CREATE OR REPLACE VIEW ', object.name,
        ' WITH (' || array_to_string(object.reloptions, ', ') || ')', ' AS ', pg_get_viewdef(object.name));
    END IF;
  END LOOP;
  SELECT pgpartition.later || coalesce(array_agg(pg_get_functiondef(p.oid) ORDER BY p.oid), '{}') INTO pgpartition.later
    FROM pg_class AS t
    JOIN pg_proc AS p ON p.proowner = t.relowner AND p.prosqlbody IS NOT NULL
    WHERE t.oid = pgpartition.serving AND EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
    ) AND NOT EXISTS (
      SELECT FROM pg_depend AS d
      JOIN pg_type AS y ON y.oid = d.refobjid AND t.reltype IN (y.oid, y.typelem)
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_type'::regclass
    );
  FOR object IN
    SELECT p.pubname, concat(' (' || (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
        FROM pg_attribute AS a WHERE a.attrelid = pgpartition.serving AND a.attnum = ANY (r.prattrs::int2[])
      ) || ')', ' WHERE (' || pg_get_expr(r.prqual, pgpartition.serving) || ')') AS part
    -- Postgres 14 has no such columns.
    FROM (SELECT NULL::int2vector AS prattrs, NULL::pg_node_tree AS prqual) AS since_15
    CROSS JOIN LATERAL (SELECT r.prpubid, prattrs, prqual FROM pg_publication_rel AS r WHERE r.prrelid = pgpartition.serving) AS r
    JOIN pg_publication AS p ON p.oid = r.prpubid
    ORDER BY p.pubname
  LOOP
    EXECUTE format('ALTER PUBLICATION %I DROP TABLE %s', object.pubname, @serving_text);
    later := later || format('ALTER PUBLICATION %I ADD TABLE %s%s', object.pubname, @serving_text, object.part);
  END LOOP;
  -- A sequence that a column owns and both tables use, such as that of a serial column, becomes owned by the other column.
  SELECT pgpartition.later || coalesce(array_agg(
      format('ALTER SEQUENCE %s OWNED BY %s.%I', d.objid::regclass, @serving_text, a.attname) ORDER BY a.attnum), '{}')
    INTO pgpartition.later
    FROM pg_depend AS d
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
      AND d.refobjid = pgpartition.serving;
