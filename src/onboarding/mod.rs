//! The questionnaire: saved section by section, checked against the bank, with the engine's vector kept beside it.

mod universities;

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chat::{Chat, Touched};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::matching::bank::bank;
use crate::matching::person::Cohort;
use crate::matching::sheet::{self, Section};
use crate::protocol::codes::Code;
use crate::protocol::onboarding::{
    OnboardingProgress, Questionnaire, SectionForm, SectionGap, SectionState, Sheet, University,
};
use crate::ratelimit::{RateKind, RateLimits};
use crate::store::{Lane, Refreshed, SheetRow, Store, Submission};
use crate::text::{is_blank, is_hidden_in_words};
use universities::UNIVERSITIES;

/// Longest name of a programme, in Unicode scalars.
pub const PROGRAMME_CHARS_MAX: usize = 100;
/// People whose vectors are made anew between two looks at who is next.
const BACKFILL_PAGE: u64 = 200;
/// Errors of a backfill that are told one by one.
const ERRORS_MAX: usize = 10;

/// What a backfill did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Backfill {
    /// Vectors that were missing or stale.
    pub processed: u64,
    /// Vectors that were as they should be.
    pub skipped: u64,
    /// Everybody who has answered anything.
    pub total: u64,
    /// People whose answers cannot be read.
    pub malformed: u64,
    /// What went wrong, for the first few.
    pub errors: Vec<String>,
}

/// The questionnaire's service; cheap to clone.
#[derive(Clone)]
pub struct Onboarding {
    /// Where answers are kept.
    pub store: Store,
    /// Who screens what people write.
    pub chat: Chat,
    /// Who is told that answers changed.
    pub touched: Arc<Touched>,
    /// How often a thing may happen.
    pub rates: Arc<RateLimits>,
    /// The time.
    pub clock: Clock,
}

impl Onboarding {
    /// Everything somebody answered; with a section's id, only that.
    ///
    /// # Errors
    /// `bad_request` for a section that their questionnaire does not have.
    pub async fn load(&self, user: UserId, only: Option<&str>) -> Result<Sheet> {
        let row = self.store.sheet_of(user).await?;
        let only = only.map(|id| section_named(row.cohort, id)).transpose()?;
        let progress = self.progress_of(user, &row).await?;
        let mut sections: Vec<_> = Section::of(row.cohort)
            .filter(|section| only.is_none_or(|only| only == *section))
            .filter_map(|section| row.sections.iter().find(|saved| saved.section == section))
            .collect();
        Ok(Sheet {
            bank_version: &bank().version,
            cohort: if row.cohort == Cohort::Student { "student" } else { "professional" },
            university: row.university.clone(),
            sections: sections
                .drain(..)
                .map(|saved| SectionState {
                    section: saved.section.id(),
                    data: saved.answers.clone(),
                    saved_at: saved.at.timestamp_millis(),
                })
                .collect(),
            progress,
        })
    }

