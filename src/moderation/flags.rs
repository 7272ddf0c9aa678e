//! What is delivered and flagged: keys from `terms/flags.txt` with their surroundings, unless denied or quoted.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

use super::lex::{Fnv, Kind, Lexed, Words, is, term_lines};
use super::{Category, Finding};

/// Letters by which stems are found.
const STEM_BYTES: usize = 3;
/// Words before a key that deny it.
const DENIED_BEFORE: usize = 6;
/// Words after a key that deny it, as Dutch does.
const DENIED_AFTER: usize = 3;
/// Words before a key that say that it is somebody else's.
const QUOTED_BEFORE: usize = 9;

/// Words and stems.
#[derive(Debug, Default)]
struct Set {
    words: HashSet<&'static str, BuildHasherDefault<Fnv>>,
    stems: Vec<&'static str>,
}

impl Set {
    fn has(&self, word: &str) -> bool {
        self.words.contains(word) || self.stems.iter().any(|stem| word.starts_with(stem))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Near,
    Left,
    Right,
    Not,
}

#[derive(Debug)]
struct Rule {
    id: &'static str,
    category: Category,
    needs: Vec<(Side, usize, usize)>,
    raw: bool,
    /// Set once its name is reported; lines with the same name share it.
    bit: u128,
}

/// A key: its words, whether the last is a stem, and its rule.
#[derive(Debug)]
struct Key {
    words: Vec<&'static str>,
    stem: bool,
    rule: usize,
}

#[derive(Debug, Default)]
struct Terms {
    sets: Vec<Set>,
    rules: Vec<Rule>,
    keys: Vec<Key>,
    /// Keys by their first word.
    exact: Words<Vec<usize>>,
    /// Keys by the first letters of their only word.
    stems: Words<Vec<usize>>,
    /// Whether any stem begins with the letters of this slot.
    starts: Vec<bool>,
}

/// A number for the first letters of a word; several may share one.
fn slot(start: &str) -> usize {
    start.bytes().fold(0, |sum, byte| (sum * 31 + usize::from(byte)) % SLOTS)
}

/// Slots of first letters.
const SLOTS: usize = 4096;

/// The first words of all keys.
pub(super) fn first_words() -> impl Iterator<Item = &'static str> {
    term_lines(include_str!("terms/flags.txt"))
        .filter(|(head, _)| !head.starts_with("set "))
        .filter_map(|(_, line)| line.split('|').next())
        .flat_map(str::split_whitespace)
        .filter(|key| !key.ends_with('*'))
        .filter_map(|key| key.split('_').next())
}

static TERMS: LazyLock<Terms> = LazyLock::new(|| terms(include_str!("terms/flags.txt")));

fn terms(file: &'static str) -> Terms {
    let mut terms = Terms { starts: vec![false; SLOTS], ..Terms::default() };
    let mut names: HashMap<&'static str, usize> = HashMap::new();
    for (head, words) in term_lines(file) {
        let Some(name) = head.strip_prefix("set ") else { continue };
        let mut set = Set::default();
        for word in words.split_whitespace() {
            match word.strip_suffix('*') {
                Some(stem) => set.stems.push(stem),
                None => drop(set.words.insert(word)),
            }
        }
        names.insert(name, terms.sets.len());
        terms.sets.push(set);
    }
    for (id, line) in term_lines(file).filter(|(head, _)| !head.starts_with("set ")) {
        let category = Category::ALL.into_iter().find(|category| id.split('.').next() == Some(category.name()));
        let known = terms.rules.iter().find(|rule| rule.id == id).map(|rule| rule.bit);
        let next = terms.rules.iter().map(|rule| rule.bit).max().map_or(1, |most| most << 1);
        let bit = known.unwrap_or(next);
        let mut parts = line.split('|').map(str::trim);
        let keys = parts.next().unwrap_or_default();
        let mut rule =
            Rule { id, category: category.unwrap_or(Category::Profanity), needs: Vec::new(), raw: false, bit };
        for part in parts {
            let mut words = part.split_whitespace();
            let side = match words.next() {
                Some("near") => Side::Near,
                Some("left") => Side::Left,
                Some("right") => Side::Right,
                Some("not") => Side::Not,
                _ => {
                    rule.raw = true;
                    continue;
                }
            };
            let set = words.next().and_then(|name| names.get(name)).copied().unwrap_or(usize::MAX);
            rule.needs.push((side, set, words.next().and_then(|most| most.parse().ok()).unwrap_or_default()));
        }
        for key in keys.split_whitespace() {
            let (key, stem) = key.strip_suffix('*').map_or((key, false), |stem| (stem, true));
            let words: Vec<&'static str> = key.split('_').collect();
            let Some(first) = words.first().copied() else { continue };
            let list = if stem {
                terms.stems.entry(first.get(..STEM_BYTES).unwrap_or(first)).or_default()
            } else {
                terms.exact.entry(first).or_default()
            };
            list.push(terms.keys.len());
            if let Some(starts) = terms.starts.get_mut(slot(first.get(..STEM_BYTES).unwrap_or(first))).filter(|_| stem)
            {
                *starts = true;
            }
            terms.keys.push(Key { words, stem, rule: terms.rules.len() });
        }
        terms.rules.push(rule);
    }
    terms
}

