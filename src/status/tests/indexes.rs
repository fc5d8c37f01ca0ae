//! Status of indexes.

use super::*;

/// Returns the message of `Indexed` if the partition of November has the index `p0_i` with these properties.
fn indexed(spec: &Value, has: Option<&Value>) -> String {
    let mut snapshot = snapshot(&[NOVEMBER, DECEMBER], &json!({}));
    if let Some(has) = has {
        let mut index = json!({
            "name": "p0_i", "of": null, "valid": true, "constraint": null, "comment": null, "shape": null,
            "definition": null,
        });
        merge(&mut index, has);
        snapshot["partitions"][0]["indexes"] = json!([index]);
    }
    let texts = texts(&project_observation(&desired(spec), &meaning(snapshot)));
    texts.into_iter().find(|texts| texts.starts_with("Indexed=")).expect("a condition")
}

#[test]
fn missing_indexes_are_counted_and_the_first_is_named() {
    let spec = json!({"indexes": [{"name": "i", "columns": [{"column": "at"}]}]});
    let missing =
        "Indexed=False IndexesMissing: 3 indexes are missing or incomplete (first: public.i)";
    assert_eq!(indexed(&spec, None), format!("{missing}: the next run builds them"));
    let mut spec = spec;
    merge(&mut spec, &json!({"mode": "Plan"}));
    assert_eq!(
        indexed(&spec, None),
        format!("{missing}: set spec.mode to Enforce to let the operator build them")
    );
}

#[test]
fn invalid_index_is_named() {
    let index = json!({
        "name": "i", "columns": [{"column": "at"}], "partitions": "Newest", "newest": 1,
    });
    let texts = indexed(&json!({"indexes": [index]}), Some(&json!({"valid": false})));
    assert_eq!(
        texts,
        "Indexed=False IndexInvalid: index public.p0_i is invalid: the next run builds it"
    );
}
