//! Names of what a conversion creates: relations, functions, and triggers.

use super::naming::fit;
use super::{ConversionFunction, Identifier, ManagedTable, SyncTrigger, copy_guard, copy_name};

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
        let name = table.name().name.as_str();
        let (forward, reverse) = (SyncTrigger::ALL, format!("sync_to_source_{name}"));
        let reverse = ["", "_truncate", "_update", "_delete", "_move"].map(|of| fit(&reverse, of));
        let functions = forward
            .map(ConversionFunction::Sync)
            .into_iter()
            .chain([ConversionFunction::CopyGuard]);
        let functions = functions.map(|function| function.name(table));
        let guard_of_source = fit(name, "_source_read_only");
        let guards = [copy_guard(), fit("read_only_since_cutover", "")];
        Self {
            relations: vec![copy_name(table), fit(name, "_source")],
            functions: functions.chain(reverse.clone()).chain([guard_of_source]).collect(),
            triggers: forward
                .map(|of| of.name(table))
                .into_iter()
                .chain(reverse)
                .chain(guards)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConversionNames;
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
    }
}
