//! `run`: the operator.

use clap::Args;

use super::exit::Exit;

#[derive(Debug, Args)]
pub(super) struct RunArguments {}

pub(super) async fn run(_arguments: RunArguments) -> anyhow::Result<Exit> {
    anyhow::bail!("not yet")
}
