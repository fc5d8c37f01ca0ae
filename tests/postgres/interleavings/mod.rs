//! An application and the operator change the same rows at the same time, in every order: the tables are equal
//! afterwards, and no write of the application is lost.
//!
//! Each case is a fixed sequence of statements in two sessions. A statement is awaited until it has ended, or waits for
//! a lock that the other session holds; nothing depends on time.

mod case;
mod sessions;

use futures::future::join_all;

use self::case::{Case, cases};
use self::sessions::Stage;
use crate::support::postgres::{Server, majors};

/// Smallest number of cases on each major.
const MIN_CASES: usize = 120;

/// Number of databases of a server that share the cases: most of the time, a session waits for its turn.
const STAGES: usize = 4;

/// Plays every case whose turn it is in one of the databases.
async fn run((major, turn): (u16, usize), cases: &[Case]) -> Vec<String> {
    let mut stage = Stage::new(major).await;
    let mut failures = Vec::new();
    for case in cases.iter().skip(turn).step_by(STAGES) {
        if let Err(reason) = stage.play(case).await {
            failures.push(format!("Postgres {major}, {}: {reason}", case.name()));
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_equal_after_every_interleaving() {
    let cases = cases();
    assert!(cases.len() >= MIN_CASES, "{} cases", cases.len());
    // Starting one takes a while and blocks the thread: a server gives up a session that begins to log in meanwhile.
    for major in majors() {
        Server::shared(major);
    }
    let turns = majors().into_iter().flat_map(|major| (0..STAGES).map(move |turn| (major, turn)));
    let failures = join_all(turns.map(|turn| run(turn, &cases))).await.concat();
    let all = cases.len() * majors().len();
    assert!(failures.is_empty(), "{} of {all} wrong:\n{}", failures.len(), failures.join("\n"));
}
