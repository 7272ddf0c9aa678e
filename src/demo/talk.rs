//! What people say: dialogues with slots, as text files beside this one.
//!
//! A dialogue starts with `# name | kind | stage`; a turn is `A: text`, where the letter is who speaks. Kinds: `pair`, `lead` (the two
//! leads, in their order) and `group`. Stages: 1 getting to know, 2 viewing, 3 deciding and moving, 4 living together. A slot is a
//! name in braces, filled once for a dialogue.

use std::collections::BTreeMap;

use super::cast::{COURSES, DISHES, ITEMS, PLACES, Place, SHOPS, SHOPS_EN};
use super::dice::Dice;

/// Which language a dialogue is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tongue {
    Dutch,
    English,
    Mixed,
}

/// Who has a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pair,
    Lead,
    Group,
    /// A few lines in the long chat of a house.
    House,
}

/// A dialogue with its slots still open.
#[derive(Clone, Debug)]
pub(super) struct Dialogue {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) tongue: Tongue,
    pub(super) stage: u8,
    /// Who speaks, 0 for A, and what.
    pub(super) turns: Vec<(usize, &'static str)>,
}

/// All dialogues there are.
pub(super) fn corpus() -> Vec<Dialogue> {
    [
        (include_str!("talk/nl.txt"), Tongue::Dutch),
        (include_str!("talk/en.txt"), Tongue::English),
        (include_str!("talk/mixed.txt"), Tongue::Mixed),
        (include_str!("talk/groups.txt"), Tongue::Mixed),
        (include_str!("talk/house.txt"), Tongue::Dutch),
    ]
    .into_iter()
    .flat_map(|(text, tongue)| read(text, tongue))
    .collect()
}

fn read(text: &'static str, tongue: Tongue) -> Vec<Dialogue> {
    let mut dialogues: Vec<Dialogue> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            let mut parts = heading.split(" | ");
            let name = parts.next().unwrap_or_default();
            let kind = match parts.next() {
                Some("pair") => Kind::Pair,
                Some("lead") => Kind::Lead,
                Some("group") => Kind::Group,
                _ => Kind::House,
            };
            let mut last = parts.next().unwrap_or("4");
            let tongue = match last {
                "nl" => Tongue::Dutch,
                "en" => Tongue::English,
                _ => tongue,
            };
            last = parts.next().unwrap_or(last);
            dialogues.push(Dialogue { name, kind, tongue, stage: last.parse().unwrap_or(4), turns: Vec::new() });
        } else if let (Some((letter, said)), Some(dialogue)) = (line.split_once(": "), dialogues.last_mut()) {
            let speaker = letter.bytes().next().unwrap_or(b'A').saturating_sub(b'A');
            dialogue.turns.push((usize::from(speaker), said));
        }
    }
    dialogues
}

/// What the slots of one dialogue are filled with.
pub(super) struct Slots {
    values: BTreeMap<&'static str, String>,
}

impl Slots {
    /// Slots for people who speak this language; `names` are first names in speaking order.
    pub(super) fn new(
        dice: &mut Dice,
        city: &str,
        tongue: Tongue,
        names: &[&str],
        programmes: &[&str],
        others: &[&str],
    ) -> Self {
        let first: Option<&Place> = PLACES.iter().find(|place| place.0 == city).or(PLACES.first());
        let (city, areas, streets, cafes) = first.copied().unwrap_or_default();
        let dutch = tongue == Tongue::Dutch;
        // Outside of Dutch sentences only those that are names.
        let named = |cafe: &&&str| dutch || cafe.starts_with(char::is_uppercase);
        let cafes: Vec<_> = cafes.iter().filter(named).copied().collect();
        let rent = dice.range(78, 142) * 5;
        let mut values = BTreeMap::from([
            ("city", city.to_owned()),
            ("area", dice.word(areas).to_owned()),
            ("street", dice.word(streets).to_owned()),
            ("cafe", dice.word(&cafes).to_owned()),
            ("rent", euros(rent, dutch)),
            ("deposit", euros((rent - 60) * 2, dutch)),
            ("small", euros(dice.range(12, 38), dutch)),
            ("size", dice.range(11, 22).to_string()),
            ("dish", dice.word(&DISHES).to_owned()),
            ("item", dice.word(&ITEMS).to_owned()),
            ("flatmate", dice.word(others).to_owned()),
            ("shop", dice.word(if dutch { &SHOPS } else { &SHOPS_EN }).to_owned()),
        ]);
        // In a dialogue of both languages the Dutch lines have slots with Dutch names, for the same day and time.
        let (day, month) = (dice.index(DAYS.len()), dice.index(MONTHS.len()));
        let first_of_month = dice.word(&["1", "1", "1", "15"]);
        let (hour, half) = (dice.range(4, 8), dice.percent(40));
        for (in_dutch, [day_slot, month_slot, date_slot, time_slot]) in
            [(dutch, ["day", "month", "date", "time"]), (true, ["dag", "maand", "datum", "tijd"])]
        {
            let said = |pair: Option<&(&'static str, &'static str)>| {
                pair.map_or("", |(nl, en)| if in_dutch { nl } else { en }).to_owned()
            };
            let month = said(MONTHS.get(month));
            values.insert(date_slot, format!("{first_of_month} {month}"));
            values.insert(month_slot, month);
            values.insert(day_slot, said(DAYS.get(day)));
            values.insert(time_slot, clock(hour, half, in_dutch));
        }
        let course = COURSES.get(dice.index(COURSES.len())).map_or("", |(nl, en)| if dutch { nl } else { en });
        values.insert("course", course.to_owned());
        for (slot, name) in ["a", "b", "c", "d", "e", "f", "g"].iter().zip(names.iter().chain(others)) {
            values.insert(slot, (*name).to_owned());
        }
        for (slot, programme) in ["program_a", "program_b"].iter().zip(programmes) {
            values.insert(slot, (*programme).to_owned());
        }
        Self { values }
    }

