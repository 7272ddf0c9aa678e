//! Searching one's chats, and the index that follows what is said in them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::words::{Stems, Word, words};
use super::{Chat, view};
use crate::error::Error;
use crate::ids::{ChatId, UserId};
use crate::protocol::codes::Code;
use crate::protocol::search::{Found, Hit};
use crate::ratelimit::RateKind;
use crate::store::{ChatRow, SearchDoc, SearchHit, SearchText, SearchWord, Store, StoreError};

/// Chats that one query names.
const CHATS_AT_ONCE: usize = 64;
/// Pages that are looked through for one that is full: what is found may have changed or be withheld.
const PAGES_MAX: usize = 5;
/// Words of a text that are pointed at.
const SPANS_MAX: usize = 50;
/// Chats whose place in the index is looked at in one query.
const PLACES_AT_ONCE: u64 = 500;
/// Events that one transaction of the index is about.
const EVENTS_AT_ONCE: u64 = 100;
/// The index rests this many times as long as it has written: what is said now goes first.
const REST: u32 = 4;
/// The pause after which the index tries again when the store was away.
const PAUSE: Duration = Duration::from_secs(2);

/// What is looked for.
#[derive(Debug)]
pub struct Search {
    /// Words; a message has all of them, or words that begin with them, or other forms of them.
    pub words: String,
    /// Only in this chat.
    pub chat: Option<ChatId>,
    /// Only what stands before this place of the index; see [`Found::next`].
    pub before: Option<u64>,
    /// How many messages at most.
    pub limit: usize,
}

impl Chat {
    /// Messages of a person's chats with all of these words, the newest first, as they are now.
    ///
    /// # Errors
    /// `bad_request` without a word or with too many; `not_member` for somebody else's chat; `rate_limited`.
    pub async fn search(&self, user: UserId, asked: &Search) -> Result<Found, Error> {
        let stems = Stems::new();
        let words_max = self.limits.search_words_max;
        let mut wanted: Vec<SearchWord> = Vec::new();
        for Word { text, .. } in words(&asked.words) {
            if wanted.iter().all(|known| known.text != text) {
                // Nearly every word begins with a letter.
                wanted.push(SearchWord { begins: text.chars().nth(1).is_some(), stems: stems.of(&text), text });
            }
        }
        if wanted.is_empty() || wanted.len() > words_max {
            return Err(Error::bad_request(format!("Search for 1 to {words_max} words of letters or digits.")));
        }
        self.rates.check(RateKind::Search, &user.to_string())?;
        let rows = match asked.chat {
            None => self.store.chats_of(user, self.chats_max()).await?,
            Some(chat) => match self.store.chat_of(user, chat).await? {
                Some(row) => vec![row],
                None => return Err(Error::new(Code::NotMember, "You are not a member of this chat.")),
            },
        };
        let rows = self.shown_chats(user, rows).await?;
        let mut before = asked.before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        let mut hits = Vec::new();
        // What is told of where to go on is the place of what was shown: the place of anything else would tell of it.
        let mut shown = None;
        for _ in 0..PAGES_MAX {
            let (found, rest) = self.candidates(&rows, &wanted, before, asked.limit).await?;
            for (candidate, hit) in self.looked_up(user, &rows, &found, &wanted, &stems).await? {
                if let Some(hit) = hit {
                    shown = Some(candidate.doc);
                    hits.push(hit);
                }
                if hits.len() >= asked.limit {
                    break;
                }
            }
            match rest {
                _ if hits.len() >= asked.limit => break,
                Some(rest) => before = rest,
                None => return Ok(Found { hits, next: None }),
            }
        }
        Ok(Found { hits, next: shown.map(|doc| doc.to_string()) })
    }

    /// Chats without those of two people of whom this one has blocked the other: they are not in the list either.
    async fn shown_chats(&self, user: UserId, mut rows: Vec<ChatRow>) -> Result<Vec<ChatRow>, Error> {
        let blocked = self.store.blocked_by(user).await?;
        if !blocked.is_empty() {
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            let members = self.store.members_of(&ids).await?;
            rows.retain(|row| {
                row.is_group
                    || members.get(&row.id).is_none_or(|all| all.iter().all(|member| !blocked.contains(&member.user)))
            });
        }
        Ok(rows)
    }

    /// What the index has before a place, the newest first, and before which place there may be more.
    async fn candidates(
        &self,
        rows: &[ChatRow],
        wanted: &[SearchWord],
        before: i64,
        limit: usize,
    ) -> Result<(Vec<SearchHit>, Option<i64>), Error> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let bases: HashMap<_, _> = rows.iter().map(|row| (row.id, row.base)).collect();
        let count = u64::try_from(limit).unwrap_or(u64::MAX);
        let mut found = Vec::new();
        for some in ids.chunks(CHATS_AT_ONCE) {
            found.extend(self.store.search(some, wanted, before, count).await?);
        }
        // Chats that share the beginning of a key are told apart here: by whose they are.
        found.retain(|hit| bases.contains_key(&hit.chat));
        found.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.doc));
        found.dedup();
        found.truncate(limit);
        let rest = if found.len() >= limit { found.last().map(|hit| hit.doc) } else { None };
        found.retain(|hit| bases.get(&hit.chat).is_some_and(|base| hit.seq > *base));
        Ok((found, rest))
    }

    /// Each candidate, and what its place in the chat shows this person now if the words are still in it.
    async fn looked_up(
        &self,
        user: UserId,
        rows: &[ChatRow],
        found: &[SearchHit],
        wanted: &[SearchWord],
        stems: &Stems,
    ) -> Result<Vec<(SearchHit, Option<Hit>)>, Error> {
        let row_of = |chat: ChatId| rows.iter().find(|row| row.id == chat);
        let ranges: Vec<_> = found
            .iter()
            .filter_map(|hit| row_of(hit.chat).map(|row| row.range(hit.seq.saturating_sub(1), hit.seq)))
            .collect();
        let mut events = self.store.events_in(user, &ranges).await?;
        let look = |candidate: &SearchHit| {
            let of_chat = events.get_mut(&candidate.chat)?;
            let at = of_chat.binary_search_by_key(&candidate.seq, |event| event.seq).ok()?;
            let event = of_chat.get(at)?;
            let spans = spans(&event.message.as_ref()?.text, wanted, stems)?;
            Some(Hit { event: view::event(event.clone()), spans })
        };
        Ok(found.iter().copied().zip(found.iter().map(look)).collect())
    }
}

