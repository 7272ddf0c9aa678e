//! The only spawner of tasks: every task has a name, is counted, and ends before the process does.

use std::future::Future;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Spawns tasks and waits for them on shutdown.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    tracker: TaskTracker,
    drain: CancellationToken,
    stop: CancellationToken,
}

impl Supervisor {
    /// Spawns a named task. A panic is logged with the task's name by the panic hook's span.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let span = tracing::debug_span!("task", task.name = name);
        self.tracker.spawn(future.instrument(span))
    }

    /// Spawns a task without which nothing is right: when it panics, the process ends at once, so that it is started again.
    /// What was acknowledged is stored; a server that goes on without it would only look alive.
    pub fn spawn_vital<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        struct Guard(&'static str);
        impl Drop for Guard {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    tracing::error!(task.name = self.0, "a vital task panicked: ending the process");
                    std::process::abort();
                }
            }
        }
        self.spawn(name, async move {
            let _guard = Guard(name);
            future.await
        })
    }

    /// Spawns a task for one connection: no span of its own, because ten thousand spans are memory.
    pub fn spawn_connection<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(future)
    }

    /// The signal that the end is near: nothing new is begun, what is there goes on.
    pub fn draining(&self) -> &CancellationToken {
        &self.drain
    }

    /// The signal on which tasks finish what they have and end.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// How many tasks are alive.
    pub fn alive(&self) -> usize {
        self.tracker.len()
    }

    /// Asks all tasks to end and waits for them, at most `patience`. Returns how many are still alive.
    pub async fn shut_down(&self, patience: std::time::Duration) -> usize {
        self.drain.cancel();
        self.stop.cancel();
        self.tracker.close();
        let _timed_out = tokio::time::timeout(patience, self.tracker.wait()).await.is_err();
        self.tracker.len()
    }
}
