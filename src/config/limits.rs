//! Every bound of the program, with unit, default, range and reason.

use std::time::Duration;

use super::table::Key;
use super::value::{Setting, read_in, show_range};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Largest frame that can be allowed; more only where frames are given back to a test.
const LARGEST_FRAME_BYTES: usize = if cfg!(feature = "echo") { 16 * MIB } else { MIB };

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn minutes(n: u64) -> Duration {
    seconds(n * 60)
}

const fn hours(n: u64) -> Duration {
    minutes(n * 60)
}

const fn days(n: u64) -> Duration {
    hours(n * 24)
}

macro_rules! limits {
    ($($field:ident: $type:ty = $default:expr, $range:expr, $unit:literal, $meaning:literal;)*) => {
        /// Every bound of the program. One table makes this struct, its defaults, its ranges and its explanation.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits { $(#[doc = concat!($meaning, "\n\n# Units\n", $unit)] pub $field: $type,)* }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// The rows of the table.
        pub(super) fn keys() -> Vec<Key> {
            vec![$(Key {
                name: concat!("limits.", stringify!($field)),
                env: format!("DOMU_LIMITS_{}", stringify!($field).to_uppercase()),
                flag: None,
                unit: $unit,
                default: Setting::show(&{ let default: $type = $default; default }),
                range: show_range::<$type>(&$range),
                meaning: $meaning,
                secret: false,
                set: |config, raw| {
                    config.limits.$field = read_in(raw, $range)?;
                    Ok(())
                },
                show: |config| config.limits.$field.show(),
            },)*]
        }
    };
}

