//! Reads resources from a file.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use kube::core::ObjectMeta;
use kube_cel::{CompiledSchema, Validator, compile_schema};
use serde::Deserialize as _;
use serde_json::Value;

use crate::api::v1alpha1::{PartitionedTable, PartitionedTableSpec, crd};
use crate::desired::DesiredTable;

/// The tables that a file's documents declare; `-` is standard input.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<DesiredTable>> {
    let text = read_text(file)?;
    let rules = rules()?;
    let mut tables: Vec<DesiredTable> = Vec::new();
    for (at, document) in serde_yaml::Deserializer::from_str(&text).enumerate() {
        let document = Value::deserialize(document)
            .with_context(|| format!("{}, document {}: not YAML", file.display(), at + 1))?;
        if document.is_null() {
            continue;
        }
        let table = table(&document, &rules)
            .with_context(|| format!("{}, document {}", file.display(), at + 1))?;
        if tables.iter().any(|other| other.name == table.name) {
            bail!("{}: two documents for {}", file.display(), table.name.shown());
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

fn table(document: &Value, rules: &CompiledSchema) -> anyhow::Result<DesiredTable> {
    let kind = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    let (version, name) = (kind("apiVersion"), kind("kind"));
    if (version, name) != ("pgpartition.dev/v1alpha1", "PartitionedTable") {
        bail!("not a pgpartition.dev/v1alpha1 PartitionedTable, but {version:?} {name:?}");
    }
    let spec = document.get("spec").context("spec: required")?;
    let mut unknown = Vec::new();
    let spec: PartitionedTableSpec = serde_path_to_error::deserialize(spec)
        .map_err(|error| anyhow!("spec.{}: {}", error.path(), error.inner()))
        .and_then(|_: PartitionedTableSpec| {
            let note = |path: serde_ignored::Path<'_>| unknown.push(format!("spec.{path}"));
            Ok(serde_ignored::deserialize(spec, note)?)
        })?;
    if !unknown.is_empty() {
        bail!("no such field: {}", unknown.join(", "));
    }
    let mut problems = refused(rules, document);
    let desired =
        DesiredTable::of(&PartitionedTable { metadata: metadata(document)?, spec, status: None });
    problems.extend(desired.as_ref().err().into_iter().flatten().map(ToString::to_string));
    match desired {
        Ok(desired) if problems.is_empty() => Ok(desired),
        Ok(_) | Err(_) => bail!("{}", problems.join("\n")),
    }
}

/// What the document says beside its spec: of this, the annotations count.
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

/// The rules of the resource's schema: those that the API server enforces.
fn rules() -> anyhow::Result<CompiledSchema> {
    let definition = crd();
    let schema = definition.spec.versions.first().and_then(|version| version.schema.as_ref());
    let schema = serde_json::to_value(schema.and_then(|s| s.open_api_v3_schema.as_ref()))?;
    Ok(compile_schema(&schema))
}

/// What the rules refuse.
fn refused(rules: &CompiledSchema, document: &Value) -> Vec<String> {
    let Err(errors) = Validator::new().validate_compiled(rules, document, None) else {
        return Vec::new();
    };
    errors.iter().map(|error| format!("{}: {}", error.field_path, error.message)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{rules, table};

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
        let rules = rules().expect("a schema");
        let annotations = json!({"pgpartition.dev/adopt": "a", "pgpartition.dev/approve": "7c1e"});
        let table = table(&document(&json!({"annotations": annotations})), &rules).expect("good");
        assert_eq!(table.adopt.len(), 1);
        assert_eq!(table.approved, ["7c1e"]);
    }

    #[test]
    fn what_the_api_server_would_not_take_for_an_annotation_is_said() {
        let rules = rules().expect("a schema");
        for annotations in [json!({"pgpartition.dev/adopt": 5}), json!(["a"]), json!("a")] {
            let document = document(&json!({"annotations": annotations}));
            let error = table(&document, &rules).expect_err("it is none");
            assert!(error.to_string().starts_with("metadata.annotations"), "{error}");
        }
        for metadata in [json!({}), json!(null), json!({"annotations": null})] {
            table(&document(&metadata), &rules).expect("a document needs no metadata");
        }
    }
}