/// Where in a text the wanted words stand; None unless all of them do.
fn spans(text: &str, wanted: &[SearchWord], stems: &Stems) -> Option<Vec<(usize, usize)>> {
    let mut met = HashSet::new();
    let mut spans = Vec::new();
    for word in words(text) {
        let own = stems.of(&word.text);
        let fits = |wanted: &SearchWord| {
            word.text == wanted.text
                || (wanted.begins && word.text.starts_with(&wanted.text))
                || wanted.stems.iter().any(|stem| own.contains(stem))
        };
        let before = met.len();
        let fitting: Vec<_> = wanted.iter().enumerate().filter(|(_, wanted)| fits(wanted)).map(|(i, _)| i).collect();
        met.extend(fitting.iter().copied());
        if !fitting.is_empty() && (spans.len() < SPANS_MAX || met.len() > before) {
            spans.push((word.from, word.to));
        }
    }
    (met.len() == wanted.len()).then_some(spans)
}

/// Chats in which something was said that the index may not have.
#[derive(Debug, Default)]
pub struct Behind {
    chats: Mutex<HashSet<ChatId>>,
    more: Notify,
}

impl Behind {
    /// Something was said in a chat.
    pub fn mark(&self, chat: ChatId) {
        let mut chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.insert(chat) && chats.len() == 1 {
            self.more.notify_one();
        }
    }

    fn take(&self) -> HashSet<ChatId> {
        std::mem::take(&mut *self.chats.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The task that keeps the index up with the chats.
pub struct Indexer {
    /// Where both are.
    pub store: Store,
    /// What it hears of the chats.
    pub behind: Arc<Behind>,
    /// How long what was said waits for more.
    pub lag: Duration,
}

impl Indexer {
    /// Runs until the stop: first what was said before the start, chat by chat, and whatever is said meanwhile.
    ///
    /// # Cancel safety
    /// The index notes how far it has come together with what it has: wherever this is dropped, the next start goes on.
    pub async fn run(self, stop: CancellationToken) {
        let _stopped = stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(self) {
        let mut unseen = Some(ChatId(uuid::Uuid::nil()));
        loop {
            if unseen.is_none() {
                self.behind.more.notified().await;
                tokio::time::sleep(self.lag).await;
            }
            let mut chats: Vec<_> = self.behind.take().into_iter().collect();
            if let Some(after) = unseen {
                match self.store.search_places(after, PLACES_AT_ONCE).await {
                    Ok(page) => {
                        unseen = page.last().map(|(chat, _)| *chat);
                        chats.extend(page.into_iter().filter(|(_, behind)| *behind).map(|(chat, _)| chat));
                    }
                    Err(error) => self.pause(&error).await,
                }
            }
            while let Err(error) = self.catch_up(&mut chats).await {
                self.pause(&error).await;
            }
        }
    }

    async fn pause(&self, error: &StoreError) {
        tracing::warn!(%error, "what was said cannot be made searchable; trying again");
        tokio::time::sleep(PAUSE).await;
    }

    /// Takes chats off the list as the index catches up with them, several in one transaction.
    async fn catch_up(&self, chats: &mut Vec<ChatId>) -> Result<(), StoreError> {
        let stems = Stems::new();
        while !chats.is_empty() {
            let (mut docs, mut places, mut done) = (Vec::new(), Vec::new(), 0);
            let mut left = EVENTS_AT_ONCE;
            for chat in chats.iter().rev() {
                let Some(gap) = self.store.search_gap(*chat, left).await? else {
                    done += 1;
                    continue;
                };
                left = left.saturating_sub(u64::try_from(gap.texts.len()).unwrap_or(left).max(1));
                docs.extend(gap.texts.into_iter().map(|text| doc(text, &stems)));
                places.push((*chat, gap.to));
                if gap.more || left == 0 {
                    break;
                }
                done += 1;
            }
            let begun = Instant::now();
            let wrote = !places.is_empty();
            if wrote {
                // In one order, as whoever else holds several chats.
                docs.sort_unstable_by_key(|doc| (doc.text.chat, doc.text.seq));
                places.sort_unstable();
                self.store.search_add(docs, places).await?;
            }
            chats.truncate(chats.len().saturating_sub(done));
            if wrote {
                tokio::time::sleep(begun.elapsed() * REST).await;
            }
        }
        Ok(())
    }
}

fn doc(text: SearchText, stems: &Stems) -> SearchDoc {
    let mut all: Vec<_> = words(&text.text).into_iter().map(|word| word.text).collect();
    all.sort_unstable();
    all.dedup();
    let mut roots: Vec<_> = all.iter().flat_map(|word| stems.of(word)).collect();
    roots.sort_unstable();
    roots.dedup();
    SearchDoc { text, words: all, stems: roots }
}