limits! {
    // accept loop
    connections_max: usize = 18_000, 1..=1_000_000, "connections",
        "Open connections, sockets included; further ones are told 503. Lowered at start when the process may not have so many descriptors.";
    connections_per_address_max: usize = 6_000, 1..=1_000_000, "connections",
        "Open connections of one address that is no trusted proxy; room for a campus behind one address, not for a third of all places.";
    header_timeout: Duration = seconds(10), seconds(1)..=minutes(5), "seconds",
        "From the first byte of a request to the end of its headers.";
    head_bytes_max: usize = 32 * KIB, 8 * KIB..=MIB, "bytes",
        "Head of an HTTP request; room for ten thousand bytes of foreign cookies.";
    body_bytes_max: usize = 16 * KIB, KIB..=16 * MIB, "bytes",
        "Body of an HTTP request; read before anything is known of who sends it.";
    request_timeout: Duration = seconds(30), seconds(1)..=minutes(10), "seconds",
        "Time to answer an HTTP request.";
    // sockets
    frame_bytes_max: usize = 64 * KIB, KIB..=LARGEST_FRAME_BYTES, "bytes",
        "One frame or message from a client; beyond it the socket closes with 1009.";
    connect_timeout: Duration = seconds(10), seconds(1)..=minutes(5), "seconds",
        "From the upgrade to a successful connect request.";
    ping_interval: Duration = seconds(25), seconds(1)..=minutes(10), "seconds",
        "Between two pings of the server on a socket; longer ones are cut by proxies.";
    pong_timeout: Duration = seconds(10), seconds(1)..=minutes(5), "seconds",
        "Silence after a ping until the socket counts as dead; shorter than ping_interval.";
    connects_per_second: u32 = 1_000, 1..=1_000_000, "connects/s",
        "Sockets let in for long; a client beyond it is told its own moment to come back.";
    connects_burst: u32 = 4_000, 1..=1_000_000, "connects",
        "Sockets let in at once.";
    connects_at_once: usize = 64, 1..=100_000, "connects",
        "Connect requests being answered; others wait for their turn, so that what is connected does not wait for them.";
    connect_slot_max: Duration = minutes(1), seconds(1)..=minutes(10), "seconds",
        "Furthest moment a client is told to come back at.";
    sockets_per_user_max: usize = 16, 1..=1_000, "sockets",
        "Sockets one person may hold; the newest is refused.";
    requests_in_flight_max: usize = 32, 1..=1_024, "requests",
        "Unanswered requests on one socket.";
    socket_ops_per_second: u32 = 50, 1..=100_000, "requests/s",
        "Requests one socket may send for long.";
    socket_ops_burst: u32 = 200, 1..=100_000, "requests",
        "Requests one socket may send at once.";
    socket_refusals_max: u32 = 200, 1..=100_000, "requests",
        "Requests in a row refused for their pace, before the socket is closed.";
    socket_errors_max: u32 = 50, 1..=10_000, "errors",
        "Erroneous requests in a row until a socket is closed.";
    // what is live
    focus_max: usize = 4, 1..=50, "chats",
        "Chats one socket may have on screen: who types and who is here is told for those only.";
    typing_ttl: Duration = seconds(6), seconds(1)..=minutes(1), "seconds",
        "Typing ends when nothing more is said of it for so long.";
    visible_lease: Duration = seconds(60), seconds(5)..=minutes(10), "seconds",
        "A socket counts as looked at for so long after it said so; clients say it again after half of that.";
    presence_linger: Duration = seconds(45), seconds(0)..=minutes(10), "seconds",
        "From the last sign of life of a lost connection until its person counts as gone; a quick reconnect is not seen.";
    seen_interval: Duration = minutes(5), seconds(1)..=hours(1), "seconds",
        "When people last looked is stored at most so often, in slices.";
    focus_per_minute: u32 = 120, 1..=1_000_000, "requests/min",
        "Changes of what is on screen, over all sockets of one person.";
    signals_per_minute: u32 = 240, 1..=1_000_000, "requests/min",
        "Words about typing and looking, over all sockets of one person; a client says at most 22 a minute for each socket.";
    syncs_per_minute: u32 = 60, 1..=1_000_000, "requests/min",
        "Looks at chats without a new socket, over all sockets of one person.";
    refreshes_per_minute: u32 = 10, 1..=1_000_000, "requests/min",
        "Changes of the session of a socket, over all sockets of one person.";
    expiry_notice: Duration = minutes(5), seconds(1)..=days(1), "seconds",
        "So long before the end of its session a socket is told.";
    // outboxes
    outbox_frames_max: usize = 1_024, 16..=65_536, "frames",
        "Frames waiting for one reader; beyond it that socket closes with slow_consumer.";
    outbox_bytes_max: usize = 256 * KIB, 16 * KIB..=64 * MIB, "bytes",
        "Bytes waiting for one reader.";
    outbox_age_max: Duration = seconds(15), seconds(1)..=minutes(5), "seconds",
        "How long a reader may take nothing while something waits; four times as long for one frame.";
    outbox_total_bytes_max: usize = 256 * MIB, 16 * KIB..=64 * KIB * MIB, "bytes",
        "Bytes waiting for all readers together; beyond it the fullest are closed.";
    // chat
    joining_frames_max: usize = 1_024, 16..=1_000_000, "frames",
        "Frames of one stream that wait while a socket connects; if there are more, it starts again.";
    user_events_max: usize = 200, 1..=10_000, "events",
        "Missed events of a person's own stream sent on a resume.";
    message_chars_max: usize = 4_000, 1..=100_000, "Unicode scalars",
        "Text of one message.";
    moderation_window: Duration = hours(1), minutes(1)..=days(1), "seconds",
        "How long the moderation of a message remembers what the same person wrote before it.";
    moderation_writers_max: usize = 5_000, 1..=1_000_000, "people and chats",
        "Whose earlier messages the moderation remembers; beyond it the oldest are forgotten.";
    history_page_max: usize = 100, 1..=1_000, "events",
        "Events in one page of history.";
    resume_events_max: usize = 500, 1..=10_000, "events",
        "Missed events of one chat sent on a resume; if there are more, the chat starts afresh with its newest.";
    window_chats_max: usize = 50, 1..=500, "chats",
        "Chats whose events come with a connect.";
    window_messages: usize = 20, 1..=200, "events",
        "Newest events of a chat that comes afresh.";
    chats_per_user_max: usize = 500, 1..=10_000, "chats",
        "Chats one person may be in; a connect shows all of them.";
    group_members_max: usize = 4, 2..=10, "people",
        "People in one group, with those who are invited.";
    groups_per_user_max: usize = 20, 1..=500, "groups",
        "Groups one person may be in.";
    group_invites_per_user_max: usize = 50, 1..=1_000, "invitations",
        "Open invitations to one person, and as many from one person.";
    group_invite_ttl: Duration = hours(72), minutes(1)..=days(30), "seconds",
        "An invitation to a group is over after so long.";
    group_title_chars_max: usize = 60, 1..=200, "Unicode scalars",
        "Name of a group.";
    group_changes_per_hour: u32 = 100, 1..=1_000_000, "changes/h",
        "Changes to groups one person may ask for, over all groups and sockets.";
    blocks_per_user_max: usize = 500, 1..=10_000, "people",
        "People one person may have blocked; each message of somebody blocked costs a row for whoever blocked them.";
    match_suggestions_max: u8 = 10, 1..=50, "people",
        "People suggested to one person.";
    match_open_max: u8 = 20, 1..=100, "suggestions",
        "Suggestions one person has open, with those they or others wait to be answered in.";
    match_fit_min: u8 = 30, 0..=100, "percent",
        "Nobody is suggested who fits less.";
    match_ttl: Duration = days(7), minutes(1)..=days(90), "seconds",
        "A suggestion that nobody answers is over after so long, unless a run makes it again.";
    match_lag: Duration = Duration::from_millis(50), Duration::from_millis(1)..=minutes(1), "seconds",
        "A changed answer waits so long for more before suggestions follow it.";
    resume_total_max: usize = 1_000, 1..=100_000, "events",
        "Missed events of all chats sent on one resume.";
    snapshot_bytes_max: usize = MIB, 64 * KIB..=64 * MIB, "bytes",
        "The answer to a connect; chats beyond it come without their events.";
    page_bytes_max: usize = 192 * KIB, 32 * KIB..=16 * MIB, "bytes",
        "One page of history; it ends early rather than growing.";
    search_words_max: usize = 8, 1..=64, "words",
        "Words that one search may be for.";
    search_page_max: usize = 50, 1..=500, "messages",
        "Messages that one search finds at once.";
    search_lag: Duration = Duration::from_millis(300), Duration::from_millis(1)..=minutes(1), "seconds",
        "What was said waits so long for more before it can be found.";
    // committer
    fanout_queue_max: usize = 64, 1..=100_000, "batches",
        "Committed batches waiting to be delivered; the committer waits when there are more.";
    commit_queue_max: usize = 4_096, 1..=1_000_000, "transactions",
        "Drafts and transactions waiting for the committer; beyond it they are refused as overloaded.";
    commit_batch_max: usize = 500, 1..=10_000, "transactions",
        "Drafts that share one commit.";
    store_timeout: Duration = seconds(5), seconds(1)..=minutes(1), "seconds",
        "One transaction; then it counts as failed and the store as unavailable.";
    // jobs
    job_lease: Duration = minutes(1), seconds(1)..=hours(1), "seconds",
        "A run that says nothing for so long is over: its process is gone, and the job may run again. Above the difference of two nodes' clocks.";
    job_tick: Duration = seconds(10), Duration::from_millis(10)..=minutes(10), "seconds",
        "How often it is looked whether a job is due.";
    job_runs_kept: usize = 100, 20..=10_000, "runs",
        "Newest runs of each job that are kept.";
    job_runs_shown: usize = 20, 1..=100, "runs",
        "Newest runs of each job that are shown.";
    job_wait: Duration = seconds(20), seconds(0)..=minutes(5), "seconds",
        "How long the answer to a scheduler elsewhere waits for its run to end.";
    // rates: so many at once, and they come back evenly over the period
    chat_lists_per_minute: u32 = 120, 1..=1_000_000, "lists/min",
        "Lists and searches of chats that one person may ask for over HTTP; a client without a socket asks 12 times.";
    searches_per_minute: u32 = 60, 1..=1_000_000, "searches/min",
        "Searches for messages that one person may make.";
    messages_per_minute: u32 = 60, 1..=1_000_000, "messages/min",
        "Messages one person may send, over all sockets.";
    onboarding_saves_per_minute: u32 = 60, 1..=1_000_000, "saves/min",
        "Sections of the questionnaire one person may save or hand in.";
    match_replies_per_hour: u32 = 120, 1..=1_000_000, "answers/h",
        "Answers to suggestions one person may give, and matches they may end.";
    match_refreshes_per_hour: u32 = 20, 1..=1_000_000, "refreshes/h",
        "Times one person may ask for their suggestions to be made anew.";
    notices_per_minute: u32 = 120, 1..=1_000_000, "changes/min",
        "Times one person may say what of the news they have seen, over all sockets.";
    mutes_per_minute: u32 = 30, 1..=1_000_000, "changes/min",
        "Chats one person may mute or hear of again, over all sockets.";
    reports_per_hour: u32 = 5, 1..=1_000_000, "reports/h",
        "Reports one person may file; whoever may file no more is told whom to call.";
    auto_block_reporters: u32 = 3, 2..=1_000, "people",
        "Verified people whose reports, in auto_block_window, hide somebody until an admin decides.";
    auto_block_window: Duration = hours(24), minutes(1)..=days(30), "seconds",
        "How far back those reports are counted.";
    report_lease: Duration = minutes(30), seconds(1)..=hours(24), "seconds",
        "How long a report that an admin has claimed is theirs alone.";
    edit_window: Duration = hours(24), seconds(0)..=days(3_650), "seconds",
        "How long after it was sent a message can be edited.";
    delete_window: Duration = hours(48), seconds(0)..=days(3_650), "seconds",
        "How long after it was sent a message can be deleted for all.";
    reactions_per_minute: u32 = 60, 1..=1_000_000, "reactions/min",
        "Reactions one person may make and take back, over all chats and sockets.";
    edits_per_minute: u32 = 30, 1..=1_000_000, "changes/min",
        "Messages one person may edit or delete, over all sockets.";
    sign_in_per_account: u32 = 5, 1..=1_000_000, "tries/window",
        "Failed sign-ins to one account from one network in sign_in_window.";
    sign_in_per_address: u32 = 200, 1..=1_000_000, "tries/window",
        "Failed sign-ins from one network in sign_in_window; a campus may share one address.";
    sign_in_window: Duration = minutes(15), seconds(1)..=days(1), "seconds",
        "The period of the two limits above.";
    sign_up_per_address_per_hour: u32 = 200, 1..=1_000_000, "sign-ups/h",
        "Sign-ups from one address.";
    confirm_per_account_per_hour: u32 = 20, 1..=1_000_000, "tries/h",
        "Tries of a confirmation code for one account, and as many of a code for a new password.";
    resend_per_account_per_hour: u32 = 5, 1..=1_000_000, "mails/h",
        "Confirmation mails one account may ask for again.";
    csrf_tokens_per_address_per_minute: u32 = 1_200, 1..=1_000_000, "tokens/min",
        "CSRF tokens handed to one address.";
    sockets_per_address_per_minute: u32 = 6_000, 1..=1_000_000, "sockets/min",
        "Socket upgrades from one address.";
    rate_keys_max: usize = 100_000, 1..=10_000_000, "keys",
        "Rate limit keys of one kind held at once, about 150 bytes each; when full, new ones of that kind are refused.";
    // accounts
    password_chars_min: usize = 10, 8..=64, "Unicode scalars",
        "Shortest password.";
    password_bytes_max: usize = 1_024, 64..=4_096, "bytes",
        "Longest password; a bound on hashing work, not a rule for people.";
    password_hashes_at_once: usize = 2, 1..=64, "hashes",
        "Passwords hashed at the same time, 19 MiB each.";
    age_years_min: u32 = 17, 0..=99, "years",
        "Youngest age at sign-up.";
    sessions_per_user_max: usize = 50, 1..=10_000, "sessions",
        "Sessions of one person; a further sign-in ends the one unused for longest.";
    session_idle: Duration = days(7), minutes(1)..=days(365), "seconds",
        "A session ends after so long without use.";
    session_absolute: Duration = days(30), minutes(1)..=days(365), "seconds",
        "A session ends after so long in any case.";
    confirm_code_ttl: Duration = minutes(10), seconds(10)..=days(1), "seconds",
        "A mailed confirmation code is good for so long.";
    confirm_link_ttl: Duration = hours(24), seconds(10)..=days(30), "seconds",
        "A mailed confirmation link is good for so long.";
    confirm_attempts_max: u32 = 5, 1..=100, "tries",
        "Wrong tries until a confirmation code is worthless.";
    reset_link_ttl: Duration = hours(1), seconds(10)..=days(7), "seconds",
        "A mailed link that sets a new password is good for so long.";
    email_change_cooldown: Duration = hours(24), seconds(0)..=days(365), "seconds",
        "After a change of the e-mail address, how long it stays.";
    user_changes_per_minute: u32 = 240, 1..=1_000_000, "changes/min",
        "Changes one signed-in person may ask for over HTTP.";
    picture_uploads_per_hour: u32 = 20, 1..=1_000_000, "pictures/h",
        "Pictures one person may upload.";
    picture_bytes_max: usize = 8 * MIB, 16 * KIB..=64 * MIB, "bytes",
        "Body of an uploaded picture.";
    picture_pixels_max: u32 = 25_000_000, 1_000_000..=1_000_000_000, "pixels",
        "Width times height of an uploaded picture, half as much with 16 bits a colour; looked at before it is decoded.";
    picture_uploads_at_once: usize = 8, 1..=1_000, "pictures",
        "Uploads of pictures under way, one of each person; each may hold picture_bytes_max.";
    picture_upload_timeout: Duration = minutes(2), seconds(1)..=minutes(10), "seconds",
        "Time for the largest picture to arrive; smaller ones must keep the same pace, after the half of request_timeout that every body has.";
    picture_decodes_at_once: usize = 1, 1..=64, "pictures",
        "Pictures decoded at the same time, 4 bytes a pixel each and what the decoder needs; four times as many may wait.";
    // admins
    admin_step_up_ttl: Duration = minutes(10), minutes(1)..=hours(12), "seconds",
        "How long after showing the second factor an admin may do what is dangerous.";
    admin_unlock_ttl: Duration = hours(1), minutes(1)..=days(1), "seconds",
        "How long the admin secret unlocks a session.";
    admin_codes_per_window: u32 = 5, 1..=1_000_000, "tries/15 min",
        "Codes of a second factor that one admin may try.";
    admin_secrets_per_hour: u32 = 10, 1..=1_000_000, "tries/h",
        "Wrong admin secrets of one admin until no more are looked at.";
    admin_invite_ttl: Duration = days(7), minutes(1)..=days(30), "seconds",
        "An invitation to be an admin is good for so long.";
    admin_token_ttl_max: Duration = days(90), days(1)..=days(365), "seconds",
        "Longest life of a token of an admin.";
    admin_users_max: usize = 100, 1..=1_000, "people",
        "People whom one request of an admin may change.";
    admin_page_max: usize = 200, 10..=1_000, "rows",
        "Rows of one page of a list of admins.";
    audit_export_max: usize = 10_000, 100..=100_000, "rows",
        "Rows of one export of the audit log, about a kilobyte each.";
    // mail
    mail_sleep: Duration = seconds(30), Duration::from_millis(10)..=minutes(10), "seconds",
        "The longest time in which nobody looks whether a mail is due; new ones are sent at once.";
    unread_mail_after: Duration = minutes(10), seconds(1)..=days(7), "seconds",
        "After so long with an unread message and no window open somebody is mailed, once for each chat until they read on.";
    unread_mail_until: Duration = days(1), minutes(1)..=days(365), "seconds",
        "A chat that had no message for so long is mailed about no more.";
    // stopping
    drain_notice: Duration = seconds(0), seconds(0)..=minutes(5), "seconds",
        "How long a stopping server only reports itself as not ready, so that a load balancer takes it out, before its sockets are sent away.";
    drain_spread: Duration = seconds(5), seconds(0)..=minutes(5), "seconds",
        "Time over which a stopping server sends its sockets away, still serving those that are left; less when they are few.";
    drain_timeout: Duration = seconds(15), seconds(0)..=minutes(10), "seconds",
        "From the first signal to the end of a stopping server, whatever is still under way.";
    close_timeout: Duration = seconds(1), Duration::from_millis(10)..=minutes(1), "seconds",
        "How long a closing socket may take to send what is waiting and its close frame.";
}
