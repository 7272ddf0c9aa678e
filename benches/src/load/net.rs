//! Connections: non-blocking sockets, epoll, hand-parsed frame headers.

use super::hist::Hist;
use super::proto::*;
use super::sys;
use std::collections::BTreeMap;
use std::io;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum St {
    Connecting,
    Upgrading,
    Joining,
    Ready,
    /// Reads nothing any more; its peer may do with it what it likes.
    Stalled,
    Dead,
}

pub struct Conn {
    pub fd: i32,
    pub st: St,
    pub room: u32,
    pub member: u32,
    /// Bytes of an incomplete frame (or HTTP head) kept between reads.
    left: Vec<u8>,
    out: Vec<u8>,
    want_out: bool,
    /// Last sequence number seen per sender of the room.
    pub last: Vec<u32>,
    pub got: u64,
    pub closed_by_peer: bool,
    /// When the socket was opened.
    t0: u64,
}

pub struct Net {
    pub ep: i32,
    pub conns: Vec<Conn>,
    pub buf: Vec<u8>,
    pub events: Vec<libc::epoll_event>,
    pub addr: libc::sockaddr_in,
    pub host: String,
    pub reads: u64,
    pub writes: u64,
    pub bytes_in: u64,
    pub ready: usize,
    pub dead: usize,
    pub errors: Vec<String>,
    /// From connect() to ready.
    pub ready_ns: Hist,
    /// Close codes received (1005: a close frame without one).
    pub closes: BTreeMap<u16, u64>,
}

pub const BUF: usize = 1 << 20;
/// Connections from one source address.
const PER_ADDRESS: usize = 5_000;

impl Net {
    pub fn new(ip: [u8; 4], port: u16) -> Net {
        let mut addr: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        addr.sin_family = libc::AF_INET as u16;
        addr.sin_port = port.to_be();
        addr.sin_addr.s_addr = u32::from_ne_bytes(ip);
        Net {
            ep: unsafe { libc::epoll_create1(0) },
            conns: vec![],
            buf: vec![0; BUF],
            events: vec![libc::epoll_event { events: 0, u64: 0 }; 1024],
            addr,
            host: format!("{}.{}.{}.{}:{}", ip[0], ip[1], ip[2], ip[3], port),
            reads: 0,
            writes: 0,
            bytes_in: 0,
            ready: 0,
            dead: 0,
            errors: vec![],
            ready_ns: Hist::new(),
            closes: BTreeMap::new(),
        }
    }

    fn ctl(&self, op: i32, i: usize, ev: u32) {
        let mut e = libc::epoll_event { events: ev, u64: i as u64 };
        unsafe { libc::epoll_ctl(self.ep, op, self.conns[i].fd, &mut e) };
    }

