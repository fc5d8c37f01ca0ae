  relation text := @copy;
  commands text[];
  command text;
  texts text[];
  digests text;
  has_key boolean;
BEGIN
@begin  LOCK TABLE ONLY @source IN ACCESS SHARE MODE;
  IF pgpartition.is_new THEN
    -- Columns keep their numbers if subqueries of policies use them: expressions can then be deparsed for the copy.
    SELECT array_agg(CASE
        WHEN a.attisdropped THEN format('%I int', 'pgpartition_dropped_' || a.attnum)
        ELSE concat(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
          CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation END,
          CASE a.attgenerated WHEN 's' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
            WHEN 'v' THEN format(' GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(d.adbin, d.adrelid)) END,
          CASE WHEN a.attnotnull THEN coalesce(' CONSTRAINT ' || quote_ident(n.conname), '') || ' NOT NULL' END)
        END ORDER BY a.attnum)
      INTO pgpartition.texts
      FROM pg_attribute AS a
      LEFT JOIN pg_type AS t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      LEFT JOIN pg_constraint AS n ON n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum]
      WHERE a.attrelid = pgpartition.source AND a.attnum > 0 AND (NOT a.attisdropped OR EXISTS (
        SELECT FROM pg_policy AS p WHERE p.polrelid = pgpartition.source AND concat(p.polqual, p.polwithcheck) LIKE '%{SUBLINK %'
      ));
    EXECUTE concat('CREATE TABLE ', pgpartition.relation, ' (', array_to_string(pgpartition.texts, ', '),
      ') PARTITION BY ', @by);
    copy := pgpartition.relation::regclass;
    EXECUTE format('COMMENT ON TABLE %s IS %L', pgpartition.relation, @mark);
    SELECT array_agg(format('ALTER TABLE %s DROP COLUMN %I', pgpartition.relation, a.attname))
      INTO pgpartition.commands
      FROM pg_attribute AS a
      WHERE a.attrelid = pgpartition.copy AND a.attname IN (
        SELECT 'pgpartition_dropped_' || o.attnum FROM pg_attribute AS o WHERE o.attrelid = pgpartition.source AND o.attisdropped
      );
    WITH indexes AS (
      SELECT x.indexrelid, c.relname, x.indisprimary, x.indisexclusion, con.oid AS constraint_oid, con.contype,
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          WHERE a.attrelid = pgpartition.source AND a.attnum = ANY (x.indkey[0:x.indnkeyatts - 1])) AS columns,
        -- Columns compared by equality.
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          JOIN unnest(x.indkey[0:x.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place) ON k.attnum = a.attnum
          LEFT JOIN pg_operator AS o ON o.oid = con.conexclop[k.place]
          WHERE a.attrelid = pgpartition.source AND (NOT x.indisexclusion OR o.oprname = '=')) AS equal,
        ARRAY(SELECT a.attname FROM pg_attribute AS a
          WHERE a.attrelid = pgpartition.source AND a.attnum = ANY (x.indkey[x.indnkeyatts:x.indnatts - 1])
            AND a.attname <> ALL (@full_key_names)) AS included,
        x.indisunique AND x.indimmediate AND x.indisvalid AND NOT x.indisexclusion AND x.indpred IS NULL
          AND x.indexprs IS NULL AS can_be_key,
        concat((SELECT format(' WITH (%s)', string_agg(format('%I = %L', split_part(o.option, '=', 1),
            substr(o.option, strpos(o.option, '=') + 1)), ', ')) FROM unnest(c.reloptions) AS o (option) HAVING count(*) > 0),
          ' USING INDEX TABLESPACE ' || (SELECT quote_ident(s.spcname) FROM pg_tablespace AS s WHERE s.oid = c.reltablespace)
        ) AS parameters,
        concat(CASE WHEN con.condeferrable THEN ' DEFERRABLE' END, CASE WHEN con.condeferred THEN ' INITIALLY DEFERRED' END)
          AS deferrable
      FROM pg_index AS x
      JOIN pg_class AS c ON c.oid = x.indexrelid
      LEFT JOIN pg_constraint AS con ON con.conindid = x.indexrelid AND con.conrelid = pgpartition.source
      WHERE x.indrelid = pgpartition.source
    ), key AS (
      SELECT * FROM indexes AS i
      WHERE i.can_be_key AND i.columns @> @key AND i.columns <@ @key
      ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1
    )
    -- Indexes of partitions are named after the constraints. Postgres chooses another name if it is too long or taken.
    SELECT array_cat(pgpartition.commands, array_agg(concat('ALTER TABLE ', pgpartition.relation, ' ADD ',
          CASE WHEN octet_length(n.name) < 64 AND NOT EXISTS (
            SELECT FROM pg_class AS c WHERE c.relnamespace = r.relnamespace AND c.relname = n.name
          ) THEN format('CONSTRAINT %I ', n.name) END, k.definition)
        ORDER BY k.is_key DESC)), bool_or(k.is_key)
      INTO pgpartition.commands, pgpartition.has_key
      FROM (
        SELECT true AS is_key, i.relname, concat(CASE WHEN i.indisprimary THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, ' ', @full_key,
          (SELECT format(' INCLUDE (%s)', string_agg(quote_ident(n.name), ', ')) FROM unnest(i.included) AS n (name)
            HAVING count(*) > 0), i.parameters) AS definition
        FROM key AS i
        UNION ALL
        SELECT false, i.relname, CASE WHEN i.contype = 'x' THEN pg_get_constraintdef(i.constraint_oid)
          ELSE regexp_replace(pg_get_constraintdef(i.constraint_oid), '( DEFERRABLE)?( INITIALLY DEFERRED)?$', '')
            || i.parameters || i.deferrable
          END
        FROM indexes AS i
        WHERE i.contype IN ('p', 'u', 'x') AND i.indexrelid NOT IN (SELECT k.indexrelid FROM key AS k)
          AND i.equal @> @partition_columns
          AND (i.contype <> 'x' OR current_setting('server_version_num')::int >= 170000)
      ) AS k
      JOIN pg_class AS r ON r.oid = pgpartition.copy
      JOIN pg_class AS s ON s.oid = pgpartition.source
      CROSS JOIN LATERAL (
        SELECT concat(r.relname, '_', CASE WHEN starts_with(k.relname, s.relname || '_')
          THEN right(k.relname, -1 - length(s.relname)) ELSE k.relname END) AS name
      ) AS n;
    IF pgpartition.has_key IS NOT TRUE THEN
      RAISE object_not_in_prerequisite_state USING MESSAGE = 'the table has no valid unique index on its row key any more';
    END IF;
    FOREACH command IN ARRAY coalesce(pgpartition.commands, '{}') LOOP
      EXECUTE command;
    END LOOP;
  END IF;
  FOR pass IN 1..4 LOOP
