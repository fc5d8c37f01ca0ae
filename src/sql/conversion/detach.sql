  -- Deadline of all waits for locks together, which is that of a single wait.
  deadline timestamptz := clock_timestamp() + nullif(current_setting('lock_timeout'), '0')::interval;
  serving oid := pgpartition.copy;
  name text := @serving_text;
  partition text := @partition;
  -- Commands to run after the exchange of names. Names in definitions then refer to the plain table.
  later text[] := '{}';
  views text[] := '{}';
  command text;
  object record;
  key record;
  own text;
  rows bigint;
BEGIN
@begin@lock_views@limit  LOCK TABLE @serving IN ACCESS EXCLUSIVE MODE;
  IF to_regclass(pgpartition.name)::oid IS DISTINCT FROM @copy_oid OR pgpartition.source <> @source_oid
    OR pgpartition.copy <> @copy_oid OR NOT EXISTS (
      SELECT FROM pg_inherits AS i WHERE i.inhrelid = @source_oid AND i.inhparent = @copy_oid
    ) OR strpos(E'\n' || obj_description(@source_oid, 'pg_class') || E'\n', E'\n' || @source_mark || E'\n') = 0
  THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'another table has one of the names now: plan again';
  END IF;
  FOR command IN
    SELECT t.relid::regclass FROM pg_partition_tree(pgpartition.copy) AS t WHERE t.isleaf AND t.relid <> pgpartition.source
  LOOP
    EXECUTE format('SELECT FROM ONLY %s LIMIT 1', pgpartition.command) INTO object;
    GET DIAGNOSTICS rows = ROW_COUNT;
    IF pgpartition.rows > 0 THEN
      RAISE object_not_in_prerequisite_state USING
        MESSAGE = format('partition %s has rows, which a rollback would remove from the table', pgpartition.command);
    END IF;
  END LOOP;
  SELECT string_agg(s.description, ', ' ORDER BY s.description) INTO pgpartition.command FROM (
@stranded  ) AS s;
  IF pgpartition.command IS NOT NULL THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = format('a rollback would leave these objects with an empty partitioned table: %s',
        left(pgpartition.command, 1000));
  END IF;
@triggers@bound  -- The key that replaced the key of the plain table, and the name that the latter gets back.
  SELECT k.oid, k.contype, x.indisreplident, p.relname AS name INTO key
    FROM pg_constraint AS k
    JOIN pg_index AS x ON x.indexrelid = k.conindid
    JOIN pg_inherits AS i ON i.inhrelid = k.conindid
    JOIN pg_class AS p ON p.oid = i.inhparent
    WHERE k.conrelid = pgpartition.source AND k.conname = @full_key;
  own := obj_description(pgpartition.source, 'pg_class');
  -- Indexes of the serving table have the names that applications know.
  FOR object IN
    SELECT p.oid::regclass AS parent, c.oid::regclass AS child, c.relname AS of_child, p.relname AS of_parent,
      @copy_name || substr(c.relname, length(@partition_name) + 1) AS new, starts_with(c.relname, @partition_name) AS is_named
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    JOIN pg_class AS p ON p.oid = i.inhparent
    JOIN pg_index AS x ON x.indexrelid = c.oid AND x.indrelid = pgpartition.source
  LOOP
    EXECUTE format('ALTER INDEX %s RENAME TO %I', pgpartition.object.parent, CASE
      WHEN pgpartition.object.is_named AND octet_length(pgpartition.object.new) < 64
        AND to_regclass(format('%I.%I', @schema, pgpartition.object.new)) IS NULL THEN pgpartition.object.new
      ELSE 'pgpartition_index_' || pgpartition.object.parent::oid END);
    IF pgpartition.object.of_child <> @full_key THEN
      EXECUTE format('ALTER INDEX %s RENAME TO %I', pgpartition.object.child, pgpartition.object.of_parent);
    END IF;
  END LOOP;
@limit  EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', pgpartition.name, pgpartition.partition);
  EXECUTE format('ALTER TABLE %s RENAME TO %I', pgpartition.name, @copy_name);
  EXECUTE format('ALTER TABLE %s RENAME TO %I', pgpartition.partition, @name);
  IF pgpartition.key.oid IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', pgpartition.name, @full_key);
    IF pgpartition.key.contype = 'p' THEN
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I', pgpartition.name, pgpartition.key.name,
        @own_key);
    ELSE
      EXECUTE format('ALTER INDEX %I.%I RENAME TO %I', @schema, @own_key, pgpartition.key.name);
    END IF;
    IF pgpartition.key.indisreplident THEN
      EXECUTE format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', pgpartition.name, pgpartition.key.name);
    END IF;
  END IF;
  FOR object IN
    SELECT c.attname, q.oid::regclass AS "from", q.oid, q.relname, q.relacl, q.relowner, CASE c.attidentity
        WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END AS generated,
      CASE WHEN starts_with(q.relname, @name || '_')
          AND octet_length(@copy_name || substr(q.relname, length(@name) + 1)) < 64
        THEN @copy_name || substr(q.relname, length(@name) + 1) ELSE 'pgpartition_sequence_' || q.oid END AS new,
      format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s', s.seqstart, s.seqincrement, s.seqmin,
        s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options
    FROM pg_attribute AS c
    JOIN pg_depend AS e ON e.refclassid = 'pg_class'::regclass AND e.refobjid = c.attrelid AND e.refobjsubid = c.attnum
      AND e.classid = 'pg_class'::regclass AND e.deptype = 'i'
    JOIN pg_class AS q ON q.oid = e.objid
    JOIN pg_sequence AS s ON s.seqrelid = q.oid
    WHERE c.attrelid = pgpartition.copy AND c.attidentity <> ''
  LOOP
@limit    EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', pgpartition.object."from", pgpartition.object.new);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY IF EXISTS', pgpartition.name, pgpartition.object.attname);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %I.%I %s)', pgpartition.name,
      pgpartition.object.attname, pgpartition.object.generated, @schema, pgpartition.object.relname, pgpartition.object.options);
    -- A session that waits for this lock takes its numbers from the other sequence. They are left out here.
    EXECUTE format(@go_on_after, format('%I.%I', @schema, pgpartition.object.relname)::regclass::oid,
      format('%I.%I', @schema, pgpartition.object.new));
    FOR command IN
      SELECT format('GRANT %s ON SEQUENCE %I.%I TO %s%s', string_agg(a.privilege_type, ', '), @schema,
        pgpartition.object.relname, coalesce(quote_ident(r.rolname), 'PUBLIC'),
        CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END)
      FROM aclexplode(pgpartition.object.relacl) AS a
      LEFT JOIN pg_roles AS r ON r.oid = a.grantee
      WHERE a.grantee <> pgpartition.object.relowner AND (a.grantee = 0 OR r.oid IS NOT NULL)
      GROUP BY a.grantee, r.rolname, a.is_grantable
    LOOP
      EXECUTE command;
    END LOOP;
  END LOOP;
@install_guard@bind  EXECUTE format('COMMENT ON TABLE %s IS %L', @passive_text, concat_ws(E'\n', @mark, obj_description(pgpartition.copy, 'pg_class')));
  EXECUTE format('COMMENT ON TABLE %s IS %L', pgpartition.name, (
    SELECT string_agg(l.line, E'\n' ORDER BY l.at)
    FROM unnest(string_to_array(pgpartition.own, E'\n')) WITH ORDINALITY AS l (line, at)
    WHERE NOT starts_with(l.line, 'pgpartition.dev ')));
@end