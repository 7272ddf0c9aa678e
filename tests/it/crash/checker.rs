//! The judge of the crash test: pure functions of what was submitted, acknowledged, stored and read.
//!
//! It knows nothing of sockets, databases or time. What it promises to find is shown below by planting each fault once.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

/// One message that a writer handed to the server at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The client id, made once for the message and repeated on every retry.
    pub cid: Uuid,
    /// Which chat, as an index into the world's chats.
    pub chat: u16,
    /// Which writer, as an index into the world's people.
    pub sender: u16,
    /// The writer's count of messages it has submitted to this chat: 0, 1, 2 and so on.
    pub order: u32,
}

/// One answer a writer got; a retried message can have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    pub cid: Uuid,
    pub mid: Uuid,
    pub seq: u64,
    pub n: u64,
}

/// One event of a chat's log as it was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub seq: u64,
    /// None for events that are not messages of a person.
    pub message: Option<Message>,
}

/// The message of a stored event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub n: u64,
    pub mid: Uuid,
    /// None where the log does not say it (only its author's devices are told).
    pub cid: Option<Uuid>,
    pub sender: u16,
    /// The place in the writer's own order, as its text says it.
    pub order: u32,
}

/// What one reader's socket saw of one chat over all its lives, in the order in which it arrived.
#[derive(Clone, Debug)]
pub struct Reading {
    pub reader: String,
    pub chat: u16,
    pub events: Vec<Stored>,
}

/// Everything there is to judge.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub submitted: Vec<Submitted>,
    pub acked: Vec<Acked>,
    /// Read back through the protocol after the last restart.
    pub logs: BTreeMap<u16, Vec<Stored>>,
    /// Rows of the table of messages: (chat, sender, client id), one for each row.
    pub rows: Vec<(u16, u16, Uuid)>,
    pub readings: Vec<Reading>,
    /// The store's epoch as every connection of the run was told it.
    pub epochs: Vec<String>,
}

/// Something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Acknowledged and not in the log.
    Lost { cid: Uuid },
    /// More than one row or event for one message.
    Duplicate { cid: Uuid, times: usize },
    /// The log holds a message that nobody submitted.
    Foreign { chat: u16, seq: u64 },
    /// A position of the chat's stream is missing, repeated or out of order.
    Gap { chat: u16, expected: u64, found: u64 },
    /// The count of messages is not one more than before.
    OrdinalGap { chat: u16, expected: u64, found: u64 },
    /// An answer and the log disagree about a message.
    Changed { cid: Uuid, field: &'static str, answered: String, stored: String },
    /// A writer's messages do not stand in the order in which it submitted them.
    Reordered { chat: u16, sender: u16, order: u32, after: u32 },
    /// A reader saw something else than the log holds.
    ReaderDiffers { reader: String, chat: u16, seq: u64 },
    /// A reader saw a hole, or a position twice.
    ReaderGap { reader: String, chat: u16, expected: u64, found: u64 },
    /// A reader stopped before the end of the log.
    ReaderBehind { reader: String, chat: u16, at: u64, head: u64 },
    /// The rows of the table and the events of the log are not the same messages.
    RowsDiffer { log: usize, rows: usize },
    /// A restart was taken for another life of the store.
    EpochChanged { from: String, to: String },
}

/// Judges the whole run. Empty means that every promise held.
pub fn check(evidence: &Evidence) -> Vec<Fault> {
    let submitted: HashMap<Uuid, Submitted> = evidence.submitted.iter().map(|one| (one.cid, *one)).collect();
    let by_place: HashMap<(u16, u16, u32), Uuid> =
        evidence.submitted.iter().map(|one| ((one.chat, one.sender, one.order), one.cid)).collect();
    let mut faults = Vec::new();
    let mut found: HashMap<Uuid, (u64, Message, usize)> = HashMap::new();
    for (&chat, log) in &evidence.logs {
        check_numbers(chat, log, &mut faults);
        check_order(chat, log, &mut faults);
        for event in log {
            let Some(message) = event.message else { continue };
            let place = by_place.get(&(chat, message.sender, message.order)).copied();
            let known = match (place, message.cid) {
                (Some(place), Some(cid)) => (place == cid).then_some(cid),
                (place, _) => place,
            };
            match known {
                Some(cid) => found.entry(cid).or_insert((event.seq, message, 0)).2 += 1,
                None => faults.push(Fault::Foreign { chat, seq: event.seq }),
            }
        }
    }
    faults.extend(
        found
            .iter()
            .filter(|(_, (_, _, times))| *times > 1)
            .map(|(&cid, &(_, _, times))| Fault::Duplicate { cid, times }),
    );
    check_answers(&evidence.acked, &found, &mut faults);
    check_rows(evidence, &submitted, found.len(), &mut faults);
    for reading in &evidence.readings {
        check_reading(reading, evidence.logs.get(&reading.chat).map_or(&[], Vec::as_slice), &mut faults);
    }
    for pair in evidence.epochs.windows(2) {
        if pair[0] != pair[1] {
            faults.push(Fault::EpochChanged { from: pair[0].clone(), to: pair[1].clone() });
        }
    }
    faults
}

