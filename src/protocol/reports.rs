//! PURE. What is reported, why, and what becomes of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{ChatId, MessageId, ReportId, UserId};

/// Longest explanation of a report, in Unicode scalars.
pub const DETAILS_CHARS_MAX: usize = 1_000;

/// Messages of context on each side of a reported one, at most.
pub const CONTEXT_MAX: u8 = 10;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident $(as $schema:ident)? { $($(#[$about:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        $(#[schema(as = $schema)])?
        pub enum $name { $($(#[$about])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Their words.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// As it is stored and sent.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word,)* } }

            /// What is stored or sent under this word.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// What is wrong.
    Category as ReportCategory {
        /// Somebody is pestered.
        Harassment = "harassment",
        /// Foul language.
        Swearing = "swearing",
        /// An account that serves something else.
        AccountMisuse = "account_misuse",
        /// Somebody pretends to be somebody else.
        Impersonation = "impersonation",
        /// Somebody is threatened.
        Threats = "threats",
        /// Somebody is after money or data.
        ScamOrFraud = "scam_or_fraud",
        /// Hate or discrimination.
        HateOrDiscrimination = "hate_or_discrimination",
        /// The same thing over and over, or advertising.
        Spam = "spam",
        /// Sexual, violent or otherwise out of place.
        Inappropriate = "inappropriate",
        /// Something else, which is to be said.
        Other = "other",
    }
}

impl Category {
    /// How soon somebody must look at it: 0 is the worst.
    pub const fn severity(self) -> i32 {
        match self {
            Self::Threats => 0,
            Self::HateOrDiscrimination | Self::Harassment | Self::ScamOrFraud => 1,
            Self::Inappropriate | Self::Impersonation | Self::AccountMisuse => 2,
            Self::Swearing | Self::Spam | Self::Other => 3,
        }
    }
}

words! {
    /// What is reported.
    Subject as ReportKind {
        /// A message.
        Message = "message",
        /// A person and what they say of themselves.
        User = "user",
        /// A group.
        Group = "group",
    }
}

words! {
    /// Where a report stands.
    Status as ReportStatus {
        /// Nobody has looked at it.
        Open = "open",
        /// Somebody looks at it.
        InReview = "in_review",
        /// Something was done.
        Actioned = "actioned",
        /// Nothing was to be done.
        Dismissed = "dismissed",
    }
}

impl Status {
    /// Whether it was decided.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Actioned | Self::Dismissed)
    }
}

/// A report to be filed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReport {
    /// Made once for each report: a retry with it is answered alike.
    pub cid: uuid::Uuid,
    /// What is reported.
    pub kind: Subject,
    /// The person; only for `user`.
    pub user_id: Option<UserId>,
    /// The chat: that of the message, the group, or where it happened.
    pub chat_id: Option<ChatId>,
    /// The message; only for `message`.
    pub mid: Option<MessageId>,
    /// What is wrong.
    pub category: Category,
    /// In one's own words; `other` needs some.
    #[schema(max_length = 1000)]
    pub details: Option<String>,
    /// Whoever decides may read the messages around it.
    pub consent: bool,
    /// How many messages before it, and as many after it, may be read.
    #[schema(minimum = 0, maximum = 10, default = 10)]
    pub context: Option<u8>,
}

/// Proof that a report was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receipt {
    /// Its number, to ask about it.
    pub report_id: ReportId,
    /// Where it stands.
    pub status: Status,
    /// When it was filed, in milliseconds since the epoch.
    pub at: i64,
    /// It was filed before, with the same `cid`.
    pub dup: bool,
    /// Whom to call who is in danger now.
    pub emergency: &'static str,
}

/// Whom to call in danger.
pub const EMERGENCY: &str = "112";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_and_are_those_of_the_wire() {
        for category in Category::ALL {
            assert_eq!(Category::named(category.as_str()), Some(*category));
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
        }
        for status in Status::ALL {
            assert_eq!(Status::named(status.as_str()), Some(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(Category::named("Threats"), None);
    }

    #[test]
    fn threats_come_first() {
        assert!(Category::ALL.iter().all(|one| *one == Category::Threats || one.severity() > 0));
    }
}
