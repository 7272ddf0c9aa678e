//! Phone numbers: runs of digits, in whatever way they are said, held against numbering plans.

use super::lex::{Kind, Lexed, Token, is, push_value, said_digits};
use super::plan::{self, Shape};
use super::{Category, Finding, Strictness};

/// Tokens between two parts of a number at most.
const GAP_TOKENS_MAX: usize = 8;
/// Digits of a number at most, with prefix.
const DIGITS_MAX: usize = 18;
/// Fewer digits in a text than this are no number.
pub(super) const DIGITS_MIN: usize = 8;

/// What is between two parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Nothing, a space, or usual marks.
    Tight,
    /// A comma, a line, a picture, a small word.
    Loose,
    /// Anything else.
    Broken,
}

/// A part of a number: one token or a few that say digits together.
#[derive(Clone, Debug)]
struct Atom {
    digits: Vec<u8>,
    /// First and last token.
    first: usize,
    last: usize,
    /// What is before it.
    gap: Gap,
    /// The one mark between it and the part before, when there is nothing else.
    joint: u8,
    /// A plus or an opening parenthesis is before it.
    plus: bool,
    paren: bool,
    /// Digits that are digits or said; the others are letters that look like them.
    sure: usize,
    said: bool,
    /// In a later message than the part before.
    crosses: bool,
    /// Part of a date, a time, a price and the like.
    benign: bool,
}

/// The phone numbers of a text.
pub(super) fn find(lexed: &Lexed, mode: Strictness, found: &mut Vec<Finding>) {
    if lexed.digits < DIGITS_MIN {
        return;
    }
    let mut atoms = atoms(lexed, mode);
    mark_benign(lexed, &mut atoms);
    let mut from = 0;
    while from < atoms.len() {
        match number_from(lexed, &atoms, from) {
            Some((last, id)) => {
                let start = atoms.get(from).map_or(0, |atom| start_byte(lexed, atom));
                let end = atoms.get(last).and_then(|atom| lexed.get(atom.last)).map_or(start, |token| token.to);
                found.push(Finding { id, category: Category::Phone, from: start, to: end });
                from = last + 1;
            }
            None => from += 1,
        }
    }
}

fn start_byte(lexed: &Lexed, atom: &Atom) -> usize {
    let mut first = atom.first;
    while (atom.plus || atom.paren) && first > 0 {
        first -= 1;
        let Some(token) = lexed.get(first) else { break };
        match token.kind {
            Kind::Space | Kind::Mark(b'(') => {}
            Kind::Mark(b'+') => return token.from,
            _ => break,
        }
    }
    lexed.get(atom.first).map_or(0, |token| token.from)
}

fn atoms(lexed: &Lexed, mode: Strictness) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Vec::new();
    let mut index = 0;
    while index < lexed.tokens.len() {
        let Some((digits, next, sure, said)) = atom_at(lexed, index, &atoms) else {
            index += 1;
            continue;
        };
        let (gap, joint) = atoms.last().map_or((Gap::Broken, 0), |before| gap(lexed, before.last + 1, index, mode));
        let before = index.checked_sub(1).and_then(|at| lexed.get(at));
        let two = index.checked_sub(2).and_then(|at| lexed.get(at));
        let digits_before = two.is_some_and(|token| token.kind == Kind::Digits);
        let plus = before.is_some_and(|token| (token.is_mark(b'+') && !digits_before) || (lexed.word(token) == "plus"))
            || (before.is_some_and(|token| token.is_space() || token.is_mark(b'('))
                && two.is_some_and(|token| token.is_mark(b'+') || lexed.word(token) == "plus"));
        let paren = before.is_some_and(|token| token.is_mark(b'('));
        let since = atoms.last().map_or(index, |before| before.last);
        let crosses =
            lexed.tokens.get(since..index).is_some_and(|between| between.iter().any(|token| token.kind == Kind::Break));
        let benign = false;
        atoms.push(Atom { digits, first: index, last: next - 1, gap, joint, plus, paren, sure, said, crosses, benign });
        index = next;
    }
    atoms
}

/// The digits that are said from this token on: they, the token after them, and how.
fn atom_at(lexed: &Lexed, index: usize, before: &[Atom]) -> Option<(Vec<u8>, usize, usize, bool)> {
    let (digits, next, said) = said_at(lexed, index, before)?;
    let token = lexed.get(index)?;
    let alike = token.kind != Kind::Digits && !said;
    let sure = if alike { lexed.word(token).bytes().filter(u8::is_ascii_digit).count() } else { digits.len() };
    Some((digits, next, sure, said))
}