/// `seq` is 1, 2, 3 and so on; `n` is 1, 2, 3 and so on over the messages.
fn check_numbers(chat: u16, log: &[Stored], faults: &mut Vec<Fault>) {
    let (mut seq, mut n) = (0, 0);
    for event in log {
        if event.seq != seq + 1 {
            faults.push(Fault::Gap { chat, expected: seq + 1, found: event.seq });
        }
        seq = event.seq;
        if let Some(message) = event.message {
            if message.n != n + 1 {
                faults.push(Fault::OrdinalGap { chat, expected: n + 1, found: message.n });
            }
            n = message.n;
        }
    }
}

/// A writer's messages stand in the order of submission; none in between may be missing before a later one
/// either, because a writer repeats everything that is unanswered before it says anything new.
fn check_order(chat: u16, log: &[Stored], faults: &mut Vec<Fault>) {
    let mut last: HashMap<u16, u32> = HashMap::new();
    for message in log.iter().filter_map(|event| event.message) {
        if let Some(&after) = last.get(&message.sender)
            && message.order <= after
        {
            faults.push(Fault::Reordered { chat, sender: message.sender, order: message.order, after });
        }
        last.insert(message.sender, message.order);
    }
}

/// Every answer names a stored message, and says of it what the log says.
fn check_answers(acked: &[Acked], found: &HashMap<Uuid, (u64, Message, usize)>, faults: &mut Vec<Fault>) {
    for ack in acked {
        let Some((seq, message, _)) = found.get(&ack.cid) else {
            faults.push(Fault::Lost { cid: ack.cid });
            continue;
        };
        let mut differs = |field, answered: String, stored: String| {
            if answered != stored {
                faults.push(Fault::Changed { cid: ack.cid, field, answered, stored });
            }
        };
        differs("seq", ack.seq.to_string(), seq.to_string());
        differs("n", ack.n.to_string(), message.n.to_string());
        differs("mid", ack.mid.to_string(), message.mid.to_string());
    }
}

/// The table holds one row for each message of the log and no other.
fn check_rows(evidence: &Evidence, submitted: &HashMap<Uuid, Submitted>, in_log: usize, faults: &mut Vec<Fault>) {
    let mut rows: HashMap<(u16, u16, Uuid), usize> = HashMap::new();
    for row in &evidence.rows {
        *rows.entry(*row).or_default() += 1;
        if submitted.get(&row.2).is_none_or(|one| (one.chat, one.sender) != (row.0, row.1)) {
            faults.push(Fault::Foreign { chat: row.0, seq: 0 });
        }
    }
    faults.extend(
        rows.iter().filter(|(_, times)| **times > 1).map(|(&(_, _, cid), &times)| Fault::Duplicate { cid, times }),
    );
    if rows.len() != in_log {
        faults.push(Fault::RowsDiffer { log: in_log, rows: rows.len() });
    }
}

/// A reader's sequence is a gap-free piece of the log that reaches to its end.
fn check_reading(reading: &Reading, log: &[Stored], faults: &mut Vec<Fault>) {
    let (reader, chat) = (&reading.reader, reading.chat);
    let mut last: Option<u64> = None;
    for event in &reading.events {
        if let Some(last) = last
            && event.seq != last + 1
        {
            faults.push(Fault::ReaderGap { reader: reader.clone(), chat, expected: last + 1, found: event.seq });
        }
        last = Some(event.seq);
        let stored =
            usize::try_from(event.seq).ok().and_then(|seq| seq.checked_sub(1)).and_then(|index| log.get(index));
        if !stored.is_some_and(|stored| same(stored, event)) {
            faults.push(Fault::ReaderDiffers { reader: reader.clone(), chat, seq: event.seq });
        }
    }
    let head = log.last().map_or(0, |event| event.seq);
    let at = last.unwrap_or(0);
    if at < head {
        faults.push(Fault::ReaderBehind { reader: reader.clone(), chat, at, head });
    }
}

