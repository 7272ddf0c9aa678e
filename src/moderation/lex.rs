//! The folded text as tokens, and what is known of each word.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use super::fold::{BREAK, Folded};

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters.
    Word,
    /// Digits.
    Digits,
    /// Letters and digits.
    Mixed,
    /// White space.
    Space,
    /// White space with a line break.
    Line,
    /// The end of a message of the window.
    Break,
    /// One ASCII mark.
    Mark(u8),
    /// A picture or any other sign.
    Other,
}

macro_rules! classes {
    ($($(#[doc = $doc:literal])* $name:ident = $bit:literal, $word:literal;)*) => {
        /// What is known of a word; classes of `terms/words.txt`.
        pub(super) mod is {
            $($(#[doc = $doc])* pub const $name: u32 = 1 << $bit;)*
            pub(super) const NAMES: &[(&str, u32)] = &[$(($word, $name),)*];
        }
    };
}
classes! {
    /// An everyday word: no name of a site or a person.
    COMMON = 0, "common";
    /// Articles, prepositions and the like.
    STOP = 1, "stop";
    /// A number in words.
    NUMBER = 2, "number";
    /// Says `@` and nothing else.
    AT_STRONG = 3, "at_strong";
    /// Says `@` at times.
    AT_WEAK = 4, "at_weak";
    /// Says a dot.
    DOT = 5, "dot";
    /// A provider of mailboxes.
    PROVIDER = 6, "provider";
    /// A place where people have handles.
    PLATFORM = 7, "platform";
    /// Announces a phone number.
    CALL = 8, "call";
    /// Announces another number.
    OTHER_NUMBER = 9, "other_number";
    /// Announces a link.
    LINK_CUE = 10, "link_cue";
    /// May stand between the digits of a number.
    FILLER = 11, "filler";
    /// The next digit twice.
    DOUBLE = 12, "double";
    /// The next digit three times.
    TRIPLE = 13, "triple";
    /// Times, between a count and a digit.
    TIMES = 14, "times";
    /// What a number counts, after it.
    UNIT = 15, "unit";
    /// What a number names, before it.
    NUMBERED = 16, "numbered";
    /// Mine.
    MINE = 17, "mine";
    /// Between a platform and a handle.
    CONNECTS = 18, "connects";
    /// Asks to be added or followed.
    ADD = 19, "add";
    /// Ends of domains that are said aloud.
    SAID_TLD = 20, "said_tld";
    /// Ends of domains that are also ends of files.
    FILE_TLD = 21, "file_tld";
    /// No, not, never.
    NEGATION = 22, "negation";
    /// Somebody else's words follow.
    QUOTE = 23, "quote";
    /// A platform by a short name that is also a word.
    SHORT_PLATFORM = 24, "short_platform";
    /// On, via: between a handle and its platform.
    ON = 25, "on";
    /// Money, before or after a number.
    MONEY = 26, "money";
    /// Begins a key of `terms/flags.txt`.
    TERM = 27, "term";
}

/// A word's classes, and its value if it is a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Classes.
    pub bits: u32,
    /// The value of a number.
    pub value: u8,
}

/// FNV-1a: the table is ours and never grows, so nobody can choose what collides.
#[derive(Debug)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn write_u8(&mut self, _end: u8) {}
}

/// A table of words.
pub(super) type Words<V> = HashMap<&'static str, V, BuildHasherDefault<Fnv>>;

/// The lines of a file of terms: what stands before the colon, and the words after it.
pub(super) fn term_lines(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .map(|(head, words)| (head.trim(), words.trim()))
}

static WORDS: LazyLock<Words<Known>> = LazyLock::new(|| {
    let mut words: Words<Known> = HashMap::default();
    let files = [include_str!("terms/words.txt"), include_str!("terms/common.txt")];
    for (head, list) in files.into_iter().flat_map(term_lines) {
        let (class, value) = head.split_once(' ').unwrap_or((head, "0"));
        let bit = is::NAMES.iter().find(|(name, _)| *name == class).map_or(0, |(_, bit)| *bit);
        for word in list.split_whitespace() {
            let known = words.entry(word).or_default();
            known.bits |= bit;
            if bit == is::NUMBER {
                known.value = value.parse().unwrap_or_default();
            }
        }
    }
    for word in super::flags::first_words() {
        words.entry(word).or_default().bits |= is::TERM;
    }
    words
});

/// Digits in words by their first byte, longest first, for words that are glued together.
static GLUED: LazyLock<Vec<Vec<(&'static str, u8)>>> = LazyLock::new(|| {
    let mut list: Vec<_> = WORDS
        .iter()
        .filter(|(word, known)| known.bits & is::NUMBER != 0 && word.len() > 2)
        .map(|(word, known)| (*word, known.value))
        .collect();
    list.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    (0..=u8::MAX)
        .map(|first| list.iter().filter(|(word, _)| word.bytes().next() == Some(first)).copied().collect())
        .collect()
});

/// Whether a company is called by this domain.
pub(super) fn is_brand(host: &str) -> bool {
    term_lines(include_str!("terms/words.txt"))
        .any(|(class, words)| class == "brand" && words.split(' ').any(|word| word == host))
}

/// What is known of a word.
pub(super) fn known(word: &str) -> Known {
    WORDS.get(word).copied().unwrap_or_default()
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// What it is made of.
    pub kind: Kind,
    /// Its first byte.
    pub from: usize,
    /// The byte after its last.
    pub to: usize,
    /// What is known of it.
    pub known: Known,
}

impl Token {
    /// Whether it belongs to this class.
    pub fn is(&self, class: u32) -> bool {
        self.known.bits & class != 0
    }
    /// Whether it is letters, digits or both.
    pub fn is_chunk(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Digits | Kind::Mixed)
    }
    /// Whether it is this mark.
    pub fn is_mark(&self, mark: u8) -> bool {
        self.kind == Kind::Mark(mark)
    }
    /// Whether it is white space or the end of a message.
    pub fn is_space(&self) -> bool {
        matches!(self.kind, Kind::Space | Kind::Line | Kind::Break)
    }
}

