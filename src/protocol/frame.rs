//! Server frames as bytes: unmasked, final, encoded once and sent to every recipient as they are (RFC 6455, 5.2).

use bytes::Bytes;
use serde::Serialize;

use super::codes::Close;

const HEADER_MAX: usize = 10;

/// One text frame that holds `value` as JSON.
///
/// # Panics
/// Never for the frames of this protocol: their maps have text keys.
pub fn text(value: &impl Serialize) -> Bytes {
    let mut buffer = Vec::with_capacity(256);
    buffer.resize(HEADER_MAX, 0);
    if serde_json::to_writer(&mut buffer, value).is_err() {
        buffer.truncate(HEADER_MAX);
        buffer.extend_from_slice(b"{}");
    }
    finish(0x81, buffer)
}

/// A close frame; the reason is cut to what a control frame holds.
pub fn close(close: Close, reason: &str) -> Bytes {
    let mut buffer = vec![0; HEADER_MAX];
    buffer.extend_from_slice(&close.number().to_be_bytes());
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    buffer.extend_from_slice(reason.as_bytes().get(..end).unwrap_or_default());
    finish(0x88, buffer)
}

/// The first byte of a text frame.
#[cfg(feature = "echo")]
pub const TEXT: u8 = 0x81;

/// The first byte of a binary frame.
#[cfg(feature = "echo")]
pub const BINARY: u8 = 0x82;

/// One frame that begins with this byte and holds these.
#[cfg(feature = "echo")]
pub fn raw(first: u8, payload: &[u8]) -> Bytes {
    finish(first, [&[0; HEADER_MAX], payload].concat())
}

fn finish(first: u8, mut buffer: Vec<u8>) -> Bytes {
    let len = buffer.len() - HEADER_MAX;
    let mut header = Vec::with_capacity(HEADER_MAX);
    header.push(first);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short), _) if short < 126 => header.push(short),
        (_, Ok(medium)) => {
            header.push(126);
            header.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            header.push(127);
            header.extend_from_slice(&u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    let start = HEADER_MAX - header.len();
    if let Some(place) = buffer.get_mut(start..HEADER_MAX) {
        place.copy_from_slice(&header);
    }
    Bytes::from(buffer).slice(start..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (len, header) in [(0_usize, 2_usize), (123, 2), (124, 4), (65_533, 4), (65_534, 10)] {
            let value = "x".repeat(len);
            let bytes = text(&value);
            assert_eq!(bytes.len(), header + len + 2, "{len}");
        }
        assert_eq!(text(&"a").as_ref(), b"\x81\x03\"a\"");
        assert_eq!(close(Close::GoingAway, "x").as_ref(), b"\x88\x03\x10\x68x");
        assert_eq!(close(Close::GoingAway, &"é".repeat(100)).len(), 2 + 2 + 122);
    }
}