fn said_at(lexed: &Lexed, index: usize, before: &[Atom]) -> Option<(Vec<u8>, usize, bool)> {
    let token = lexed.get(index)?;
    let word = lexed.word(token);
    match token.kind {
        Kind::Digits => {
            let digits: Vec<u8> = word.bytes().map(|byte| byte - b'0').collect();
            // Two times four.
            if let [times @ 2..=3] = digits.as_slice() {
                let at = lexed.skip_space(index + 1);
                if lexed.get(at).is_some_and(|token| token.is(is::TIMES))
                    && let Some((digit, next)) = one_digit(lexed, lexed.skip_space(at + 1))
                {
                    return Some((vec![digit; usize::from(*times)], next, true));
                }
            }
            Some((digits, index + 1, false))
        }
        Kind::Mixed if word == "2x" || word == "3x" => {
            let (digit, next) = one_digit(lexed, lexed.skip_space(index + 1))?;
            Some((vec![digit; if word == "2x" { 2 } else { 3 }], next, true))
        }
        Kind::Mixed => match said_digits(word) {
            Some(digits) => Some((digits, index + 1, true)),
            None => Some((look_alike(word)?, index + 1, false)),
        },
        Kind::Word if token.is(is::DOUBLE | is::TRIPLE) => {
            let (digit, next) = one_digit(lexed, lexed.skip_space(index + 1))?;
            Some((vec![digit; if token.is(is::DOUBLE) { 2 } else { 3 }], next, true))
        }
        Kind::Word if token.is(is::NUMBER) => {
            let value = token.known.value;
            let at = lexed.skip_space(index + 1);
            if matches!(value, 2 | 3)
                && lexed.get(at).is_some_and(|token| token.is(is::TIMES))
                && let Some((digit, next)) = one_digit(lexed, lexed.skip_space(at + 1))
            {
                return Some((vec![digit; usize::from(value)], next, true));
            }
            let mut digits = Vec::new();
            // Thirty four, thirty-four.
            if value >= 20 && value.is_multiple_of(10) && at > index {
                let at = if lexed.get(index + 1).is_some_and(|token| token.is_mark(b'-')) { index + 2 } else { at };
                if let Some(unit) =
                    lexed.get(at).filter(|unit| unit.is(is::NUMBER) && (1..10).contains(&unit.known.value))
                {
                    push_value(&mut digits, value + unit.known.value);
                    return Some((digits, at + 1, true));
                }
            }
            push_value(&mut digits, value);
            Some((digits, index + 1, true))
        }
        Kind::Word => {
            if word.len() >= 6
                && let Some(digits) = said_digits(word)
            {
                return Some((digits, index + 1, true));
            }
            // A letter or two that look like digits, next to digits.
            let near = before.last().is_some_and(|atom| index - atom.last <= 3)
                || lexed.tokens.iter().skip(index + 1).take(2).any(|next| next.kind == Kind::Digits);
            let alike = (word.len() == 1 || (word.len() == 2 && !token.is(is::COMMON | is::STOP)))
                && word.bytes().all(|byte| matches!(byte, b'o' | b'l' | b'i' | b's' | b'z'));
            if near && alike { Some((look_alike(word)?, index + 1, false)) } else { None }
        }
        _ => None,
    }
}

fn one_digit(lexed: &Lexed, index: usize) -> Option<(u8, usize)> {
    let token = lexed.get(index)?;
    let digit = match token.kind {
        Kind::Digits if token.to - token.from == 1 => lexed.word(token).bytes().next()? - b'0',
        Kind::Word if token.is(is::NUMBER) && token.known.value < 10 => token.known.value,
        _ => return None,
    };
    Some((digit, index + 1))
}

/// Digits, and letters that look like them.
fn look_alike(word: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'o' | b'q' | b'd' => Some(0),
        b'i' | b'l' => Some(1),
        b'z' => Some(2),
        b'e' => Some(3),
        b'a' => Some(4),
        b's' => Some(5),
        b'g' => Some(9),
        b't' => Some(7),
        b'b' => Some(8),
        _ => None,
    };
    (word.len() <= DIGITS_MAX).then(|| word.bytes().map(digit).collect()).flatten()
}

