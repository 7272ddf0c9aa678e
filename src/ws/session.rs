//! One socket from upgrade to end: read, decide, hand over. Writing is the flusher's, except when the socket is blocked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::close;
use super::stream::Io;
use super::upgrade::Refused;
use crate::accounts::Principal;
use crate::doors;
use crate::error::Error;
use crate::ids::{ChatId, UserId};
use crate::protocol::client::{self, Connect, Op, Request};
use crate::protocol::codes::{Close, Code};
use crate::protocol::events;
use crate::protocol::live::{Expiring, Noted, Refresh, Refreshed};
use crate::protocol::server::{ClientLimits, Connected, ErrorReply, Me, Ping, Reply, Signal};
use crate::protocol::{VERSION, frame};
use crate::ratelimit::{Pace, RateKind};
use crate::realtime::{Conn, End, Frame, Identity, Live, StreamId};
use crate::services::Services;
use crate::telemetry::names;

/// What the upgrade knows about the connection.
pub(super) struct Hello {
    pub token: Option<SecretString>,
    pub peer: Option<doors::PeerAddr>,
    /// Held for the socket's life: it counts as a connection.
    pub permit: Option<doors::ConnectionPermit>,
    /// It is not let in, only told when to come back.
    pub refused: Option<Refused>,
}

/// Bytes read at once: idle sockets hold this much, and small reads are what a chat is made of.
const READ_BUFFER_BYTES: usize = 1024;
/// Chats named in one ping, besides the person's own stream; the next ping names the next ones.
const HEADS_IN_PING: usize = 16;
/// Heartbeats between two looks at the session (about every five minutes): a socket in use keeps its session in use, and
/// whatever ended the session without telling this process ends the socket.
const BEATS_A_RECHECK: u32 = 24;

enum State {
    AwaitConnect,
    Ready(Principal),
}

/// Whether the socket goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    End,
}

struct Session {
    services: Arc<Services>,
    conn: Arc<Conn>,
    token: Option<SecretString>,
    state: State,
    pace: Pace,
    refused_in_a_row: u32,
    errors_in_a_row: u32,
    heads_from: usize,
    /// The chats on screen: their heads are in every ping.
    focused: Vec<ChatId>,
    beats: u32,
    /// When the peer last gave a sign of life.
    heard: Instant,
    /// The peer said goodbye, and does not mean to come back.
    left: bool,
    /// The end of this session was announced.
    warned: bool,
}

/// Takes the socket out of the hub however its task ends.
struct Leave {
    live: Arc<Live>,
    conn: Arc<Conn>,
    end: End,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.live.hub().remove(&self.conn);
        self.live.gone(&self.conn, self.end);
        self.conn.abandon();
    }
}

