//! Answer sheets, and the vectors that are kept with them.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use serde_json::Value as Json;

use super::messages::signed;
use super::{Store, StoreError, Tx};
use crate::ids::UserId;
use crate::matching::bank::bank;
use crate::matching::person::Cohort;
use crate::matching::sheet::{self, Section};
use crate::matching::vector;

/// The sections somebody saved. Parameter: person.
const SECTIONS: &str = "SELECT section, answers, updated_at FROM onboarding_answers WHERE user_id = $1";

/// Who has saved anything, by id. Parameters: after whom, how many.
const ANSWERED: &str = "SELECT DISTINCT user_id FROM onboarding_answers WHERE user_id > $1 ORDER BY user_id LIMIT $2";

/// What somebody answered.
#[derive(Clone, Debug)]
pub struct SheetRow {
    /// With whom they can be matched.
    pub cohort: Cohort,
    /// The slug of the university that they signed up under.
    pub university: Option<String>,
    /// What they saved, in no order.
    pub sections: Vec<SavedSection>,
    /// When they said that this is all.
    pub submitted_at: Option<DateTime<Utc>>,
    /// Why they are put aside.
    pub problem: Option<String>,
}

/// A section as it was saved.
#[derive(Clone, Debug)]
pub struct SavedSection {
    /// Which.
    pub section: Section,
    /// Its answers.
    pub answers: Json,
    /// When.
    pub at: DateTime<Utc>,
}

/// What became of a person's vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It is as it was.
    Same,
    /// It is new.
    Changed,
    /// What they answered is malformed: they are put aside.
    Malformed,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submission {
    /// They can be matched.
    Complete,
    /// Something is missing.
    Incomplete(Vec<sheet::Missing>),
}

fn cohort(user_type: &str) -> Cohort {
    if user_type == "professional" { Cohort::Professional } else { Cohort::Student }
}

fn sections(cohort: Cohort, rows: &[QueryResult]) -> Result<Vec<SavedSection>, StoreError> {
    let mut saved = Vec::new();
    for row in rows {
        let name: String = row.try_get("", "section")?;
        // A section of another cohort, or of a bank before this one, is kept and not looked at.
        if let Some(section) = Section::named(cohort, &name) {
            saved.push(SavedSection {
                section,
                answers: row.try_get("", "answers")?,
                at: row.try_get("", "updated_at")?,
            });
        }
    }
    Ok(saved)
}

impl Store {
    /// What somebody answered so far.
    ///
    /// # Errors
    /// The store cannot be read, or there is no such person.
    pub async fn sheet_of(&self, user: UserId) -> Result<SheetRow, StoreError> {
        let sql = "SELECT u.user_type, v.slug, s.submitted_at, q.problem FROM users u \
             LEFT JOIN universities v ON v.id = u.university_id LEFT JOIN onboarding_submissions s ON s.user_id = u.id \
             LEFT JOIN match_quarantine q ON q.user_id = u.id WHERE u.id = $1";
        let of = |sql: &str| Statement::from_sql_and_values(self.backend(), sql, [user.into()]);
        let row = self.reader().query_one_raw(of(sql)).await?;
        let row = row.ok_or_else(|| StoreError::fault(format!("no user {user}")))?;
        let cohort = cohort(&row.try_get::<String>("", "user_type")?);
        let rows = self.reader().query_all_raw(of(SECTIONS)).await?;
        Ok(SheetRow {
            cohort,
            university: row.try_get("", "slug")?,
            sections: sections(cohort, &rows)?,
            submitted_at: row.try_get("", "submitted_at")?,
            problem: row.try_get("", "problem")?,
        })
    }

    /// Whether there is a university with this slug.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn knows_university(&self, slug: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM universities WHERE slug = $1";
        let statement = Statement::from_sql_and_values(self.backend(), sql, [slug.into()]);
        Ok(self.reader().query_one_raw(statement).await?.is_some())
    }

    /// The next people who have saved anything, by id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn people_who_answered(&self, after: UserId, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let values = [after.into(), signed(limit).into()];
        let rows =
            self.reader().query_all_raw(Statement::from_sql_and_values(self.backend(), ANSWERED, values)).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }
}

