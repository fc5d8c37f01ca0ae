//! Calls of the program as a user makes them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::database::{SCHEMA, World};

/// Result of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The fingerprint of the only plan.
    pub(crate) fn fingerprint(&self) -> String {
        self.json()["plans"][0]["fingerprint"].as_str().unwrap().to_owned()
    }
}

/// Returns a resource as a document; the default schema is that of the test.
pub(crate) fn resource(mut spec: Value) -> String {
    let fields = spec.as_object_mut().unwrap();
    fields.entry("schema").or_insert_with(|| SCHEMA.into());
    let resource = json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {"name": "t"}, "spec": spec,
    });
    resource.to_string()
}

impl World {
    /// Calls the program as the operator's role, with this file on its standard input.
    pub(crate) fn call(&self, arguments: &[&str], input: &str) -> Outcome {
        call(&self.url(), arguments, input)
    }
}

pub(crate) fn call(url: &str, arguments: &[&str], input: &str) -> Outcome {
    run(
        Command::new(env!("CARGO_BIN_EXE_pg-partition-operator"))
            .args(arguments)
            .env("DATABASE_URL", url),
        input,
    )
}

pub(crate) fn run(command: &mut Command, input: &str) -> Outcome {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    // Who does not read its input ends before it is written.
    let _written = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome {
        status: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}