/// A folded text and its tokens.
#[derive(Debug)]
pub(super) struct Lexed {
    /// What was read.
    pub folded: Folded,
    /// In order, without holes.
    pub tokens: Vec<Token>,
    /// Digits, and words that may be digits: too few of them are no phone number.
    pub digits: usize,
    /// Classes of any of its words.
    pub bits: u32,
    /// Marks that may join a link or an address.
    pub joints: usize,
    /// Colons, without which nothing is a scheme.
    pub colons: usize,
}

impl Lexed {
    /// Reads a folded text.
    pub fn new(folded: Folded) -> Self {
        let text = folded.text.as_str();
        let bytes = text.as_bytes();
        let mut tokens: Vec<Token> = Vec::with_capacity(text.len() / 3 + 4);
        let (mut digits, mut all, mut joints, mut colons) = (0, 0, 0, 0);
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let from = at;
            let (kind, to, count) = match byte {
                b' ' | b'\n' => space(bytes, at),
                b'a'..=b'z' | b'0'..=b'9' => chunk(text, bytes, at),
                0x1E => (Kind::Break, at + 1, 0),
                0..=0x7F => {
                    colons += usize::from(byte == b':');
                    joints += usize::from(matches!(byte, b'.' | b'@' | b',' | b':' | b'/'));
                    (Kind::Mark(byte), at + 1, 0)
                }
                _ => other(text, bytes, at),
            };
            let known = if matches!(kind, Kind::Word | Kind::Mixed) {
                known(text.get(from..to).unwrap_or_default())
            } else {
                Known::default()
            };
            if kind == Kind::Word
                && known.bits == 0
                && to - from >= 6
                && said_digits(text.get(from..to).unwrap_or_default()).is_some()
            {
                digits += to - from;
            }
            joints += usize::from(
                kind == Kind::Word && known.bits == 0 && to - from > 7 && ends_like_domain(text.get(from..to)),
            );
            digits += count + if known.bits & is::NUMBER != 0 { 2 } else { 0 };
            all |= known.bits;
            tokens.push(Token { kind, from, to, known });
            at = to;
        }
        Self { tokens, digits, bits: all, joints, colons, folded }
    }

    /// The token at this place.
    pub fn get(&self, index: usize) -> Option<&Token> {
        self.tokens.get(index)
    }

    /// The folded words of a token.
    pub fn word(&self, token: &Token) -> &str {
        self.slice(token.from, token.to)
    }

    /// A part of the folded text.
    pub fn slice(&self, from: usize, to: usize) -> &str {
        self.folded.text.get(from..to).unwrap_or_default()
    }

    /// Whether a token says a number.
    pub fn word_is_number(&self, index: usize) -> bool {
        self.get(index).is_some_and(|token| token.kind == Kind::Digits || token.is(is::NUMBER))
    }

    /// The place of the next token after `index` that is not white space, at most three further.
    pub fn skip_space(&self, index: usize) -> usize {
        let spaces = self.tokens.iter().skip(index).take_while(|token| token.is_space()).take(3).count();
        index + spaces
    }

    /// Up to `most` words before a token, nearest first.
    pub fn words_before(&self, index: usize, most: usize) -> impl Iterator<Item = &Token> {
        let until = index.min(self.tokens.len());
        let before = self.tokens.get(until.saturating_sub(most * 3)..until).unwrap_or_default();
        before.iter().rev().filter(|token| token.is_chunk()).take(most)
    }
}

