//! Logs and metrics: their set-up, the one file of metric names, and what may be shown of people.

mod log;
pub mod names;
pub mod redact;

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::supervise::Supervisor;

pub use log::{LogError, install_panic_hook, start_logging};

/// Between two upkeeps of the recorder; without them histograms only grow.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The metrics of this process. There is one recorder for a process, however many servers a test starts in it.
#[derive(Clone, Debug)]
pub struct Telemetry {
    handle: PrometheusHandle,
}

impl Telemetry {
    /// The recorder of this process, installed at the first call.
    ///
    /// # Why
    /// When something else installed a recorder before, this one renders nothing but stands in: metrics are no reason
    /// to refuse a start.
    pub fn install() -> Self {
        static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        let handle = HANDLE.get_or_init(|| {
            let recorder = names::buckets(PrometheusBuilder::new()).build_recorder();
            let handle = recorder.handle();
            match metrics::set_global_recorder(recorder) {
                Ok(()) => names::describe(),
                Err(error) => tracing::warn!(%error, "metrics go to another recorder"),
            }
            handle
        });
        Self { handle: handle.clone() }
    }

    /// Starts the recorder's upkeep; it ends with the supervisor.
    pub fn keep_up(&self, supervisor: &Supervisor) {
        let handle = self.handle.clone();
        let stopping = supervisor.stopping().clone();
        supervisor.spawn("metrics-upkeep", async move {
            let mut every = tokio::time::interval(UPKEEP_EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stopping.run_until_cancelled(every.tick()).await.is_some() {
                handle.run_upkeep();
            }
        });
    }

    /// Everything measured, in Prometheus' text format (`text/plain; version=0.0.4`).
    pub fn render(&self) -> String {
        self.handle.render()
    }
}