/// What stands between two parts.
fn gap(lexed: &Lexed, from: usize, to: usize, mode: Strictness) -> (Gap, u8) {
    let Some(between) = lexed.tokens.get(from..to) else { return (Gap::Broken, 0) };
    let crosses = between.iter().any(|token| token.kind == Kind::Break);
    let most = if crosses && mode == Strictness::Window { GAP_TOKENS_MAX * 3 } else { GAP_TOKENS_MAX };
    if between.len() > most {
        return (Gap::Broken, 0);
    }
    let (mut gap, mut words, mut marks) = (Gap::Tight, 0, 0);
    for token in between {
        match token.kind {
            Kind::Space => {}
            Kind::Mark(
                b'-' | b'.' | b'/' | b'(' | b')' | b'_' | b'*' | b'|' | b'~' | b'=' | b'\\' | b'+' | b':' | b'\'',
            ) => {
                marks += 1;
            }
            Kind::Break | Kind::Line | Kind::Mark(_) | Kind::Other => gap = Gap::Loose,
            Kind::Word if token.is(is::FILLER | is::DOT | is::MINE) || lexed.word(token) == "plus" => {
                gap = Gap::Loose;
                words += 1;
            }
            Kind::Word if crosses => {
                gap = Gap::Loose;
                words += 1;
            }
            _ => return (Gap::Broken, 0),
        }
    }
    if words > if crosses { 5 } else { 3 } || (marks > 4 && gap == Gap::Tight) {
        return (Gap::Broken, 0);
    }
    let joint = match between {
        [only] => match only.kind {
            Kind::Mark(mark) => mark,
            _ => 0,
        },
        _ => 0,
    };
    (gap, joint)
}

/// The value of at most four digits.
fn value(atom: &Atom) -> u32 {
    atom.digits.iter().take(4).fold(0, |sum, digit| sum * 10 + u32::from(*digit))
}

fn is_year(atom: &Atom) -> bool {
    atom.digits.len() == 4 && (1900..2100).contains(&value(atom))
}

/// Marks what is a date, a time, a price, a size, a score, a version, a range or a postcode.
fn mark_benign(lexed: &Lexed, atoms: &mut [Atom]) {
    let mut from = 0;
    while from < atoms.len() {
        let more = atoms.iter().skip(from + 1).take_while(|atom| atom.joint != 0 && !atom.said).count();
        let to = from + 1 + more;
        if let Some(chain) = atoms.get_mut(from..to) {
            let benign = match chain {
                [one] => is_year(one),
                [a, b] => benign_pair(a, b),
                [a, b, c] => benign_three(a, b, c),
                _ => false,
            } || counted(lexed, chain);
            for atom in chain {
                atom.benign = benign;
            }
        }
        from = to;
    }
}

fn benign_pair(a: &Atom, b: &Atom) -> bool {
    let (one, other) = (value(a), value(b));
    let (long, short) = (a.digits.len(), b.digits.len());
    match b.joint {
        b':' => long <= 2 && short == 2 && one <= 24 && other < 60,
        b'.' | b',' => long <= 4 && (short <= 2 || (short == 3 && long <= 3 && a.digits.first() != Some(&0))),
        b'/' | b'-' => {
            let day = long <= 2 && short <= 2 && ((1..=31).contains(&one) && (1..=12).contains(&other));
            let score = long == 1 && short == 1;
            let range = a.digits.first() != Some(&0)
                && b.digits.first() != Some(&0)
                && long <= 4
                && short <= 4
                && (one < other || is_year(a));
            day || score || range
        }
        _ => false,
    }
}

fn benign_three(a: &Atom, b: &Atom, c: &Atom) -> bool {
    let lens = [a.digits.len(), b.digits.len(), c.digits.len()];
    let day = |day: &Atom, month: &Atom| (1..=31).contains(&value(day)) && (1..=12).contains(&value(month));
    let date = (lens[0] <= 2 && lens[1] <= 2 && (is_year(c) || lens[2] == 2) && (day(a, b) || day(b, a)))
        || (is_year(a) && lens[1] <= 2 && lens[2] <= 2 && day(c, b));
    let time = b.joint == b':' && c.joint == b':' && lens.iter().all(|len| *len == 2);
    let marks = [b.joint, c.joint];
    let price = (marks == *b".," || marks == *b",.") && lens[0] <= 3 && lens[1] == 3 && lens[2] <= 2;
    let version =
        b.joint == b'.' && c.joint == b'.' && a.digits.first() != Some(&0) && lens.iter().all(|len| *len <= 3);
    date || time || price || version
}

/// Counted or named: `78 euro`, `€ 650`, `kamer 312`, `1012 AB`.
fn counted(lexed: &Lexed, chain: &[Atom]) -> bool {
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else { return false };
    if chain.iter().map(|atom| atom.digits.len()).sum::<usize>() > 7 {
        return false;
    }
    let at = lexed.skip_space(last.last + 1);
    let after = lexed.get(at);
    let unit =
        after.is_some_and(|token| token.is(is::UNIT | is::MONEY) || token.is_mark(b'%') || money_sign(lexed, token));
    let postcode = chain.len() == 1
        && first.digits.len() == 4
        && first.digits.first() != Some(&0)
        && after.is_some_and(|token| {
            token.kind == Kind::Word && token.to - token.from == 2 && lexed.folded.is_upper(token.from)
        });
    let before = lexed.tokens.get(first.first.saturating_sub(2)..first.first).unwrap_or_default();
    let near = before.iter().rev().find(|token| !token.is_space() && !token.is_mark(b'.'));
    let named =
        near.is_some_and(|token| token.is(is::NUMBERED | is::MONEY) || token.is_mark(b'$') || money_sign(lexed, token));
    unit || postcode || named
}

