//! Every list of the store as it is really asked: heard on its way to the database, and its plan looked at, on both.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::admin::model::{Actor, Entry, Scope};
use crate::ids::{ChatId, ClientMessageId, MessageId, ReportId, UniversityId, UserId, new_id};
use crate::protocol::edits::Emoji;
use crate::protocol::groups::Step;
use crate::protocol::reports::{Category, Status, Subject};
use crate::store::testing::{TestStore, hear, on_each};
use crate::store::{
    ActionFilter, AutoBlock, Change, Erasure, GroupTerms, Lane, NewChange, NewMarker, NewMessage, NewReaction,
    NewReport, Range, ReportFilter, SearchDoc, SearchWord, Store, UnreadTerms, UserFilter,
};

/// Every function that reads many rows. A new one fails the test until it stands here and is called below.
const LISTS: [&str; 68] = [
    "accounts::university_domains",
    "admins::admin_invites",
    "admins::admin_tokens",
    "admins::admins",
    "audit::actions",
    "audit::prove_actions",
    "blocks::blocked_by",
    "blocks::blocks_of",
    "blocks::set_block",
    "chats::chats_of",
    "chats::events_in",
    "chats::locked_heads",
    "chats::members_of",
    "chats::messages_at",
    "chats::withhold_changes",
    "chats::withhold_from",
    "edits::unseen_by",
    "epoch::known",
    "groups::active",
    "groups::invited",
    "groups::invites_of",
    "jobs::job_runs",
    "leftovers::purge_auth_tokens",
    "leftovers::purge_unconfirmed",
    "live::live_chats",
    "mails::claim_mails",
    "mails::purge_mails_of",
    "messages::gates",
    "messages::known",
    "messages::places",
    "messages::withhold",
    "onboarding::people_who_answered",
    "onboarding::saved",
    "onboarding::sheet_of",
    "pairs::pair_of",
    "pairs::pairs_of",
    "pairs::pending_pairs",
    "reactions::add_reactions",
    "reactions::react",
    "reactions::withhold_reactions",
    "report_queue::ended_mutes",
    "report_queue::report_events",
    "report_queue::report_timeline",
    "report_queue::reports",
    "reports::seen",
    "runs::blocks_after",
    "runs::blocks_around",
    "runs::eligible",
    "runs::pairs",
    "runs::pairs_with",
    "runs::runs",
    "runs::without_vector",
    "search::search",
    "search::search_gap",
    "search::search_known",
    "search::search_places",
    "sessions::purge_sessions",
    "sessions::revoke_sessions_of",
    "sessions::sessions_of",
    "sessions::surplus_sessions",
    "streams::news",
    "streams::trim_user_events",
    "streams::user_events",
    "unread::mail_unread",
    "unread::unread_chats",
    "unread::unread_messages",
    "users::ended_suspensions",
    "users::users",
];

/// Functions of the store that ask for many rows, from its source.
fn lists() -> BTreeSet<String> {
    let mut lists = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() || room == "testing" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut name = "";
        for line in text.split("#[cfg(test)]").next().unwrap().lines() {
            if let Some((_, after)) = line.split_once("fn ")
                && let Some(end) = after.find(['(', '<'])
            {
                name = &after[..end];
            }
            if line.contains("query_all_raw(") || line.contains(".all(") || line.contains(".stream(") {
                lists.insert(format!("{room}::{name}"));
            }
        }
    }
    lists
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_123).unwrap()
}

fn message(chat: ChatId, sender: crate::ids::UserId) -> NewMessage {
    NewMessage {
        id: MessageId(new_id()),
        chat,
        sender,
        cid: ClientMessageId(new_id()),
        text: "hoi".to_owned(),
        digest: [7; 32],
        reply_to: None,
    }
}

/// Lists of admins.
async fn ask_as_admins(store: &Store, person: UserId) {
    let university = UniversityId(new_id());
    for scope in [Scope::All, Scope::University(university), Scope::Mine(person)] {
        store.admins(scope, 9).await.unwrap();
        store.actions(&ActionFilter::default(), scope, 9).await.unwrap();
        for oldest_first in [true, false] {
            let filter = UserFilter { oldest_first, search: Some("sanne".to_owned()), ..UserFilter::default() };
            store.users(&filter, scope, 9).await.unwrap();
            store.users(&UserFilter { search: None, ..filter }, scope, 9).await.unwrap();
        }
    }
    let filter = ActionFilter {
        entity_type: Some("user".to_owned()),
        entity_id: Some("x".to_owned()),
        ..ActionFilter::default()
    };
    store.actions(&filter, Scope::All, 9).await.unwrap();
    store.admin_tokens(now(), 9).await.unwrap();
    store.admin_invites(now(), 9).await.unwrap();
    store
        .write(Lane::Chat, |tx| {
            Box::pin(async move { tx.append_action(&Actor::system(), Entry::new("x", "y"), now()).await })
        })
        .await
        .unwrap();
    store.prove_actions().await.unwrap();
    store.ended_suspensions(now(), 9).await.unwrap();
}

