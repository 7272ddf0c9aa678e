//! `domu health`: for people and for container health checks.

use std::process::ExitCode;

use super::remote::{ask, unexpected};
use super::{Done, Settings, out};
use crate::ops::control::{Answer, Command};

pub(super) async fn run(settings: &Settings) -> Done {
    let answer = ask(settings, Command::Health).await?;
    let Answer::Health(report) = &answer else { return Err(unexpected(&answer)) };
    if settings.json {
        out::json(report);
    } else {
        let missing = match report.missing.as_slice() {
            [] => String::new(),
            missing => format!(" ({})", missing.join(", ")),
        };
        out::say(&format!(
            "{}{missing}: domu {} (build {}), schema {}, up {} s",
            report.status, report.version, report.build, report.schema, report.uptime_s
        ));
    }
    Ok(if report.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
