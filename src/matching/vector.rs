//! What is stored of a person for the engine: a versioned record of fixed layout, with a hash of what it was made from.

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::bank::{NONE, QUESTIONS, bank};
use super::person::{CITIES_MAX, Cohort, Housing, LANGUAGES_MAX, Pattern, Person, Wrong};

/// The layout below. A stored vector of another version is stale.
pub const VERSION: u8 = 1;
/// Bytes of a vector.
pub const BYTES: usize = 128;
/// Day 0 of move-in windows.
const EPOCH: NaiveDate = match NaiveDate::from_ymd_opt(2020, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// A span of euros or days, both ends included; `from > to` means that nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The lower end.
    pub from: u16,
    /// The upper end.
    pub to: u16,
}

impl Span {
    /// Nothing was said.
    pub const UNKNOWN: Self = Self { from: 1, to: 0 };

    /// Whether anything was said.
    pub fn known(self) -> bool {
        self.from <= self.to
    }
}

/// A person as the engine scores one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// Their cohort.
    pub cohort: Cohort,
    /// A level for every question, [`NONE`] where there is no answer.
    pub levels: [u8; QUESTIONS],
    /// Bit `i`: item `i` is important to them.
    pub important: u64,
    /// Bit `g`: gate `g` is a deal-breaker to them.
    pub dealbreakers: u8,
    /// Bit `c`: they look in city `c` of the bank.
    pub cities: u64,
    /// Any city will do.
    pub anywhere: bool,
    /// Euros a month.
    pub budget: Span,
    /// Days since 2020-01-01.
    pub move_in: Span,
    /// Bit for each of [`Housing`].
    pub housing: u8,
    /// Language codes, sorted, as two or three letters in 16 bits; 0 is none.
    pub languages: [u16; LANGUAGES_MAX],
    /// The university, hashed; 0 is none.
    pub university: u64,
    /// The programme, hashed; 0 is none or undecided.
    pub programme: u64,
    /// The year of study; 0 is unknown.
    pub study_year: u8,
    /// 1 + [`Pattern`]; 0 is unknown.
    pub pattern: u8,
    /// Years of age of a professional; 0 is unknown.
    pub age: u8,
}

impl Vector {
    /// The vector of a person.
    ///
    /// # Errors
    /// A city that the bank does not know, or too many of them.
    pub fn of(person: &Person) -> Result<Self, Wrong> {
        let academic = person.academic.as_ref();
        let work = person.work.as_ref();
        let name = |text: Option<&String>| text.map_or(0, |text| hashed(text));
        let mut languages: Vec<u16> = person.languages.iter().map(|code| letters(code)).collect();
        languages.sort_unstable();
        languages.dedup();
        let mut held = [0; LANGUAGES_MAX];
        held.iter_mut().zip(languages).for_each(|(held, code)| *held = code);
        Ok(Self {
            cohort: person.cohort,
            levels: person.levels,
            important: person.important,
            dealbreakers: person.dealbreakers,
            cities: cities(&person.cities)?,
            anywhere: person.anywhere,
            budget: person.budget.map_or(Span::UNKNOWN, |budget| Span { from: budget.min, to: budget.max }),
            move_in: person.move_in.map_or(Span::UNKNOWN, |window| Span { from: day(window.from), to: day(window.to) }),
            housing: person.housing.iter().fold(0, |mask, housing| mask | bit(*housing)),
            languages: held,
            university: name(academic.and_then(|academic| academic.university.as_ref())),
            programme: name(academic.filter(|a| !a.undecided).and_then(|academic| academic.programme.as_ref())),
            study_year: academic.and_then(|academic| academic.study_year).unwrap_or(0),
            pattern: work.and_then(|work| work.pattern).map_or(0, |pattern| match pattern {
                Pattern::FullyRemote => 1,
                Pattern::Hybrid => 2,
                Pattern::FullyOffice => 3,
            }),
            age: work.and_then(|work| work.age).unwrap_or(0),
        })
    }