    /// Starts one connection; the index is its id.
    pub fn connect(&mut self, room: u32, member: u32, senders: usize) -> io::Result<usize> {
        let i = self.conns.len();
        unsafe {
            let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            let one: i32 = 1;
            let p = &one as *const i32 as *const libc::c_void;
            libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, p, 4);
            libc::setsockopt(fd, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT, p, 4);
            // Spread over 127.0.0.x source addresses, within what the server allows each.
            let mut src: libc::sockaddr_in = std::mem::zeroed();
            src.sin_family = libc::AF_INET as u16;
            src.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 2 + (i / PER_ADDRESS) as u8]);
            libc::bind(fd, &src as *const _ as *const _, std::mem::size_of_val(&src) as u32);
            let r = libc::connect(fd, &self.addr as *const _ as *const _, std::mem::size_of_val(&self.addr) as u32);
            if r < 0 {
                let e = io::Error::last_os_error();
                if e.raw_os_error() != Some(libc::EINPROGRESS) {
                    libc::close(fd);
                    return Err(e);
                }
            }
            self.conns.push(Conn {
                fd,
                st: St::Connecting,
                room,
                member,
                left: vec![],
                out: vec![],
                want_out: true,
                last: vec![0; senders],
                got: 0,
                closed_by_peer: false,
                t0: sys::now_ns(),
            });
        }
        self.ctl(libc::EPOLL_CTL_ADD, i, (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP) as u32);
        Ok(i)
    }

    pub fn kill(&mut self, i: usize, why: &str, by_peer: bool) {
        let c = &mut self.conns[i];
        if c.st == St::Dead {
            return;
        }
        if c.st == St::Ready {
            self.ready -= 1;
        }
        c.st = St::Dead;
        c.closed_by_peer = by_peer;
        self.dead += 1;
        unsafe { libc::close(c.fd) };
        if self.errors.len() < 5 {
            self.errors.push(format!("conn {i} room {} member {}: {why}", c.room, c.member));
        }
    }

    /// Reads nothing from a ready connection any more.
    pub fn stall(&mut self, i: usize) {
        let c = &mut self.conns[i];
        if c.st != St::Ready {
            return;
        }
        c.st = St::Stalled;
        self.ready -= 1;
        unsafe { libc::epoll_ctl(self.ep, libc::EPOLL_CTL_DEL, self.conns[i].fd, std::ptr::null_mut()) };
    }

    /// Sends frames already encoded in `data` (one write call).
    pub fn send(&mut self, i: usize, data: &[u8]) {
        let c = &mut self.conns[i];
        if c.st == St::Dead {
            return;
        }
        let mut off = 0;
        if c.out.is_empty() {
            self.writes += 1;
            let n = unsafe { libc::send(c.fd, data.as_ptr() as *const _, data.len(), libc::MSG_NOSIGNAL) };
            if n >= 0 {
                off = n as usize;
            } else {
                let e = io::Error::last_os_error();
                if e.kind() != io::ErrorKind::WouldBlock {
                    self.kill(i, &format!("send: {e}"), true);
                    return;
                }
            }
        }
        if off < data.len() {
            let c = &mut self.conns[i];
            c.out.extend_from_slice(&data[off..]);
            if !c.want_out {
                c.want_out = true;
                self.interest(i);
            }
        }
    }

    fn interest(&self, i: usize) {
        let c = &self.conns[i];
        let mut ev = (libc::EPOLLRDHUP | libc::EPOLLIN) as u32;
        if c.want_out {
            ev |= libc::EPOLLOUT as u32;
        }
        self.ctl(libc::EPOLL_CTL_MOD, i, ev);
    }

    fn flush(&mut self, i: usize) {
        let c = &mut self.conns[i];
        if !c.out.is_empty() {
            self.writes += 1;
            let n = unsafe { libc::send(c.fd, c.out.as_ptr() as *const _, c.out.len(), libc::MSG_NOSIGNAL) };
            if n > 0 {
                c.out.drain(..n as usize);
            }
        }
        if c.out.is_empty() && c.want_out {
            c.want_out = false;
            self.interest(i);
        }
    }

    fn become_ready(&mut self, i: usize) {
        self.conns[i].st = St::Ready;
        self.ready += 1;
        self.ready_ns.record(sys::now_ns() - self.conns[i].t0);
    }

    /// One epoll round. `on` gets every application payload (with its
    /// receive timestamp) on a ready connection.
    pub fn poll(&mut self, p: &mut dyn Proto, timeout_ms: i32, mut on: impl FnMut(&mut Conn, usize, Rx, u64)) -> usize {
        let mut events = std::mem::take(&mut self.events);
        let n = unsafe { libc::epoll_wait(self.ep, events.as_mut_ptr(), events.len() as i32, timeout_ms) };
        let n = n.max(0) as usize;
        for e in &events[..n] {
            let i = e.u64 as usize;
            let ev = e.events;
            if self.conns[i].st == St::Dead {
                continue;
            }
            if ev & libc::EPOLLOUT as u32 != 0 {
                if self.conns[i].st == St::Connecting {
                    self.start_upgrade(p, i);
                } else {
                    self.flush(i);
                }
            }
            if ev & (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32 != 0 {
                self.read(p, i, &mut on);
            }
        }
        self.events = events;
        n
    }

    fn start_upgrade(&mut self, p: &mut dyn Proto, i: usize) {
        let mut err: i32 = 0;
        let mut len = 4u32;
        unsafe {
            libc::getsockopt(self.conns[i].fd, libc::SOL_SOCKET, libc::SO_ERROR, &mut err as *mut _ as *mut _, &mut len)
        };
        if err != 0 {
            self.kill(i, &format!("connect: errno {err}"), true);
            return;
        }
        let c = &self.conns[i];
        let w = Who { room: c.room, member: c.member, id: i as u32 };
        let req = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
            p.target(&w),
            self.host,
            p.headers(&w)
        );
        let req = req.into_bytes();
        self.conns[i].st = St::Upgrading;
        self.conns[i].want_out = false;
        self.interest(i);
        self.send(i, &req);
    }

    fn read(&mut self, p: &mut dyn Proto, i: usize, on: &mut impl FnMut(&mut Conn, usize, Rx, u64)) {
        let mut buf = std::mem::take(&mut self.buf);
        let have = self.conns[i].left.len();
        if have > 0 {
            buf[..have].copy_from_slice(&self.conns[i].left);
            self.conns[i].left.clear();
        }
        // Bounded per read, so that one connection cannot starve the others.
        let cap = (have + 256 * 1024).min(buf.len());
        self.reads += 1;
        let n = unsafe { libc::recv(self.conns[i].fd, buf[have..].as_mut_ptr() as *mut _, cap - have, 0) };
        if n <= 0 {
            let e = io::Error::last_os_error();
            if n == 0 {
                self.kill(i, "eof", true);
            } else if e.kind() != io::ErrorKind::WouldBlock {
                self.kill(i, &format!("recv: {e}"), true);
            } else if have > 0 {
                self.conns[i].left.extend_from_slice(&buf[..have]);
            }
            self.buf = buf;
            return;
        }
        let now = sys::now_ns();
        self.bytes_in += n as u64;
        let end = have + n as usize;
        let mut at = 0;

        if self.conns[i].st == St::Upgrading {
            match buf[..end].windows(4).position(|w| w == b"\r\n\r\n") {
                None => {
                    self.conns[i].left.extend_from_slice(&buf[..end]);
                    self.buf = buf;
                    return;
                }
                Some(k) => {
                    if !buf.starts_with(b"HTTP/1.1 101") {
                        let line = String::from_utf8_lossy(&buf[..k.min(60)]).into_owned();
                        self.kill(i, &format!("upgrade refused: {line}"), true);
                        self.buf = buf;
                        return;
                    }
                    at = k + 4;
                    let w = Who { room: self.conns[i].room, member: self.conns[i].member, id: i as u32 };
                    let mut out = vec![];
                    self.conns[i].st = St::Joining;
                    p.upgraded(&w, &buf[..at]);
                    let ready = p.open(&w, &mut out);
                    if !out.is_empty() {
                        self.send(i, &out);
                    }
                    if ready {
                        self.become_ready(i);
                    }
                }
            }
        }

        let mut out: Vec<u8> = vec![];
        loop {
            let b = &buf[at..end];
            if b.len() < 2 {
                break;
            }
            let op = b[0] & 15;
            let (hl, pl) = match b[1] & 127 {
                126 if b.len() >= 4 => (4, u16::from_be_bytes([b[2], b[3]]) as usize),
                127 if b.len() >= 10 => (10, u64::from_be_bytes(b[2..10].try_into().unwrap()) as usize),
                126 | 127 => break,
                l => (2, l as usize),
            };
            if b.len() < hl + pl {
                break;
            }
            let pay = &b[hl..hl + pl];
            at += hl + pl;
            match op {
                8 => {
                    let code = if pl >= 2 { u16::from_be_bytes([pay[0], pay[1]]) } else { 1005 };
                    *self.closes.entry(code).or_default() += 1;
                    let why = String::from_utf8_lossy(pay.get(2..).unwrap_or(b"")).into_owned();
                    self.kill(i, &format!("close {code} {why}"), true);
                    self.buf = buf;
                    return;
                }
                9 => put_frame(&mut out, 10, &[pay]),
                10 => {}
                _ => {
                    let c = &mut self.conns[i];
                    let w = Who { room: c.room, member: c.member, id: i as u32 };
                    match p.frame(&w, op, pay, &mut out) {
                        Ev::Nothing => {}
                        Ev::Ready => {
                            if c.st != St::Ready {
                                self.become_ready(i);
                            }
                        }
                        Ev::Msg(o) => on(c, i, Rx::of(&pay[o..]), now),
                        Ev::Rx(r) => on(c, i, r, now),
                        Ev::Fail(why) => {
                            self.kill(i, &why, true);
                            self.buf = buf;
                            return;
                        }
                    }
                }
            }
        }
        if at < end {
            self.conns[i].left.extend_from_slice(&buf[at..end]);
        }
        self.buf = buf;
        if !out.is_empty() {
            self.send(i, &out);
        }
    }
}