/// The same event, where a client id that one side was not told does not count.
fn same(left: &Stored, right: &Stored) -> bool {
    let blind =
        |stored: &Stored| Stored { message: stored.message.map(|message| Message { cid: None, ..message }), ..*stored };
    let cids = (left.message.and_then(|message| message.cid), right.message.and_then(|message| message.cid));
    blind(left) == blind(right) && !matches!(cids, (Some(left), Some(right)) if left != right)
}

#[cfg(test)]
mod finds {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    /// Two writers in one chat: an opening event, then a0, b0, a1, b1, a2; all acknowledged; one faithful reader.
    fn sound() -> Evidence {
        let places = [(0_u16, 0_u32), (1, 0), (0, 1), (1, 1), (0, 2)];
        let mut evidence = Evidence { epochs: vec!["e1".into(), "e1".into()], ..Evidence::default() };
        let mut log = vec![Stored { seq: 1, message: None }];
        for (index, (sender, order)) in (0_u64..).zip(places) {
            let (cid, mid) = (id(100 + u128::from(index)), id(200 + u128::from(index)));
            let (seq, n) = (index + 2, index + 1);
            evidence.submitted.push(Submitted { cid, chat: 0, sender, order });
            evidence.acked.push(Acked { cid, mid, seq, n });
            evidence.rows.push((0, sender, cid));
            log.push(Stored { seq, message: Some(Message { n, mid, cid: Some(cid), sender, order }) });
        }
        evidence.readings.push(Reading { reader: "r".into(), chat: 0, events: log[2..].to_vec() });
        evidence.logs.insert(0, log);
        evidence
    }

    fn log(evidence: &mut Evidence) -> &mut Vec<Stored> {
        evidence.logs.get_mut(&0).expect("the one chat")
    }

    fn message(event: &mut Stored) -> &mut Message {
        event.message.as_mut().expect("a message")
    }

    /// Plants a fault and expects one that `is` recognises.
    fn expect(plant: impl FnOnce(&mut Evidence), is: impl Fn(&Fault) -> bool) {
        let mut evidence = sound();
        plant(&mut evidence);
        let faults = check(&evidence);
        assert!(faults.iter().any(is), "the planted fault was not found; these were: {faults:?}");
    }

    #[test]
    fn nothing_in_a_sound_run() {
        assert_eq!(check(&sound()), []);
    }

    #[test]
    fn nothing_wrong_with_a_message_stored_but_never_answered() {
        let mut evidence = sound();
        evidence.acked.remove(2);
        assert_eq!(check(&evidence), []);
    }

    #[test]
    fn nothing_wrong_with_a_second_equal_answer() {
        let mut evidence = sound();
        evidence.acked.push(evidence.acked[1]);
        assert_eq!(check(&evidence), []);
    }

    #[test]
    fn a_lost_message() {
        expect(
            |evidence| {
                log(evidence).pop();
                evidence.rows.pop();
                evidence.readings[0].events.pop();
            },
            |fault| *fault == Fault::Lost { cid: id(104) },
        );
    }

    #[test]
    fn a_message_stored_twice() {
        expect(
            |evidence| {
                let mut again = *log(evidence).last().expect("an event");
                again.seq += 1;
                message(&mut again).n += 1;
                log(evidence).push(again);
            },
            |fault| *fault == Fault::Duplicate { cid: id(104), times: 2 },
        );
    }

    #[test]
    fn a_second_row_behind_the_logs_back() {
        expect(
            |evidence| evidence.rows.push(evidence.rows[0]),
            |fault| matches!(fault, Fault::Duplicate { times: 2, .. }),
        );
    }

    #[test]
    fn a_row_that_is_in_no_log() {
        expect(
            |evidence| {
                evidence.submitted.push(Submitted { cid: id(999), chat: 0, sender: 0, order: 3 });
                evidence.rows.push((0, 0, id(999)));
            },
            |fault| *fault == Fault::RowsDiffer { log: 5, rows: 6 },
        );
    }