/// A report, and lists of reports.
async fn ask_about_reports(store: &Store, (one, other): (UserId, UserId), chat: ChatId) {
    let id = ReportId(new_id());
    let new = NewReport {
        id,
        reporter: one,
        cid: new_id(),
        digest: [7; 32],
        kind: Subject::User,
        user: Some(other),
        chat: Some(chat),
        message: None,
        category: Category::Spam,
        details: None,
        context: 3,
    };
    let timeline = store.write(Lane::Chat, move |tx| {
        Box::pin(async move {
            tx.file_report(&new, AutoBlock { reporters: 2, since: now() }, now()).await?;
            tx.reported_person(other).await?;
            tx.report_timeline(id).await
        })
    });
    assert_eq!(timeline.await.unwrap().value.len(), 1);
    let all = ReportFilter::default();
    let open = ReportFilter { status: Some(Status::Open), ..all };
    for scope in [Scope::All, Scope::University(UniversityId(new_id()))] {
        for filter in [
            all,
            open,
            ReportFilter { after: Some(id), category: Some("spam"), ..open },
            ReportFilter { target: Some(other), ..open },
            ReportFilter { reporter: Some(one), after: Some(id), ..all },
        ] {
            store.reports(filter, scope, 9).await.unwrap();
        }
        store.reports_waiting(scope).await.unwrap();
    }
    assert_eq!(store.report_events(0, 9).await.unwrap().len(), 1);
    assert_eq!(store.reports_head().await.unwrap(), 1);
    assert!(store.ended_mutes(now(), 9).await.unwrap().is_empty());
}