fn money_sign(lexed: &Lexed, token: &Token) -> bool {
    matches!(lexed.word(token), "€" | "£" | "¥" | "$" | "°")
}

/// Whether a number begins at this part: its last part, and the rule.
fn number_from(lexed: &Lexed, atoms: &[Atom], from: usize) -> Option<(usize, &'static str)> {
    let first = atoms.get(from)?;
    let mut digits: Vec<u8> = Vec::with_capacity(DIGITS_MAX);
    let mut best = None;
    let starts = from == 0 || first.gap != Gap::Tight;
    for (at, atom) in atoms.iter().enumerate().skip(from).take(DIGITS_MAX) {
        if at > from && (atom.gap == Gap::Broken || atom.plus) {
            break;
        }
        digits.extend_from_slice(&atom.digits);
        if digits.len() > DIGITS_MAX {
            break;
        }
        if digits.len() < 8 {
            continue;
        }
        let ends = atoms.get(at + 1).is_none_or(|next| next.gap != Gap::Tight || next.plus);
        let parts = atoms.get(from..=at)?;
        if let Some(id) = judge(lexed, parts, &digits, starts, ends) {
            best = Some((at, id));
            if ends {
                break;
            }
        }
    }
    best
}

fn judge(lexed: &Lexed, parts: &[Atom], digits: &[u8], starts: bool, ends: bool) -> Option<&'static str> {
    let first = parts.first()?;
    let sure: usize = parts.iter().map(|part| part.sure).sum();
    if sure < 4 {
        return None;
    }
    let called = || announced(lexed, first.first);
    if parts.iter().all(|part| part.benign) && called() != Some(true) {
        return None;
    }
    let whole = starts && ends;
    // People number their messages: over several of them only what is unmistakable counts.
    let split = parts.iter().skip(1).any(|part| part.crosses);
    let disguised = parts.iter().any(|part| part.said || part.sure < part.digits.len());
    let shape = plan::shape(digits, first.plus);
    if split && !matches!(shape, Shape::Mobile | Shape::Abroad) && called() != Some(true) {
        return None;
    }
    let id = match shape {
        Shape::Mobile if !(parts.len() == 1 && called() == Some(false)) => "phone.nl_mobile",
        Shape::Abroad if first.plus || disguised || parts.iter().skip(1).all(|part| part.gap == Gap::Tight) => {
            "phone.international"
        }
        Shape::Landline if called() == Some(true) || (whole && called().is_none()) => "phone.nl_landline",
        Shape::Zero
            if whole
                && (parts.len() == 1 || parts.iter().all(|part| part.digits.len() == 2) || called() == Some(true))
                && called() != Some(false) =>
        {
            "phone.national"
        }
        Shape::NoZero if whole && called() != Some(false) => {
            let grouped = parts.len() >= 4
                && !parts.iter().any(|part| part.benign)
                && parts.iter().all(|part| part.digits.len() <= 2);
            if called() == Some(true) || grouped || (disguised && parts.len() >= 4) {
                "phone.nl_mobile"
            } else {
                return None;
            }
        }
        _ if starts && ends && american(parts) => "phone.national",
        _ if whole
            && (9..=13).contains(&digits.len())
            && called() == Some(true)
            && !parts.iter().any(|part| part.benign) =>
        {
            "phone.announced"
        }
        _ => return None,
    };
    Some(if disguised { disguised_id(id) } else { id })
}

fn disguised_id(id: &'static str) -> &'static str {
    match id {
        "phone.international" => "phone.disguised_international",
        _ => "phone.disguised",
    }
}

/// `555-123-4567`, `(555) 123-4567`.
fn american(parts: &[Atom]) -> bool {
    let [area, exchange, line] = parts else { return false };
    let lens = [area.digits.len(), exchange.digits.len(), line.digits.len()] == [3, 3, 4];
    let joined = matches!(exchange.joint, b'-' | b'.') && exchange.joint == line.joint;
    lens && area.digits.first().is_some_and(|digit| *digit >= 2) && (joined || (area.paren && line.joint == b'-'))
}

/// Whether the words before say that a phone number follows (`true`) or another number (`false`).
fn announced(lexed: &Lexed, index: usize) -> Option<bool> {
    let mut called = None;
    for (away, token) in lexed.words_before(index, 5).enumerate() {
        if token.is(is::CALL) {
            called = Some(true);
        } else if (away < 3 && token.is(is::OTHER_NUMBER)) || (away < 2 && called.is_none() && token.is(is::NUMBERED)) {
            return Some(false);
        }
    }
    called
}