    #[test]
    fn a_message_that_nobody_sent() {
        expect(
            |evidence| message(&mut log(evidence)[2]).order = 77,
            |fault| *fault == Fault::Foreign { chat: 0, seq: 3 },
        );
    }

    #[test]
    fn a_writers_message_under_anothers_client_id() {
        expect(
            |evidence| message(&mut log(evidence)[2]).cid = Some(id(104)),
            |fault| *fault == Fault::Foreign { chat: 0, seq: 3 },
        );
    }

    #[test]
    fn two_messages_that_changed_places() {
        expect(
            |evidence| {
                let (first, second) = (message(&mut log(evidence)[1]).order, message(&mut log(evidence)[3]).order);
                message(&mut log(evidence)[1]).order = second;
                message(&mut log(evidence)[3]).order = first;
            },
            |fault| *fault == Fault::Reordered { chat: 0, sender: 0, order: 0, after: 1 },
        );
    }

    #[test]
    fn a_hole_in_the_stream() {
        expect(
            |evidence| {
                log(evidence).remove(2);
            },
            |fault| *fault == Fault::Gap { chat: 0, expected: 3, found: 4 },
        );
    }

    #[test]
    fn a_stream_that_does_not_begin_at_one() {
        expect(
            |evidence| {
                log(evidence).remove(0);
            },
            |fault| *fault == Fault::Gap { chat: 0, expected: 1, found: 2 },
        );
    }

    #[test]
    fn a_wrong_count_of_messages() {
        expect(
            |evidence| message(&mut log(evidence)[3]).n = 9,
            |fault| *fault == Fault::OrdinalGap { chat: 0, expected: 3, found: 9 },
        );
    }

    #[test]
    fn an_answer_with_another_message_id() {
        expect(
            |evidence| evidence.acked[1].mid = id(1),
            |fault| matches!(fault, Fault::Changed { field: "mid", cid, .. } if *cid == id(101)),
        );
    }

    #[test]
    fn an_answer_with_another_place() {
        expect(|evidence| evidence.acked[1].seq = 6, |fault| matches!(fault, Fault::Changed { field: "seq", .. }));
        expect(|evidence| evidence.acked[1].n = 6, |fault| matches!(fault, Fault::Changed { field: "n", .. }));
    }

    #[test]
    fn a_retry_that_was_answered_differently() {
        expect(
            |evidence| evidence.acked.push(Acked { mid: id(7), ..evidence.acked[0] }),
            |fault| matches!(fault, Fault::Changed { field: "mid", cid, .. } if *cid == id(100)),
        );
    }

    #[test]
    fn a_reader_with_a_hole() {
        expect(
            |evidence| {
                evidence.readings[0].events.remove(1);
            },
            |fault| *fault == Fault::ReaderGap { reader: "r".into(), chat: 0, expected: 4, found: 5 },
        );
    }

    #[test]
    fn a_reader_that_saw_something_twice() {
        expect(
            |evidence| {
                let again = evidence.readings[0].events[1];
                evidence.readings[0].events.insert(1, again);
            },
            |fault| *fault == Fault::ReaderGap { reader: "r".into(), chat: 0, expected: 5, found: 4 },
        );
    }

    #[test]
    fn a_reader_that_was_shown_another_message() {
        expect(
            |evidence| message(&mut evidence.readings[0].events[1]).mid = id(3),
            |fault| *fault == Fault::ReaderDiffers { reader: "r".into(), chat: 0, seq: 4 },
        );
    }

    #[test]
    fn a_reader_that_was_shown_what_was_never_stored() {
        expect(
            |evidence| {
                let mut beyond = *evidence.readings[0].events.last().expect("an event");
                beyond.seq += 1;
                evidence.readings[0].events.push(beyond);
            },
            |fault| *fault == Fault::ReaderDiffers { reader: "r".into(), chat: 0, seq: 7 },
        );
    }

    #[test]
    fn a_reader_that_was_left_behind() {
        expect(
            |evidence| {
                evidence.readings[0].events.pop();
            },
            |fault| *fault == Fault::ReaderBehind { reader: "r".into(), chat: 0, at: 5, head: 6 },
        );
    }

    #[test]
    fn another_epoch() {
        expect(|evidence| evidence.epochs.push("e2".into()), |fault| matches!(fault, Fault::EpochChanged { .. }));
    }
}
