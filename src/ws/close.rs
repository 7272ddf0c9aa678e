//! Ending a socket: what a reading error means, and how a connection is left so that the peer sees why.

use std::io::ErrorKind;
use std::time::Duration;

use futures_util::SinkExt;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::CapacityError;

use super::stream::Io;
use crate::protocol::codes::Close;
use crate::realtime::{Conn, Flushed};

/// The close code for a reading error; None when the connection is simply gone.
pub(super) fn code_of(error: &WsError) -> Option<Close> {
    match error {
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => Some(Close::TooBig),
        WsError::Utf8(_) => Some(Close::InvalidPayload),
        WsError::Protocol(_) => Some(Close::Protocol),
        WsError::Io(error) if error.kind() == ErrorKind::FileTooLarge => Some(Close::TooBig),
        _ => None,
    }
}

/// Lets the answer to the peer's own close out.
pub(super) async fn answer(conn: &Conn, ws: &mut WebSocketStream<Io>) {
    // tungstenite has the answer ready and writes it into the outbox when it is flushed.
    let _said_or_gone = ws.flush().await.is_ok();
    if conn.flush() == Flushed::Blocked {
        reset(conn);
    }
}

/// Sends what is left and the close frame, waits for the peer to go, and leaves no zero window behind.
pub(super) async fn finish(conn: &Conn, ws: &mut WebSocketStream<Io>, patience: Duration) {
    let deadline = Instant::now() + patience;
    let sent = loop {
        match conn.flush() {
            Flushed::Finished => break true,
            Flushed::Empty | Flushed::Broken => break false,
            Flushed::Blocked => {
                if !matches!(timeout_at(deadline, conn.writable()).await, Ok(Ok(()))) {
                    break false;
                }
            }
        }
    };
    if sent {
        // A socket that is closed with unread data is reset, and the peer would lose the close frame: read on for a while.
        let _shut = SockRef::from(conn.socket()).shutdown(std::net::Shutdown::Write);
        // Bytes, not messages: after a frame that could not be read there are none.
        let mut sink = [0; 1024];
        let drained =
            timeout(patience, async { while matches!(ws.get_mut().read.read(&mut sink).await, Ok(1..)) {} }).await;
        if drained.is_ok() {
            return;
        }
    }
    reset(conn);
}

/// The peer does not read: a close would wait behind what it has not taken, so the connection is reset when it is let go.
fn reset(conn: &Conn) {
    let _gone_already = SockRef::from(conn.socket()).set_linger(Some(Duration::ZERO)).is_err();
}
