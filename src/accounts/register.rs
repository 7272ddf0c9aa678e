//! Signing up. The answer is the same whether an address is known or not; its owner alone learns which, by mail.

use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, Utc};
use tokio::time::Instant;

use super::confirm::ANSWER_MIN;
use super::model::{self, Email, Refusal};
use super::{Accounts, Inner, RateSubject, SignUp, refused};
use crate::doors;
use crate::error::{Error, Result};
use crate::ids::{UserId, new_id};
use crate::mail::Letter;
use crate::protocol::codes::Code;
use crate::ratelimit::RateKind;
use crate::store::{AccountRow, Lane, NewAccount, NewAuthToken, NewMail, StoreError, Tx};
use crate::telemetry::names;

/// Where sealed birth dates belong, for `Seal`.
pub(super) const BIRTH_DATE_PLACE: &str = "users.date_of_birth_enc";

/// A form that passed every rule.
struct Person {
    email: Email,
    first_name: String,
    last_name: String,
    date_of_birth: NaiveDate,
}

/// What a sign-up does, decided by what is there.
#[derive(Clone, Copy)]
enum Plan {
    /// Nobody has the address.
    Make,
    /// Somebody signed up and never confirmed: the newest form counts, and the former code and link are void.
    Replace(UserId),
    /// The address has its owner, who is told.
    Tell(UserId),
}

impl Plan {
    fn of(account: Option<&AccountRow>) -> Self {
        match account {
            None => Self::Make,
            Some(known) if known.is_pending() => Self::Replace(known.id),
            Some(known) => Self::Tell(known.id),
        }
    }
}

impl Accounts {
    /// Makes an account whose address is to be confirmed, and returns the address as mail is sent to it.
    ///
    /// # Why
    /// Known and unknown addresses get the same answer for the same price: one hash, one transaction, one mail. An
    /// account that was never confirmed is replaced, else whoever signs up first with somebody else's address keeps
    /// its owner out. Whoever signs up last gains nothing either: confirming takes the password of the newest form, see
    /// [`Accounts::confirm_code`].
    /// # Errors
    /// `bad_request` with `fields`; `rate_limited` by address of the network; `overloaded`; `unavailable`.
    pub async fn sign_up(&self, form: SignUp, address: IpAddr) -> Result<String> {
        let inner = &self.inner;
        // What costs nothing does not count: typing errors of one must not keep a campus out.
        let person = inner.check_form(&form)?;
        inner.rates.check(RateKind::SignUpAddress, &doors::network(address).to_string())?;
        let email = person.email.typed().to_owned();
        let password_hash = inner.passwords.hash(&form.password).await?;
        let hashed_at = Instant::now();
        let subject = RateSubject::new(&person.email, address);
        // Enough mail for this person: whoever asked is answered all the same.
        let stored = if inner.may_mail(&subject).is_ok() {
            inner.store_anew(person, password_hash, &form).await
        } else {
            Ok(())
        };
        tokio::time::sleep_until(hashed_at + ANSWER_MIN).await;
        stored.map(|()| email)
    }
}

impl Inner {
    /// Stores a form, and once more when what was there changed meanwhile.
    async fn store_anew(&self, person: Person, password_hash: String, form: &SignUp) -> Result<()> {
        let account = NewAccount {
            id: UserId(new_id()),
            email: person.email.typed().to_owned(),
            email_normalized: person.email.normalized().to_owned(),
            password_hash,
            locale: form.locale.as_str(),
            user_type: form.user_type.as_str(),
            date_of_birth_enc: Vec::new(),
            university: self.university_of(&person.email).await?,
            first_name: person.first_name,
            last_name: person.last_name,
        };
        match self.store_sign_up(account.clone(), person.date_of_birth, form.locale).await {
            // Somebody took or confirmed the address in this very moment: now it is known.
            Err(error) if error.code == Code::Conflict => {
                self.store_sign_up(account, person.date_of_birth, form.locale).await?;
            }
            other => other?,
        }
        self.post.wake();
        Ok(())
    }

