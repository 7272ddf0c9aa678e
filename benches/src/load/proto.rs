//! Protocol adapters. An adapter turns "join room R as member M" and "publish
//! this payload to room R" into WebSocket frames of one server's protocol, and
//! finds our payloads inside what that server sends back.

use super::words::Lengths;

pub const TEXT: u8 = 1;

/// Length of the marker every payload starts with:
/// `~` + 16 hex timestamp + 8 hex sender + 8 hex sequence.
pub const MARK: usize = 33;

/// What one server frame meant to the adapter.
pub enum Ev {
    /// Nothing for the load generator.
    Nothing,
    /// The connection is now in its room and may be used.
    Ready,
    /// The payload marker starts at this offset of the frame.
    Msg(usize),
    /// The adapter has decoded the frame itself.
    Rx(Rx),
    /// The server refused to let the connection in.
    Fail(String),
}

/// What a workload gets to see. `t` is the time the message was stamped with,
/// `s` its sender (member number), `q` the sender's sequence number.
pub enum Rx {
    Msg {
        t: u64,
        s: u32,
        q: u32,
    },
    /// The server's answer to a publish: stored. It stands at the message's place in the stream, instead of the message.
    Ack {
        t: u64,
        s: u32,
        q: u32,
    },
    /// The server's answer to a publish: refused.
    Err {
        s: u32,
        q: u32,
    },
    /// A frame that should hold a marker and does not.
    Bad,
}

impl Rx {
    /// The common marker: `~` + hex.
    #[inline]
    pub fn of(b: &[u8]) -> Rx {
        if b.len() < MARK {
            return Rx::Bad;
        }
        Rx::Msg { t: hex(&b[1..17]), s: hex(&b[17..25]) as u32, q: hex(&b[25..33]) as u32 }
    }
}

#[inline]
fn hex(b: &[u8]) -> u64 {
    let mut v = 0u64;
    for &c in b {
        let d = if c >= b'a' { c - b'a' + 10 } else { c.wrapping_sub(b'0') };
        v = v << 4 | (d & 15) as u64;
    }
    v
}

/// `~` + 16 hex nanoseconds + 8 hex sender + 8 hex sequence + filler.
fn stamp(buf: &mut [u8], t: u64, sender: u32, seq: u32) {
    const H: &[u8; 16] = b"0123456789abcdef";
    buf[0] = b'~';
    for i in 0..16 {
        buf[1 + i] = H[(t >> (60 - 4 * i)) as usize & 15];
    }
    for i in 0..8 {
        buf[17 + i] = H[(sender >> (28 - 4 * i)) as usize & 15];
        buf[25 + i] = H[(seq >> (28 - 4 * i)) as usize & 15];
    }
}

pub struct Who {
    pub room: u32,
    pub member: u32,
    pub id: u32,
}

pub trait Proto {
    fn name(&self) -> &'static str;
    /// HTTP request target.
    fn target(&self, w: &Who) -> String;
    /// Extra handshake header lines, each ending in CRLF.
    fn headers(&self, _w: &Who) -> String {
        String::new()
    }
    /// The server's response head, once it has agreed to the upgrade.
    fn upgraded(&mut self, _w: &Who, _head: &[u8]) {}
    /// Frames to send once the upgrade is done. Returns true if the connection
    /// is ready at once (no join step to wait for).
    fn open(&mut self, _w: &Who, _out: &mut Vec<u8>) -> bool {
        true
    }
    /// `payload` has been stamped with (t, w.member, q).
    fn publish(&mut self, w: &Who, t: u64, q: u32, payload: &[u8], out: &mut Vec<u8>);
    fn frame(&mut self, w: &Who, op: u8, p: &[u8], out: &mut Vec<u8>) -> Ev;

    /// Told before the first connection: (room, member, senders, stalled) of each.
    fn assign(&mut self, _plan: &[(u32, u32, usize)], _rooms: bool) -> Result<(), String> {
        Ok(())
    }
    /// Makes the next payload, with its marker.
    fn stamp(&mut self, buf: &mut Vec<u8>, t: u64, s: u32, q: u32);
    /// False while the connection has all the requests in flight it may have.
    fn may_publish(&self, _id: usize) -> bool {
        true
    }
    /// Publishes are answered, with Rx::Ack or Rx::Err.
    fn acks(&self) -> bool {
        false
    }
    /// Sequence numbers sent on this connection and not answered.
    fn in_flight(&self, _id: usize, _f: &mut dyn FnMut(u32)) {}
    /// The adapter's own lines of the result.
    fn report(&mut self, _put: &mut dyn FnMut(&str, String)) {}
}

/// Appends one masked client frame (zero mask key: the server must still
/// unmask it; the client need not).
pub fn put_frame(out: &mut Vec<u8>, op: u8, parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|p| p.len()).sum();
    out.push(0x80 | op);
    if len < 126 {
        out.push(0x80 | len as u8);
    } else if len < 65536 {
        out.push(0x80 | 126);
        out.extend_from_slice(&(len as u16).to_be_bytes());
    } else {
        out.push(0x80 | 127);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
    out.extend_from_slice(&[0, 0, 0, 0]);
    for p in parts {
        out.extend_from_slice(p);
    }
}

pub fn find_mark(p: &[u8]) -> Option<usize> {
    if p.is_empty() {
        return None;
    }
    let at = unsafe { libc::memchr(p.as_ptr() as *const _, b'~' as i32, p.len()) };
    if at.is_null() { None } else { Some(at as usize - p.as_ptr() as usize) }
}

/// Room in the URL path; every text frame sent goes verbatim to all members
/// of the room, the sender included.
pub struct Path {
    pub prefix: String,
    pub lengths: Lengths,
}

impl Proto for Path {
    fn name(&self) -> &'static str {
        "path"
    }
    fn target(&self, w: &Who) -> String {
        format!("{}{}", self.prefix, w.room)
    }
    fn stamp(&mut self, buf: &mut Vec<u8>, t: u64, s: u32, q: u32) {
        buf.clear();
        buf.resize(self.lengths.draw().max(MARK), b'x');
        stamp(buf, t, s, q);
    }
    fn publish(&mut self, _w: &Who, _t: u64, _q: u32, payload: &[u8], out: &mut Vec<u8>) {
        put_frame(out, TEXT, &[payload]);
    }
    #[inline]
    fn frame(&mut self, _w: &Who, _op: u8, p: &[u8], _out: &mut Vec<u8>) -> Ev {
        if p.first() == Some(&b'~') {
            Ev::Msg(0)
        } else {
            match find_mark(p) {
                Some(i) => Ev::Msg(i),
                None => Ev::Nothing,
            }
        }
    }
}
