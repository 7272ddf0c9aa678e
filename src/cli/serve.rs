//! `domu serve`: runs the server until it is told to stop.

use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Done, out};
use crate::app::{self, Running, Setup};
use crate::config::{Config, Loaded, make_directory};
use crate::ops::control::{self, Control};
use crate::ops::health;
use crate::telemetry;

pub(super) async fn run(loaded: Loaded) -> Done {
    let say = |_: &Running, addr, config: &Config| out::say(&next_steps(addr, config));
    until_told(loaded.config, Setup::default(), say).await
}

/// Starts a server with its control socket, lets `opened` speak, and stops the server when a signal says so.
pub(super) async fn until_told(
    config: Config,
    setup: Setup,
    opened: impl FnOnce(&Running, SocketAddr, &Config),
) -> Done {
    telemetry::start_logging(config.log_format, &config.log_level)?;
    // Heard from the first moment on: a start that is stopped is a stop.
    let mut told = Told::listen()?;
    make_directory(&config.data_dir)?;
    tracing::info!(version = health::VERSION, build = health::BUILD, data_dir = %config.data_dir.display(), "starting");
    let running = tokio::select! {
        running = Box::pin(app::start(config, setup)) => running?,
        () = told.stop() => return Ok(ExitCode::SUCCESS),
    };
    let services = running.house.services.clone();
    let path = control::path(&services.config);
    // Bound before anybody is told that the server runs: the next command may be `domu user verify`.
    match Control::bind(&path).await {
        Ok(control) => {
            services.supervisor.spawn("control", control.serve(services.clone()));
        }
        Err(error) => tracing::error!(%error, path = %path.display(), "there is no control socket"),
    }
    opened(&running, running.addr, &services.config);
    drop(services);
    told.stop().await;
    let report = tokio::select! {
        report = running.house.stop() => report,
        () = told.stop() => {
            tracing::warn!("told to stop twice: leaving at once");
            return Ok(ExitCode::FAILURE);
        }
    };
    Ok(if report == app::Report::default() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// SIGTERM and SIGINT.
struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn stop(&mut self) {
        let Self { terminate, interrupt } = self;
        tokio::select! {
            _ = terminate.recv() => tracing::info!("told to stop by SIGTERM"),
            _ = interrupt.recv() => tracing::info!("told to stop by SIGINT"),
        }
    }
}

/// What a person wants to know when a server has started.
fn next_steps(addr: SocketAddr, config: &Config) -> String {
    let data = config.data_dir.display();
    let here = reachable(addr);
    let open = config.public_url.as_ref().map_or_else(|| format!("http://{here}"), ToString::to_string);
    let mails = match &config.smtp_url {
        Some(_) => "leave by your mail server.".into(),
        None => format!("become files in {data}/mail; the confirmation code is in there."),
    };
    let database = match &config.database_url {
        Some(_) => "is in your database; secrets are",
        None => "database, secrets and mails are",
    };
    let domu = format!("{} --data-dir {data}", crate::config::program());
    format!(
        "domu {version} listens on http://{here}\n\
         \n\
         Open     {open}\n\
         Sign up  {base}/sign-up\n\
         Mails    {mails}\n\
         Verify   {domu} user verify EMAIL\n\
         Chat     {domu} chat open EMAIL EMAIL\n\
         Data     {database} in {data}\n\
         Stop     Ctrl-C",
        version = health::VERSION,
        base = open.trim_end_matches('/'),
    )
}

/// An address a browser on this machine can open: a server on every address is also on loopback.
pub(super) fn reachable(addr: SocketAddr) -> SocketAddr {
    let loopback = match addr {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    if addr.ip().is_unspecified() { SocketAddr::new(loopback, addr.port()) } else { addr }
}
