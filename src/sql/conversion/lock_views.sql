  -- Views are locked first, in the order of their readers. ALTER VIEW … OWNER TO the same role only locks the view.
  FOR object IN
    SELECT DISTINCT v.oid::regclass AS name
    FROM pg_depend AS d
    JOIN pg_rewrite AS w ON w.oid = d.objid
    JOIN pg_class AS v ON v.oid = w.ev_class AND v.relkind = 'v'
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = pgpartition.serving
      AND d.deptype = 'n' AND pg_get_userbyid(v.relowner) = current_user
    ORDER BY 1
  LOOP
@limit    EXECUTE format('ALTER VIEW %s OWNER TO CURRENT_USER', object.name);
  END LOOP;