async fn ask_everything(test: &TestStore) {
    let store = &test.store;
    let (one, other, third) = (test.person().await, test.person().await, test.person().await);
    let (chat, group) = (ChatId(new_id()), ChatId(new_id()));
    store
        .write(Lane::Chat, move |tx| {
            Box::pin(async move {
                tx.open_pair(chat, (one, other), 100, "match", now()).await?;
                tx.open_pair(ChatId(new_id()), (one, third), 100, "match", now()).await?;
                let terms = GroupTerms {
                    members_max: 4,
                    groups_max: 9,
                    chats_max: 9,
                    invites_max: 9,
                    invite_ttl: TimeDelta::hours(1),
                };
                let made = ("huis".to_owned(), vec![third]);
                tx.create_group((group, one, None), made, terms, now()).await?.expect("a group");
                tx.change_group((group, one), Step::Invite(third), terms, now()).await?.expect_err("invited already");
                tx.set_block((one, other), true, 0, now()).await?;
                tx.set_block((one, other), true, 9, now()).await?;
                let sent = message(chat, other);
                tx.append_messages(std::slice::from_ref(&sent), now()).await?;
                let change = Change::Edit { rev: 1, text: "dag".to_owned() };
                let window = TimeDelta::days(1);
                tx.change_message(&NewChange { chat, message: sent.id, user: other, change, window }, now()).await?;
                let own = message(chat, other);
                tx.append_messages(std::slice::from_ref(&own), now()).await?;
                for on in [true, false, true] {
                    let of = Erasure { chat, message: own.id, user: other };
                    tx.react(&NewReaction { of, emoji: Emoji::House, on }, now()).await?;
                }
                let marker = NewMarker { chat, user: one, read: Some(2), recv: 2 };
                tx.move_markers(&[marker], &std::collections::HashMap::new(), now()).await?;
                tx.surplus_sessions(one, 2, now()).await?;
                tx.revoke_sessions_of(one, None, "test".to_owned(), now()).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    ask_about_pairs(store, (one, other)).await;
    store.university_domains().await.unwrap();
    ask_as_admins(store, one).await;
    ask_about_reports(store, (one, other), chat).await;
    store.job_runs("retention", 9).await.unwrap();
    store.blocks_of(one, 9).await.unwrap();
    store.blocked_by(one).await.unwrap();
    assert_eq!(store.invites_of(third, now(), 9).await.unwrap().len(), 1);
    store.chats_of(one, 9).await.unwrap();
    store.members_of(&[chat]).await.unwrap();
    let range = Range { chat, after: 0, to: 9, withholds: true, erases: true };
    store.events_in(one, &[range]).await.unwrap();
    let row = store.chat_of(one, chat).await.unwrap().unwrap();
    store.messages_at(one, std::iter::once(&row)).await.unwrap();
    store.search_places(ChatId(uuid::Uuid::nil()), 9).await.unwrap();
    let gap = store.search_gap(chat, 9).await.unwrap().unwrap();
    let doc = SearchDoc { text: gap.texts[0].clone(), words: vec!["hoi".to_owned()], stems: vec![] };
    store.search_add(vec![doc], vec![(chat, gap.to)]).await.unwrap();
    let word = SearchWord { text: "hoi".to_owned(), begins: true, stems: vec!["hoi".to_owned()] };
    assert_eq!(store.search(&[chat], &[word], i64::MAX, 9).await.unwrap().len(), 1);
    store.settled_heads(vec![chat], vec![one]).await.unwrap();
    store.trim_user_events(one, 9, 0, 9).await.unwrap();
    store.user_events(one, 0, 9).await.unwrap();
    store.news(one, 0, 9).await.unwrap();
    store.mirror_epoch().await.unwrap();
    let before = now() + TimeDelta::days(1);
    store.purge_auth_tokens(before, 9).await.unwrap();
    store.purge_unconfirmed(before, 9).await.unwrap();
    let here: crate::store::Here = std::sync::Arc::new(|_| false);
    let terms = UnreadTerms { after: TimeDelta::zero(), until: TimeDelta::days(1) };
    store
        .write(Lane::Chat, move |tx| {
            Box::pin(async move {
                tx.set_block((one, other), false, 9, now()).await?;
                let more = message(chat, other);
                tx.append_messages(&[more], now()).await
            })
        })
        .await
        .unwrap();
    assert_eq!(store.unread_chats(now(), 9).await.unwrap(), [chat]);
    assert_eq!(store.mail_unread(chat, terms, here.clone(), now()).await.unwrap(), 1);
    assert_eq!(store.claim_mails(now(), 9, |_| None, here).await.unwrap().len(), 1);
    store.purge_mails(before, 9).await.unwrap();
    store.purge_dead_mails(before, 9).await.unwrap();
    store.purge_sessions(before, 9).await.unwrap();
    store.sessions_of(one, now(), now(), 9).await.unwrap();
}

async fn ask_about_pairs(store: &crate::store::Store, (one, other): (crate::ids::UserId, crate::ids::UserId)) {
    use crate::matching::sheet::Section;
    let saved = store
        .write(Lane::Small, move |tx| {
            Box::pin(async move { tx.save_section(one, Section::Habits, serde_json::json!({}), now()).await })
        })
        .await;
    assert_eq!(saved.unwrap().value, crate::store::Refreshed::Changed);
    let nobody = crate::ids::UserId(uuid::Uuid::nil());
    assert_eq!(store.sheet_of(one).await.unwrap().sections.len(), 1);
    assert_eq!(store.people_who_answered(nobody, 9).await.unwrap(), [one]);
    let offer = crate::store::Offer { score: 0.7, low_rank: 1, high_rank: 2, extra: false };
    let pair = (one.min(other), one.max(other));
    let run = crate::ids::RunId(new_id());
    assert!(store.begin_run(run, true, now()).await.unwrap() && !store.begin_run(run, false, now()).await.unwrap());
    store.offer(run, &[(pair, offer)], (now(), now() + TimeDelta::days(7))).await.unwrap();
    assert_eq!(store.pairs_of(one, now(), 9).await.unwrap().len(), 1);
    let (pairs, _) = store.pairs(crate::ids::SuggestionId(uuid::Uuid::nil()), 9).await.unwrap();
    assert_eq!((pairs.as_slice(), pairs[0].offer), (store.pairs_with(other).await.unwrap().as_slice(), offer));
    assert!(store.pair_of((one, other), now()).await.unwrap().is_some_and(|(_, decisions)| decisions.is_empty()));
    assert!(store.pending_pairs(crate::ids::SuggestionId(uuid::Uuid::nil()), 9).await.unwrap().is_empty());
    assert_eq!(store.runs(None, 9).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>(), [run]);
    assert!(store.without_vector(9).await.unwrap().is_empty());
    assert!(store.eligible(nobody, now(), 9).await.unwrap().is_empty());
    assert_eq!(store.blocks_after((nobody, nobody), 9).await.unwrap(), [(one, other)]);
    assert_eq!(store.blocks_around(other).await.unwrap(), [one]);
}

#[tokio::test]
async fn every_list_finds_its_rows_by_an_index() {
    assert_eq!(lists(), LISTS.iter().map(|name| (*name).to_owned()).collect());
    on_each(async |test| {
        hear();
        ask_everything(&test).await;
        let mut plans = BTreeSet::new();
        for statement in hear().into_iter().filter(|heard| heard.db_backend == test.store.backend()) {
            let lists = statement.sql.starts_with("SELECT") && statement.sql != "SELECT 1";
            if lists && plans.insert(statement.sql.clone()) {
                // Parameters are walked whole; a country has few universities.
                // So does a house have admins.
                let meant = [
                    "json_each",
                    "counted",
                    "Function Scan on json_to_recordset",
                    "universities",
                    "admins",
                    "admin_api_tokens",
                    "admin_invites",
                    // Who lacks a vector is found by looking at everybody who handed in, when an admin asks.
                    "onboarding_submissions",
                    " o USING",
                ];
                test.assert_indexed(&statement, &meant).await;
            }
        }
        assert!(plans.len() >= LISTS.len(), "{} statements were heard: {plans:#?}", plans.len());
    })
    .await;
}
