//! Message texts that look like chat and still carry a marker.
//!
//! The marker is eleven common four-letter words (Dutch and English), a byte
//! each: time, sender, sequence number, and a check byte that also tells runs
//! apart. No digits, no signs, no rare letter groups: a moderation filter sees
//! ordinary words, and decoding costs a multiplication and a look-up a word.
//! Behind it come words from a longer list up to the wanted length.

/// 256 of them; their order is the code.
const CODE: &str = "huis deur raam stad boek tuin boom gras wolk zand stil mooi goed fijn leuk heel veel meer soms vaak even \
    toen hier daar thee melk kaas soep peer kers noot koek hond geit haas eend tram auto boot brug park laan \
    berg kust golf wind maan ster week jaar lamp kast muur trap gang bord vork oven warm koud hard lang kort \
    smal hoog laag diep rond rood geel roze jong snel druk rust slim lief blij werk taal blad film lied dans \
    spel doel gaan doen zien eten waar want maar toch niet echt best haar zijn moet wilt weer eens vast laat \
    deel plek hout glas wiel zaal vaas doos mand jurk trui muts book tree door wall desk hall lawn rose leaf \
    seed soil corn rice soup bean cake milk salt plum pear lime mint herb fish bird goat deer bear frog swan \
    hawk crow lion moth ship sail rope road lane path hill lake pond rain snow mist star moon dawn dusk noon \
    year hour past soon then when also just very much many most some such each both ever away back down here \
    near over onto upon well good kind calm cool mild soft firm slow fast tall wide thin deep high blue grey \
    pink teal pale wood iron wool silk clay sand rock song tune play game walk ride swim jump rest read cook \
    bake wash fold draw sing help make take give find keep hold look seem feel know like hope wish plan idea \
    task note page word";

/// No number words, no "at" or "dot", nothing that asks for contact details.
const FILL: &str = "ik wil graag samen koken maar eerst even boodschappen halen de winkel hoek wat vind jij van het nieuwe \
    gebouw campus volgens mij wordt morgen zonnig dus kunnen we buiten studeren in park mijn kamer is rustig met \
    veel licht en groot raam hoe gaat vandaag jou heb je al ontbeten lekker hoor zullen later wandelen langs \
    gracht gezellig natuurlijk misschien volgende week na colleges of anders zondag hou muziek lezen fietsen \
    schilderen lange gesprekken over reizen vrienden familie dieren planten films theater the kitchen shared but \
    clean and everyone does their own dishes usually have dinner together on sunday evening what kind housemates \
    are you looking for maybe someone quiet who also enjoys board games a good laugh my program starts september \
    so there still time to think about it honestly neighbourhood feels friendly green plenty small shops market \
    lovely morning would rather live near centre or close university sounds great thanks asking let us talk \
    again tomorrow when everybody home reünie ideeën coördinatie café patiënt hé crème";

/// Bytes of a marker: eleven words and the spaces between them.
pub const LEN: usize = 11 * 5 - 1;
/// Time is kept in units of 16 ns since the start of the process (4.9 hours).
const TICK: u32 = 4;

pub struct Words {
    mul: u32,
    table: Box<[u8; 4096]>,
    word: [u32; 256],
    run: u8,
    fill: Vec<Vec<u8>>,
    turn: usize,
}

/// How long texts are.
pub struct Lengths {
    fixed: usize,
    rng: u64,
}

impl Lengths {
    /// Always `bytes`, or with 0 as people write: most texts are a line, few a paragraph. The marker makes the shortest 56.
    pub fn new(bytes: usize) -> Lengths {
        Lengths { fixed: bytes, rng: 7 }
    }

    /// The length of the next text.
    pub fn draw(&mut self) -> usize {
        if self.fixed > 0 {
            return self.fixed.max(LEN + 2);
        }
        // Log-normal behind the marker: median 22, a tenth above 90, never above 1,500.
        let mut unit = || (splitmix(&mut self.rng) >> 11) as f64 / (1u64 << 53) as f64;
        let normal = (-2.0 * (unit() + 1e-12).ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
        LEN + 2 + ((3.1 + 1.1 * normal).exp() as usize).min(1_500)
    }
}

pub fn splitmix(x: &mut u64) -> u64 {
    *x = x.wrapping_add(0x9e3779b97f4a7c15);
    let mut z = *x;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
    z ^ (z >> 31)
}

impl Words {
    /// `run` tells the texts of this run from those of another.
    pub fn new(run: u8, mut lengths: Lengths) -> Words {
        let fill = (0..4096).map(|i| filler(lengths.draw() - LEN, i)).collect();
        let list: Vec<&[u8]> = CODE.split_whitespace().map(|w| w.as_bytes()).collect();
        assert_eq!(list.len(), 256);
        let mut word = [0u32; 256];
        for (i, w) in list.iter().enumerate() {
            word[i] = u32::from_le_bytes((*w).try_into().expect("four letters"));
        }
        // A multiplier under which no two words share a slot.
        let mut rng = 1u64;
        'next: loop {
            let mul = splitmix(&mut rng) as u32 | 1;
            let mut table = Box::new([0u8; 4096]);
            let mut used = [false; 4096];
            for (i, w) in word.iter().enumerate() {
                let s = (w.wrapping_mul(mul) >> 20) as usize;
                if used[s] {
                    continue 'next;
                }
                used[s] = true;
                table[s] = i as u8;
            }
            return Words { mul, table, word, run, fill, turn: 0 };
        }
    }

