//! Two rooms-and-broadcast servers as textbooks write them, to compare with: tokio-tungstenite, a task and a channel for each
//! client. Who sends text to `/r/N` sends it to everybody there. They sign nobody in, check nothing and store nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A `send` for each message, read buffers as the library makes them.
    Mpsc,
    /// All that waits fed, then one flush; a small read buffer.
    Batch,
}

type Members = HashMap<u64, UnboundedSender<Message>>;

#[derive(Default)]
struct Rooms {
    members: Mutex<HashMap<String, Members>>,
    next: AtomicU64,
}

impl Rooms {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, Members>) -> T) -> T {
        act(&mut self.members.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn join(&self, room: &str) -> (u64, UnboundedReceiver<Message>) {
        let (to, from) = unbounded_channel();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.with(|rooms| rooms.entry(room.to_owned()).or_default().insert(id, to));
        (id, from)
    }

    fn leave(&self, room: &str, id: u64) {
        self.with(|rooms| {
            if let Some(members) = rooms.get_mut(room) {
                members.remove(&id);
            }
        });
    }

    fn publish(&self, room: &str, message: &Message) {
        self.with(|rooms| {
            for member in rooms.get(room).into_iter().flat_map(HashMap::values) {
                // Whoever is gone leaves the room on its own.
                let _gone = member.send(message.clone()).is_err();
            }
        });
    }
}

/// Serves until killed, after saying where.
///
/// # Errors
/// There is no port to listen on.
pub async fn serve(style: Style) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listens on http://{}", listener.local_addr()?);
    let rooms = Arc::new(Rooms::default());
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(client(stream, style, Arc::clone(&rooms)));
    }
}

async fn client(stream: TcpStream, style: Style, rooms: Arc<Rooms>) {
    let _without = stream.set_nodelay(true).is_err();
    let mut room = String::new();
    let config = match style {
        Style::Mpsc => WebSocketConfig::default(),
        Style::Batch => WebSocketConfig::default().read_buffer_size(2048),
    };
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let path = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        room = request.uri().path().to_owned();
        Ok(response)
    };
    let Ok(socket) = accept_hdr_async_with_config(stream, path, Some(config)).await else { return };
    let (mut sink, mut source) = socket.split();
    let (id, mut waiting) = rooms.join(&room);
    let writer = tokio::spawn(async move {
        let mut several = Vec::with_capacity(64);
        'open: while waiting.recv_many(&mut several, if style == Style::Batch { 64 } else { 1 }).await > 0 {
            for message in several.drain(..) {
                if sink.feed(message).await.is_err() {
                    break 'open;
                }
            }
            if sink.flush().await.is_err() {
                break;
            }
        }
    });
    while let Some(Ok(message)) = source.next().await {
        if message.is_text() {
            rooms.publish(&room, &message);
        }
    }
    rooms.leave(&room, id);
    writer.abort();
}
