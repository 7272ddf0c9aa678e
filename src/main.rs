//! Parses the command line, builds the runtime, gives the exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;
use domu::cli::{Cli, out};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Passes of the scheduler between looks at sockets: fewer than tokio's 61, so that a busy committer does not make
/// readers wait.
const EVENT_INTERVAL: u32 = 31;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One TLS library; without this the first TLS connection would not know which.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        out::error("domu: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    // A socket is a descriptor. What the system does not give shows in the start-up log.
    let _raised = rlimit::increase_nofile_limit(u64::MAX).is_ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().event_interval(EVENT_INTERVAL).build();
    match runtime {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            out::error(&format!("domu: the runtime did not start: {error}"));
            ExitCode::FAILURE
        }
    }
}
