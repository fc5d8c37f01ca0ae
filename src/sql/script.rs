//! Scripts: statements in order, each with the role that runs it.

use super::quote;
use crate::partition::Identifier;
use crate::plan::TransactionMode;

/// SQL text: one statement, without a semicolon. Only this folder makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql(pub(super) String);

impl Sql {
    /// Text of the statement.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Role whose privileges a statement has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The role that the operator logs in as. Code of an owner must not have run in the session since
    /// it was reset.
    Operator,
    /// The owner of a table, or a role whose search path is set.
    Owner(Identifier),
}

/// A statement and the role that runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The role that runs it.
    pub role: Role,
    /// Text of the statement.
    pub sql: Sql,
}

/// Statements that are sent to Postgres together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Whether the statements are sent as one transaction or one by one.
    pub mode: TransactionMode,
    /// The statements in order, those that bound the waits among them.
    pub statements: Vec<Statement>,
}

impl Script {
    /// Creates a script that one role runs.
    pub(super) fn new(
        mode: TransactionMode,
        role: &Role,
        statements: impl IntoIterator<Item = Sql>,
    ) -> Self {
        let run_by = |sql| Statement { role: role.clone(), sql };
        Self { mode, statements: statements.into_iter().map(run_by).collect() }
    }

    /// Creates a transaction that the owner of a table runs.
    pub(super) fn as_owner(owner: &Identifier, statements: impl IntoIterator<Item = Sql>) -> Self {
        Self::new(TransactionMode::InTransaction, &Role::Owner(owner.clone()), statements)
    }

    /// Creates a transaction that the operator's own role runs.
    pub(super) fn as_operator(statements: impl IntoIterator<Item = Sql>) -> Self {
        Self::new(TransactionMode::InTransaction, &Role::Operator, statements)
    }

    /// Returns whether a statement runs as the owner of a table, whose code it can run.
    #[must_use]
    pub fn runs_as_owner(&self) -> bool {
        self.statements.iter().any(|statement| matches!(statement.role, Role::Owner(_)))
    }

    /// Returns what is sent: the statements, and the changes of role before and after them. `BEGIN` and
    /// `COMMIT` are not among them.
    #[must_use]
    pub fn to_sql(&self) -> Vec<Sql> {
        let mut sent = Vec::new();
        let mut current = &Role::Operator;
        for Statement { role, sql } in &self.statements {
            if role != current {
                sent.extend(self.change_role(role).into_iter().map(Sql));
                current = role;
            }
            sent.push(sql.clone());
        }
        // A role that a transaction sets ends with it.
        if self.mode == TransactionMode::Autocommit && *current != Role::Operator {
            sent.push(Sql("RESET ROLE".to_owned()));
        }
        sent
    }

    /// The owner's code can have changed the search path, and triggers that it deferred would fire at
    /// `COMMIT`: before Postgres 18 with the privileges of the role that is set then.
    /// <https://www.postgresql.org/docs/18/release-18.html>
    /// The query of a cursor `WITH HOLD`, which Postgres also executes at `COMMIT`, would do the same.
    /// <https://www.postgresql.org/docs/current/sql-declare.html>
    fn change_role(&self, role: &Role) -> Vec<String> {
        let (set, is_transaction) = match self.mode {
            TransactionMode::InTransaction | TransactionMode::OneSnapshot => ("SET LOCAL", true),
            TransactionMode::Autocommit => ("SET", false),
        };
        match role {
            Role::Owner(owner) => vec![format!("{set} ROLE {}", quote::name(owner))],
            Role::Operator => {
                let before_reset =
                    ["SET CONSTRAINTS ALL IMMEDIATE".to_owned(), "CLOSE ALL".to_owned()];
                let end = is_transaction.then_some(before_reset).into_iter().flatten();
                let reset =
                    ["RESET ROLE".to_owned(), format!("{set} search_path = pg_catalog, pg_temp")];
                end.chain(reset).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(mode: TransactionMode, roles: &[Role]) -> Vec<String> {
        let statement =
            |role: &Role| Statement { role: role.clone(), sql: Sql("TABLE t".to_owned()) };
        let script = Script { mode, statements: roles.iter().map(statement).collect() };
        script.to_sql().into_iter().map(|sql| sql.0).collect()
    }

    #[test]
    fn role_changes_if_another_role_runs_the_statement() {
        let owner = |name: &str| Role::Owner(Identifier::new(name).expect("a name"));
        let roles = [Role::Operator, owner("a\"b"), owner("a\"b"), owner("c"), Role::Operator];
        assert_eq!(
            sent(TransactionMode::InTransaction, &roles),
            [
                "TABLE t",
                r#"SET LOCAL ROLE "a""b""#,
                "TABLE t",
                "TABLE t",
                r#"SET LOCAL ROLE "c""#,
                "TABLE t",
                "SET CONSTRAINTS ALL IMMEDIATE",
                "CLOSE ALL",
                "RESET ROLE",
                "SET LOCAL search_path = pg_catalog, pg_temp",
                "TABLE t",
            ]
        );
        assert_eq!(sent(TransactionMode::InTransaction, &roles[4..]), ["TABLE t"]);
    }

    #[test]
    fn role_does_not_outlive_statements_that_are_sent_one_by_one() {
        let owner = Role::Owner(Identifier::new("o").expect("a name"));
        let sent = sent(TransactionMode::Autocommit, &[owner]);
        assert_eq!(sent, [r#"SET ROLE "o""#, "TABLE t", "RESET ROLE"]);
    }
}
