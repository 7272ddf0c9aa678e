//! A socket that says exactly the bytes a test wants, also those no library would write.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::PATIENCE;

/// The number of the state in which a port waits for late packets, and nothing else.
const TIME_WAIT: u8 = 6;

/// Bytes in, bytes out.
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// One frame of RFC 6455 as it stands on the wire.
#[derive(Clone, Debug)]
pub struct Frame {
    pub fin: bool,
    /// The three reserved bits, 0 to 7.
    pub reserved: u8,
    pub opcode: u8,
    pub masked: bool,
    pub payload: Vec<u8>,
    /// A length to announce instead of the payload's own.
    pub announce: Option<u64>,
}

impl Frame {
    /// A frame as a well-behaved client writes it.
    pub fn new(opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { fin: true, reserved: 0, opcode, masked: true, payload: payload.into(), announce: None }
    }

    pub fn text(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(1, payload)
    }

    /// A close frame with these body bytes.
    pub fn close(body: impl Into<Vec<u8>>) -> Self {
        Self::new(8, body)
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.fin) << 7 | self.reserved << 4 | self.opcode];
        let mask_bit = u8::from(self.masked) << 7;
        let length = self.announce.unwrap_or(self.payload.len() as u64);
        match (length, self.announce) {
            (0..=125, None) => bytes.push(mask_bit | u8::try_from(length).expect("a short length")),
            (126..=65_535, None) => {
                bytes.push(mask_bit | 126);
                bytes.extend(u16::try_from(length).expect("a middling length").to_be_bytes());
            }
            _ => {
                bytes.push(mask_bit | 127);
                bytes.extend(length.to_be_bytes());
            }
        }
        if self.masked {
            let mask = [0x1b, 0x2c, 0x3d, 0x4e];
            bytes.extend(mask);
            bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            bytes.extend(&self.payload);
        }
        bytes
    }
}

/// How a raw socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A close frame with this code; 1005 when it has none.
    Closed(u16),
    /// The connection ended without one.
    Dropped,
}

impl Raw {
    pub async fn connect(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).await.expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        Self { stream, read: Vec::new() }
    }

    /// A connection that has been upgraded.
    pub async fn upgraded(at: SocketAddr) -> Self {
        let mut raw = Self::connect(at).await;
        raw.write(
            format!(
                "GET /ws HTTP/1.1\r\nHost: {at}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: domu.v1.json\r\n\r\n"
            )
            .as_bytes(),
        )
        .await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101"), "the upgrade was refused: {head}");
        assert!(
            head.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
            "RFC 6455's own example: {head}"
        );
        raw
    }

    /// Writes bytes; a connection that is gone shows on reading.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _broken_shows_on_reading = self.stream.write_all(bytes).await;
    }

    pub async fn frame(&mut self, frame: &Frame) {
        self.write(&frame.bytes()).await;
    }

    /// The head of an HTTP answer, up to its empty line.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.read.drain(..end + 4).collect::<Vec<u8>>();
                return String::from_utf8_lossy(&head).into_owned();
            }
            if !self.more(PATIENCE).await {
                return String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned();
            }
        }
    }

    /// Everything until the server closes, as text.
    pub async fn rest(&mut self) -> String {
        while self.more(PATIENCE).await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    /// One frame from the server: opcode and payload. None when the connection has ended.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(frame) = self.parse() {
                return Some(frame);
            }
            if !self.more(PATIENCE).await {
                return None;
            }
        }
    }

    /// The next text frame, as JSON.
    pub async fn json(&mut self) -> serde_json::Value {
        loop {
            match self.next().await {
                Some((1, payload)) => return serde_json::from_slice(&payload).expect("JSON from the server"),
                Some((9 | 10, _)) => {}
                other => panic!("a text was expected, but: {other:?}"),
            }
        }
    }

    /// Reads until the server ends the connection.
    pub async fn end(&mut self) -> End {
        loop {
            match self.next().await {
                Some((8, body)) => {
                    return End::Closed(match body.get(..2) {
                        Some(code) => u16::from_be_bytes([code[0], code[1]]),
                        None => 1005,
                    });
                }
                Some(_) => {}
                None => return End::Dropped,
            }
        }
    }

    /// The connection is closed by the server within `bound`.
    pub async fn hung_up_within(&mut self, bound: Duration) {
        let began = std::time::Instant::now();
        while self.more(bound.saturating_sub(began.elapsed())).await {}
        assert!(began.elapsed() < bound, "the server kept the connection for {:?}", began.elapsed());
    }

    /// Whether the server has ended the connection or said that it does, without waiting.
    pub fn ended(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => self.read.extend(&buffer[..count]),
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Reads nothing and waits until the server's kernel holds nothing of this connection: no window that stays closed.
    pub async fn gone_from_the_kernel(&self, server: SocketAddr) {
        let (own, server) = (self.stream.local_addr().expect("an address").port(), server.port());
        let began = std::time::Instant::now();
        while super::tcp_states(server, own).iter().any(|state| *state != TIME_WAIT) {
            assert!(began.elapsed() < PATIENCE, "{:?}", super::tcp_states(server, own));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn more(&mut self, patience: Duration) -> bool {
        let mut buffer = [0; 16 * 1024];
        match tokio::time::timeout(patience, self.stream.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => {
                self.read.extend(&buffer[..count]);
                true
            }
            _ => false,
        }
    }

    fn parse(&mut self) -> Option<(u8, Vec<u8>)> {
        let (&first, &second) = (self.read.first()?, self.read.get(1)?);
        assert_eq!(second & 0x80, 0, "a server never masks");
        assert_eq!(first & 0x70, 0, "no extension was agreed on");
        let (start, length) = match second & 0x7f {
            126 => (4, usize::from(u16::from_be_bytes(self.read.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(self.read.get(2..10)?.try_into().ok()?)).ok()?),
            short => (2, usize::from(short)),
        };
        if self.read.len() < start + length {
            return None;
        }
        let payload = self.read[start..start + length].to_vec();
        self.read.drain(..start + length);
        Some((first & 0x0f, payload))
    }
}
