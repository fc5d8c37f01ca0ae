//! The schema without an API server. The cluster tests ask a real one the same.

#[path = "../support/admission_cases.rs"]
pub(crate) mod support;

use kube_cel::{CompiledSchema, ValidationErrors, Validator, compile_schema};
use pg_partition_operator::api::v1alpha1::{PartitionedTable, crd};
use pg_partition_operator::cli::admission::Admission;
use serde_json::Value;

use support::{Base, Case, broken, cases};

#[test]
fn every_case_gets_its_answer() {
    let admission = Admission::in_cluster().expect("a schema");
    let wrong: Vec<String> = cases()
        .into_iter()
        .filter_map(|(file, case)| {
            let complaint = judge(&admission, &case).err()?;
            Some(format!("{file}: {}: {complaint}", case.title))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_broken_constraint_is_found() {
    let both = [Admission::in_cluster(), Admission::on_command_line()];
    let both = both.map(|admission| admission.expect("a schema"));
    for broken in broken(&schema()) {
        for admission in &both {
            let answer = admission.admit(&mut broken.object.clone(), None);
            let needs_no_database = broken.title == "/spec: required database";
            assert!(answer.is_err() || needs_no_database, "{} is accepted", broken.title);
        }
    }
}

#[test]
fn database_is_optional_on_the_command_line_only() {
    let mut object = Base::Range.object();
    object["spec"].as_object_mut().expect("a spec").remove("database");
    let admit = |admission: Admission| admission.admit(&mut object.clone(), None);
    assert_eq!(admit(Admission::on_command_line().expect("a schema")), Ok(()));
    let found = admit(Admission::in_cluster().expect("a schema")).expect_err("it is required");
    assert_eq!(found[1].to_string(), "spec.database: Required value");
}

#[test]
fn every_rule_is_broken_by_a_case() {
    let schema = schema();
    let compiled = compile_schema(&schema);
    let answers: Vec<String> = cases()
        .iter()
        .filter_map(|(_, case)| case_errors(&compiled, case).err())
        .flat_map(broken_rules)
        .collect();
    let mut unbroken = Vec::new();
    each_rule(&schema, &mut |rule| {
        if !answers.iter().any(|broken| broken == rule) {
            unbroken.push(rule.to_owned());
        }
    });
    assert!(unbroken.is_empty(), "no case breaks\n{}", unbroken.join("\n"));
}

#[test]
fn valid_resources_parse_into_the_types() {
    for base in [Base::Range, Base::Hash] {
        let object = base.object();
        let table: PartitionedTable = serde_json::from_value(object.clone()).expect("it is good");
        let written = serde_json::to_value(&table).expect("it can be written");
        assert_eq!(written, object, "every field is there, and none is lost");
    }
}

/// The CEL rules of the schema.
pub(crate) fn rules() -> CompiledSchema {
    compile_schema(&schema())
}

/// Evaluates the rules for the creation of `object`.
pub(crate) fn accepts(rules: &CompiledSchema, object: &Value) -> Result<(), ValidationErrors> {
    Validator::new().validate_compiled(rules, object, None)
}

fn schema() -> Value {
    let definition = serde_json::to_value(crd()).expect("a definition is plain data");
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Whether `case` has the answer that it expects; if not, what is wrong.
fn judge(admission: &Admission, case: &Case) -> Result<(), String> {
    let mut created = case.created();
    let answer = match case.updated() {
        None => admission.admit(&mut created, None),
        Some(mut updated) => {
            let answer = admission.admit(&mut created, None);
            answer.and_then(|()| admission.admit(&mut updated, Some(&created)))
        }
    };
    match (answer, &case.refused) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(refusal)) => Err(format!("accepted, not refused at {}", refusal.at)),
        (Err(found), None) => Err(format!("refused: {found:?}")),
        (Err(found), Some(refusal)) => found
            .iter()
            .any(|found| found.field == refusal.at && found.message.contains(&refusal.saying))
            .then_some(())
            .ok_or_else(|| format!("refused otherwise: {found:?}")),
    }
}

/// Returns the errors of CEL for the creation of the resource, or for its update.
fn case_errors(rules: &CompiledSchema, case: &Case) -> Result<(), ValidationErrors> {
    let validator = Validator::new();
    let created = case.created();
    match case.updated() {
        None => validator.validate_compiled(rules, &created, None),
        Some(updated) => {
            validator.validate_compiled(rules, &created, None)?;
            validator.validate_compiled(rules, &updated, Some(&created))
        }
    }
}

fn broken_rules(errors: ValidationErrors) -> Vec<String> {
    errors.into_vec().into_iter().map(|error| error.rule).collect()
}

/// Every CEL rule of `schema`, wherever it stands.
fn each_rule(schema: &Value, visit: &mut impl FnMut(&str)) {
    let Some(fields) = schema.as_object() else { return };
    let own = fields.get("x-kubernetes-validations").and_then(Value::as_array);
    for rule in own.into_iter().flatten() {
        visit(rule["rule"].as_str().expect("a rule is text"));
    }
    fields.values().for_each(|child| each_rule(child, visit));
}
