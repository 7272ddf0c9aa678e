//! Reporting a message, a person or a group: only what one sees, once for each client id, with evidence that later changes
//! cannot touch.

use chrono::TimeDelta;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Chat;
use crate::error::{Error, Result};
use crate::ids::{ReportId, UserId, new_id};
use crate::protocol::codes::Code;
use crate::protocol::reports::{
    CONTEXT_MAX, Category, DETAILS_CHARS_MAX, EMERGENCY, NewReport, Receipt, Status, Subject,
};
use crate::ratelimit::RateKind;
use crate::store::{self, AutoBlock, Filed, KnownReport};
use crate::text::is_hidden_in_words;

impl Chat {
    /// Files a report. A retry with the same client id is answered alike, before any limit.
    ///
    /// # Errors
    /// `bad_request` for a report that is incomplete, or about oneself; `not_found` for what one does not see;
    /// `cid_reused`; `rate_limited`, with whom to call meanwhile. Nothing is stored then.
    pub async fn report(&self, user: UserId, asked: NewReport) -> Result<Receipt> {
        let details = checked(&asked)?;
        let digest: [u8; 32] = Sha256::digest(json!([asked, details]).to_string().as_bytes()).into();
        if let Some(known) = self.store.report_by_cid(user, asked.cid).await? {
            return repeated(known, digest);
        }
        self.rates.check(RateKind::Report, &user.to_string()).map_err(|wait| {
            let mut error = Error::from(wait);
            error.detail = format!(
                "You have filed as many reports as one may for now. Is somebody in danger? Call {EMERGENCY} at once. \
                 Anything else can be reported later."
            );
            error.with(json!({ "emergency": EMERGENCY }))
        })?;
        let now = self.clock.now();
        let window = TimeDelta::from_std(self.limits.auto_block_window).map_err(Error::internal)?;
        let auto = AutoBlock { reporters: self.limits.auto_block_reporters, since: now - window };
        let id = ReportId(new_id());
        let new = store::NewReport {
            id,
            reporter: user,
            cid: asked.cid,
            digest,
            kind: asked.kind,
            user: asked.user_id,
            chat: asked.chat_id,
            message: asked.mid,
            category: asked.category,
            details,
            context: asked.context.unwrap_or(CONTEXT_MAX),
        };
        let filed =
            self.committer.run(move |tx| Box::pin(async move { tx.file_report(&new, auto, now).await })).await?;
        match filed {
            Filed::New { hidden } => {
                tracing::info!(report.id = %id, category = asked.category.as_str(), hidden = hidden.is_some(), "a report was filed");
                let at = now.timestamp_millis();
                Ok(Receipt { report_id: id, status: Status::Open, at, dup: false, emergency: EMERGENCY })
            }
            Filed::Known(known) => repeated(known, digest),
            Filed::Unseen => {
                Err(Error::new(Code::NotFound, "There is no such thing that you can see. Check what you report."))
            }
            Filed::Oneself => Err(Error::bad_request("You cannot report yourself.")),
            Filed::System => {
                Err(Error::bad_request("This message is the program's own. Report a message of a person."))
            }
        }
    }
}

fn repeated(known: KnownReport, digest: [u8; 32]) -> Result<Receipt> {
    if known.digest != digest {
        return Err(Error::new(
            Code::CidReused,
            "This client id was used for another report. Make a new one for each report.",
        ));
    }
    let at = known.at.timestamp_millis();
    Ok(Receipt { report_id: known.id, status: known.status, at, dup: true, emergency: EMERGENCY })
}

/// The reporter's own words, when the report is of the documented form.
fn checked(asked: &NewReport) -> Result<Option<String>> {
    let wrong = |field: &str, detail: &str| {
        let told = json!({ "fields": [{ "field": field, "detail": detail }] });
        Err(Error::bad_request(format!("The field {field} {detail}.")).with(told))
    };
    if !asked.consent {
        return wrong("consent", "must be true: nobody can decide without seeing what it is about");
    }
    if asked.context.is_some_and(|context| context > CONTEXT_MAX) {
        return wrong("context", &format!("must be at most {CONTEXT_MAX}"));
    }
    let given = (asked.user_id.is_some(), asked.chat_id.is_some(), asked.mid.is_some());
    match (asked.kind, given) {
        (Subject::Message, (false, true, true))
        | (Subject::User, (true, _, false))
        | (Subject::Group, (false, true, false)) => {}
        (Subject::Message, _) => return wrong("mid", "and chat_id name the message, and nothing else does"),
        (Subject::User, _) => return wrong("user_id", "names the person, with or without chat_id"),
        (Subject::Group, _) => return wrong("chat_id", "names the group, and nothing else does"),
    }
    let details = asked.details.as_deref().map(str::trim).filter(|details| !details.is_empty());
    if details.is_none() && asked.category == Category::Other {
        return wrong("details", "must say what is wrong when the category is other");
    }
    if let Some(details) = details {
        let hidden = |character: char| is_hidden_in_words(character) && character != '\n';
        if details.chars().count() > DETAILS_CHARS_MAX || details.contains(hidden) {
            return wrong("details", &format!("must have at most {DETAILS_CHARS_MAX} characters, all of them visible"));
        }
    }
    Ok(details.map(ToOwned::to_owned))
}
