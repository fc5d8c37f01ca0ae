//! Names of what a conversion creates: relations, functions, and triggers.

use super::naming::fit;
use super::{
    ConversionFunction, Identifier, ManagedTable, Side, SyncTrigger, copy_name, guard_name,
    source_name,
};

/// Every name that the conversion of a table gives to an object, before the cutover and after it, whatever its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionNames {
    /// Relations in the schema of the table: the partitioned copy, and the plain table after the cutover.
    pub relations: Vec<Identifier>,
    /// Functions in the schema of the table.
    pub functions: Vec<Identifier>,
    /// Triggers on the two tables.
    pub triggers: Vec<Identifier>,
}

impl ConversionNames {
    /// Creates the names for a table.
    #[must_use]
    pub fn new(table: &ManagedTable) -> Self {
        let sides = [Side::Source, Side::Partitioned];
        let functions = |serving| {
            let sync = SyncTrigger::ALL.into_iter().map(ConversionFunction::Sync);
            let functions = sync.chain([ConversionFunction::Guard]);
            functions.map(move |function| function.name(table, serving))
        };
        let triggers = |serving| {
            let sync = SyncTrigger::ALL.into_iter();
            sync.map(move |trigger| trigger.name(table, serving)).chain([guard_name(serving)])
        };
        Self {
            relations: vec![copy_name(table), source_name(table)],
            functions: sides.into_iter().flat_map(functions).collect(),
            triggers: sides.into_iter().flat_map(triggers).collect(),
        }
    }
}

/// Returns the name of the index by which the plain table has the key of the partitioned table, once it is attached.
#[must_use]
pub fn attached_key_name(table: &ManagedTable) -> Identifier {
    fit(source_name(table).as_str(), "_key")
}

/// Returns the name of the index that has the own key of an attached plain table: a rollback makes it the key again.
#[must_use]
pub fn own_key_name(table: &ManagedTable) -> Identifier {
    fit(source_name(table).as_str(), "_own_key")
}

#[cfg(test)]
mod tests {
    use super::{ConversionNames, attached_key_name, own_key_name};
    use crate::partition::{Identifier, ManagedTable, QualifiedName};

    #[test]
    fn names_of_a_long_table_fit_and_differ() {
        let name = |text: &str| Identifier::new(text).expect("a name");
        let long = "a_table_whose_name_uses_up_all_the_bytes_that_postgres_allows_";
        let [one, two] = ["1", "2"].map(|end| {
            let table = QualifiedName { schema: name("s"), name: name(&format!("{long}{end}")) };
            ConversionNames::new(&ManagedTable::new(table))
        });
        for (one, two) in one
            .relations
            .iter()
            .chain(&one.functions)
            .zip(two.relations.iter().chain(&two.functions))
        {
            assert_ne!(one, two);
        }
        let short = QualifiedName { schema: name("s"), name: name("orders") };
        let names = ConversionNames::new(&ManagedTable::new(short));
        assert_eq!(names.relations, ["orders_partitioned", "orders_source"].map(name));
        assert!(names.functions.contains(&name("sync_to_partitioned_orders_truncate")));
        assert!(names.triggers.contains(&name("read_only_since_cutover")));
        let table = ManagedTable::new(QualifiedName { schema: name("s"), name: name("orders") });
        assert_eq!(attached_key_name(&table), name("orders_source_key"));
        assert_eq!(own_key_name(&table), name("orders_source_own_key"));
    }
}
