//! The control socket: what operators do to a running server, through the services that every other door uses.
//!
//! A Unix socket in the data directory; one JSON request a line, one JSON answer a line. The directory is for one
//! person's eyes, the socket has mode 0600, and each caller's user id is checked.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::admin::{self, AdminAnswer, AdminCommand};
use super::health::{self, Report};
use crate::chat::Scope;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ids::{ChatId, SessionId, UserId};
use crate::jobs::{JobList, RunLine};
use crate::matchmaking::RunReport;
use crate::onboarding::Backfill;
use crate::protocol::codes::Code;
use crate::ratelimit::{KeyState, RateKey};
use crate::services::Services;

/// Longest request or answer, in bytes. An answer lists at most [`KEYS_LISTED_MAX`] keys.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Longest request, in bytes.
const REQUEST_BYTES_MAX: u64 = 16 * 1024;
/// Time for a caller to say what it wants.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the server to do it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Callers served at once.
const CALLERS_MAX: usize = 8;
/// Rate limit keys in one answer.
const KEYS_LISTED_MAX: usize = 10_000;
/// Longest path the kernel takes for a socket, in bytes, less its final zero.
const PATH_BYTES_MAX: usize = 107;

/// What can be asked of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Mark a person's identity as verified.
    Verify {
        /// Whose.
        email: String,
    },
    /// Suspend a person.
    Suspend {
        /// Whom.
        email: String,
        /// Why, for the record.
        reason: String,
    },
    /// Lift a suspension.
    Activate {
        /// Whose.
        email: String,
    },
    /// Open the chat of two people.
    OpenChat {
        /// One.
        a: String,
        /// The other.
        b: String,
    },
    /// List a person's sessions.
    Sessions {
        /// Whose.
        email: String,
    },
    /// End a session.
    RevokeSession {
        /// Which.
        session: SessionId,
    },
    /// List rate limit keys that are not fresh.
    RateLimits {
        /// Only those that match, where `*` stands for any text; those of a person's address too when it ends with their id.
        pattern: Option<String>,
    },
    /// Show one rate limit key.
    PeekRateLimit {
        /// `rate_limit:{type}:{userId or address}`.
        key: String,
    },
    /// Make rate limit keys fresh again.
    ClearRateLimits {
        /// A key, in which `*` stands for any text.
        pattern: String,
    },
    /// Close sockets, so that their clients come back and resume.
    RestartRealtime {
        /// Whose.
        whose: Whose,
        /// Over how many milliseconds.
        within_ms: u32,
    },
    /// Run the matcher over everybody.
    RunMatching,
    /// Make vectors that are missing or stale.
    BackfillVectors,
    /// Look after admins and the audit log.
    Admin(AdminCommand),
    /// List jobs.
    Jobs,
    /// Run a job now.
    RunJob {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// Ask for the server's health.
    Health,
}

/// Whose sockets are closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Everybody's.
    All,
    /// One person's, by e-mail address or id.
    User(String),
    /// Those of the members of a chat.
    Chat(ChatId),
}

/// A person's session, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: chrono::DateTime<chrono::Utc>,
    /// When it was last used.
    pub last_seen_at: chrono::DateTime<chrono::Utc>,
    /// What its client called itself.
    pub user_agent: String,
    /// The truncated address it began from.
    pub address: String,
}

/// A rate limit key, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLine {
    /// `rate_limit:{type}:{userId or address}`.
    pub key: String,
    /// How many fit at once.
    pub limit: u32,
    /// How many more pass now.
    pub remaining: u32,
    /// Until one more passes; 0 when one passes now.
    pub wait_ms: u64,
    /// Until it is fresh again.
    pub reset_ms: u64,
}

impl From<KeyState> for KeyLine {
    fn from(state: KeyState) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            key: state.key.to_string(),
            limit: state.left.limit,
            remaining: state.left.remaining,
            wait_ms: ms(state.wait),
            reset_ms: ms(state.left.reset),
        }
    }
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A person's standing is as asked; `changed` is false when it was so already.
    Standing {
        /// Whose.
        user: UserId,
        /// Whether anything changed.
        changed: bool,
    },
    /// The chat, opened now or before.
    Chat {
        /// Which.
        chat: ChatId,
    },
    /// A person's sessions.
    Sessions(Vec<SessionLine>),
    /// Whether there was a live session to end.
    Revoked {
        /// Whether it was live.
        ended: bool,
    },
    /// Rate limit keys.
    Keys(Vec<KeyLine>),
    /// So many keys are fresh again.
    Cleared {
        /// How many.
        keys: usize,
    },
    /// So many sockets are being closed.
    SentAway {
        /// How many.
        sockets: usize,
    },
    /// What a run of the matcher did.
    Matched(RunReport),
    /// What a backfill of vectors did.
    Backfilled(Backfill),
    /// What became of a command about admins.
    Admin(AdminAnswer),
    /// The jobs.
    Jobs(JobList),
    /// A run of a job.
    JobRun(RunLine),
    /// The server's health.
    Health(Report),
}