    /// Every rule of the form at once, so that a person corrects it once.
    fn check_form(&self, form: &SignUp) -> Result<Person> {
        let mut fields = Vec::new();
        let today = model::today(self.clock.now());
        let email = keep(&mut fields, "email", Email::parse(&form.email));
        let first_name = keep(&mut fields, "first_name", model::parse_name(&form.first_name));
        let last_name = keep(&mut fields, "last_name", model::parse_name(&form.last_name));
        let birth = model::parse_birth_date(&form.date_of_birth, today, self.limits.age_years_min);
        let date_of_birth = keep(&mut fields, "date_of_birth", birth);
        if !form.accept_terms {
            fields.push(Refusal::new("accept_terms", "Accept the terms to make an account."));
        }
        let mut context = Vec::new();
        if let Some(email) = &email {
            context.extend([email.local(), email.domain()]);
        }
        context.extend([&first_name, &last_name].into_iter().flatten().map(String::as_str));
        if let Err(refusal) = self.passwords.accept(&form.password, &context) {
            fields.push(refusal);
        }
        match (email, first_name, last_name, date_of_birth) {
            (Some(email), Some(first_name), Some(last_name), Some(date_of_birth)) if fields.is_empty() => {
                Ok(Person { email, first_name, last_name, date_of_birth })
            }
            _ => Err(refused(&fields)),
        }
    }

    /// One transaction: the account as planned, and the mail that goes with it.
    async fn store_sign_up(&self, account: NewAccount, birth: NaiveDate, locale: model::Locale) -> Result<()> {
        let now = self.clock.now();
        let known = self.store.account_by_email(&account.email_normalized).await?;
        let plan = Plan::of(known.as_ref());
        let prepared = match plan {
            Plan::Make => self.prepare(account, birth, locale, now),
            Plan::Replace(id) => self.prepare(NewAccount { id, ..account }, birth, locale, now),
            Plan::Tell(user) => {
                let locale = known.as_ref().map_or(locale, |known| model::Locale::stored(&known.locale));
                let recipient = known.map_or_else(String::new, |known| known.email);
                let mail = self.post.write(&recipient, locale, Letter::KnownAddress).map_err(Error::internal)?;
                tracing::info!(user.id = %user, mail.id = %mail.id, "sign-up with a known address");
                self.store.write(Lane::Small, move |tx| Box::pin(async move { tx.add_mail(mail, now).await })).await?;
                return Ok(());
            }
        }
        .map_err(Error::internal)?;
        let user = prepared.account.id;
        self.store
            .write(Lane::Small, move |tx| Box::pin(prepared.store(tx, matches!(plan, Plan::Replace(_)), now)))
            .await?;
        names::sign_up();
        tracing::info!(user.id = %user, "signed up");
        Ok(())
    }

    fn prepare(
        &self,
        mut account: NewAccount,
        birth: NaiveDate,
        locale: model::Locale,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Prepared> {
        account.date_of_birth_enc = self.seal.seal(BIRTH_DATE_PLACE, account.id.0, birth.to_string().as_bytes())?;
        let (token, mail) = self.confirmation(account.id, &account.email, locale, now)?;
        Ok(Prepared { account, token, mail })
    }
}

/// Everything a sign-up stores.
struct Prepared {
    account: NewAccount,
    token: NewAuthToken,
    mail: NewMail,
}

impl Prepared {
    async fn store(self, tx: &mut Tx, replace: bool, now: DateTime<Utc>) -> std::result::Result<(), StoreError> {
        if replace {
            tx.replace_unconfirmed(self.account, now).await?;
        } else {
            tx.add_account(self.account, now).await?;
        }
        tx.renew_auth_token(self.token, now).await?;
        tx.add_mail(self.mail, now).await
    }
}

/// The value, or its refusal among the others.
fn keep<T>(fields: &mut Vec<Refusal>, field: &'static str, parsed: Result<T, impl Into<String>>) -> Option<T> {
    parsed.map_err(|detail| fields.push(Refusal::new(field, detail))).ok()
}