/// The words of a text, with their place among its tokens.
struct Reading<'a> {
    lexed: &'a Lexed,
    words: Vec<usize>,
}

impl Reading<'_> {
    fn word(&self, at: usize) -> &str {
        self.words.get(at).and_then(|index| self.lexed.get(*index)).map_or("", |token| self.lexed.word(token))
    }

    fn bits(&self, at: usize) -> u32 {
        self.words.get(at).and_then(|index| self.lexed.get(*index)).map_or(0, |token| token.known.bits)
    }

    /// Whether a sentence ends between a word and the next.
    fn breaks_after(&self, at: usize) -> bool {
        let (Some(from), Some(to)) = (self.words.get(at), self.words.get(at + 1)) else { return true };
        self.lexed
            .tokens
            .get(*from..*to)
            .unwrap_or_default()
            .iter()
            .any(|token| matches!(token.kind, Kind::Mark(b'.' | b'!' | b'?' | b';') | Kind::Line | Kind::Break))
    }

    /// Whether a comma stands between a word and the next.
    fn comma_after(&self, at: usize) -> bool {
        let (Some(from), Some(to)) = (self.words.get(at), self.words.get(at + 1)) else { return false };
        self.lexed.tokens.get(*from..*to).unwrap_or_default().iter().any(|token| token.is_mark(b','))
    }

    /// The words before, nearest first, in the same sentence.
    fn before(&self, at: usize, most: usize) -> impl Iterator<Item = usize> {
        (at.saturating_sub(most)..at).rev().take_while(|before| !self.breaks_after(*before))
    }

    /// The words after, nearest first, in the same sentence.
    fn after(&self, at: usize, most: usize) -> impl Iterator<Item = usize> {
        let until = (at + 1 + most).min(self.words.len());
        (at + 1..until).take_while(|after| !self.breaks_after(*after - 1))
    }

    fn matches(&self, key: &Key, at: usize) -> bool {
        let last = key.words.len() - 1;
        key.words.iter().enumerate().all(|(offset, want)| {
            let word = self.word(at + offset);
            if key.stem && offset == last { word.starts_with(want) } else { word == *want }
        })
    }

    fn fits(&self, terms: &Terms, rule: &Rule, at: usize, last: usize) -> bool {
        rule.needs.iter().all(|(side, set, most)| {
            let Some(set) = terms.sets.get(*set) else { return false };
            // Around, whatever stops in between: people write without them.
            let left = || (at.saturating_sub(*most)..at).any(|word| set.has(self.word(word)));
            let right = || (last + 1..(last + 1 + most).min(self.words.len())).any(|word| set.has(self.word(word)));
            let inside = || (at..=last).any(|word| set.has(self.word(word)));
            match side {
                Side::Near => left() || right() || (last > at && inside()),
                Side::Left => left(),
                Side::Right => right(),
                Side::Not => !(left() || right()),
            }
        })
    }

    /// Said not to be so: `I would never kill you`, `ik vermoord je niet`; but not `if you do not pay I will`.
    fn denied(&self, at: usize, last: usize, category: Category) -> bool {
        let condition = |word: &str| {
            category == Category::Threat
                && matches!(
                    word,
                    "als"
                        | "if"
                        | "unless"
                        | "tenzij"
                        | "anders"
                        | "otherwise"
                        | "or"
                        | "of"
                        | "wanneer"
                        | "until"
                        | "totdat"
                        | "why"
                        | "waarom"
                )
        };
        let clause = |word: &usize| !self.comma_after(*word);
        let mut before = self.before(at, DENIED_BEFORE).take_while(clause);
        if let Some(no) = before.find(|word| self.bits(*word) & is::NEGATION != 0) {
            let conditional = self.before(no + 1, 6).any(|word| condition(self.word(word)));
            let since = (no + 1..at).any(|word| condition(self.word(word)));
            if !conditional
                && !since
                && (!matches!(self.word(no), "no" | "nee") || matches!(self.word(no + 1), "need" | "one" | "way"))
            {
                return true;
            }
        }
        let mut after = self.after(last, DENIED_AFTER);
        after.find(|word| self.bits(*word) & is::NEGATION != 0).is_some_and(|no| {
            !(last..no).any(|word| condition(self.word(word))) && !matches!(self.word(no), "no" | "nee")
        })
    }

    /// Somebody else's words: inside quotation marks with words around, or reported.
    fn quoted(&self, at: usize) -> bool {
        let Some(place) = self.words.get(at).copied() else { return false };
        let mark = |token: &super::lex::Token| token.is_mark(b'"');
        let before = self.lexed.tokens.get(place.saturating_sub(80)..place).unwrap_or_default();
        let open = before.iter().filter(|token| mark(token)).count();
        let closes = self.lexed.tokens.iter().skip(place).take(80).any(mark);
        let single = self.single_quoted(place);
        if (open % 2 == 1 && closes || single) && self.words.len() > 4 {
            let first = before
                .iter()
                .position(|token| mark(token) || token.is_mark(b'\''))
                .map_or(0, |first| first + place.saturating_sub(80));
            let outside = self.words.iter().filter(|word| **word < first).count();
            let after =
                self.lexed.tokens.last().is_some_and(|last| !mark(last) && !last.is_mark(b'\'') && !last.is_mark(b'.'));
            if outside > 0 || after {
                return true;
            }
        }
        self.before(at, QUOTED_BEFORE).any(|word| self.bits(word) & is::QUOTE != 0)
    }

    fn single_quoted(&self, place: usize) -> bool {
        let opens = |index: usize| {
            self.lexed.get(index).is_some_and(|token| token.is_mark(b'\''))
                && index
                    .checked_sub(1)
                    .and_then(|before| self.lexed.get(before))
                    .is_none_or(|before| !before.is_chunk())
        };
        let open = (place.saturating_sub(40)..place).rev().any(opens);
        let close = self.lexed.tokens.iter().skip(place).take(60).any(|token| token.is_mark(b'\''));
        open && close
    }
}

