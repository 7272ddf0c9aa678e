//! Names on other services: `insta: jan_rooms`, `snap jan99`, `@jan_rooms op telegram`.

use super::lex::{Kind, Lexed, Token, is};
use super::{Category, Finding};

/// Tokens between a platform and a name at most.
const BETWEEN_MAX: usize = 10;
/// Shortest name.
const NAME_MIN: usize = 3;

/// A name, and how much it looks like one that somebody chose.
#[derive(Clone, Copy, Debug)]
struct Name {
    from: usize,
    to: usize,
    last: usize,
    /// With a digit, an underscore, a dot or a hash inside.
    chosen: bool,
    /// Behind an at-sign.
    at: bool,
    /// No everyday word.
    rare: bool,
}

/// The handles of a text.
pub(super) fn find(lexed: &Lexed, found: &mut Vec<Finding>) {
    let platforms = lexed.bits & (is::PLATFORM | is::SHORT_PLATFORM) != 0;
    if !platforms && lexed.joints == 0 {
        return;
    }
    let mut past = 0;
    for (index, token) in lexed.tokens.iter().enumerate() {
        if index < past {
            continue;
        }
        let hit = if token.is(is::PLATFORM | is::SHORT_PLATFORM) {
            after_platform(lexed, index, token)
                .or_else(|| before_platform(lexed, index, token))
                .or_else(|| move_over(lexed, index, token))
        } else if token.is_mark(b'@') {
            mention(lexed, index)
        } else {
            None
        };
        if let Some((finding, last)) = hit {
            past = last + 1;
            found.push(finding);
        }
    }
}

fn finding(id: &'static str, from: usize, to: usize) -> Finding {
    Finding { id, category: Category::Handle, from, to }
}

/// The name that begins at this token.
fn name(lexed: &Lexed, index: usize) -> Option<Name> {
    let first = lexed.get(index)?;
    let at = first.is_mark(b'@');
    let start = if at {
        index + 1 + usize::from(lexed.get(index + 1).is_some_and(|token| token.kind == Kind::Space))
    } else {
        index
    };
    let mut last = start;
    let mut token = lexed.get(start).filter(|token| token.is_chunk() || token.is_mark(b'_'))?;
    let from = if at { first.from } else { token.from };
    let mut chosen = token.kind == Kind::Mixed && !unit_like(lexed.word(token));
    let mut bytes = token.to - token.from;
    let mut letters = token.kind != Kind::Digits;
    for _ in 0..12 {
        let Some(mark) = lexed.get(last + 1) else { break };
        let next = lexed.get(last + 2).unwrap_or(mark);
        let joins = matches!(mark.kind, Kind::Mark(b'_' | b'.' | b'#'))
            && next.is_chunk()
            && !(mark.is_mark(b'.') && lexed.folded.is_upper(next.from));
        let more = mark.is_chunk() && token.is_mark(b'_');
        if joins {
            chosen |= !mark.is_mark(b'.') || !next.is(is::COMMON);
            last += 2;
            token = next;
        } else if mark.is_mark(b'_') || more {
            chosen = true;
            last += 1;
            token = mark;
        } else {
            break;
        }
        letters |= token.kind != Kind::Digits;
        bytes += 1 + token.to - token.from;
    }
    let single = lexed.get(start).filter(|_| last == start);
    let rare = single.is_none_or(|token| {
        token.kind == Kind::Word
            && !token.is(is::COMMON
                | is::STOP
                | is::NUMBER
                | is::PLATFORM
                | is::PROVIDER
                | is::CALL
                | is::MINE
                | is::ADD
                | is::CONNECTS
                | is::FILLER
                | is::ON
                | is::UNIT)
    });
    let digits = single.is_some_and(|token| token.kind == Kind::Digits);
    (bytes >= NAME_MIN && !digits && letters).then_some(Name {
        from,
        to: token.to,
        last,
        chosen,
        at,
        rare: rare || chosen,
    })
}

/// `2x`, `20m2`, `3e`: a number with its unit.
fn unit_like(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 || word.len() < 3
}

