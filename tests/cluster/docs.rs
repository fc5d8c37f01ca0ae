//! A reader types the commands of the pages, on a real API server and a real Postgres.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;

use crate::docs_reader::{
    Reader, Typed, blocks, ends, page, root, statuses, text, typed, types_on_release,
};
use crate::fixture::{SOON, partitions, table};
use crate::support::{kube::Cluster, wait_until};

/// The pages on a release, in the order in which they are read, those on a table, and those on its conversion, which
/// `docs_conversion.rs` types.
const ON_A_RELEASE: [&str; 3] = ["how-to/install", "how-to/upgrade", "how-to/uninstall"];
const ON_A_TABLE: [&str; 7] = [
    "quick-start",
    "how-to/adopt-partitions",
    "how-to/change-an-interval",
    "how-to/approve-a-plan",
    "how-to/monitor",
    "how-to/recover",
    "how-to/from-feature-flags",
];
const ON_A_CONVERSION: [&str; 2] = ["how-to/convert-a-table", "how-to/route-roles"];

#[test]
fn commands_of_the_pages_on_a_release_can_be_typed() {
    let cluster = Cluster::start();
    let on_a_node = text("tests/node/run");
    for page in ON_A_RELEASE {
        for (language, block) in blocks(&self::page(page)) {
            if language == "sh" {
                types_on_release(&cluster, &block);
            } else if language == "bash" {
                let words: Vec<_> = block.split_whitespace().take(2).collect();
                assert!(on_a_node.contains(&words.join(" ")), "who runs {block}");
            }
        }
    }
}

