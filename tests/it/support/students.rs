//! People who have answered the questionnaire, each in their own way.

use domu::matching::bank::{Item, Kind, bank};
use domu::matching::person::Cohort;
use domu::matching::sheet::Section;
use serde_json::{Map, Value, json};

use super::people::Person;
use super::server::TestServer;

fn answer(item: &Item, look: u32) -> Value {
    let step = |many: usize| (look as usize * 7 + item.id.len() + item.weight as usize) % many.max(1);
    match item.kind {
        Kind::Likert | Kind::Bipolar => json!(1 + step(5)),
        Kind::Toggle => json!(false),
        Kind::Mcq if item.id == "M8_Q14" => json!("pet_open_to"),
        Kind::Mcq => json!(item.options[step(item.options.len())].value),
        Kind::TimeRange => json!({ "start": "22:00", "end": "07:00" }),
    }
}

/// A section as somebody answers it; whoever has another `look` answers otherwise.
pub fn section(section: Section, look: u32) -> Value {
    match section {
        Section::Module(at) => {
            let items = bank().modules[at].items.iter().map(|item| (item.id.clone(), answer(item, look)));
            json!({ "answers": items.collect::<Map<_, _>>() })
        }
        Section::Habits => json!({ "answers": {
            "OWN_SMOKES": false, "OWN_PETS": false, "OWN_REGISTRATION": true, "OWN_SUBLETS": false,
        } }),
        Section::Studies => {
            json!({ "university": "tudelft", "programme": format!("Study {}", ["A", "B"][look as usize % 2]), "study_year": 1 + look % 4 })
        }
        Section::Work => json!({}),
        Section::Plans => json!({
            "cities": ["Delft"], "budget": { "min": 300, "max": 900 }, "languages": ["nl"],
            "move_in": { "from": "2026-09-01", "to": "2026-11-01" }, "housing": ["team_up"],
        }),
    }
}

/// Saves a section for somebody.
pub async fn save(server: &TestServer, person: &Person, part: Section, data: &Value) {
    let body = json!({ "section": part.id(), "data": data });
    server.ask(person, "POST", "/api/onboarding/save", Some(&body)).await.expect(200);
}

/// Somebody new who has handed in everything.
pub async fn student(server: &TestServer, name: &str, look: u32) -> Person {
    let person = server.person(name).await;
    for part in Section::of(Cohort::Student) {
        save(server, &person, part, &section(part, look)).await;
    }
    server.ask(&person, "POST", "/api/onboarding/submit", None).await.expect(200);
    person
}
