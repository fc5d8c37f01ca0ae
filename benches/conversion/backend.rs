//! A session whose server process is watched, and figures.

use std::time::Duration;

use pg_partition_operator::postgres::Session;
use tokio_postgres::Client;

use crate::support::postgres::Database;

/// The server process of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backend(u32);

impl Backend {
    pub(crate) async fn of(client: &Client) -> Self {
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        Self(pid.unsigned_abs())
    }

    pub(crate) async fn of_session(session: &Session) -> Self {
        let pid = session.query_one_text("SELECT pg_backend_pid()::text", &[]).await.unwrap();
        Self(pid.unwrap().parse().unwrap())
    }

    /// Returns the processor time that it has taken so far.
    pub(crate) fn cpu(self) -> Duration {
        let path = format!("/proc/{}/schedstat", self.0);
        let text = std::fs::read_to_string(path).unwrap();
        Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
    }
}

/// A client with its server process.
pub(crate) struct Watched {
    pub(crate) client: Client,
    pub(crate) backend: Backend,
}

impl Watched {
    pub(crate) async fn connect(database: &Database) -> Self {
        let client = database.client().await;
        let backend = Backend::of(&client).await;
        Self { client, backend }
    }
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Returns the time that so many percent of the times are not longer than, in milliseconds.
pub(crate) fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    milliseconds(times[(times.len() * percent / 100).min(times.len() - 1)])
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Returns the median of what each round of one way took, beside the same round of the other.
pub(crate) fn median_ratio(one: &[f64], other: &[f64]) -> f64 {
    median(one.iter().zip(other).map(|(one, other)| one / other).collect())
}
