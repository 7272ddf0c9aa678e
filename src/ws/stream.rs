//! The two halves of an upgraded connection as tungstenite sees them: it reads from the socket, and what it writes
//! (pongs, the answer to a close) goes through the outbox like every other frame, so that frames never interleave.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::realtime::{Conn, Frame};

/// Bytes that may arrive without a message coming of them, in largest messages: room for one in fragments of a byte.
const OVERHEAD: usize = 8;
/// Bytes of a control frame from a client, besides its payload.
const CONTROL_HEADER_BYTES: usize = 6;

/// The read half, and the outbox as its writer.
pub(super) struct Io {
    pub read: OwnedReadHalf,
    conn: Arc<Conn>,
    /// Bytes read since a message ended, and since when.
    unfinished: usize,
    since: Option<Instant>,
    unfinished_max: usize,
}

impl Io {
    pub(super) fn new(read: OwnedReadHalf, conn: Arc<Conn>, message_bytes_max: usize) -> Self {
        let unfinished_max = message_bytes_max.saturating_mul(OVERHEAD);
        Self { read, conn, unfinished: 0, since: None, unfinished_max }
    }

    /// Notes that a message or a control frame has come to its end.
    pub(super) fn message_ended(&mut self, message: &Message) {
        self.unfinished = match message {
            Message::Ping(_) | Message::Pong(_) => self.unfinished.saturating_sub(message.len() + CONTROL_HEADER_BYTES),
            _ => 0,
        };
        if self.unfinished == 0 {
            self.since = None;
        }
    }

    /// For how long a message has been arriving.
    pub(super) fn unfinished_for(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// # Errors
    /// More has come than any message is long: fragments without end, which the size of a message does not bound when
    /// they are empty.
    fn arrived(&mut self, bytes: usize) -> io::Result<()> {
        if bytes > 0 {
            self.unfinished += bytes;
            self.since.get_or_insert_with(Instant::now);
        }
        if self.unfinished > self.unfinished_max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.read).poll_read(cx, buf))?;
        Poll::Ready(self.arrived(buf.filled().len() - before))
    }
}

impl AsyncWrite for Io {
    /// Takes whole control frames: tungstenite hands over its buffer frame by frame, and all of it is always taken.
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        self.conn.push(&Frame::durable(Bytes::copy_from_slice(frames)));
        Poll::Ready(Ok(frames.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
