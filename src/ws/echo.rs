//! Gives every message back: for Autobahn|Testsuite, in builds with the feature `echo` and to peers on this machine only.
//! Accepting, upgrading, reading, writing and closing are those of every socket.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::close;
use super::stream::Io;
use crate::doors::PeerAddr;
use crate::protocol::frame;
use crate::realtime::{Conn, Frame};

/// Serves one socket until it ends; false, and nothing done, for a peer that is not on this machine.
pub(super) async fn serve(conn: &Arc<Conn>, ws: &mut WebSocketStream<Io>, peer: Option<PeerAddr>) -> bool {
    if !peer.is_some_and(|PeerAddr(peer)| peer.ip().is_loopback()) {
        return false;
    }
    while !conn.over() {
        tokio::select! {
            message = ws.next() => {
                let message = match message {
                    Some(Ok(message)) => message,
                    Some(Err(error)) => match close::code_of(&error) {
                        Some(code) => {
                            conn.close(code);
                            continue;
                        }
                        None => return true,
                    },
                    None => return true,
                };
                ws.get_mut().message_ended(&message);
                let back = match message {
                    Message::Text(text) => frame::raw(frame::TEXT, text.as_bytes()),
                    Message::Binary(bytes) => frame::raw(frame::BINARY, &bytes),
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                    Message::Close(_) => {
                        close::answer(conn, ws).await;
                        return true;
                    }
                };
                conn.push(&Frame::durable(back));
            }
            () = conn.woken() => {}
            writable = conn.writable(), if conn.blocked() => {
                if writable.is_err() {
                    return true;
                }
                conn.flush();
            }
        }
    }
    true
}