/// `insta: jan_rooms`, `mijn snap is janrooms`.
fn after_platform(lexed: &Lexed, index: usize, platform: &Token) -> Option<(Finding, usize)> {
    let mut at = index + 1;
    let (mut colon, mut said, mut naming) = (false, false, false);
    while let Some(token) = lexed.get(at).filter(|_| at <= index + BETWEEN_MAX) {
        match token.kind {
            Kind::Space | Kind::Line | Kind::Break | Kind::Other | Kind::Mark(b'\'' | b'"' | b'*' | b'(' | b'?') => {}
            Kind::Mark(b':' | b'=' | b'-' | b'>') => colon = true,
            Kind::Word if token.is(is::CONNECTS | is::MINE | is::PLATFORM) => {
                said = true;
                naming |= matches!(
                    lexed.word(token),
                    "username" | "gebruikersnaam" | "handle" | "handle's" | "heet" | "naam" | "name" | "nick"
                );
            }
            _ => break,
        }
        at += 1;
    }
    let name = name(lexed, at)?;
    let mine = lexed.words_before(index, 4).any(|token| token.is(is::MINE | is::ADD));
    let weak = platform.is(is::SHORT_PLATFORM);
    let reached = name.at
        || (name.chosen && (!weak || colon || said || mine || at == index + 2))
        || (name.rare && ((colon && !weak) || naming))
        || (name.rare && mine && (said || colon) && !lexed.folded.is_upper(name.from + 1));
    let found = finding("handle.platform", platform.from.min(name.from), name.to);
    reached.then_some((found, name.last))
}

/// `jan_rooms op insta`, `@jan on telegram`, `add jan99 on snap`.
fn before_platform(lexed: &Lexed, index: usize, platform: &Token) -> Option<(Finding, usize)> {
    let mut at = index;
    let mut on = false;
    for _ in 0..BETWEEN_MAX {
        at = at.checked_sub(1)?;
        let token = lexed.get(at)?;
        match token.kind {
            Kind::Space | Kind::Mark(b'(' | b',' | b'-' | b'"' | b'\'') | Kind::Break => {}
            Kind::Word if token.is(is::ON | is::CONNECTS | is::MINE) => on = true,
            _ => break,
        }
    }
    // Back to where the name begins.
    let mut first = at;
    while first > 0 && at - first < 12 {
        let Some(before) = lexed.get(first - 1) else { break };
        let part = before.is_chunk() || matches!(before.kind, Kind::Mark(b'_' | b'.' | b'#' | b'@'));
        if !part {
            break;
        }
        first -= 1;
    }
    let name = name(lexed, first).filter(|name| name.last <= index)?;
    let asked = lexed.words_before(first, 4).any(|token| token.is(is::ADD));
    let bracket = lexed.get(index.checked_sub(1)?).is_some_and(|token| token.is_mark(b'('));
    let reached = (on || bracket) && (name.at || name.chosen || (asked && name.rare && on));
    reached.then_some((finding("handle.platform", name.from, platform.to), index))
}

/// `voeg me toe op snap`, `let's move to WhatsApp`.
fn move_over(lexed: &Lexed, index: usize, platform: &Token) -> Option<(Finding, usize)> {
    if platform.is(is::SHORT_PLATFORM) {
        return None;
    }
    let before: Vec<&Token> = lexed.words_before(index, 5).collect();
    let on = before.first().is_some_and(|token| token.is(is::ON));
    let add = before.iter().find(|token| token.is(is::ADD))?;
    let asked = before.iter().any(|token| {
        token.is(is::MINE)
            || matches!(
                lexed.word(token),
                "we" | "us" | "let's" | "lets" | "ons" | "verder" | "move" | "switch" | "overstappen"
            )
    });
    let denied = before.iter().any(|token| token.is(is::NEGATION));
    (on && asked && !denied).then_some((finding("handle.elsewhere", add.from, platform.to), index))
}

/// `@jan_rooms` alone: a name that somebody chose, not the mention of a member.
fn mention(lexed: &Lexed, index: usize) -> Option<(Finding, usize)> {
    let before = index.checked_sub(1).and_then(|before| lexed.get(before));
    if before.is_some_and(|token| !token.is_space() && !matches!(token.kind, Kind::Mark(b'(' | b':'))) {
        return None;
    }
    let name = name(lexed, index)?;
    let tight = lexed.get(index + 1).is_some_and(|token| token.is_chunk() || token.is_mark(b'_'));
    (tight && name.chosen).then_some((finding("handle.mention", name.from, name.to), name.last))
}
