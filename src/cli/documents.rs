//! Reads resources from a file.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use kube::core::ObjectMeta;
use serde::Deserialize as _;
use serde_json::Value;

use super::admission::Admission;
use crate::api::v1alpha1::PartitionedTable;
use crate::desired::DesiredTable;

/// The tables that a file's documents declare; `-` is standard input.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<DesiredTable>> {
    let text = read_text(file)?;
    let admission = Admission::on_command_line()?;
    let mut tables: Vec<DesiredTable> = Vec::new();
    for (at, document) in serde_yaml::Deserializer::from_str(&text).enumerate() {
        let document = Value::deserialize(document)
            .with_context(|| format!("{}, document {}: not YAML", file.display(), at + 1))?;
        if document.is_null() {
            continue;
        }
        let table = table(document, &admission)
            .with_context(|| format!("{}, document {}", file.display(), at + 1))?;
        if tables.iter().any(|other| other.name == table.name) {
            bail!("{}: two documents for {}", file.display(), table.name.display());
        }
        tables.push(table);
    }
    if tables.is_empty() {
        bail!("{}: no PartitionedTable in it", file.display());
    }
    Ok(tables)
}

fn read_text(file: &Path) -> anyhow::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    Ok(text)
}

fn table(mut document: Value, admission: &Admission) -> anyhow::Result<DesiredTable> {
    let kind = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    let (version, name) = (kind("apiVersion"), kind("kind"));
    if (version, name) != ("pgpartition.dev/v1alpha1", "PartitionedTable") {
        bail!("not a pgpartition.dev/v1alpha1 PartitionedTable, but {version:?} {name:?}");
    }
    document.get("spec").context("spec: required")?;
    let metadata = metadata(&document)?;
    admission.admit(&mut document, None).map_err(|rejections| anyhow!("{}", lines(&rejections)))?;
    let spec = document.get("spec").context("spec: required")?;
    let spec = serde_path_to_error::deserialize(spec)
        .map_err(|error| anyhow!("spec.{}: {}", error.path(), error.inner()))?;
    DesiredTable::from_resource(&PartitionedTable { metadata, spec, status: None })
        .map_err(|errors| anyhow!("{}", lines(&errors)))
}

fn lines(problems: &[impl ToString]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Metadata of a document, of which only the annotations count.
fn metadata(document: &Value) -> anyhow::Result<ObjectMeta> {
    let metadata = document.get("metadata").filter(|metadata| !metadata.is_null());
    metadata.map_or_else(
        || Ok(ObjectMeta::default()),
        |metadata| {
            serde_path_to_error::deserialize(metadata)
                .map_err(|error| anyhow!("metadata.{}: {}", error.path(), error.inner()))
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::table;
    use crate::cli::admission::Admission;

    fn document(metadata: &Value) -> Value {
        json!({
            "apiVersion": "pgpartition.dev/v1alpha1",
            "kind": "PartitionedTable",
            "metadata": metadata,
            "spec": {"table": "t", "partitionBy": {"range": {"column": "at", "interval": "Day"}}},
        })
    }

    #[test]
    fn annotations_count_as_in_the_cluster() {
        let admission = Admission::on_command_line().expect("a schema");
        let annotations = json!({"pgpartition.dev/adopt": "a", "pgpartition.dev/approve": "7c1e"});
        let table =
            table(document(&json!({"annotations": annotations})), &admission).expect("good");
        assert_eq!(table.adopt.len(), 1);
        assert_eq!(table.approved, ["7c1e"]);
    }

    #[test]
    fn annotation_that_the_api_server_rejects_is_reported() {
        let admission = Admission::on_command_line().expect("a schema");
        for annotations in [json!({"pgpartition.dev/adopt": 5}), json!(["a"]), json!("a")] {
            let document = document(&json!({"annotations": annotations}));
            let error = table(document, &admission).expect_err("it is none");
            assert!(error.to_string().starts_with("metadata.annotations"), "{error}");
        }
        for metadata in [json!({}), json!(null), json!({"annotations": null})] {
            table(document(&metadata), &admission).expect("a document needs no metadata");
        }
    }
}
