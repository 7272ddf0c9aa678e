//! A line between the server and PostgreSQL that loses what a test wants lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A simple query as it travels: kind, length, text, zero.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// What the line does to everything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Whole,
    /// Nothing gets through, and nobody is told: those who were on the line stay on it for good.
    Silent,
}

struct State {
    mood: watch::Sender<Mood>,
    armed: AtomicBool,
    lost: AtomicUsize,
}

/// The line. Dropping it ends it.
pub struct Proxy {
    /// Where the server connects to.
    pub address: SocketAddr,
    state: Arc<State>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub async fn to(database: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let state =
            Arc::new(State { mood: watch::Sender::new(Mood::Whole), armed: false.into(), lost: AtomicUsize::new(0) });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, database, Arc::clone(&shared)));
            }
        });
        Self { address, state, accepting }
    }

    /// The answer to the next COMMIT never arrives: its connection is reset once PostgreSQL has given it.
    pub fn lose_next_commit(&self) {
        self.state.armed.store(true, Ordering::SeqCst);
    }

    /// How many answers were lost.
    pub fn lost(&self) -> usize {
        self.state.lost.load(Ordering::SeqCst)
    }

    /// Falls silent without a reset.
    pub fn fall_silent(&self) {
        self.state.mood.send_replace(Mood::Silent);
    }

    /// Lets new connections through.
    pub fn mend(&self) {
        self.state.mood.send_replace(Mood::Whole);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn silence(mood: &mut watch::Receiver<Mood>) {
    let _over = mood.wait_for(|mood| *mood == Mood::Silent).await.is_err();
}

async fn carry(mut client: TcpStream, database: SocketAddr, state: Arc<State>) {
    let mut mood = state.mood.subscribe();
    let whole = *mood.borrow() == Mood::Whole;
    if whole {
        let Ok(mut server) = TcpStream::connect(database).await else { return };
        let (mut up, mut down) = ([0_u8; 16_384], [0_u8; 16_384]);
        let mut losing = false;
        loop {
            tokio::select! {
                () = silence(&mut mood) => break,
                read = client.read(&mut up) => {
                    let Ok(length @ 1..) = read else { return };
                    if up[..length].ends_with(COMMIT) && state.armed.swap(false, Ordering::SeqCst) {
                        losing = true;
                    }
                    if server.write_all(&up[..length]).await.is_err() {
                        return;
                    }
                }
                read = server.read(&mut down) => {
                    let Ok(length @ 1..) = read else { return };
                    if losing {
                        state.lost.fetch_add(1, Ordering::SeqCst);
                        let _already_gone = socket2::SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO));
                        return;
                    }
                    if client.write_all(&down[..length]).await.is_err() {
                        return;
                    }
                }
            }
        }
        // PostgreSQL's own keepalive has given up on us; the server knows nothing of it.
        drop(server);
    }
    // Held open, and deaf, until the other side lets go.
    let mut ignored = [0_u8; 4096];
    while let Ok(1..) = client.read(&mut ignored).await {}
}