/// Why a server did not do it: the error that any other door would have shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// From the table of codes.
    pub code: u32,
    /// Its name.
    pub name: String,
    /// What to do next.
    pub detail: String,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        crate::telemetry::names::log(&error, None);
        Self { code: error.code.number(), name: error.code.name().into(), detail: error.detail }
    }
}

/// Does what was asked, by the services that sockets and HTTP use.
///
/// # Errors
/// Those of the services.
pub async fn execute(services: &Services, command: Command) -> Result<Answer> {
    let accounts = &services.accounts;
    Ok(match command {
        Command::Verify { email } => standing(accounts.verify(&email).await?),
        Command::Suspend { email, reason } => standing(accounts.suspend(&email, &reason).await?),
        Command::Activate { email } => standing(accounts.activate(&email).await?),
        Command::OpenChat { a, b } => {
            let (a, b) = (accounts.find(&a).await?, accounts.find(&b).await?);
            Answer::Chat { chat: services.chat.open_pair(a, b, "operator").await? }
        }
        Command::Sessions { email } => {
            let user = accounts.find(&email).await?;
            let nobody = SessionId(uuid::Uuid::nil());
            let line = |info: crate::accounts::SessionInfo| SessionLine {
                id: info.id,
                created_at: info.created_at,
                last_seen_at: info.last_seen_at,
                user_agent: info.user_agent,
                address: info.address,
            };
            Answer::Sessions(accounts.sessions(user, nobody).await?.into_iter().map(line).collect())
        }
        Command::RevokeSession { session } => {
            Answer::Revoked { ended: accounts.revoke(session, "ended by an operator").await? }
        }
        Command::RateLimits { pattern } => {
            let pattern = pattern.unwrap_or_else(|| "*".to_owned());
            let mut found = services.rates.find(&pattern, KEYS_LISTED_MAX);
            if let Some(own) = services.accounts.rate_pattern(&pattern).await? {
                found.extend(services.rates.find(&own, KEYS_LISTED_MAX));
            }
            Answer::Keys(found.into_iter().map(KeyLine::from).collect())
        }
        Command::PeekRateLimit { key } => {
            let key: RateKey = key.parse()?;
            let mut found: Vec<_> = services.rates.peek(&key).into_iter().collect();
            if let Some(own) = services.accounts.rate_pattern(&key.to_string()).await? {
                found.extend(services.rates.find(&own, KEYS_LISTED_MAX));
            }
            Answer::Keys(found.into_iter().map(KeyLine::from).collect())
        }
        Command::ClearRateLimits { pattern } => {
            if !pattern.starts_with("rate_limit:") {
                pattern.parse::<RateKey>()?;
            }
            let mut keys = services.rates.clear(&pattern);
            // A person is named by id; the limits of signing in are kept by address, known or not.
            if let Some(own) = services.accounts.rate_pattern(&pattern).await? {
                keys = keys.saturating_add(services.rates.clear(&own));
            }
            tracing::info!(pattern, keys, "rate limits cleared");
            Answer::Cleared { keys }
        }
        Command::RestartRealtime { whose, within_ms } => {
            let scope = match &whose {
                Whose::All => Scope::All,
                Whose::Chat(chat) => Scope::Chat(*chat),
                Whose::User(user) => Scope::User(match user.parse() {
                    Ok(id) => id,
                    Err(_) => accounts.find(user).await?,
                }),
            };
            let (chat, sockets) = (services.chat.clone(), services.chat.sockets(scope));
            let answer = Answer::SentAway { sockets: sockets.len() };
            tracing::info!(?scope, sockets = sockets.len(), within_ms, "sockets are sent away");
            services.supervisor.spawn("restart-realtime", async move {
                chat.send_away(sockets, Duration::from_millis(within_ms.into())).await;
            });
            answer
        }
        Command::RunMatching => {
            let matchmaking = services.matchmaking.clone();
            // A caller that goes away does not end it.
            let run = services.supervisor.spawn("matching run", async move { matchmaking.run().await });
            Answer::Matched(run.await.map_err(Error::internal)??)
        }
        Command::BackfillVectors => {
            let onboarding = services.onboarding.clone();
            let run = services.supervisor.spawn("backfill vectors", async move { onboarding.backfill(|_| ()).await });
            Answer::Backfilled(run.await.map_err(Error::internal)??)
        }
        Command::Admin(command) => Answer::Admin(admin::execute(services, command).await?),
        Command::Jobs => Answer::Jobs(services.jobs.list().await?),
        Command::RunJob { name, reason } => Answer::JobRun(admin::run_job(services, &name, &reason).await?),
        Command::Health => Answer::Health(health::report(services).await),
    })
}

fn standing(standing: crate::accounts::Standing) -> Answer {
    Answer::Standing { user: standing.user, changed: standing.changed }
}

/// Where a server's control socket is.
pub fn path(config: &Config) -> PathBuf {
    config.data_dir.join("control.sock")
}

/// A path that the kernel takes, however deep the directory is: through the descriptor of the opened directory.
///
/// # Why
/// The address of a Unix socket holds 107 bytes, and a path to a data directory may be longer.
struct Reach {
    path: PathBuf,
    /// Keeps `/proc/self/fd/N` alive.
    _directory: Option<File>,
}