/// Serves one upgraded connection until it ends.
pub(super) async fn run(services: Arc<Services>, stream: TcpStream, read_buf: Bytes, hello: Hello) {
    let limits = Arc::clone(&services.limits);
    let (read, write) = stream.into_split();
    let conn = services.hub.open(write);
    let mut leave = Leave { live: Arc::clone(&services.live), conn: Arc::clone(&conn), end: End::Lost { ago: 0 } };
    // A server that stops tells and closes the sockets it finds; one that was at the door just then sees the signal.
    if services.supervisor.draining().is_cancelled() {
        conn.push(&services.chat.farewell(services.chat.spread(services.hub.counts().conns)));
        conn.close(Close::GoingAway);
    }
    if let Some(refused) = &hello.refused {
        conn.close_with(Close::OverCapacity, &refused.seconds.to_string());
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(limits.frame_bytes_max)
        .max_message_size(Some(limits.frame_bytes_max))
        .max_frame_size(Some(limits.frame_bytes_max));
    let io = Io::new(read, Arc::clone(&conn), limits.frame_bytes_max);
    // A copy: handed on as it is, the few bytes, or none, would keep hyper's whole buffer for as long as the socket lives.
    let begun = read_buf.to_vec();
    drop(read_buf);
    let mut ws = WebSocketStream::from_partially_read(io, begun, Role::Server, Some(config)).await;
    let Hello { token, peer, permit, refused } = hello;
    tracing::debug!(socket.id = conn.id.0, peer = peer.is_some(), "socket opened");
    let mut session = Session::new(services, Arc::clone(&conn), token);
    #[cfg(feature = "echo")]
    let echoed = super::echo::serve(&conn, &mut ws, peer).await;
    #[cfg(not(feature = "echo"))]
    let echoed = false;
    if !echoed {
        session.serve(&mut ws, limits.connect_timeout).await;
    }
    leave.end = session.end();
    if conn.closing().is_some() {
        close::finish(&conn, &mut ws, limits.close_timeout).await;
    }
    let reason = conn.closing().map_or("left", Close::name);
    names::socket_closed(reason);
    let user = conn.identity().map(|identity| identity.user.to_string()).unwrap_or_default();
    tracing::debug!(socket.id = conn.id.0, user.id = user, reason, "socket closed");
    drop((permit, refused));
}

impl Session {
    fn new(services: Arc<Services>, conn: Arc<Conn>, token: Option<SecretString>) -> Self {
        let pace = Pace::new(services.limits.socket_ops_per_second, services.limits.socket_ops_burst);
        Self {
            services,
            conn,
            token,
            state: State::AwaitConnect,
            pace,
            refused_in_a_row: 0,
            errors_in_a_row: 0,
            heads_from: 0,
            focused: Vec::new(),
            beats: 0,
            heard: Instant::now(),
            left: false,
            warned: false,
        }
    }

    /// Whether the person of this socket is gone with it, or may be back in a moment.
    fn end(&self) -> End {
        // 40xx: the client does not come back by itself.
        let sent_away = self.conn.closing().is_some_and(|close| (4000..4100).contains(&close.number()));
        if self.left || sent_away {
            End::Left
        } else {
            End::Lost { ago: u64::try_from(self.heard.elapsed().as_millis()).unwrap_or(u64::MAX) }
        }
    }

    async fn serve(&mut self, ws: &mut WebSocketStream<Io>, connect_timeout: Duration) {
        let mut asked: Option<Instant> = None;
        let timer = tokio::time::sleep(connect_timeout);
        tokio::pin!(timer);
        let conn = Arc::clone(&self.conn);
        while !conn.over() {
            tokio::select! {
                message = ws.next(), if !conn.parting() => match message {
                    Some(Ok(message)) => {
                        self.heard = Instant::now();
                        ws.get_mut().message_ended(&message);
                        let was_ready = matches!(self.state, State::Ready(_));
                        // Boxed, here and below: what a request needs while it runs is not held by a silent socket.
                        if Box::pin(self.message(message)).await == Next::End {
                            close::answer(&conn, ws).await;
                            return;
                        }
                        if !was_ready && matches!(self.state, State::Ready(_)) {
                            timer.as_mut().reset(Instant::now() + self.ping_wait());
                        }
                    }
                    Some(Err(error)) => match close::code_of(&error) {
                        Some(code) => self.conn.close(code),
                        None => return,
                    },
                    None => return,
                },
                () = conn.woken() => {}
                writable = conn.writable(), if conn.blocked() => {
                    if writable.is_err() {
                        return;
                    }
                    conn.flush();
                }
                () = &mut timer => {
                    if ws.get_ref().unfinished_for() > self.services.limits.request_timeout {
                        conn.close(Close::NoPong);
                        continue;
                    }
                    let next = tokio::select! {
                        next = Box::pin(self.heartbeat(&mut asked)) => next,
                        () = closing(&conn) => continue,
                    };
                    timer.as_mut().reset(Instant::now() + next);
                }
            }
        }
    }

    /// Server pings are spread over a fifth of the interval, so that sockets opened together do not beat together.
    fn ping_wait(&self) -> Duration {
        let full = self.services.limits.ping_interval;
        let spread = u32::try_from(self.conn.id.0.wrapping_mul(2_654_435_761) % 1000).unwrap_or_default();
        full.saturating_sub(full / 5 * spread / 1000)
    }

    /// Called when the timer ends: too late for `connect`, time for a ping, or time for its answer to have come.
    async fn heartbeat(&mut self, asked: &mut Option<Instant>) -> Duration {
        let limits = Arc::clone(&self.services.limits);
        let State::Ready(principal) = &self.state else {
            self.conn.close(Close::ConnectTimeout);
            return limits.connect_timeout;
        };
        self.beats = self.beats.wrapping_add(1);
        if self.beats.is_multiple_of(BEATS_A_RECHECK)
            && let Err(error) = self.services.accounts.recheck(principal.session).await
            && !error.code.retry()
        {
            self.conn.close(close_for(error.code));
            return limits.pong_timeout;
        }
        let left = principal.expires_at - self.services.clock.now();
        if !self.warned && left.to_std().is_ok_and(|left| left <= limits.expiry_notice) {
            self.warned = true;
            let d = Expiring { expires_at: principal.expires_at.timestamp_millis() };
            let op = "token.expiring";
            self.conn.push(&Frame::state(op, frame::text(&Signal { op, ch: None, d })));
        }
        if left <= TimeDelta::zero() {
            self.conn.close(Close::TokenExpired);
        } else if self.conn.stale() {
            self.conn.close(Close::SlowConsumer);
        } else if asked.is_some_and(|asked| self.heard < asked) {
            self.conn.close(Close::NoPong);
        } else if asked.take().is_none() {
            *asked = Some(Instant::now());
            self.ping();
            return limits.pong_timeout;
        }
        self.ping_wait().saturating_sub(limits.pong_timeout)
    }

    fn ping(&mut self) {
        let heads;
        (heads, self.heads_from) =
            self.services.hub.positions(&self.conn, &self.focused, self.heads_from, HEADS_IN_PING);
        let h = heads
            .into_iter()
            .map(|(stream, next)| {
                let name = match stream {
                    StreamId::User(_) => "user".to_owned(),
                    StreamId::Chat(chat) => format!("chat:{chat}"),
                };
                (name, serde_json::Value::from(next.saturating_sub(1)))
            })
            .collect();
        self.conn.push(&Frame::state("ping", frame::text(&Ping { op: "ping", h })));
    }

    async fn message(&mut self, message: Message) -> Next {
        names::frame_in();
        if let Err(wait) = self.pace.check() {
            self.refused_in_a_row += 1;
            if self.refused_in_a_row > self.services.limits.socket_refusals_max {
                self.conn.close(Close::RateLimited);
                return Next::Continue;
            }
            if let Message::Text(text) = message {
                let id = client::decode(&text).map_or_else(|refused| refused.id, |request| Some(request.id));
                let error =
                    Error::new(Code::RateLimited, "Too many requests on this socket. Wait a moment.").after(wait);
                self.refuse(id, &error);
            }
            return Next::Continue;
        }
        self.refused_in_a_row = 0;
        match message {
            Message::Text(text) => self.text(&text).await,
            Message::Binary(_) => self.conn.close(Close::BadFrame),
            // tungstenite has queued the answer; it leaves with the next read or right here.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(said) => {
                self.left = said.is_some_and(|said| matches!(said.code, CloseCode::Normal | CloseCode::Away));
                return Next::End;
            }
        }
        Next::Continue
    }

    async fn text(&mut self, text: &str) {
        match client::decode(text) {
            Ok(request) => {
                let id = request.id;
                let conn = Arc::clone(&self.conn);
                // What is asked ends with the socket: a revoked session does not wait for a slow page.
                let result = tokio::select! {
                    result = self.request(request) => result,
                    () = closing(&conn) => return,
                };
                match result {
                    Ok(()) => self.errors_in_a_row = 0,
                    Err(error) => self.error(Some(id), &error),
                }
            }
            Err(refused) => self.error(refused.id, &refused.error),
        }
    }

    fn error(&mut self, id: Option<u64>, error: &Error) {
        names::log_error(error, self.conn.id.0);
        self.refuse(id, error);
        if !error.code.retry() {
            self.errors_in_a_row += 1;
            if self.errors_in_a_row >= self.services.limits.socket_errors_max {
                self.conn.close(Close::TooManyErrors);
            }
        }
    }

    fn refuse(&self, id: Option<u64>, error: &Error) {
        self.conn.push(&Frame::durable(frame::text(&ErrorReply::new(id, self.conn.marks(), error))));
    }

    fn reply(&self, id: u64, ok: impl serde::Serialize) {
        self.conn.push(&Frame::durable(frame::text(&Reply { id, ok })));
    }

    async fn request(&mut self, request: Request) -> Result<(), Error> {
        let Request { id, op } = request;
        let user = match (&self.state, &op) {
            (_, Op::Pong) => return Ok(()),
            (State::AwaitConnect, Op::Connect(_)) => None,
            (State::AwaitConnect, _) => {
                return Err(Error::new(Code::NotReady, "Say `connect` first and wait for its answer."));
            }
            (State::Ready(_), Op::Connect(_)) => {
                return Err(Error::new(Code::AlreadyConnected, "This socket is connected already."));
            }
            (State::Ready(principal), _) => Some(principal.user),
        };
        if self.conn.in_flight(id) {
            return Err(Error::new(
                Code::DuplicateId,
                "A request with this id is still in flight. Use a new id for each request.",
            ));
        }
        let chat = &self.services.chat;
        match (op, user) {
            (Op::Connect(connect), _) => self.connect(id, *connect).await,
            (Op::Publish(to, publish), Some(user)) => chat.publish(&self.conn, id, user, to, publish).await,
            (Op::Read(of, position), Some(user)) => chat.mark(&self.conn, id, user, of, (Some(position.seq), 0)),
            (Op::Ack(of, position), Some(user)) => chat.mark(&self.conn, id, user, of, (None, position.seq)),
            (Op::Edit(of, edit), Some(user)) => self.told(id, chat.edit(user, of, edit)).await,
            (Op::Delete(of, delete), Some(user)) => self.told(id, chat.delete(user, of, &delete)).await,
            (Op::React(of, react), Some(user)) => {
                self.told(id, async { chat.react(user, of, react).await.map(|()| Noted {}) }).await
            }
            (Op::History(of, asked), Some(user)) => self.told(id, chat.history(user, of, &asked)).await,
            (Op::Focus(asked), Some(user)) => {
                let focused = asked.chats.clone();
                let answer = |focused| self.reply(id, focused);
                self.patiently(chat.focus(&self.conn, user, asked, answer)).await?;
                self.focused = focused;
                Ok(())
            }
            (Op::Typing(of, typing), Some(user)) => {
                chat.typing(&self.conn, user, of, typing.on)?;
                self.reply(id, Noted {});
                Ok(())
            }
            (Op::Visible(visible), Some(user)) => {
                chat.visible(&self.conn, user, visible.on)?;
                self.reply(id, Noted {});
                Ok(())
            }
            (Op::Sync(asked), Some(user)) => {
                let (synced, _holding) = self.patiently(chat.sync(&self.conn, user, asked)).await?;
                self.reply(id, synced);
                Ok(())
            }
            (Op::Mute(of, asked), Some(user)) => self.told(id, chat.mute(user, of, asked)).await,
            (Op::NoticeRead(asked), Some(user)) => self.told(id, chat.notice(user, asked)).await,
            (Op::NewGroup(asked), Some(user)) => self.told(id, chat.create_group(user, asked)).await,
            (Op::Group(of, step), Some(user)) => {
                self.told(id, async { chat.change_group(user, of, step).await.map(|()| Noted {}) }).await
            }
            (Op::Refresh(refresh), Some(user)) => self.refresh(id, user, refresh).await,
            (Op::Ping, Some(_)) => {
                self.reply(id, events::Pong { time: self.services.clock.now().timestamp_millis() });
                Ok(())
            }
            (Op::Pong, _) | (_, None) => Ok(()),
        }
    }

    /// Answers with what comes of some work.
    async fn told<T: serde::Serialize>(
        &self,
        id: u64,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<(), Error> {
        let ok = self.patiently(work).await?;
        self.reply(id, ok);
        Ok(())
    }

    async fn patiently<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match timeout(self.services.limits.store_timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(Code::Unavailable, "The store takes too long. Try again in a moment.")
                .after(Duration::from_secs(1))),
        }
    }

    async fn connect(&mut self, id: u64, connect: Connect) -> Result<(), Error> {
        if connect.v != VERSION {
            self.conn.close(Close::Version);
            return Err(Error::bad_request(format!("This server speaks version {VERSION}. Reload the page.")));
        }
        let services = Arc::clone(&self.services);
        let Ok(_turn) = services.admission.turn(services.limits.store_timeout).await.map_err(|back| {
            self.conn.close_with(Close::OverCapacity, &back.seconds.to_string());
        }) else {
            return Ok(());
        };
        let connected = self.patiently(self.open(&connect)).await;
        match connected {
            Ok((principal, reply, snapshot)) => {
                self.reply(id, reply);
                self.services.chat.go_live(&self.conn, &snapshot);
                tracing::debug!(socket.id = self.conn.id.0, user.id = %principal.user, session.id = %principal.session,
                    recovered = ?snapshot.recovered, "socket connected");
                if connect.visible {
                    self.services.live.visible(&self.conn, true);
                } else {
                    self.services.live.here(principal.user);
                }
                self.state = State::Ready(principal);
                Ok(())
            }
            Err(error) => {
                // The answer goes first, then the close that says the same in the socket's own words.
                names::log_error(&error, self.conn.id.0);
                self.refuse(Some(id), &error);
                self.conn.close(close_for(error.code));
                Ok(())
            }
        }
    }

    /// Takes another session of the same person in the place of the one the socket has.
    async fn refresh(&mut self, id: u64, user: UserId, refresh: Refresh) -> Result<(), Error> {
        let accounts = &self.services.accounts;
        self.services.rates.check(RateKind::Refresh, &user.to_string())?;
        let principal = self.patiently(accounts.authenticate(&refresh.token.0)).await?;
        if principal.user != user {
            return Err(Error::new(Code::Forbidden, "This token belongs to somebody else. Open a socket of its own."));
        }
        self.services.hub.move_session(&self.conn, principal.session);
        // Asked again after the move, as at connecting: an end that came in between is not missed.
        let principal = match self.patiently(accounts.recheck(principal.session)).await {
            Ok(principal) => principal,
            Err(error) => {
                self.conn.close(close_for(error.code));
                return Err(error);
            }
        };
        let refreshed = Refreshed { session: principal.session, expires_at: principal.expires_at.timestamp_millis() };
        self.state = State::Ready(principal);
        self.warned = false;
        self.reply(id, refreshed);
        Ok(())
    }

    async fn open(&self, connect: &Connect) -> Result<(Principal, Connected, crate::chat::Snapshot), Error> {
        let services = &self.services;
        let token = match (&connect.token, &self.token) {
            (Some(token), _) => token.0.as_str(),
            (None, Some(token)) => token.expose_secret(),
            (None, None) => return Err(Error::new(Code::Unauthorized, "Sign in first.")),
        };
        let principal = services.accounts.authenticate(token).await?;
        let identity = Identity { user: principal.user, session: principal.session };
        services.hub.register(&self.conn, identity).map_err(|_too_many| {
            Error::new(Code::Conflict, "This account has too many open windows. Close one and connect again.")
        })?;
        let joining = services.chat.join(&self.conn, identity).await?;
        // Asked again after registering: a revocation either finds this socket in the hub or is seen here.
        let principal = services.accounts.recheck(principal.session).await?;
        let snapshot = services.chat.snapshot(&self.conn, joining, connect).await?;
        let limits = &services.limits;
        let reply = Connected {
            session: principal.session,
            me: Me { id: principal.user, first_name: principal.first_name.clone(), verified: principal.verified },
            user: snapshot.user.clone(),
            epoch: services.chat.epoch().to_owned(),
            time: services.clock.now().timestamp_millis(),
            ping_ms: ms(limits.ping_interval),
            limits: ClientLimits {
                message_chars: limits.message_chars_max,
                in_flight: limits.requests_in_flight_max,
                history: limits.history_page_max,
                frame_bytes: limits.frame_bytes_max,
                focus: limits.focus_max,
                typing_ms: ms(limits.typing_ttl),
                visible_ms: ms(limits.visible_lease),
                group_members: limits.group_members_max,
                edit_ms: ms(limits.edit_window),
                delete_ms: ms(limits.delete_window),
            },
            recovered: snapshot.recovered,
            chats: snapshot.chats.clone(),
            invites: snapshot.invites.clone(),
            notices: snapshot.notices.clone(),
        };
        Ok((principal, reply, snapshot))
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The close that says what an error of `connect` says.
fn close_for(code: Code) -> Close {
    match code {
        Code::Unauthorized => Close::Unauthorized,
        Code::TokenExpired => Close::TokenExpired,
        Code::Suspended => Close::Suspended,
        Code::Conflict => Close::TooManySessions,
        Code::Unavailable | Code::Overloaded => Close::Maintenance,
        _ => Close::Internal,
    }
}

/// Resolves when the socket takes nothing more.
async fn closing(conn: &Conn) {
    while !conn.over() {
        conn.woken().await;
        if conn.blocked() {
            // Nobody reads now; the main loop takes care of it right after.
            tokio::task::yield_now().await;
        }
    }
}
