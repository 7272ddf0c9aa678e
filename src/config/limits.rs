//! Every bound of the program, with unit, default, range and reason.

use std::time::Duration;

/// Every bound of the program.
#[derive(Clone, Debug)]
pub struct Limits {
    // accept loop
    pub connections_max: usize,
    pub header_timeout: Duration,
    pub body_bytes_max: usize,
    pub request_timeout: Duration,
    // sockets
    pub frame_bytes_max: usize,
    pub connect_timeout: Duration,
    pub ping_interval: Duration,
    pub pong_timeout: Duration,
    pub sockets_per_user_max: usize,
    pub requests_in_flight_max: usize,
    pub socket_ops_per_second: u32,
    pub socket_ops_burst: u32,
    pub socket_errors_max: u32,
    // outboxes
    pub outbox_frames_max: usize,
    pub outbox_bytes_max: usize,
    pub outbox_age_max: Duration,
    pub outbox_total_bytes_max: usize,
    // chat
    pub message_chars_max: usize,
    pub history_page_max: usize,
    pub resume_events_max: usize,
    pub window_chats_max: usize,
    pub window_messages: usize,
    pub group_members_max: usize,
    // committer
    pub commit_queue_max: usize,
    pub commit_batch_max: usize,
    pub store_timeout: Duration,
    // rates: events per period, burst = events
    pub messages_per_minute: u32,
    pub sign_in_per_account: u32,
    pub sign_in_per_address: u32,
    pub sign_in_window: Duration,
    pub sign_up_per_address_per_hour: u32,
    pub rate_keys_max: usize,
    // accounts
    pub password_chars_min: usize,
    pub password_bytes_max: usize,
    pub password_hashes_at_once: usize,
    pub age_years_min: u32,
    pub session_idle: Duration,
    pub session_absolute: Duration,
    pub confirm_code_ttl: Duration,
    pub confirm_link_ttl: Duration,
    pub confirm_attempts_max: u32,
    // stopping
    pub drain_timeout: Duration,
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 18_000,
            header_timeout: Duration::from_secs(10),
            body_bytes_max: 256 * 1024,
            request_timeout: Duration::from_secs(30),
            frame_bytes_max: 64 * 1024,
            connect_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            sockets_per_user_max: 16,
            requests_in_flight_max: 32,
            socket_ops_per_second: 50,
            socket_ops_burst: 200,
            socket_errors_max: 50,
            outbox_frames_max: 1024,
            outbox_bytes_max: 256 * 1024,
            outbox_age_max: Duration::from_secs(15),
            outbox_total_bytes_max: 256 * 1024 * 1024,
            message_chars_max: 4000,
            history_page_max: 100,
            resume_events_max: 500,
            window_chats_max: 50,
            window_messages: 20,
            group_members_max: 32,
            commit_queue_max: 4096,
            commit_batch_max: 500,
            store_timeout: Duration::from_secs(5),
            messages_per_minute: 60,
            sign_in_per_account: 5,
            sign_in_per_address: 200,
            sign_in_window: minutes(15),
            sign_up_per_address_per_hour: 200,
            rate_keys_max: 200_000,
            password_chars_min: 10,
            password_bytes_max: 1024,
            password_hashes_at_once: 2,
            age_years_min: 17,
            session_idle: Duration::from_secs(7 * 86_400),
            session_absolute: Duration::from_secs(30 * 86_400),
            confirm_code_ttl: minutes(10),
            confirm_link_ttl: Duration::from_secs(86_400),
            confirm_attempts_max: 5,
            drain_timeout: Duration::from_secs(10),
        }
    }
}