impl Reach {
    fn to(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= PATH_BYTES_MAX {
            return Ok(Self { path: path.to_owned(), _directory: None });
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::other("the path of the control socket has no directory"));
        };
        let directory = File::open(directory)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
        Ok(Self { path, _directory: Some(directory) })
    }
}

/// A bound control socket. Its file goes when it is dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// The user this server runs as: owner of the file it just made.
    owner: u32,
}

impl Drop for Control {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.path).is_err();
    }
}

impl Control {
    /// Binds the socket. One that a dead server left is replaced; one that answers is not.
    ///
    /// # Errors
    /// When another server answers there, something else has that name, or the directory cannot be written.
    pub async fn bind(path: &Path) -> io::Result<Self> {
        let reach = Reach::to(path)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "something else has the control socket's name",
                ));
            }
            Ok(_) if UnixStream::connect(&reach.path).await.is_ok() => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server answers on the control socket"));
            }
            Ok(_) => fs::remove_file(path)?,
            Err(_) => {}
        }
        let listener = UnixListener::bind(&reach.path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let owner = fs::symlink_metadata(path)?.uid();
        Ok(Self { listener, path: path.to_owned(), owner })
    }

    /// Serves until the supervisor stops.
    pub async fn serve(self, services: Arc<Services>) {
        let stopping = services.supervisor.stopping().clone();
        let places = Arc::new(Semaphore::new(CALLERS_MAX));
        // A caller without a place waits in the kernel's queue.
        let next = async || Some((Arc::clone(&places).acquire_owned().await.ok()?, self.listener.accept().await));
        while let Some(Some((place, accepted))) = stopping.run_until_cancelled(next()).await {
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the control socket could not accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // Root may look after anybody's server.
            let caller = stream.peer_cred().map(|caller| caller.uid());
            if !caller.as_ref().is_ok_and(|uid| *uid == self.owner || *uid == 0) {
                tracing::warn!(?caller, "a stranger called on the control socket");
                continue;
            }
            let services = Arc::clone(&services);
            let supervisor = services.supervisor.clone();
            supervisor.spawn_connection(async move {
                if let Err(error) = converse(&services, stream).await {
                    tracing::debug!(%error, "a caller on the control socket left");
                }
                drop(place);
            });
        }
    }
}

/// Binds the socket and serves it until the supervisor stops; for a server that does not mind when that fails.
pub async fn serve(services: Arc<Services>, path: PathBuf) {
    match Control::bind(&path).await {
        Ok(control) => control.serve(services).await,
        Err(error) => tracing::error!(%error, path = %path.display(), "there is no control socket"),
    }
}

async fn converse(services: &Services, stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    let mut read = BufReader::new(read.take(REQUEST_BYTES_MAX));
    tokio::time::timeout(REQUEST_TIMEOUT, read.read_until(b'\n', &mut line)).await??;
    let answer = match serde_json::from_slice::<Command>(&line) {
        Ok(command) => match tokio::time::timeout(ANSWER_TIMEOUT, execute(services, command)).await {
            Ok(answer) => answer.map_err(Refusal::from),
            Err(_) => Err(Error::new(Code::Unavailable, "The server did not manage it in time. Look at its log.").into()),
        },
        Err(_) => Err(Error::bad_request(
            "The request is not understood. Server and command line are of different versions, or the line is too long.",
        )
        .into()),
    };
    let mut answer = serde_json::to_vec(&answer)?;
    answer.push(b'\n');
    tokio::time::timeout(REQUEST_TIMEOUT, write.write_all(&answer)).await??;
    write.shutdown().await
}

/// Why a server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// No server listens there.
    #[error("no server is running on this data directory")]
    Nobody,
    /// It is there and cannot be talked to.
    #[error("the control socket {path} cannot be used: {cause}")]
    Broken {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Asks the running server.
///
/// # Errors
/// [`Unreachable::Nobody`] when there is none: then its directory may be opened instead.
pub async fn ask(
    path: &Path,
    command: &Command,
) -> std::result::Result<std::result::Result<Answer, Refusal>, Unreachable> {
    let broken = |cause: io::Error| Unreachable::Broken { path: path.to_owned(), cause };
    let nobody = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Unreachable::Nobody,
        _ => broken(cause),
    };
    let reach = Reach::to(path).map_err(nobody)?;
    let stream = UnixStream::connect(&reach.path).await.map_err(nobody)?;
    let talk = async {
        let (read, mut write) = stream.into_split();
        let mut request = serde_json::to_vec(command)?;
        request.push(b'\n');
        write.write_all(&request).await?;
        let mut line = Vec::new();
        BufReader::new(read.take(LINE_BYTES_MAX)).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up; it may be busy or stopping"));
        }
        Ok(serde_json::from_slice(&line)?)
    };
    let patience = ANSWER_TIMEOUT + REQUEST_TIMEOUT;
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the server does not answer");
    tokio::time::timeout(patience, talk).await.unwrap_or_else(|_| Err(late())).map_err(broken)
}
