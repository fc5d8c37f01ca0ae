//! The clock of a life that is lived through in seconds: Postgres dates what it records by its own.

use std::time::Duration;

use jiff::Timestamp;
use pg_partition_operator::postgres::Session;

/// Dates detached tables as if a run at `now` had ended then: Postgres dates them by its own clock.
pub async fn backdate(session: &Session, now: Timestamp) {
    let sql = format!(
        r"DO $do$ DECLARE found record; instant text; BEGIN
            FOR found IN SELECT c.oid::regclass AS name, pg_get_userbyid(c.relowner) AS owner,
                d.description AS text, split_part(d.description, ' from ', 1) AS words
                FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND d.objsubid = 0
                WHERE d.classoid = 'pg_class'::regclass
                    AND d.description LIKE 'pgpartition.dev detached %'
            LOOP
                FOR instant IN SELECT m[1] FROM
                    regexp_matches(found.words, '(\d{{4}}-\d\d-\d\dT[0-9:.]+Z)', 'g') AS m
                LOOP
                    IF instant::timestamptz > '{now}' THEN
                        found.words := replace(found.words, instant, '{now}');
                    END IF;
                END LOOP;
                IF NOT starts_with(found.text, found.words) THEN
                    EXECUTE format('SET ROLE %I', found.owner);
                    EXECUTE format('COMMENT ON TABLE %s IS %L', found.name, found.words
                        || substr(found.text, length(split_part(found.text, ' from ', 1)) + 1));
                    RESET ROLE;
                END IF;
            END LOOP;
        END $do$"
    );
    session.batch(&sql, Duration::from_secs(10)).await.unwrap();
}
