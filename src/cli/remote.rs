//! Asks the running server; when there is none, builds the same services without opening a door.

use super::{Failure, Settings, quiet_log};
use crate::app::{self, Setup};
use crate::config::{Mode, SecretsPolicy};
use crate::ops::control::{self, Answer, Command, Refusal, Unreachable};

/// Does it, wherever it can be done.
pub(super) async fn run(settings: &Settings, command: Command) -> Result<Answer, Failure> {
    let loaded = settings.load(Mode::Serve, SecretsPolicy::Look)?;
    quiet_log(&loaded);
    match control::ask(&control::path(&loaded.config), &command).await {
        Ok(answer) => answer.map_err(refused),
        Err(Unreachable::Nobody) => {
            // From here on this process is the one that may write: the store's lock says so.
            let config = settings.load(Mode::Serve, SecretsPolicy::Make)?.config;
            let house = Box::pin(app::build(config, Setup::default())).await?;
            let answer = control::execute(&house.services, command).await;
            let _report = house.stop().await;
            answer.map_err(|error| refused(Refusal::from(error)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks the running server only.
pub(super) async fn ask(settings: &Settings, command: Command) -> Result<Answer, Failure> {
    let loaded = settings.load(Mode::Serve, SecretsPolicy::Look)?;
    quiet_log(&loaded);
    control::ask(&control::path(&loaded.config), &command).await?.map_err(refused)
}

/// What a caller did wrong ends with 2, what went wrong with 1.
fn refused(Refusal { code, name, detail }: Refusal) -> Failure {
    if (40_000..50_000).contains(&code) {
        Failure::Usage(format!("{detail} ({name})"))
    } else {
        Failure::Failed(anyhow::anyhow!("{detail} ({name})"))
    }
}

/// The answer to another question; only a server of another version gives it.
pub(super) fn unexpected(answer: &Answer) -> Failure {
    Failure::Failed(anyhow::anyhow!("the server answered something else; is it of another version? {answer:?}"))
}
