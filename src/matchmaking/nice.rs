//! The thread on which long work is done: behind whatever serves people.

use crate::error::{Error, Result};

/// How far behind others it stands, of 19.
const NICENESS: i32 = 10;

/// Does long work on a thread of its own that yields to all others.
///
/// # Errors
/// `internal` when the work panics.
pub(super) async fn work<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("matcher".into()).spawn(move || {
        // On Linux this is about the calling thread and those it makes. Where it is refused, the work is done all the same.
        let _as_it_is = rustix::process::nice(NICENESS).is_err();
        let _nobody_waits = tell.send(work()).is_err();
    });
    thread.map_err(Error::internal)?;
    told.await.map_err(Error::internal)
}