impl Tx {
    /// Saves a section that was checked, whole, and brings the person's vector up to date with it.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn save_section(
        &mut self,
        user: UserId,
        section: Section,
        answers: Json,
        now: DateTime<Utc>,
    ) -> Result<Refreshed, StoreError> {
        self.lock_person(user).await?;
        let sql = "INSERT INTO onboarding_answers (user_id, section, answers, bank_version, updated_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, section) DO UPDATE SET answers = excluded.answers, \
             bank_version = excluded.bank_version, updated_at = excluded.updated_at";
        let values: [Value; 5] =
            [user.into(), section.id().into(), answers.into(), bank().version.as_str().into(), now.into()];
        self.conn().execute_raw(self.statement(sql, values)).await?;
        self.refresh_vector(user, now).await
    }

    /// Notes that a person's answers are all there.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn submit_sheet(&mut self, user: UserId, now: DateTime<Utc>) -> Result<Submission, StoreError> {
        self.lock_person(user).await?;
        self.refresh_vector(user, now).await?;
        let (cohort, saved) = self.saved(user).await?;
        let missing = sheet::missing(cohort, &saved);
        if !missing.is_empty() || !sheet::read("", cohort, &saved).complete {
            return Ok(Submission::Incomplete(missing));
        }
        let sql = "INSERT INTO onboarding_submissions (user_id, bank_version, submitted_at) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id) DO UPDATE SET bank_version = excluded.bank_version";
        let values: [Value; 3] = [user.into(), bank().version.as_str().into(), now.into()];
        self.conn().execute_raw(self.statement(sql, values)).await?;
        Ok(Submission::Complete)
    }

    /// Makes a person's vector anew from what they saved, where it is missing or stale.
    ///
    /// # Errors
    /// Nothing changes.
    pub async fn refresh_vector(&mut self, user: UserId, now: DateTime<Utc>) -> Result<Refreshed, StoreError> {
        let (cohort, saved) = self.saved(user).await?;
        let read = sheet::read(&user.to_string(), cohort, &saved);
        match &read.problem {
            Some(problem) => {
                let sql = "INSERT INTO match_quarantine (user_id, problem, found_at) VALUES ($1, $2, $3) \
                     ON CONFLICT (user_id) DO UPDATE SET problem = excluded.problem";
                let values: [Value; 3] = [user.into(), problem.as_str().into(), now.into()];
                self.conn().execute_raw(self.statement(sql, values)).await?;
            }
            None => {
                let sql = "DELETE FROM match_quarantine WHERE user_id = $1";
                self.conn().execute_raw(self.statement(sql, [user.into()])).await?;
            }
        }
        let Some(made) = read.vector else {
            let sql = "DELETE FROM user_vectors WHERE user_id = $1";
            self.conn().execute_raw(self.statement(sql, [user.into()])).await?;
            return Ok(Refreshed::Malformed);
        };
        let sql = "INSERT INTO user_vectors (user_id, layout, vector, inputs_hash, is_complete, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id) DO UPDATE SET layout = excluded.layout, \
             vector = excluded.vector, inputs_hash = excluded.inputs_hash, is_complete = excluded.is_complete, \
             updated_at = excluded.updated_at WHERE user_vectors.vector <> excluded.vector \
             OR user_vectors.inputs_hash <> excluded.inputs_hash OR user_vectors.layout <> excluded.layout OR user_vectors.is_complete <> excluded.is_complete";
        let values: [Value; 6] = [
            user.into(),
            i32::from(vector::VERSION).into(),
            made.to_bytes().to_vec().into(),
            made.inputs_hash().to_vec().into(),
            read.complete.into(),
            now.into(),
        ];
        let changed = self.conn().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        Ok(match (&read.problem, changed) {
            (Some(_), _) => Refreshed::Malformed,
            (None, true) => Refreshed::Changed,
            (None, false) => Refreshed::Same,
        })
    }

    async fn saved(&self, user: UserId) -> Result<(Cohort, Vec<(Section, Json)>), StoreError> {
        let sql = "SELECT user_type FROM users WHERE id = $1";
        let row = self.conn().query_one_raw(self.statement(sql, [user.into()])).await?;
        let row = row.ok_or_else(|| StoreError::fault(format!("no user {user}")))?;
        let cohort = cohort(&row.try_get_by_index::<String>(0)?);
        let rows = self.conn().query_all_raw(self.statement(SECTIONS, [user.into()])).await?;
        let mut saved: Vec<_> =
            sections(cohort, &rows)?.into_iter().map(|saved| (saved.section, saved.answers)).collect();
        saved.sort_by_key(|(section, _)| *section);
        Ok((cohort, saved))
    }

    /// Two saves of one person come one after the other: each sees what the other saved.
    async fn lock_person(&self, user: UserId) -> Result<(), StoreError> {
        if self.backend() == DbBackend::Postgres {
            let sql = "SELECT 1 FROM users WHERE id = $1 FOR UPDATE";
            self.conn().query_one_raw(self.statement(sql, [user.into()])).await?;
        }
        Ok(())
    }
}
