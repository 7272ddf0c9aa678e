//! One pass over a text that takes its disguise off: case, accents, look-alikes, digits of other scripts, and characters
//! that take no room. Every byte of the result knows the character it came from.

use decancer::Translation;
use unicode_normalization::char::is_combining_mark;

/// Between the messages of a window; in a text of a person it is dropped like every control.
pub(super) const BREAK: char = '\u{1E}';

/// The zeros of the scripts that have ten digits in a row (`Nd` of Unicode 16).
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0,
    0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50,
    0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC,
    0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

/// The ones of rows of nine circled digits.
const CIRCLED: &[u32] = &[0x2460, 0x2474, 0x24F5, 0x2776, 0x2780, 0x278A];

/// Where a byte of the folded text came from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    /// The character's place in the original, in Unicode scalars.
    place: u32,
    /// It was a capital.
    upper: bool,
    /// It was not ASCII.
    foreign: bool,
}

/// A text without its disguise.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// Lower case, mostly ASCII.
    pub text: String,
    origins: Vec<Origin>,
    /// Scalars of the original.
    chars: usize,
    /// Capitals.
    pub uppers: usize,
}

impl Folded {
    /// Folds a text; `joined` keeps the breaks between the messages of a window.
    pub fn new(text: &str, joined: bool) -> Self {
        let mut folded = Self {
            text: String::with_capacity(text.len()),
            origins: Vec::with_capacity(text.len()),
            chars: 0,
            uppers: 0,
        };
        let mut rest = text.chars().enumerate();
        while let Some((place, letter)) = rest.next() {
            folded.chars = place + 1;
            if letter.is_ascii() {
                if !letter.is_ascii_control() {
                    folded.push(letter.to_ascii_lowercase(), place, letter.is_ascii_uppercase(), false);
                } else if matches!(letter, '\n' | '\r') || (joined && letter == BREAK) {
                    folded.push(if letter == BREAK { BREAK } else { '\n' }, place, false, false);
                } else if letter == '\t' {
                    folded.push(' ', place, false, false);
                }
            } else if is_indicator(letter) {
                // A flag is two of them; anything else spells.
                let mut ahead = rest.clone().map(|(_, next)| next).filter(|next| !is_dropped(*next));
                let pair = ahead.next().is_some_and(is_indicator) && !ahead.next().is_some_and(is_indicator);
                if pair && !folded.text.ends_with(|last: char| last.is_alphanumeric()) {
                    for (place, next) in rest.by_ref() {
                        folded.chars = place + 1;
                        if is_indicator(next) {
                            break;
                        }
                    }
                    folded.push('🏳', place, false, true);
                } else {
                    folded.foreign(letter, place);
                }
            } else {
                folded.foreign(letter, place);
            }
        }
        folded
    }

    /// The same text with these ranges of bytes left out, which must be in order and apart.
    pub fn without(&self, holes: &[(usize, usize)]) -> Self {
        let mut kept = Self {
            text: String::with_capacity(self.text.len()),
            origins: Vec::new(),
            chars: self.chars,
            uppers: self.uppers,
        };
        let mut from = 0;
        for (start, end) in holes.iter().copied().chain([(self.text.len(), self.text.len())]) {
            kept.text.push_str(self.text.get(from..start).unwrap_or_default());
            kept.origins.extend_from_slice(self.origins.get(from..start).unwrap_or_default());
            from = end;
        }
        kept
    }

    fn push(&mut self, letter: char, place: usize, upper: bool, foreign: bool) {
        let origin = Origin { place: u32::try_from(place).unwrap_or(u32::MAX), upper, foreign };
        self.uppers += usize::from(upper);
        self.text.push(letter);
        for _ in 0..letter.len_utf8() {
            self.origins.push(origin);
        }
    }

    fn foreign(&mut self, letter: char, place: usize) {
        if is_dropped(letter) || is_combining_mark(letter) {
            return;
        }
        let upper = letter.is_uppercase();
        if let Some(plain) = symbol(letter).or_else(|| digit(letter)) {
            self.push(plain, place, false, true);
            return;
        }
        if letter.is_whitespace() {
            self.push(
                if matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}') { '\n' } else { ' ' },
                place,
                false,
                true,
            );
            return;
        }
        if is_picture(letter) {
            self.push(letter, place, false, true);
            return;
        }
        match decancer::cure_char!(letter) {
            Translation::Character(plain) => self.push(plain.to_ascii_lowercase(), place, upper, true),
            Translation::String(plain) => {
                for plain in plain.chars() {
                    self.push(plain.to_ascii_lowercase(), place, upper, true);
                }
            }
            Translation::None => {}
        }
    }

    fn origin(&self, byte: usize) -> Option<&Origin> {
        self.origins.get(byte)
    }

    /// The range of the original text that a range of bytes came from.
    ///
    /// # Units
    /// Unicode scalars, half open; never empty for a range that is not.
    pub fn span(&self, from: usize, to: usize) -> [usize; 2] {
        let place = |byte: usize| self.origin(byte).map(|origin| usize::try_from(origin.place).unwrap_or(usize::MAX));
        let start = place(from).unwrap_or(self.chars);
        let last = to.checked_sub(1).and_then(place).map_or(start, |last| last + 1);
        [start, place(to).unwrap_or(self.chars).max(last)]
    }

    /// Whether this byte was a capital.
    pub fn is_upper(&self, byte: usize) -> bool {
        self.origin(byte).is_some_and(|origin| origin.upper)
    }

    /// Whether a range was written in plain ASCII.
    pub fn is_plain(&self, from: usize, to: usize) -> bool {
        self.origins.get(from..to).is_some_and(|range| range.iter().all(|origin| !origin.foreign))
    }
}