/// What of a text needs a look. A rule is reported once.
pub(super) fn find(lexed: &Lexed, found: &mut Vec<Finding>) {
    let terms = &*TERMS;
    let words = lexed.tokens.iter().enumerate().filter(|(_, token)| token.is_chunk()).map(|(index, _)| index).collect();
    let reading = Reading { lexed, words };
    // One bit for each rule that was reported.
    let mut said = 0_u128;
    for at in 0..reading.words.len() {
        let word = reading.word(at);
        let exact = (reading.bits(at) & is::TERM != 0).then(|| terms.exact.get(word)).flatten();
        let start = word.get(..STEM_BYTES).filter(|start| terms.starts.get(slot(start)).is_some_and(|starts| *starts));
        let stems = start.and_then(|start| terms.stems.get(start));
        for key in exact.into_iter().chain(stems).flatten().filter_map(|key| terms.keys.get(*key)) {
            let Some(rule) = terms.rules.get(key.rule) else { continue };
            if said & rule.bit != 0 || !reading.matches(key, at) {
                continue;
            }
            let last = at + key.words.len() - 1;
            if !reading.fits(terms, rule, at, last)
                || reading.quoted(at)
                || (!rule.raw && reading.denied(at, last, rule.category))
            {
                continue;
            }
            said |= rule.bit;
            let token = |at: usize| reading.words.get(at).and_then(|index| lexed.get(*index));
            if let (Some(first), Some(last)) = (token(at), token(last)) {
                found.push(Finding { id: rule.id, category: rule.category, from: first.from, to: last.to });
            }
        }
    }
    spam(&reading, found);
}

/// Words from which on a text can be repetition or shouting.
const WORDS_MIN: usize = 12;
/// Characters in a row that are noise.
const RUN_MAX: usize = 40;
/// Fewer capitals than this are no shouting.
const SHOUT_MIN: usize = 20;

fn spam(reading: &Reading<'_>, found: &mut Vec<Finding>) {
    let all = (0, reading.lexed.folded.text.len());
    let mut report = |id| found.push(Finding { id, category: Category::Spam, from: all.0, to: all.1 });
    let count = reading.words.len();
    if count > WORDS_MIN {
        let different = (0..count).map(|at| reading.word(at)).collect::<HashSet<_, BuildHasherDefault<Fnv>>>().len();
        let laughter = reading.word(0).starts_with("ha") || reading.word(0).starts_with("he");
        let last = reading.word(count - 1);
        if different * 3 < count && !laughter && last.len() > 1 {
            report("spam.repetition");
        }
    }
    let tokens = &reading.lexed.tokens;
    let mut run = 0;
    let mut longest = 0;
    for (token, before) in tokens.iter().skip(1).zip(tokens) {
        run =
            if token.kind == before.kind && matches!(token.kind, Kind::Mark(b'!' | b'?' | b'$')) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    if longest > RUN_MAX {
        report("spam.repetition");
    }
    if reading.lexed.folded.uppers < SHOUT_MIN {
        return;
    }
    let (mut capitals, mut letters, mut shouted) = (0, 0, 0);
    for index in &reading.words {
        let Some(token) = reading.lexed.get(*index).filter(|token| token.kind == Kind::Word) else { continue };
        let upper = (token.from..token.to).filter(|byte| reading.lexed.folded.is_upper(*byte)).count();
        letters += token.to - token.from;
        capitals += upper;
        shouted += usize::from(upper == token.to - token.from && token.is(is::COMMON | is::STOP));
    }
    if letters > 25 && capitals * 10 > letters * 8 && shouted >= 4 && count >= 6 {
        report("spam.capitals");
    }
}
