  -- Triggers of the application, as the catalog deparses them.
  FOR object IN
    SELECT g.tgname, g.tgenabled, pg_get_triggerdef(g.oid) AS definition, obj_description(g.oid, 'pg_trigger') AS comment
    FROM pg_trigger AS g
    WHERE g.tgrelid = pgpartition.serving AND NOT g.tgisinternal
    ORDER BY g.tgname
  LOOP
    later := later || object.definition
      || CASE WHEN object.comment IS NOT NULL THEN
        ARRAY[format('COMMENT ON TRIGGER %I ON %s IS %L', object.tgname, @serving_text, object.comment)] END
      || CASE WHEN object.tgenabled <> 'O' THEN
        ARRAY[format('ALTER TABLE %s %s TRIGGER %I', @serving_text, CASE object.tgenabled WHEN 'D' THEN 'DISABLE'
          WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, object.tgname)] END;
    EXECUTE format('DROP TRIGGER %I ON %s', object.tgname, @serving_text);
  END LOOP;
