//! Numbering plans: the Dutch one by area codes, the others by country code and length.

/// What a string of digits is to a numbering plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A Dutch personal number, with its prefix.
    Mobile,
    /// A Dutch area code, 085, 088 and the like.
    Landline,
    /// With a country code.
    Abroad,
    /// Ten to twelve digits that begin with a zero, as many countries write theirs.
    Zero,
    /// A Dutch personal number without its zero.
    NoZero,
    /// None of them.
    Nothing,
}

/// Dutch area codes of two digits after the zero.
const AREAS: &[&[u8]] = &[
    b"10", b"13", b"15", b"20", b"23", b"24", b"26", b"30", b"33", b"35", b"36", b"38", b"40", b"43", b"45", b"46",
    b"50", b"53", b"55", b"58", b"70", b"71", b"72", b"73", b"74", b"75", b"76", b"77", b"78", b"79", b"84", b"85",
    b"87", b"88", b"91",
];

/// Dutch area codes of three digits after the zero.
const SMALL_AREAS: &[&[u8]] = &[
    b"111", b"113", b"114", b"115", b"117", b"118", b"161", b"162", b"164", b"165", b"166", b"167", b"168", b"172",
    b"174", b"180", b"181", b"182", b"183", b"184", b"186", b"187", b"222", b"223", b"224", b"226", b"227", b"228",
    b"229", b"251", b"252", b"255", b"294", b"297", b"299", b"313", b"314", b"315", b"316", b"317", b"318", b"320",
    b"321", b"341", b"342", b"343", b"344", b"345", b"346", b"347", b"348", b"411", b"412", b"413", b"416", b"418",
    b"475", b"478", b"481", b"485", b"486", b"487", b"488", b"492", b"493", b"495", b"497", b"499", b"511", b"512",
    b"513", b"514", b"515", b"516", b"517", b"518", b"519", b"521", b"522", b"523", b"524", b"525", b"527", b"528",
    b"529", b"541", b"543", b"544", b"545", b"546", b"547", b"548", b"561", b"562", b"566", b"570", b"571", b"572",
    b"573", b"575", b"577", b"578", b"591", b"592", b"593", b"594", b"595", b"596", b"597", b"598", b"599",
    // Belgian mobile numbers are written alike.
    b"455", b"456", b"460", b"465", b"466", b"467", b"468", b"470", b"471", b"472", b"473", b"474", b"476", b"477",
    b"479", b"480", b"483", b"484", b"489", b"490", b"491", b"494", b"496", b"498",
];

/// Country codes with the digits of their numbers after it, at least and at most. Others are 7 to 12.
const COUNTRIES: &[(&[u8], usize, usize)] = &[
    (b"1", 10, 10),
    (b"7", 10, 10),
    (b"20", 8, 10),
    (b"27", 9, 9),
    (b"30", 10, 10),
    (b"31", 9, 10),
    (b"32", 8, 10),
    (b"33", 9, 10),
    (b"34", 9, 9),
    (b"36", 8, 9),
    (b"39", 8, 11),
    (b"40", 9, 10),
    (b"41", 9, 10),
    (b"43", 7, 13),
    (b"44", 9, 11),
    (b"45", 8, 8),
    (b"46", 7, 11),
    (b"47", 8, 8),
    (b"48", 9, 9),
    (b"49", 7, 12),
    (b"51", 8, 9),
    (b"52", 10, 11),
    (b"54", 10, 11),
    (b"55", 10, 11),
    (b"56", 9, 9),
    (b"57", 8, 10),
    (b"58", 10, 10),
    (b"60", 8, 10),
    (b"61", 9, 10),
    (b"62", 8, 12),
    (b"63", 10, 10),
    (b"64", 8, 10),
    (b"65", 8, 8),
    (b"66", 8, 9),
    (b"81", 9, 10),
    (b"82", 8, 11),
    (b"84", 9, 10),
    (b"86", 11, 12),
    (b"90", 10, 11),
    (b"91", 10, 10),
    (b"92", 9, 10),
    (b"93", 9, 9),
    (b"94", 9, 9),
    (b"95", 8, 10),
    (b"98", 10, 11),
    (b"212", 9, 10),
    (b"213", 8, 9),
    (b"216", 8, 8),
    (b"220", 7, 7),
    (b"233", 9, 9),
    (b"234", 8, 10),
    (b"297", 7, 7),
    (b"351", 9, 9),
    (b"352", 6, 11),
    (b"353", 7, 10),
    (b"354", 7, 9),
    (b"358", 6, 12),
    (b"359", 8, 9),
    (b"370", 8, 8),
    (b"371", 8, 8),
    (b"372", 7, 8),
    (b"380", 9, 9),
    (b"385", 8, 9),
    (b"386", 8, 8),
    (b"420", 9, 9),
    (b"421", 9, 9),
    (b"597", 6, 7),
    (b"599", 7, 8),
    (b"852", 8, 8),
    (b"886", 8, 9),
    (b"961", 7, 8),
    (b"962", 8, 9),
    (b"963", 8, 9),
    (b"964", 8, 10),
    (b"966", 8, 9),
    (b"971", 8, 9),
    (b"972", 8, 9),
];

