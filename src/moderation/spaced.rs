//! S p a c e d  o u t words, closed up.

use super::fold::Folded;
use super::lex::{Kind, Lexed};

/// Single characters in a row that are one word.
const RUN_MIN: usize = 5;

/// The text with its spaced words closed, if it has any and they may be an address.
pub(super) fn close_up(lexed: &Lexed) -> Option<Folded> {
    let single = |index: usize| {
        lexed.get(index).is_some_and(|token| {
            token.to - token.from == 1
                && (token.is_chunk() || matches!(token.kind, Kind::Mark(b'.' | b'@' | b':' | b'/')))
        })
    };
    let separator = |index: usize| {
        lexed.get(index).and_then(|token| match token.kind {
            Kind::Space if token.to - token.from == 1 => Some(b' '),
            Kind::Mark(mark @ (b'-' | b'_' | b'*' | b'|' | b'~' | b'/')) => Some(mark),
            _ => None,
        })
    };
    let mut holes = Vec::new();
    let mut index = 0;
    while index < lexed.tokens.len() {
        let Some(mark) = single(index).then(|| separator(index + 1)).flatten() else {
            index += 1;
            continue;
        };
        let mut run = vec![];
        let mut last = index;
        while separator(last + 1) == Some(mark) && single(last + 2) {
            run.extend(lexed.get(last + 1).map(|token| (token.from, token.to)));
            last += 2;
        }
        if run.len() + 1 >= RUN_MIN {
            holes.append(&mut run);
        }
        index = last + 1;
    }
    let closes = !holes.is_empty();
    closes.then(|| lexed.folded.without(&holes))
}