#[test]
fn every_page_with_a_command_for_kubectl_is_typed() {
    let folder = fs::read_dir(root().join("docs/how-to")).unwrap();
    let names = folder.map(|page| page.unwrap().file_name().into_string().unwrap());
    for name in names.map(|name| format!("how-to/{}", name.trim_end_matches(".md"))) {
        let typed = [&ON_A_RELEASE[..], &ON_A_TABLE, &ON_A_CONVERSION].concat();
        let has_commands = for_kubectl(&page(&name)).count() > 0;
        assert!(typed.contains(&&*name) || !has_commands, "who types the commands of {name}?");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_pages_on_a_table_can_be_typed() {
    let cluster = Cluster::start();
    quick_start(&cluster).await;
    let reader = Reader::new(&cluster, "finance", "finance-app", TABLES).await;
    legacy(&reader).await;
    revenues(&reader).await;

    let operator = reader.fixture.operator(&[]);
    let watch = reader.follows(&page("how-to/monitor"), "").await;
    assert_eq!(statuses(&watch), [0, 0], "{watch:#?}");
    let commands = commands_of_runbooks();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let (_, status, said) = reader.types(&command);
        assert_ne!(status, 1, "{command}: {said}");
    }
    let (_, status, said) = reader.types("kubectl pgpartition reconcile revenues -n finance");
    assert_eq!(status, 0, "{said}");
    ends(operator).await;

    let recover = reader.follows(&page("how-to/recover"), "").await;
    assert_eq!(statuses(&recover), [0, 0, 2, 0, 0, 0, 0, 2, 0], "{recover:#?}");
    assert!(recover[2].2.contains("within the retention again"), "{recover:#?}");
    assert!(recover[7].2.contains("ALTER TABLE"), "{recover:#?}");
    let flags = reader.follows(&page("how-to/from-feature-flags"), "").await;
    assert_eq!(statuses(&flags), [0], "{flags:#?}");
    for table in ["legacy", "revenues"] {
        assert_eq!(reader.fixture.object(table)["spec"]["suspend"], true);
    }
}

/// Types the commands of the pages on adopting and on changing an interval.
async fn legacy(reader: &Reader<'_>) {
    let operator = reader.fixture.operator(&[]);
    let adopt = reader.follows(&page("how-to/adopt-partitions"), "False PlanOnly").await;
    assert_eq!(statuses(&adopt), [0, 2, 0, 0, 0], "{adopt:#?}");
    assert!(adopt[0].2.contains("unmanaged"), "{adopt:#?}");
    assert!(adopt[1].2.contains("2 partitions unmanaged"), "{adopt:#?}");
    let status = || reader.types("kubectl pgpartition status legacy -n finance").2;
    let is_adopted = async || status().contains("6 attached, 0 missing, 0 unmanaged");
    wait_until("unmanaged partitions are adopted", SOON, is_adopted).await;
    let change = reader.follows(&page("how-to/change-an-interval"), "").await;
    // It depends on the date whether the months cover the weeks ahead.
    assert!(matches!(statuses(&change)[..], [0, 0 | 2, 0]), "{change:#?}");
    wait_until("weeks", SOON, async || status().contains("Range(Week)")).await;
    ends(operator).await;
}

/// Types the commands of the page on approvals.
async fn revenues(reader: &Reader<'_>) {
    let operator = reader.fixture.operator(&[]);
    let start = jiff::Zoned::now().date().saturating_sub(jiff::Span::new().months(6)).to_string();
    let range = json!({"column": "occurred_at", "interval": "Month", "startAt": start});
    let database = json!({"secretRef": {"name": "finance-app"}});
    let spec = json!({"database": database, "partitionBy": {"range": range}});
    let mut revenues = table("revenues", &spec);
    reader.fixture.apply(&revenues);
    reader.fixture.wait_for("revenues", "Ready", "True Succeeded").await;
    revenues["spec"]["retention"] = json!({"keep": 1});
    reader.fixture.apply(&revenues);
    reader.fixture.wait_for("revenues", "Ready", "False AwaitingApproval").await;
    ends(operator).await;

    reader.types("kubectl get pgpt revenues -n finance -o yaml > revenues.yaml");
    let plan = &reader.fixture.object("revenues")["status"]["plan"];
    let fingerprint = plan["fingerprint"].as_str().unwrap();
    let text = page("how-to/approve-a-plan");
    let approve = reader.follows(&text.replace("552f46acccaee460", fingerprint), "").await;
    assert_eq!(statuses(&approve), [4, 0, 0, 0, 0], "{approve:#?}");
    assert!(approve[0].2.contains("AwaitingApproval"), "{approve:#?}");
    assert_eq!(partitions(&reader.database, "revenues").await, 3);
    // The fingerprint of the page is not that of the plan: only the plugin rejects it, and an old approval can stay.
    let again = reader.follows(&text, "").await;
    assert_eq!(statuses(&again), [0, 0, 3, 0, 0], "{again:#?}");
}

async fn quick_start(cluster: &Cluster) {
    let page = page("quick-start");
    let (before, page) = page.split_once("## In a cluster").unwrap();
    let tables = blocks(before).filter(|(language, _)| *language == "sql");
    let tables: String = tables.map(|(_, block)| block).collect();
    let reader = Reader::new(cluster, "shop", "shop-app", &tables).await;
    let _operator = reader.fixture.operator(&[]);
    let outcomes = reader.follows(page, "True Succeeded").await;
    assert_eq!(statuses(&outcomes), [0, 0], "{outcomes:#?}");
    assert!(outcomes[1].2.contains("shop/orders: ready"), "{outcomes:#?}");
}

/// Returns the kubectl commands of a page.
fn for_kubectl(page: &str) -> impl Iterator<Item = String> + use<> {
    let commands = typed(page).into_iter().filter_map(|typed| match typed {
        Typed::Command(command) => Some(command),
        Typed::Resource(_) => None,
    });
    commands.filter(|command| command.starts_with("kubectl "))
}

/// Returns the commands of the runbooks about a table. No Pod can run here.
fn commands_of_runbooks() -> BTreeSet<String> {
    let pages = fs::read_dir(root().join("docs/runbooks")).unwrap();
    let pages = pages.map(|page| fs::read_to_string(page.unwrap().path()).unwrap());
    let commands = pages.flat_map(|page| for_kubectl(&page));
    let is_of_a_table = |command: &String| command.contains("-n finance");
    commands.filter(is_of_a_table).filter(|command| !command.contains("kubectl run")).collect()
}

/// Tables of the reader: one with unmanaged partitions, and one without partitions.
const TABLES: &str = "
    CREATE TABLE revenues (id bigint, occurred_at timestamptz NOT NULL) PARTITION BY RANGE (occurred_at);
    CREATE TABLE legacy (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    DO $$ DECLARE month timestamptz := date_trunc('month', now(), 'UTC'); BEGIN
      EXECUTE format('CREATE TABLE legacy_p2026_q3 PARTITION OF legacy FOR VALUES FROM (%L) TO (%L)',
                     month - interval '4 months', month - interval '1 month');
      EXECUTE format('CREATE TABLE legacy_p2026_10 PARTITION OF legacy FOR VALUES FROM (%L) TO (%L)',
                     month - interval '1 month', month);
    END $$;";
