//! The plain tables of the running example, converted under writers by `kubectl apply` alone.

use serde_json::json;

use crate::finance::{CONVERTED, Finance, TABLES, converted, is_reached, losses, resource};
use crate::fixture::{Fixture, SOON};
use crate::support::wait_until;

/// A row that the application does not write to, in the middle of the table by its key.
const BLOCKED: &str = "id = 1000";

/// The quarter after the next one, as a partition that the owner creates by hand.
const BY_HAND: &str = "DO $$ DECLARE begins timestamptz := date_trunc('quarter', now()) + interval '6 months'; BEGIN
    EXECUTE format('CREATE TABLE finance.by_hand PARTITION OF finance.revenues_partitioned FOR VALUES FROM (%L) TO (%L)',
        begins, begins + interval '3 months'); END $$";

/// Quarters from the oldest row to the current one, months of the next quarter, the quarter that was created by hand, and
/// the default partition.
const EXPECTED: &str = "WITH ranges (name, begins, ends) AS (
        SELECT to_char(q, '\"revenues_\"YYYY\"_q\"Q'), q, q + interval '3 months'
        FROM generate_series(date_trunc('quarter', (SELECT min(occurred_at) FROM finance.revenues)), now(), '3 months') AS q
        UNION ALL
        SELECT to_char(m, '\"revenues_\"YYYY_MM'), m, m + interval '1 month'
        FROM generate_series(date_trunc('quarter', now()) + interval '3 months',
            date_trunc('quarter', now()) + interval '5 months', '1 month') AS m
        UNION ALL
        SELECT 'by_hand', date_trunc('quarter', now()) + interval '6 months', date_trunc('quarter', now()) + interval '9 months'
    )
    SELECT format('%s FOR VALUES FROM (%L) TO (%L)', name, begins, ends) FROM ranges
    UNION ALL
    SELECT 'revenues_default DEFAULT'
    ORDER BY 1";

/// Partitions in the catalog, with their bounds.
const PARTITIONS: &str = "SELECT format('%s %s', c.relname, pg_get_expr(c.relpartbound, c.oid))
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'finance.revenues_partitioned'::regclass
    ORDER BY 1";

/// Edits the interval of `revenues` from quarters to months, and creates a partition by hand, while rows are copied.
async fn change_interval_while_copying(fixture: &Fixture<'_>, finance: &Finance) {
    let owner = finance.owner().await;
    let number = async |sql: &str| owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let triggers = "SELECT count(*) FROM pg_trigger WHERE tgname = 'sync_to_partitioned_revenues'";
    wait_until("the triggers are installed", SOON, async || number(triggers).await == 1).await;
    owner.batch_execute(BY_HAND).await.unwrap();
    let acknowledged = json!({"method": "Copy", "acknowledge": losses("revenues")});
    let mut monthly = converted("revenues", "Month", &acknowledged);
    // The months of the next quarter, whatever the month is; the partition that was created by hand covers the others.
    monthly["spec"]["ahead"] = json!(5);
    fixture.apply(&monthly);
    let months = "SELECT count(*) FROM pg_inherits
        WHERE inhparent = 'finance.revenues_partitioned'::regclass AND inhrelid::regclass::text ~ '_\\d{4}_\\d{2}$'";
    wait_until("there are monthly partitions", SOON, async || number(months).await == 3).await;
    let copied = format!("SELECT count(*) FROM finance.revenues_partitioned WHERE {BLOCKED}");
    assert_eq!(number(&copied).await, 0, "the copying was not under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_the_running_example_reach_parity_under_writes() {
    let fixture = Fixture::shared();
    let finance = Finance::new().await;
    finance.secret(&fixture);
    let blocking = finance.owner().await;
    let lock = format!("BEGIN; SELECT FROM finance.revenues WHERE {BLOCKED} FOR UPDATE");
    blocking.batch_execute(&lock).await.unwrap();
    let _operator = fixture.operator(&[]);
    for (table, interval) in TABLES.into_iter().zip(["", "Quarter", "Month"]) {
        let conversion = json!({"method": "Copy", "acknowledge": losses(table)});
        fixture.apply(&converted(table, interval, &conversion));
    }
    change_interval_while_copying(&fixture, &finance).await;
    blocking.batch_execute("COMMIT").await.unwrap();
    for table in TABLES {
        let in_parity =
            [("Converted", "AsRequested"), ("InSync", "InParity"), ("Covered", "PeriodsCovered")];
        let is_hash = table == "daily_cash_balances";
        let reasons = if is_hash { &in_parity[..2] } else { &in_parity };
        let is_equal = async || is_reached(&fixture.object(&resource(table)), reasons);
        wait_until(&format!("{table} is in parity"), CONVERTED, is_equal).await;
        finance.assert_equal(table, &format!("{table}_partitioned")).await;
        let status = fixture.object(&resource(table))["status"].clone();
        assert_eq!(status["parity"]["state"], "Clean", "{status:#}");
        assert_eq!(status["conversion"]["stage"], "InParity", "{status:#}");
        assert_eq!(status["partitions"]["unmanaged"], i32::from(table == "revenues"), "{status:#}");
    }
    let owner = finance.owner().await;
    let mut found = Vec::new();
    for sql in [PARTITIONS, EXPECTED] {
        let rows = owner.query(sql, &[]).await.unwrap();
        found.push(rows.iter().map(|row| row.get(0)).collect::<Vec<String>>());
    }
    assert_eq!(found[0], found[1]);
    finance.goes_on().await;
    finance.end().await;
}
