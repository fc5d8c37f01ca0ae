//! Metrics of tables in the Prometheus text format, a part at a time.

use super::row::Row;

/// Rows of a part.
const BLOCK: usize = 256;

/// A gauge with series for each table.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// Labels of a series, in addition to the namespace and the name of the resource.
    pub(super) labels: &'static [&'static str],
    /// Adds the series of a table.
    pub(super) add: fn(&Row, &mut Series<'_>),
}

/// Series of one family and one table.
pub(super) struct Series<'a> {
    family: &'a Family,
    /// Labels of the resource: `name="orders",namespace="finance"`.
    of: &'a str,
    text: &'a mut String,
}

impl Family {
    /// Returns the series of these tables, in parts. A family without series has no part.
    pub(super) fn parts(
        &'static self,
        rows: std::sync::Arc<[Row]>,
    ) -> impl Iterator<Item = String> {
        let mut has_head = false;
        (0..rows.len()).step_by(BLOCK).map(move |from| {
            let mut text = String::new();
            for row in rows.iter().skip(from).take(BLOCK) {
                (self.add)(row, &mut Series { family: self, of: &row.of, text: &mut text });
            }
            if text.is_empty() || std::mem::replace(&mut has_head, true) {
                return text;
            }
            let Self { name, help, .. } = self;
            format!("# HELP {name} {help}\n# TYPE {name} gauge\n{text}")
        })
    }
}

impl Series<'_> {
    /// Adds a series without further labels, if there is a value.
    pub(super) fn add(&mut self, value: impl Into<Option<f64>>) {
        self.add_labeled([], value);
    }

    /// Adds a series with further labels, which are sorted by name, if there is a value.
    pub(super) fn add_labeled<const N: usize>(
        &mut self,
        labels: [(&str, &str); N],
        value: impl Into<Option<f64>>,
    ) {
        let Some(value) = value.into() else { return };
        let Self { family, of, text } = self;
        text.push_str(family.name);
        text.push('{');
        // Prometheus libraries sort labels by name.
        let (before, after): (Vec<_>, Vec<_>) =
            labels.into_iter().partition(|(name, _)| *name < "name");
        for (name, value) in before {
            push_label(text, name, value);
            text.push(',');
        }
        text.push_str(of);
        for (name, value) in after {
            text.push(',');
            push_label(text, name, value);
        }
        text.push_str(&format!("}} {value}\n"));
    }

    /// Adds 1 for what holds and 0 for the rest, or nothing if it is not known what holds.
    pub(super) fn add_one_of<T: PartialEq, const N: usize>(
        &mut self,
        label: &str,
        possible: [(&str, T); N],
        holds: Option<&T>,
    ) {
        let Some(holds) = holds else { return };
        for (name, value) in possible {
            self.add_labeled([(label, name)], flag(value == *holds));
        }
    }
}

/// Returns the labels of a resource.
pub(super) fn labels_of(namespace: &str, name: &str) -> String {
    let mut text = String::new();
    push_label(&mut text, "name", name);
    text.push(',');
    push_label(&mut text, "namespace", namespace);
    text
}

fn push_label(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("=\"");
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text.push('"');
}

/// Returns 1 for `true`.
pub(super) fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
pub(super) fn number(count: i64) -> f64 {
    count as f64
}
