//! An answer sheet as it is saved: section by section, each checked as a whole, put together to a person.

use serde_json::{Map, Value, json};

use super::bank::{MODULES, NONE, bank, place};
use super::person::{Cohort, Person, Wrong, levels};
use super::vector::Vector;

/// A part of the questionnaire that is saved as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// A module of the bank, by its place.
    Module(usize),
    /// One's own behaviour, and what one will not live with in any case.
    Habits,
    /// What a student studies.
    Studies,
    /// Where a professional works.
    Work,
    /// Where, from when and for how much somebody looks, for what, and what they speak.
    Plans,
}

/// A field that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The field or the question.
    pub field: String,
    /// What it takes.
    pub detail: String,
}

/// What a section still lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub section: Section,
    /// Its questions and fields without an answer.
    pub fields: Vec<String>,
}

impl Section {
    /// The sections of a cohort, in the order they are asked.
    pub fn of(cohort: Cohort) -> impl Iterator<Item = Self> {
        let context = if cohort == Cohort::Student { Self::Studies } else { Self::Work };
        [context, Self::Plans].into_iter().chain((0..MODULES).map(Self::Module)).chain([Self::Habits])
    }

    /// Its id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Module(at) => bank().modules.get(at).map_or("", |module| module.id.as_str()),
            Self::Habits => "habits",
            Self::Studies => "studies",
            Self::Work => "work",
            Self::Plans => "plans",
        }
    }

    /// The section of a cohort with this id.
    pub fn named(cohort: Cohort, id: &str) -> Option<Self> {
        Self::of(cohort).find(|section| section.id() == id)
    }

    /// The parts of a person that the section is made of.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Module(_) => &["answers", "important"],
            Self::Habits => &["answers", "dealbreakers"],
            Self::Studies => &["university", "programme", "undecided", "study_year"],
            Self::Work => &["pattern", "age"],
            Self::Plans => &["cities", "anywhere", "budget", "move_in", "housing", "languages"],
        }
    }

    /// The part of a person that holds this section's parts, where they are no parts of their own.
    fn within(self) -> Option<&'static str> {
        match self {
            Self::Studies => Some("academic"),
            Self::Work => Some("work"),
            _ => None,
        }
    }

    /// The questions it asks.
    pub fn questions(self) -> Vec<&'static str> {
        match self {
            Self::Module(at) => bank()
                .modules
                .get(at)
                .map_or_else(Vec::new, |module| module.items.iter().map(|item| &*item.id).collect()),
            Self::Habits => bank().own.iter().map(|own| own.id.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Checks what is to be saved. It need not be complete; what is there must hold.
    ///
    /// # Errors
    /// Every field that does not.
    pub fn check(self, data: &Map<String, Value>) -> Result<(), Vec<Refused>> {
        let mut refused: Vec<Refused> = data.iter().filter_map(|(part, value)| self.check_part(part, value)).collect();
        if let Some(answers) = data.get("answers").and_then(Value::as_object) {
            refused.extend(levels(answers).1.into_iter().map(|wrong| named(wrong, "answers")));
            let own = self.questions();
            let foreign = answers.keys().filter(|id| place(id).is_some() && !own.contains(&id.as_str()));
            refused
                .extend(foreign.map(|id| Refused { field: id.clone(), detail: "belongs to another section".into() }));
        }
        refused.sort_by(|a, b| a.field.cmp(&b.field));
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    fn check_part(self, part: &str, value: &Value) -> Option<Refused> {
        let refused = |detail: String| Some(Refused { field: part.into(), detail });
        if !self.parts().contains(&part) {
            return refused(format!("is no part of {}", self.id()));
        }
        if part == "answers" {
            return if value.is_object() { None } else { refused("is an object of answers by question".into()) };
        }
        let alone = json!({ part: value });
        let person = self.within().map_or_else(|| alone.clone(), |within| json!({ within: alone }));
        let checked = Person::read(person).and_then(|person| Vector::of(&person).map(drop));
        let detail = |wrong: Wrong| wrong.to_string().split(" at line ").next().unwrap_or_default().to_owned();
        if let Err(wrong) = checked {
            return refused(detail(wrong));
        }
        let own = self.questions();
        let foreign = |id: &&Value| part == "important" && !id.as_str().is_some_and(|id| own.contains(&id));
        let foreign = value.as_array().and_then(|ids| ids.iter().find(foreign))?;
        refused(format!("{foreign} belongs to another section"))
    }

    /// What of it is not answered; what is optional is not named.
    fn lacks(self, data: Option<&Value>) -> Vec<String> {
        let part = |name: &str| data.and_then(|data| data.get(name));
        match self {
            Self::Module(_) | Self::Habits => {
                let answered = |id: &&str| part("answers").and_then(|answers| answers.get(id)).is_none();
                self.questions().into_iter().filter(answered).map(str::to_owned).collect()
            }
            Self::Plans => {
                let somewhere = part("anywhere") == Some(&Value::Bool(true))
                    || part("cities").and_then(Value::as_array).is_some_and(|cities| !cities.is_empty());
                let mut lacks = if somewhere { Vec::new() } else { vec!["cities".to_owned()] };
                lacks.extend(["budget", "move_in"].into_iter().filter(|name| part(name).is_none()).map(str::to_owned));
                lacks
            }
            Self::Studies => {
                let undecided = part("undecided") == Some(&Value::Bool(true));
                let needed =
                    |name: &&str| part(name).is_none_or(Value::is_null) && !(undecided && *name == "programme");
                ["university", "programme", "study_year"].into_iter().filter(needed).map(str::to_owned).collect()
            }
            // All of it may stay unsaid.
            Self::Work => Vec::new(),
        }
    }
}

fn named(wrong: Wrong, part: &str) -> Refused {
    let detail = wrong.to_string();
    match wrong {
        Wrong::UnknownItem(field) | Wrong::Answer { item: field, .. } => Refused { field, detail },
        Wrong::Part(_) => Refused { field: part.into(), detail },
    }
}

/// What a cohort's sheet still lacks: nobody is complete before this is empty.
pub fn missing(cohort: Cohort, saved: &[(Section, Value)]) -> Vec<Missing> {
    let data = |section| saved.iter().find(|(of, _)| *of == section).map(|(_, data)| data);
    let lacks = Section::of(cohort).map(|section| Missing { section, fields: section.lacks(data(section)) });
    lacks.filter(|missing| !missing.fields.is_empty()).collect()
}

/// A person as the engine reads one, of the sections they saved.
pub fn person(id: &str, cohort: Cohort, saved: &[(Section, Value)]) -> Value {
    let (mut person, mut answers) = (Map::new(), Map::new());
    person.insert("id".into(), id.into());
    person.insert("cohort".into(), json!(cohort));
    let mut important = Vec::new();
    for (section, data) in saved {
        let Value::Object(data) = data else { continue };
        if let Some(within) = section.within() {
            person.insert(within.into(), Value::Object(data.clone()));
            continue;
        }
        for (part, value) in data {
            match (part.as_str(), value) {
                ("answers", Value::Object(more)) => answers.extend(more.clone()),
                ("important", Value::Array(more)) => important.extend(more.iter().cloned()),
                _ => drop(person.insert(part.clone(), value.clone())),
            }
        }
    }
    person.insert("answers".into(), Value::Object(answers));
    person.insert("important".into(), Value::Array(important));
    Value::Object(person)
}

/// What becomes of a saved sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What the engine scores; none when the sheet cannot be read at all.
    pub vector: Option<Vector>,
    /// Everything that is needed is there.
    pub complete: bool,
    /// What of it is malformed: such a person is put aside until it is mended.
    pub problem: Option<String>,
}

/// Reads a saved sheet. A malformed answer is named, and counts as not given.
pub fn read(id: &str, cohort: Cohort, saved: &[(Section, Value)]) -> Read {
    let nothing = |wrong: Wrong| Read { vector: None, complete: false, problem: Some(wrong.to_string()) };
    let (person, wrong) = match Person::read_leniently(person(id, cohort, saved)) {
        Ok(read) => read,
        Err(wrong) => return nothing(wrong),
    };
    let vector = match Vector::of(&person) {
        Ok(vector) => vector,
        Err(wrong) => return nothing(wrong),
    };
    let whole = !vector.levels.contains(&NONE) && missing(cohort, saved).is_empty();
    Read { vector: Some(vector), complete: whole, problem: wrong.first().map(Wrong::to_string) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::matching::bank::Kind;

    /// A complete sheet: every scale at its middle, every first option.
    pub(crate) fn whole(cohort: Cohort) -> Vec<(Section, Value)> {
        let answer = |id: &str| match bank().items().find(|item| item.id == id) {
            None => json!(id == "OWN_REGISTRATION"),
            Some(item) => match item.kind {
                Kind::Likert | Kind::Bipolar => json!(3),
                Kind::Toggle => json!(false),
                Kind::Mcq => json!(item.options[0].value),
                Kind::TimeRange => json!({ "start": "22:00", "end": "07:00" }),
            },
        };
        let data = |section: Section| match section {
            Section::Studies => json!({ "university": "tue", "programme": "Architecture", "study_year": 2 }),
            Section::Work => json!({ "pattern": "hybrid", "age": 27 }),
            Section::Plans => json!({
                "cities": ["Eindhoven"], "budget": { "min": 400, "max": 700 }, "languages": ["nl"],
                "move_in": { "from": "2026-09-01", "to": "2026-10-01" }, "housing": ["team_up"],
            }),
            _ => {
                json!({ "answers": section.questions().into_iter().map(|id| (id.to_owned(), answer(id))).collect::<Map<_, _>>() })
            }
        };
        Section::of(cohort).map(|section| (section, data(section))).collect()
    }

    fn refused(section: Section, data: &Value) -> Vec<(String, String)> {
        let refused = section.check(data.as_object().unwrap()).err().unwrap_or_default();
        refused.into_iter().map(|refused| (refused.field, refused.detail)).collect()
    }

    #[test]
    fn a_whole_sheet_is_complete_and_less_is_not() {
        for cohort in [Cohort::Student, Cohort::Professional] {
            let sheet = whole(cohort);
            for (section, data) in &sheet {
                assert_eq!(refused(*section, data), [], "{section:?}");
            }
            let held = read("x", cohort, &sheet);
            assert!(held.complete && held.problem.is_none() && held.vector.is_some());
            for left_out in 0..sheet.len() {
                let mut less = sheet.clone();
                let (section, _) = less.remove(left_out);
                assert_eq!(read("x", cohort, &less).complete, section == Section::Work, "{section:?}");
            }
        }
    }

    #[test]
    fn every_field_that_is_refused_is_named() {
        let plans = json!({ "cities": ["Atlantis"], "budget": { "min": 9, "max": 1 }, "rooms": 3 });
        let fields: Vec<_> = refused(Section::Plans, &plans).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["budget", "cities", "rooms"]);
        let half = json!({ "answers": { "M2_Q13": { "start": "22:00" } } });
        let environment = Section::named(Cohort::Student, "environment-rhythms").unwrap();
        let said = refused(environment, &half);
        assert!(said[0].0 == "M2_Q13" && said[0].1.contains("start"), "{said:?}");
        let stray = json!({ "answers": { "M4_Q1": "clean_high", "M9": 1 }, "important": ["M4_Q1"] });
        let fields: Vec<_> = refused(environment, &stray).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["M4_Q1", "M9", "important"]);
        assert_eq!(refused(Section::Studies, &json!({ "study_year": 0 }))[0].0, "study_year");
        assert_eq!(Section::named(Cohort::Student, "work"), None);
        assert_eq!(Section::named(Cohort::Professional, "studies"), None);
    }

    #[test]
    fn a_malformed_stored_answer_puts_its_person_aside() {
        let mut sheet = whole(Cohort::Student);
        sheet[2].1["answers"]["M5_Q17"] = json!("perhaps");
        let held = read("x", Cohort::Student, &sheet);
        assert!(!held.complete && held.problem.unwrap().contains("M5_Q17"));
        sheet[1].1["budget"] = json!("much");
        let held = read("x", Cohort::Student, &sheet);
        assert!(held.vector.is_none() && held.problem.is_some());
    }
}
