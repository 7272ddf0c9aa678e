//! A line between a client and the server that a test can cut: a small TCP proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The line. Dropping it cuts it for good.
pub struct Line {
    /// Where clients connect to.
    pub address: SocketAddr,
    whole: Arc<watch::Sender<bool>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Line {
    /// A whole line to this server.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let whole = Arc::new(watch::Sender::new(true));
        let state = Arc::clone(&whole);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut state = state.subscribe();
                if !*state.borrow() {
                    reset(&client);
                    continue;
                }
                tokio::spawn(async move {
                    let mut client = client;
                    let Ok(mut server) = TcpStream::connect(server).await else { return reset(&client) };
                    tokio::select! {
                        _ended = copy_bidirectional(&mut client, &mut server) => {}
                        _cut = state.wait_for(|whole| !whole) => {
                            reset(&client);
                            reset(&server);
                        }
                    }
                });
            }
        });
        Self { address, whole, accepting }
    }

    /// Cuts everything that goes through, and lets nothing through.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets new connections through.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

/// The connection ends without a word, as when a phone enters a tunnel and its address is given away.
fn reset(stream: &TcpStream) {
    let _already_gone = socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
}
