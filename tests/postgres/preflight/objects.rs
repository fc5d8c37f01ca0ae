//! Objects and privileges that the conversion cannot do with.

use super::{TABLE, found, hash};
use crate::database::World;
use crate::support::postgres::majors;

#[tokio::test]
async fn checks_and_indexes_of_the_whole_row_are_found() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner(TABLE).await;
        world
            .owner(
                "CREATE FUNCTION whole(t) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
                 ALTER TABLE t ADD CONSTRAINT filled CHECK (t IS DISTINCT FROM NULL), ADD CHECK ((t).id > 0);
                 CREATE INDEX by_row ON t (whole(t)); CREATE INDEX ON t (((t).id + 1))",
            )
            .await;
        let found = found(&world.session().await, hash()).await;
        assert_eq!(found, ["WholeRow", "WholeRow", "bound: 1"], "Postgres {major}");
    }
}

#[tokio::test]
async fn owner_without_temporary_is_found() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner(TABLE).await;
        let session = world.session().await;
        let (database, owner) = (world.database.name(), &world.owner);
        for (change, expected) in [
            ("REVOKE TEMPORARY ON DATABASE @ FROM PUBLIC", &["TemporaryNotGranted"][..]),
            ("GRANT TEMPORARY ON DATABASE @ TO %", &[]),
        ] {
            world.admin(&change.replace('@', database).replace('%', owner)).await;
            assert_eq!(found(&session, hash()).await, expected, "Postgres {major}: {change}");
        }
    }
}