    fn check(&self, b: &[u8; 10]) -> u8 {
        let mut h = 0x811c9dc5u32 ^ self.run as u32;
        for &x in b {
            h = (h ^ x as u32).wrapping_mul(0x01000193);
        }
        (h ^ h >> 8 ^ h >> 16 ^ h >> 24) as u8
    }

    /// Makes `text` a marker and words behind it.
    pub fn write(&mut self, text: &mut Vec<u8>, t: u64, s: u32, q: u32) {
        let mut b = [0u8; 10];
        b[..5].copy_from_slice(&(t >> TICK).to_be_bytes()[3..]);
        b[5..7].copy_from_slice(&(s as u16).to_be_bytes());
        b[7..].copy_from_slice(&q.to_be_bytes()[1..]);
        text.clear();
        for &x in b.iter().chain([&self.check(&b)]) {
            if !text.is_empty() {
                text.push(b' ');
            }
            text.extend_from_slice(&self.word[x as usize].to_le_bytes());
        }
        self.turn = (self.turn + 1) % self.fill.len();
        text.extend_from_slice(&self.fill[self.turn]);
    }

    /// Time, sender and sequence number, if `b` begins with a marker of this run.
    #[inline]
    pub fn read(&self, b: &[u8]) -> Option<(u64, u32, u32)> {
        if b.len() < LEN {
            return None;
        }
        let mut v = [0u8; 11];
        for (i, x) in v.iter_mut().enumerate() {
            let w = u32::from_le_bytes(b[i * 5..i * 5 + 4].try_into().unwrap());
            *x = self.table[(w.wrapping_mul(self.mul) >> 20) as usize];
            if self.word[*x as usize] != w {
                return None;
            }
        }
        let b: &[u8; 10] = v[..10].try_into().unwrap();
        if self.check(b) != v[10] {
            return None;
        }
        let t = u64::from_be_bytes([0, 0, 0, b[0], b[1], b[2], b[3], b[4]]) << TICK;
        Some((t, u16::from_be_bytes([b[5], b[6]]) as u32, u32::from_be_bytes([0, b[7], b[8], b[9]])))
    }
}

/// Exactly `len` bytes: a separator, words, a full stop.
fn filler(len: usize, seed: u64) -> Vec<u8> {
    let list: Vec<&str> = FILL.split_whitespace().collect();
    let mut rng = seed.wrapping_mul(0x2545f4914f6cdd1d) + 7;
    let mut s = String::with_capacity(len);
    let body = len.saturating_sub(1);
    let mut since = 8;
    while s.len() < body {
        let left = body - s.len();
        let w = list[splitmix(&mut rng) as usize % list.len()];
        since += 1;
        let comma = since > 9 && left > 16 && splitmix(&mut rng).is_multiple_of(4);
        let sep = if comma { ", " } else { " " };
        if left < 16 {
            // The last word must end exactly here.
            let mut fit: Vec<&&str> = list.iter().filter(|x| x.is_ascii() && x.len() + 1 == left).collect();
            if fit.is_empty() && left > 6 {
                fit = list.iter().filter(|x| x.is_ascii() && x.len() < 5).collect();
            }
            if fit.is_empty() {
                s.push_str(&" u"[..left.min(2)]);
            } else {
                s.push(' ');
                s.push_str(fit[splitmix(&mut rng) as usize % fit.len()]);
            }
            continue;
        }
        if comma {
            since = 0;
        }
        s.push_str(sep);
        s.push_str(w);
    }
    if len > 0 {
        s.push('.');
    }
    assert_eq!(s.len(), len);
    s.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_round_trips_and_is_plain_text() {
        for len in (LEN + 2..400).chain([1024, 4000]) {
            let mut w = Words::new(9, Lengths::new(len));
            let mut b = vec![];
            for q in 1..4 {
                w.write(&mut b, 0x12_3456_7890 + q as u64 * 16, 513, 70_000 + q);
                assert_eq!(w.read(&b), Some((0x12_3456_7890 + q as u64 * 16, 513, 70_000 + q)));
                let s = std::str::from_utf8(&b).unwrap();
                assert!(!s.contains(|c: char| c.is_ascii_digit() || c.is_control() || "\"\\@/:_-".contains(c)), "{s}");
                assert!(s.ends_with('.') && !s.contains("  "), "{s}");
                assert!(s.split_whitespace().all(|w| w.chars().count() < 20));
            }
            assert_eq!(Words::new(8, Lengths::new(56)).read(&b), None);
        }
    }

    #[test]
    fn lengths_are_those_of_chat() {
        let mut lengths = Lengths::new(0);
        let mut drawn: Vec<usize> = (0..10_000).map(|_| lengths.draw()).collect();
        drawn.sort_unstable();
        assert!((74..82).contains(&drawn[5_000]), "{}", drawn[5_000]);
        assert!((120..180).contains(&drawn[9_000]) && drawn[0] >= LEN + 2 && drawn[9_999] <= LEN + 1_502);
        assert_eq!(Lengths::new(132).draw(), 132);
    }

    #[test]
    fn other_text_is_not_a_marker() {
        let w = Words::new(1, Lengths::new(56));
        assert_eq!(w.read(b""), None);
        assert_eq!(w.read(&[b'x'; 80]), None);
        assert_eq!(
            w.read("ik wil graag samen koken maar eerst even boodschappen halen bij de winkel".as_bytes()),
            None
        );
    }
}