    /// The text with its slots filled.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some((before, slot)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, after)) = slot.split_once('}') else { break };
            filled.push_str(self.values.get(name).map_or("", String::as_str));
            rest = after;
        }
        filled.push_str(rest);
        capital(filled)
    }
}

/// In Dutch and in English.
const DAYS: [(&str, &str); 6] = [
    ("maandag", "Monday"),
    ("dinsdag", "Tuesday"),
    ("woensdag", "Wednesday"),
    ("donderdag", "Thursday"),
    ("vrijdag", "Friday"),
    ("zaterdag", "Saturday"),
];
const MONTHS: [(&str, &str); 4] =
    [("december", "December"), ("januari", "January"), ("februari", "February"), ("maart", "March")];
const HOURS_NL: [&str; 13] =
    ["twaalf", "één", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen", "tien", "elf", "twaalf"];

fn euros(amount: i64, dutch: bool) -> String {
    match (amount >= 1000, dutch) {
        (true, true) => format!("€ {}.{:03}", amount / 1000, amount % 1000),
        (true, false) => format!("€{},{:03}", amount / 1000, amount % 1000),
        (false, true) => format!("€ {amount}"),
        (false, false) => format!("€{amount}"),
    }
}

/// An hour of the afternoon or evening as people write it.
fn clock(hour: i64, half: bool, dutch: bool) -> String {
    let word = |hour: i64| usize::try_from(hour).ok().and_then(|hour| HOURS_NL.get(hour)).copied().unwrap_or_default();
    match (dutch, half) {
        (true, false) => format!("{} uur", word(hour)),
        (true, true) => format!("half {}", word(hour + 1)),
        (false, false) => format!("{hour} pm"),
        (false, true) => format!("{hour}:30 pm"),
    }
}

/// A slot at the start of a sentence begins with a capital; a line that was written small stays small.
fn capital(text: String) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if DAYS.iter().any(|(day, _)| text.starts_with(day)) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_corpus_is_rich_and_well_formed() {
        let corpus = corpus();
        let long: Vec<_> = corpus.iter().filter(|dialogue| dialogue.kind != Kind::House).collect();
        assert!(long.len() >= 45, "{}", long.len());
        let names: BTreeSet<_> = long.iter().map(|dialogue| dialogue.name).collect();
        assert_eq!(names.len(), long.len());
        for dialogue in &long {
            assert!((6..=25).contains(&dialogue.turns.len()), "{} has {} turns", dialogue.name, dialogue.turns.len());
            assert!((1..=4).contains(&dialogue.stage), "{}", dialogue.name);
            let speakers = dialogue.turns.iter().map(|turn| turn.0).max().unwrap() + 1;
            let most = if dialogue.kind == Kind::Group { 4 } else { 2 };
            assert!((2..=most).contains(&speakers), "{} has {speakers} speakers", dialogue.name);
        }
        let share = |tongue| long.iter().filter(|dialogue| dialogue.tongue == tongue).count();
        assert!(share(Tongue::Dutch) >= 20 && share(Tongue::English) >= 20 && share(Tongue::Mixed) >= 5);
        for kind in [Kind::Pair, Kind::Lead, Kind::Group, Kind::House] {
            assert!(corpus.iter().filter(|dialogue| dialogue.kind == kind).count() >= 5, "{kind:?}");
        }
    }

    #[test]
    fn every_slot_is_filled_and_nothing_looks_like_contact_data() {
        let mut dice = Dice::new(3, "test");
        for dialogue in corpus() {
            let names = ["Ada", "Bo", "Cas", "Dee", "Eva"];
            for place in PLACES {
                let slots = Slots::new(&mut dice, place.0, dialogue.tongue, &names, &["Recht", "Biologie"], &["Fay"]);
                for (_, turn) in &dialogue.turns {
                    for name in turn.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0) {
                        assert!(slots.values.get(name).is_some_and(|value| !value.is_empty()), "{name} in {turn}");
                    }
                    let said = slots.fill(turn);
                    assert!(!said.contains(['{', '}', '@']) && !said.contains("//") && !said.contains("www"), "{said}");
                    let digits = said.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap();
                    assert!(digits <= 3, "{said}");
                }
            }
        }
    }

    #[test]
    fn numbers_read_like_people_write_them() {
        assert_eq!((euros(650, true).as_str(), euros(1180, true).as_str()), ("€ 650", "€ 1.180"));
        assert_eq!((euros(650, false).as_str(), euros(1005, false).as_str()), ("€650", "€1,005"));
        assert_eq!((clock(7, true, true).as_str(), clock(7, false, true).as_str()), ("half acht", "zeven uur"));
        assert_eq!(clock(7, true, false), "7:30 pm");
    }
}