/// What shows nothing: `Default_Ignorable_Code_Point`, direction marks, variation selectors, tags, enclosing keycaps.
fn is_dropped(letter: char) -> bool {
    matches!(letter, '\u{80}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'
        | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E0FFF}' | '\u{20D0}'..='\u{20F0}')
}

fn is_indicator(letter: char) -> bool {
    matches!(letter, '\u{1F1E6}'..='\u{1F1FF}')
}

/// Pictures that are no letters in a frame.
fn is_picture(letter: char) -> bool {
    matches!(letter, '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}' | '\u{25A0}'..='\u{26FF}' | '\u{2700}'..='\u{2767}'
        | '\u{2794}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F200}'..='\u{1FAFF}')
}

/// Marks that mean what an ASCII one means, and those that must keep their meaning.
fn symbol(letter: char) -> Option<char> {
    Some(match letter {
        '\u{FF0E}' | '\u{3002}' | '\u{FF61}' | '\u{2024}' | '\u{2027}' | '\u{2022}' | '\u{2219}' | '\u{22C5}'
        | '\u{B7}' | '\u{30FB}' | '\u{FF65}' | '\u{FE52}' | '\u{6D4}' | '\u{25CF}' | '\u{26AB}' | '\u{2E31}'
        | '\u{A78F}' => '.',
        '\u{FF20}' | '\u{FE6B}' => '@',
        '\u{FF0F}' | '\u{2044}' | '\u{2215}' | '\u{29F8}' => '/',
        '\u{FF1A}' | '\u{2236}' | '\u{A789}' | '\u{FE55}' => ':',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' | '\u{2500}' | '\u{2501}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}' | '\u{2032}' | '\u{B4}' | '\u{2BC}' => '\'',
        '\u{201C}'..='\u{201F}' | '\u{AB}' | '\u{BB}' | '\u{2033}' | '\u{300C}' | '\u{300D}' => '"',
        '\u{FF0C}' | '\u{3001}' | '\u{FE50}' => ',',
        '\u{FF0B}' | '\u{2795}' | '\u{FE62}' => '+',
        '\u{FF3F}' => '_',
        '\u{FF08}' | '\u{207D}' => '(',
        '\u{FF09}' | '\u{207E}' => ')',
        '\u{2026}' | '€' | '£' | '¥' | '₿' | '¢' | '°' | '©' | '®' | '™' | '☎' | '✆' | '¿' | '¡' => {
            letter
        }
        _ => return None,
    })
}

/// The value of a digit of any script, as ASCII.
fn digit(letter: char) -> Option<char> {
    let code = u32::from(letter);
    let value = match letter {
        '二' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '\u{B2}' | '\u{B3}' => code - 0xB0,
        '一' | '\u{B9}' => 1,
        '〇' | '\u{24EA}' | '\u{24FF}' | '\u{1F100}' | '\u{1F10B}' | '\u{1F10C}' => 0,
        '\u{2070}' | '\u{2074}'..='\u{2079}' => code - 0x2070,
        '\u{2080}'..='\u{2089}' => code - 0x2080,
        _ => {
            let zero = ZEROS.get(ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?)?;
            let from_zero = code - zero;
            if from_zero < 10 {
                from_zero
            } else {
                CIRCLED.iter().find_map(|one| code.checked_sub(*one).filter(|from_one| *from_one < 9))? + 1
            }
        }
    };
    char::from_digit(value, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> String {
        Folded::new(text, false).text
    }

    #[test]
    fn disguises_come_off() {
        assert_eq!(fold("０６１２ ٠٦١٢ ०६ ⓪⑥ ❻ 𝟎𝟔 ²³"), "0612 0612 06 06 6 06 23");
        assert_eq!(fold("0\u{FE0F}\u{20E3}6\u{20E3}"), "06");
        assert_eq!(fold("jаn＠gmаil．соm"), "jan@gmail.com");
        assert_eq!(fold("g\u{200B}m\u{AD}a\u{2060}il"), "gmail");
        assert_eq!(fold("Één €5 … “x”"), "een €5 … \"x\"");
        assert_eq!(fold("🇳🇱 🇦 ⒼⓂail"), "🏳 a gmail");
        assert_eq!(fold("a\u{1E}b\tc\r\n"), "ab c\n\n");
        assert_eq!(Folded::new("a\u{1E}b", true).text, "a\u{1E}b");
    }

    #[test]
    fn spans_lead_back() {
        let folded = Folded::new("é\u{301}\u{200B}㏂😀x", false);
        assert_eq!(folded.text, "eam😀x");
        assert_eq!(folded.span(0, 1), [0, 3]);
        assert_eq!(folded.span(1, 2), [3, 4], "half of a letter that stands for two");
        assert_eq!(folded.span(3, 7), [4, 5]);
        assert_eq!(folded.span(7, 8), [5, 6]);
    }
}