fn ascii(digits: &[u8], from: usize, to: usize) -> Vec<u8> {
    digits.get(from..to).unwrap_or_default().iter().map(|digit| digit + b'0').collect()
}

/// What these digits are. `plus` says that a plus is before them.
pub(super) fn shape(digits: &[u8], plus: bool) -> Shape {
    if plus {
        return abroad(digits);
    }
    match digits {
        [0, 0, rest @ ..] if rest.first().is_some_and(|digit| *digit != 0) => abroad(rest),
        [0, 6, ..] if digits.len() == 10 => Shape::Mobile,
        [0, next, ..] if digits.len() == 10 && *next != 0 => {
            let (area, small) = (ascii(digits, 1, 3), ascii(digits, 1, 4));
            if AREAS.contains(&area.as_slice()) || SMALL_AREAS.contains(&small.as_slice()) {
                Shape::Landline
            } else {
                Shape::Zero
            }
        }
        // The United Kingdom and Germany.
        [0, 7, ..] if digits.len() == 11 => Shape::Zero,
        [0, 1, 5..=7, ..] if matches!(digits.len(), 11 | 12) => Shape::Zero,
        [3, 1, 6, ..] if digits.len() == 11 => Shape::Mobile,
        [3, 1, 0, 6, ..] if digits.len() == 12 => Shape::Mobile,
        [6, ..] if digits.len() == 9 => Shape::NoZero,
        _ => Shape::Nothing,
    }
}

/// A number with its country code, without plus and zeros.
fn abroad(digits: &[u8]) -> Shape {
    let length = digits.len();
    for code in 1..=3 {
        let code = ascii(digits, 0, code);
        if let Some((_, least, most)) = COUNTRIES.iter().find(|(known, _, _)| **known == *code) {
            let national = length - code.len();
            return if (*least..=*most).contains(&national) { Shape::Abroad } else { Shape::Nothing };
        }
    }
    if (10..=15).contains(&length) { Shape::Abroad } else { Shape::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Shape {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
        shape(&digits, text.starts_with('+'))
    }

    #[test]
    fn plans() {
        for (text, shape) in [
            ("0612345678", Shape::Mobile),
            ("31612345678", Shape::Mobile),
            ("0031612345678", Shape::Abroad),
            ("+31 (0)6 12345678", Shape::Abroad),
            ("020 1234567", Shape::Landline),
            ("0512 123456", Shape::Landline),
            ("0112 123456", Shape::Zero),
            ("612345678", Shape::NoZero),
            ("+49 1512 3456789", Shape::Abroad),
            ("+1 555", Shape::Nothing),
            ("20262027", Shape::Nothing),
            ("1234567", Shape::Nothing),
        ] {
            assert_eq!(of(text), shape, "{text}");
        }
    }
}
