//! Reads which relations have the names that a swap exchanges.

use super::rows::column;
use super::{DatabaseError, InspectError, Session};
use crate::partition::{Identifier, ManagedTable, copy_name, source_name};

/// It reads one snapshot of the catalog and takes no lock on a user's table. The version of a row of `pg_class` changes with
/// each ALTER, RENAME, and TRUNCATE of the relation, and not with VACUUM or ANALYZE.
const TABLE_NAMES: &str = "
    SELECT c.relname AS name, c.oid, c.xmin::text AS version
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = ANY ($2::name[])
    ORDER BY c.relname";

/// The relations that have the names of a table, of its copy, and of its source. It differs after each swap.
#[derive(Debug, PartialEq, Eq)]
pub struct TableNames {
    serving: Identifier,
    relations: Vec<RelationVersion>,
}

#[derive(Debug, PartialEq, Eq)]
struct RelationVersion {
    name: String,
    oid: u32,
    version: String,
}

impl TableNames {
    /// Reads the names of this table.
    ///
    /// # Errors
    /// Returns an error if the database rejects the query, or does not answer in time.
    pub async fn read(session: &Session, table: &ManagedTable) -> Result<Self, InspectError> {
        let serving = table.name().name.clone();
        let (copy, source) = (copy_name(table), source_name(table));
        let names = [serving.as_str(), copy.as_str(), source.as_str()];
        let schema = table.name().schema.as_str();
        let rows = session.query(TABLE_NAMES, &[&schema, &names.as_slice()]).await?;
        let relations = rows.iter().map(|row| {
            let (name, oid) = (column(row, "name")?, column(row, "oid")?);
            Ok(RelationVersion { name, oid, version: column(row, "version")? })
        });
        let relations = relations.collect::<Result<_, DatabaseError>>()?;
        Ok(Self { serving, relations })
    }

    /// Returns whether this relation has the name that applications use.
    #[must_use]
    pub fn is_serving(&self, oid: u32) -> bool {
        self.relations.iter().any(|one| one.name == self.serving.as_str() && one.oid == oid)
    }
}
