//! The committer and the fan-out on a real store and real sockets.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Chat, Committer, Deliverer, View};
use crate::clock::Clock;
use crate::ids::{ChatId, ClientMessageId, MessageId, SessionId, UserId, new_id};
use crate::protocol::client::{Connect, Publish};
use crate::protocol::codes::Close;
use crate::ratelimit::RateLimits;
use crate::realtime::{Conn, Flusher, Hub, Identity, Lifetimes, Live, OutboxLimits};
use crate::store::testing::on_each;
use crate::store::{Lane, NewMessage, Store};
use crate::supervise::Supervisor;

struct House {
    store: Store,
    hub: Arc<Hub>,
    chat: Chat,
    supervisor: Supervisor,
}

fn house(store: &Store) -> House {
    let limits = Arc::new(crate::config::Limits::default());
    let supervisor = Supervisor::default();
    let flusher =
        Flusher::new(OutboxLimits { frames_max: 100, bytes_max: 1 << 20, age_max: Duration::from_secs(10) }, 1 << 24);
    let hub = Arc::new(Hub::new(flusher, 8, 100));
    let live = Arc::new(Live::new(Arc::clone(&hub), Clock::System, Lifetimes::of(&limits)));
    let (to_fanout, fanout) = mpsc::channel(8);
    let view = View { store: store.clone(), limits: Arc::clone(&limits) };
    supervisor.spawn(
        "fan-out",
        Deliverer {
            hub: Arc::clone(&hub),
            live: Arc::clone(&live),
            view,
            behind: Arc::default(),
            touched: Arc::default(),
        }
        .run(fanout),
    );
    let stop = supervisor.stopping().clone();
    let (committer, work) = Committer::new(store.clone(), to_fanout, Arc::clone(&limits), Clock::System, stop);
    supervisor.spawn("committer", work);
    let rates = Arc::new(RateLimits::new(&limits, Clock::System));
    let chat = Chat::new(store.clone(), live, committer, rates, limits, Clock::System);
    House { store: store.clone(), hub, chat, supervisor }
}

impl House {
    /// A socket of a person that has connected. The client's end is given, too, so that it stays open.
    async fn connected(&self, user: UserId) -> (Arc<Conn>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), async {
            listener.accept().await.unwrap().0
        });
        let (_read, write) = server.into_split();
        let conn = self.hub.open(write);
        let identity = Identity { user, session: SessionId(new_id()) };
        self.hub.register(&conn, identity).unwrap();
        let joining = self.chat.join(&conn, identity).await.unwrap();
        let asked = Connect { token: None, v: 1, client: None, resume: None, window: None, visible: false };
        let snapshot = self.chat.snapshot(&conn, joining, &asked).await.unwrap();
        self.chat.go_live(&conn, &snapshot);
        (conn, client.unwrap())
    }
}

fn publish(text: &str) -> Publish {
    Publish { cid: ClientMessageId(new_id()), text: text.to_owned(), reply_to: None }
}

/// A commit whose answer was lost is stored, but nobody was told. When its sender retries, the sender gets the number,
/// and whoever missed the message is made to resume.
#[tokio::test]
async fn a_retry_of_what_was_stored_unheard_makes_the_others_resume() {
    on_each(async |held| {
        let house = house(&held.store);
        let (a, b) = (held.person().await, held.person().await);
        let chat = house.chat.open_pair(a, b, "test").await.unwrap();
        house.chat.settle(Duration::from_secs(5)).await;
        let ((a_conn, _a), (b_conn, _b)) = (house.connected(a).await, house.connected(b).await);
        let said = publish("hoi");
        let unheard = NewMessage {
            id: MessageId(new_id()),
            chat,
            sender: a,
            cid: said.cid,
            text: said.text.clone(),
            digest: super::send::digest(&said),
            reply_to: None,
        };
        let store = &house.store;
        let now = Clock::System.now();
        store
            .write(Lane::Chat, move |tx| Box::pin(async move { tx.append_messages(&[unheard], now).await.map(|_| ()) }))
            .await
            .unwrap();
        house.chat.publish(&a_conn, 1, a, chat, said).await.unwrap();
        house.chat.settle(Duration::from_secs(5)).await;
        assert_eq!(b_conn.closing(), Some(Close::PositionLost));
        let (b_conn, _b) = house.connected(b).await;
        let (a_conn, _a) = house.connected(a).await;
        house.chat.publish(&a_conn, 2, a, chat, publish("en door")).await.unwrap();
        house.chat.settle(Duration::from_secs(5)).await;
        assert_eq!(b_conn.closing(), None, "who has resumed stays");
        assert_eq!(house.supervisor.shut_down(Duration::from_secs(5)).await, 0);
    })
    .await;
}

/// A chat that is opened at any moment of a connect is either in its answer or told afterwards, never neither.
#[tokio::test]
async fn a_chat_that_opens_during_a_connect_is_not_swallowed() {
    on_each(async |held| {
        let house = house(&held.store);
        let (a, b) = (held.person().await, held.person().await);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), async {
            listener.accept().await.unwrap().0
        });
        let conn = house.hub.open(server.into_split().1);
        let identity = Identity { user: a, session: SessionId(new_id()) };
        house.hub.register(&conn, identity).unwrap();
        let joining = house.chat.join(&conn, identity).await.unwrap();
        let chat: ChatId = house.chat.open_pair(a, b, "test").await.unwrap();
        house.chat.settle(Duration::from_secs(5)).await;
        let asked = Connect { token: None, v: 1, client: None, resume: None, window: None, visible: false };
        let snapshot = house.chat.snapshot(&conn, joining, &asked).await.unwrap();
        assert!(snapshot.chats.iter().any(|state| state.id == chat), "read after the position");
        assert_eq!(snapshot.user.seq, 0, "the position is older than the chat, so its event follows");
        house.chat.go_live(&conn, &snapshot);
        house.chat.publish(&conn, 1, a, chat, publish("daar")).await.unwrap();
        house.chat.settle(Duration::from_secs(5)).await;
        assert_eq!(conn.closing(), None);
        let (heads, _) = house.hub.positions(&conn, &[], 0, 9);
        assert!(heads.contains(&(crate::realtime::StreamId::Chat(chat), 3)), "{heads:?}");
        assert!(heads.contains(&(crate::realtime::StreamId::User(a), 2)), "{heads:?}");
        assert_eq!(house.supervisor.shut_down(Duration::from_secs(5)).await, 0);
    })
    .await;
}