    /// How far somebody is.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn progress(&self, user: UserId) -> Result<OnboardingProgress> {
        let row = self.store.sheet_of(user).await?;
        self.progress_of(user, &row).await
    }

    async fn progress_of(&self, user: UserId, row: &SheetRow) -> Result<OnboardingProgress> {
        let saved: Vec<_> = row.sections.iter().map(|saved| (saved.section, saved.answers.clone())).collect();
        let missing = gaps(sheet::missing(row.cohort, &saved));
        let sections: Vec<_> = Section::of(row.cohort).map(Section::id).collect();
        Ok(OnboardingProgress {
            completed_sections: sections.len() - missing.len(),
            sections,
            is_complete: missing.is_empty() && row.problem.is_none(),
            missing,
            submitted_at: row.submitted_at.map(|at| at.timestamp_millis()),
            is_eligible: self.store.is_eligible(user, self.clock.now()).await?,
            problem: row.problem.clone(),
        })
    }

    /// Saves a section, whole; what the engine knows of the person changes with it.
    ///
    /// # Errors
    /// `bad_request` with `fields` for what does not hold against the bank; `rejected_by_rule`; `rate_limited`. Nothing is
    /// saved then.
    pub async fn save(&self, user: UserId, form: SectionForm) -> Result<OnboardingProgress> {
        self.rates.check(RateKind::Onboarding, &user.to_string())?;
        let SectionForm { section, mut data } = form;
        let row = self.store.sheet_of(user).await?;
        let section = section_named(row.cohort, &section)?;
        let mut refused = section.check(&data).err().unwrap_or_default();
        if section == Section::Studies {
            self.check_studies(&mut data, &mut refused).await?;
        }
        if !refused.is_empty() {
            refused.sort_by(|a, b| a.field.cmp(&b.field));
            return Err(fields(&refused));
        }
        let (store, now) = (&self.store, self.clock.now());
        let answers = Value::Object(data);
        let saved = store
            .write(Lane::Small, move |tx| Box::pin(async move { tx.save_section(user, section, answers, now).await }))
            .await?;
        if saved.value != Refreshed::Same {
            self.touched.mark(user);
        }
        self.progress(user).await
    }

    async fn check_studies(
        &self,
        data: &mut serde_json::Map<String, Value>,
        refused: &mut Vec<sheet::Refused>,
    ) -> Result<()> {
        let mut refuse =
            |field: &str, detail: &str| refused.push(sheet::Refused { field: field.into(), detail: detail.into() });
        if let Some(Value::String(slug)) = data.get("university")
            && !universities::is_known(slug)
            && !self.store.knows_university(slug).await?
        {
            refuse("university", "is not a university we know");
        }
        if let Some(Value::String(programme)) = data.get("programme") {
            let programme = programme.trim().to_owned();
            if is_blank(&programme)
                || programme.chars().count() > PROGRAMME_CHARS_MAX
                || programme.contains(|c: char| c.is_control() || is_hidden_in_words(c))
            {
                refuse("programme", "is one line of plain text of at most 100 characters");
            } else {
                self.chat.screen_text(&programme)?;
            }
            data.insert("programme".into(), programme.into());
        }
        Ok(())
    }

    /// Hands the answers in: from then on the person can be suggested to others.
    ///
    /// # Errors
    /// `conflict` with `missing` when something is missing; `rate_limited`.
    pub async fn submit(&self, user: UserId) -> Result<OnboardingProgress> {
        self.rates.check(RateKind::Onboarding, &user.to_string())?;
        let now = self.clock.now();
        let done =
            self.store.write(Lane::Small, move |tx| Box::pin(async move { tx.submit_sheet(user, now).await })).await?;
        if let Submission::Incomplete(missing) = done.value {
            return Err(Error::new(Code::Conflict, "Some questions are not answered yet. Answer them, then hand in.")
                .with(json!({ "missing": gaps(missing) })));
        }
        self.touched.mark(user);
        self.progress(user).await
    }

    /// Makes every vector that is missing or stale, of everybody who has answered anything; `told` hears how far it is.
    ///
    /// # Errors
    /// The store cannot be read. What fails for one person is told, and the others go on.
    pub async fn backfill(&self, told: impl Fn(&Backfill) + Send) -> Result<Backfill> {
        let (mut done, mut after) = (Backfill::default(), UserId(Uuid::nil()));
        loop {
            let people = self.store.people_who_answered(after, BACKFILL_PAGE).await?;
            let Some(last) = people.last() else { break };
            after = *last;
            for user in people {
                let now = self.clock.now();
                let refreshed = self
                    .store
                    .write(Lane::Bulk, move |tx| Box::pin(async move { tx.refresh_vector(user, now).await }))
                    .await;
                done.total += 1;
                match refreshed.map(|committed| committed.value) {
                    Ok(Refreshed::Same) => done.skipped += 1,
                    Ok(Refreshed::Changed) => {
                        done.processed += 1;
                        self.touched.mark(user);
                    }
                    Ok(Refreshed::Malformed) => {
                        done.malformed += 1;
                        self.touched.mark(user);
                    }
                    Err(error) => {
                        tracing::warn!(user.id = %user, error = %error, "a vector could not be made");
                        if done.errors.len() < ERRORS_MAX {
                            done.errors.push(format!("{user}: the store did not take it"));
                        }
                    }
                }
            }
            tracing::info!(vectors = done.total, made = done.processed, "backfilling vectors");
            told(&done);
        }
        Ok(done)
    }
}

/// What is asked, of everybody.
pub fn questionnaire() -> Questionnaire {
    let universities = UNIVERSITIES.iter().map(|(slug, name)| University { slug, name }).collect();
    Questionnaire { bank: bank(), universities }
}

fn section_named(cohort: Cohort, id: &str) -> Result<Section> {
    Section::named(cohort, id).ok_or_else(|| {
        let sections: Vec<_> = Section::of(cohort).map(Section::id).collect();
        let detail = format!("There is no such section. Yours are {}.", sections.join(", "));
        Error::bad_request(detail)
            .with(json!({ "fields": [{ "field": "section", "detail": "is no section of your questionnaire" }] }))
    })
}

/// Longest sentence about one refused field, in Unicode scalars: what was given is told back in it.
const REFUSAL_CHARS_MAX: usize = 120;

fn fields(refused: &[sheet::Refused]) -> Error {
    let short = |text: &str| text.chars().take(REFUSAL_CHARS_MAX).collect::<String>();
    let told = |it: &sheet::Refused| (short(&it.field), short(&it.detail));
    let all: Vec<_> = refused.iter().map(told).collect();
    let first = all.first().map(|(field, detail)| format!("{}: {detail}. ", short(field))).unwrap_or_default();
    let all: Vec<_> = all.iter().map(|(field, detail)| json!({ "field": field, "detail": detail })).collect();
    Error::bad_request(format!("{first}Nothing was saved.")).with(json!({ "fields": all }))
}

fn gaps(missing: Vec<sheet::Missing>) -> Vec<SectionGap> {
    missing.into_iter().map(|gap| SectionGap { section: gap.section.id(), fields: gap.fields }).collect()
}