@differences    SELECT (SELECT array_agg(k.command ORDER BY k.place, k.command) FROM commands AS k), (
        SELECT string_agg(DISTINCT p.digest, ' ' ORDER BY p.digest)
        FROM pairs AS p
        WHERE p.kind IN ('check', 'default', 'policy') AND p.definition <> p.copied AND (
          p.digest IN (SELECT s.digest FROM same AS s) OR EXISTS (
            SELECT FROM unequal AS u
            WHERE u.kind = p.kind AND u.object = p.object AND u.place > 0 AND u.command IS NOT NULL
          )
        )
      )
      INTO pgpartition.commands, pgpartition.digests;
    EXIT WHEN pgpartition.commands IS NULL;
    IF pass = 4 THEN
      -- Definitions that still differ after they were created are those that Postgres deparses differently.
      pgpartition.texts := string_to_array(obj_description(pgpartition.copy, 'pg_class'), E'\n');
      EXECUTE format('COMMENT ON TABLE %s IS %L', pgpartition.relation, concat_ws(E'\n', pgpartition.texts[1],
        'pgpartition.dev same ' || pgpartition.digests, (
          SELECT string_agg(l.line, E'\n' ORDER BY l.at)
          FROM unnest(pgpartition.texts[2:]) WITH ORDINALITY AS l (line, at)
          WHERE NOT starts_with(l.line, 'pgpartition.dev same ')
        )));
      EXIT;
    END IF;
    FOREACH command IN ARRAY pgpartition.commands LOOP
      EXECUTE command;
    END LOOP;
  END LOOP;
@end