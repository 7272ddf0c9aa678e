//! The second factor of admins: a code of an app (RFC 6238), each of which works once.

use chrono::{DateTime, Utc};
use serde::Serialize;
use totp_rs::{Builder, Totp};
use utoipa::ToSchema;

use super::act::{Aim, Change, Stored};
use super::model::{Actor, Entry, Permission, Reason, Via};
use super::{Admin, Audited, Inner};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::protocol::codes::Code;
use crate::ratelimit::{RateKey, RateKind};
use crate::seal::Seal;
use crate::store::Tx;

/// Where the sealed secret belongs.
const PLACE: &str = "admins.totp_secret";

/// Bytes of a secret: as many as the hash has (RFC 4226, section 4).
const SECRET_BYTES: usize = 20;

/// What apps call us.
const ISSUER: &str = "Domu";

/// A second factor that waits for its first code. It is told once.
#[derive(Debug, Serialize, ToSchema)]
pub struct Enrolment {
    /// The secret, in base 32, to be typed.
    secret: String,
    /// The same as an address that apps understand, to be shown as a picture.
    url: String,
}

/// The second factor was shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct Confirmed {
    /// Until when dangerous things can be done without showing it again.
    until: DateTime<Utc>,
}

impl Admin {
    /// Begins a second factor, in the place of one that was shown a short while ago.
    ///
    /// # Errors
    /// `step_up_required` when there is one that was not; `forbidden` for a token.
    pub async fn enrol(&self, actor: &Actor) -> Result<Audited<Enrolment>> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|error| Error::internal(anyhow::anyhow!("no randomness: {error}")))?;
        let change = Enrolling { secret: secret.to_vec(), admin: self.clone() };
        self.act(actor, Reason::evident("a second factor was asked for"), change).await
    }

    /// Shows the second factor: the first code confirms it, and for a while dangerous things can be done.
    ///
    /// # Errors
    /// `step_up_required` for a wrong code or one that was used; `rate_limited`; `forbidden` for a token.
    pub async fn step_up(&self, actor: &Actor, code: String) -> Result<Audited<Confirmed>> {
        let change = Showing { code, admin: self.clone() };
        self.act(actor, Reason::evident("the second factor was shown"), change).await
    }
}

fn totp(secret: Vec<u8>, account: &str) -> anyhow::Result<Totp> {
    let built = Builder::new().with_secret(secret).with_account_name(account).with_issuer(Some(ISSUER)).build();
    built.map_err(|error| anyhow::anyhow!("a second factor cannot be made: {error}"))
}

fn open(seal: &Seal, user: UserId, sealed: &[u8]) -> Result<Totp> {
    let secret = seal.open(PLACE, user.0, sealed).map_err(Error::internal)?;
    totp(secret, "admin").map_err(Error::internal)
}

/// A session of a person: a token is no person.
fn person(by: &Actor) -> Result<UserId> {
    match (by.via, by.user) {
        (Via::Session(_), Some(user)) => Ok(user),
        _ => Err(Error::new(Code::Forbidden, "Only a person has a second factor. Sign in.")),
    }
}

struct Enrolling {
    secret: Vec<u8>,
    admin: Admin,
}

impl Change for Enrolling {
    type Done = Enrolment;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::Oneself)
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, by: &Actor, _now: DateTime<Utc>) -> Stored<(Enrolment, Vec<Entry>)> {
        let user = person(by)?;
        if by.enrolled && !by.stepped_up {
            let detail = "You have a second factor. Show it first: POST /api/admin/step-up.";
            return Err(Error::new(Code::StepUpRequired, detail).into());
        }
        let sealed = self.admin.inner.seal.seal(PLACE, user.0, &self.secret).map_err(Error::internal)?;
        tx.set_totp(user, sealed).await?;
        let totp = totp(self.secret.clone(), &user.to_string()).map_err(Error::internal)?;
        let url = totp.to_url().map_err(|error| Error::internal(anyhow::anyhow!("no address: {error}")))?;
        let enrolment = Enrolment { secret: totp.secret().to_base32(), url };
        Ok((enrolment, vec![Entry::new("enrol_second_factor", "admin").on(user)]))
    }
}

struct Showing {
    code: String,
    admin: Admin,
}

impl Change for Showing {
    type Done = Confirmed;

    fn permission(&self) -> Option<Permission> {
        Some(Permission::Oneself)
    }

    fn refused_as(&self) -> &'static str {
        "login_admin_failed"
    }

    async fn aim(&self, _tx: &mut Tx) -> Stored<Aim> {
        Ok(Aim::System)
    }

    async fn make(&self, tx: &mut Tx, by: &Actor, now: DateTime<Utc>) -> Stored<(Confirmed, Vec<Entry>)> {
        let user = person(by)?;
        let inner = &self.admin.inner;
        inner.rates.check(RateKind::AdminCode, &user.to_string()).map_err(Error::from)?;
        let wrong =
            || Error::new(Code::StepUpRequired, "This code does not work. Use the one that your app shows now.");
        let sealed = tx.admin(user).await?.and_then(|state| state.totp_secret_enc);
        let sealed = sealed
            .ok_or_else(|| Error::new(Code::StepUpRequired, "You have no second factor yet: POST /api/admin/totp."))?;
        let step = open(&inner.seal, user, &sealed)?.check(&self.code, now.timestamp().unsigned_abs());
        let step = step.and_then(|step| i64::try_from(step).ok()).ok_or_else(wrong)?;
        if !tx.use_totp(user, step, now).await? {
            return Err(wrong().into());
        }
        let ttl = chrono::TimeDelta::from_std(inner.limits.admin_step_up_ttl).map_err(Error::internal)?;
        Ok((Confirmed { until: now + ttl }, vec![Entry::new("login_admin", "admin").on(user)]))
    }

    fn after(&self, admin: &Inner, by: &Actor, _done: &Confirmed) {
        admin.unlocks.step_up(by.via, admin.clock.now(), admin.limits.admin_step_up_ttl);
        let subject = by.user.map(|user| user.to_string()).unwrap_or_default();
        admin.rates.clear(&RateKey::new(RateKind::AdminCode, &subject).to_string());
    }
}