/// A word that ends with a dot said aloud, such as `kamernetpuntnl`.
fn ends_like_domain(word: Option<&str>) -> bool {
    word.is_some_and(|word| word.ends_with("nl") || word.ends_with("com") || word.ends_with("org"))
}

fn space(bytes: &[u8], at: usize) -> (Kind, usize, usize) {
    let rest = bytes.get(at..).unwrap_or_default();
    let run = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n')).count();
    let line = rest.iter().take(run).any(|byte| *byte == b'\n');
    (if line { Kind::Line } else { Kind::Space }, at + run, 0)
}

/// Letters and digits; an apostrophe between letters belongs to the word.
fn chunk(text: &str, bytes: &[u8], at: usize) -> (Kind, usize, usize) {
    let (mut to, mut letters, mut digits) = (at, 0_usize, 0_usize);
    while let Some(&byte) = bytes.get(to) {
        match byte {
            b'a'..=b'z' => letters += 1,
            b'0'..=b'9' => digits += 1,
            b'\''
                if digits == 0
                    && letters > 0
                    && bytes.get(to + 1).is_some_and(u8::is_ascii_lowercase)
                    && bytes.get(to + 2).is_none_or(|next| {
                        !next.is_ascii_lowercase() || bytes.get(to + 3).is_none_or(|end| !end.is_ascii_lowercase())
                    }) => {}
            0x80.. => match text.get(to..).and_then(|rest| rest.chars().next()) {
                Some(letter) if letter.is_alphabetic() => {
                    letters += 1;
                    to += letter.len_utf8() - 1;
                }
                _ => break,
            },
            _ => break,
        }
        to += 1;
    }
    match (letters, digits) {
        (0, _) => (Kind::Digits, to, digits),
        (_, 0) => (Kind::Word, to, 0),
        _ => (Kind::Mixed, to, to - at),
    }
}

fn other(text: &str, bytes: &[u8], at: usize) -> (Kind, usize, usize) {
    match text.get(at..).and_then(|rest| rest.chars().next()) {
        Some(letter) if letter.is_alphabetic() => chunk(text, bytes, at),
        Some(BREAK) => (Kind::Break, at + 1, 0),
        Some(sign) => (Kind::Other, at + sign.len_utf8(), 0),
        None => (Kind::Other, at + 1, 0),
    }
}

/// Characters of a chunk that are read as digits at most.
const SAID_BYTES_MAX: usize = 80;

/// The digits that a chunk says, if all of it does: `nulzes`, `zero6`, `three4`. Letters that look like digits are not
/// read here.
pub(super) fn said_digits(chunk: &str) -> Option<Vec<u8>> {
    if chunk.len() > SAID_BYTES_MAX {
        return None;
    }
    let mut digits = Vec::new();
    let mut rest = chunk;
    while let Some(first) = rest.bytes().next() {
        if first.is_ascii_digit() {
            digits.push(first - b'0');
            rest = rest.get(1..)?;
        } else {
            let (word, value) = GLUED.get(usize::from(first))?.iter().find(|(word, _)| rest.starts_with(word))?;
            push_value(&mut digits, *value);
            rest = rest.get(word.len()..)?;
        }
    }
    Some(digits)
}

/// The decimal digits of a number in words.
pub(super) fn push_value(digits: &mut Vec<u8>, value: u8) {
    if value >= 10 {
        digits.push(value / 10);
    }
    digits.push(value % 10);
}
