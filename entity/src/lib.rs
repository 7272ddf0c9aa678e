//! The tables of Domu, one file a table, and the typed ids of their rows.

#![allow(missing_docs, reason = "a column says itself what it is")]

pub mod ids;

pub mod admin_actions;
pub mod admin_api_tokens;
pub mod admin_invites;
pub mod admins;
pub mod auth_tokens;
pub mod chat_events;
pub mod chat_members;
pub mod chats;
pub mod group_invites;
pub mod job_locks;
pub mod job_runs;
pub mod match_blocklist;
pub mod match_decisions;
pub mod match_quarantine;
pub mod match_runs;
pub mod match_suggestions;
pub mod matches;
pub mod messages;
pub mod onboarding_answers;
pub mod onboarding_submissions;
pub mod outbox;
pub mod pictures;
pub mod profiles;
pub mod reactions;
pub mod report_events;
pub mod reports;
pub mod search_docs;
pub mod search_places;
pub mod sessions;
pub mod store_meta;
pub mod universities;
pub mod user_events;
pub mod user_vectors;
pub mod users;
pub mod withheld_changes;
pub mod withheld_events;
pub mod withheld_messages;