    /// Whether every question is answered: what makes somebody eligible.
    pub fn complete(&self) -> bool {
        !self.levels.contains(&NONE)
    }

    /// The stored form.
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = vec![VERSION, u8::from(self.cohort == Cohort::Professional)];
        bytes.extend(self.levels);
        bytes.extend(self.important.to_le_bytes());
        bytes.push(self.dealbreakers);
        bytes.extend(self.cities.to_le_bytes());
        bytes.push(u8::from(self.anywhere));
        for end in [self.budget.from, self.budget.to, self.move_in.from, self.move_in.to] {
            bytes.extend(end.to_le_bytes());
        }
        bytes.push(self.housing);
        bytes.extend(self.languages.iter().flat_map(|code| code.to_le_bytes()));
        bytes.extend(self.university.to_le_bytes());
        bytes.extend(self.programme.to_le_bytes());
        bytes.extend([self.study_year, self.pattern, self.age]);
        let mut fixed = [0; BYTES];
        fixed.iter_mut().zip(bytes).for_each(|(held, byte)| *held = byte);
        fixed
    }

    /// Reads the stored form; nothing when it is of another version or length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        if bytes.len() != BYTES || rest.byte()? != VERSION {
            return None;
        }
        let cohort = if rest.byte()? == 1 { Cohort::Professional } else { Cohort::Student };
        let levels = rest.take()?;
        let (important, dealbreakers) = (u64::from_le_bytes(rest.take()?), rest.byte()?);
        let (cities, anywhere) = (u64::from_le_bytes(rest.take()?), rest.byte()? == 1);
        let budget = Span { from: rest.short()?, to: rest.short()? };
        let move_in = Span { from: rest.short()?, to: rest.short()? };
        let housing = rest.byte()?;
        let mut languages = [0; LANGUAGES_MAX];
        for code in &mut languages {
            *code = rest.short()?;
        }
        let (university, programme) = (u64::from_le_bytes(rest.take()?), u64::from_le_bytes(rest.take()?));
        let [study_year, pattern, age] = rest.take()?;
        Some(Self {
            cohort,
            levels,
            important,
            dealbreakers,
            cities,
            anywhere,
            budget,
            move_in,
            housing,
            languages,
            university,
            programme,
            study_year,
            pattern,
            age,
        })
    }

    /// A hash of everything this was made from: another one means that the stored vector is stale.
    pub fn inputs_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(bank().version.as_bytes());
        hash.update(self.to_bytes());
        hash.finalize().into()
    }
}

/// Reads a record from its front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn short(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }
}

/// The bit of a purpose.
pub fn bit(housing: Housing) -> u8 {
    match housing {
        Housing::SeekingRoom => 1,
        Housing::OfferingRoom => 2,
        Housing::TeamUp => 4,
        Housing::Exploring => 8,
    }
}

fn cities(names: &[String]) -> Result<u64, Wrong> {
    if names.len() > CITIES_MAX {
        return Err(Wrong::Part(format!("cities: at most {CITIES_MAX}")));
    }
    names.iter().try_fold(0, |mask, name| {
        let wanted = name.trim().to_lowercase();
        let at = bank().cities.iter().position(|city| city.to_lowercase() == wanted);
        let at = at.ok_or_else(|| Wrong::Part(format!("cities: {name} is not one of {}", bank().cities.join(", "))))?;
        Ok(mask | 1 << at)
    })
}

fn day(date: NaiveDate) -> u16 {
    let days = (date - EPOCH).num_days().clamp(0, u16::MAX.into());
    u16::try_from(days).unwrap_or(u16::MAX)
}

fn letters(code: &str) -> u16 {
    code.bytes().fold(0, |held, letter| held * 27 + u16::from(letter.saturating_sub(b'a')) + 1)
}

fn hashed(text: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(text.trim().as_bytes()).into();
    digest.first_chunk().map_or(1, |first| u64::from_le_bytes(*first)).max(1)
}
