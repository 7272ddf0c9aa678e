//! The one table of codes: wire name, HTTP status, close code or none, retryable, log level.

use utoipa::openapi::{Object, ObjectBuilder, Type};

/// How loudly an error is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Ordinary refusals.
    Debug,
    /// Worth a look if many.
    Info,
    /// Something of ours failed.
    Error,
}

/// The numbers of all codes, for the documentation.
pub fn number_schema() -> Object {
    let numbers = Code::ALL.iter().map(|code| code.number());
    ObjectBuilder::new().schema_type(Type::Integer).description(Some("Five digits.")).enum_values(Some(numbers)).build()
}

/// The names of all codes, for the documentation.
pub fn name_schema() -> Object {
    let names = Code::ALL.iter().map(|code| code.name());
    ObjectBuilder::new().schema_type(Type::String).description(Some("Stable name.")).enum_values(Some(names)).build()
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal, $name:literal, $status:literal, $retry:literal, $level:ident;)*) => {
        /// What went wrong, as the wire and HTTP say it. The first three digits read like HTTP.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])* $variant,)* }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Five digits.
            pub const fn number(self) -> u32 { match self { $(Self::$variant => $number,)* } }
            /// `snake_case`, stable.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            /// HTTP status.
            pub const fn status(self) -> u16 { match self { $(Self::$variant => $status,)* } }
            /// Whether the same request can succeed later without being changed.
            pub const fn retry(self) -> bool { match self { $(Self::$variant => $retry,)* } }
            /// What it means, in the words of the table.
            pub const fn about(self) -> &'static str { match self { $(Self::$variant => concat!($($doc),*),)* } }
            /// How loudly it is logged.
            pub const fn level(self) -> Level { match self { $(Self::$variant => Level::$level,)* } }
        }
    };
}

codes! {
    /// The request is not of the documented form.
    BadRequest = 40000, "bad_request", 400, false, Debug;
    /// No such operation.
    UnknownOp = 40001, "unknown_op", 400, false, Debug;
    /// `connect` has not succeeded yet on this socket.
    NotReady = 40002, "not_ready", 400, false, Debug;
    /// `connect` was already answered on this socket.
    AlreadyConnected = 40003, "already_connected", 400, false, Debug;
    /// A request with this id is still in flight.
    DuplicateId = 40004, "duplicate_id", 400, false, Debug;
    /// Not signed in, or the session is gone.
    Unauthorized = 40100, "unauthorized", 401, false, Debug;
    /// The session's time is over.
    TokenExpired = 40101, "token_expired", 401, false, Debug;
    /// E-mail or password is wrong.
    BadCredentials = 40102, "bad_credentials", 401, false, Info;
    /// Not yours to do.
    Forbidden = 40300, "forbidden", 403, false, Info;
    /// Not a member of this chat (or there is no such chat).
    NotMember = 40301, "not_member", 403, false, Info;
    /// You have blocked the other person.
    PairBlocked = 40302, "pair_blocked", 403, false, Debug;
    /// One of the two takes no messages.
    PrivacyOff = 40303, "privacy_off", 403, false, Debug;
    /// The chat is closed.
    ChatLocked = 40304, "chat_locked", 403, false, Debug;
    /// The sender's identity is not verified.
    NotVerified = 40305, "not_verified", 403, false, Debug;
    /// Nobody is sent what one writes, until a moment or until an admin has decided.
    Muted = 40306, "muted", 403, false, Info;
    /// The account is suspended.
    Suspended = 40307, "suspended", 403, false, Info;
    /// The CSRF token is missing or wrong.
    InvalidCsrf = 40309, "invalid_csrf", 403, false, Info;
    /// The request comes from another site.
    ForeignOrigin = 40310, "foreign_origin", 403, false, Info;
    /// The second factor must be shown first, or set up.
    StepUpRequired = 40311, "step_up_required", 403, false, Info;
    /// The admin secret must be sent in `x-admin-secret`, or the session be unlocked with it.
    AdminSecretRequired = 40312, "admin_secret_required", 403, false, Info;
    /// The admin secret is wrong.
    AdminSecretInvalid = 40313, "admin_secret_invalid", 403, false, Info;
    /// There is no such thing, or it is not yours to see.
    NotFound = 40400, "not_found", 404, false, Debug;
    /// This path does not take this method.
    MethodNotAllowed = 40500, "method_not_allowed", 405, false, Debug;
    /// The client id was used for another text.
    CidReused = 40901, "cid_reused", 409, false, Info;
    /// The message has another revision by now: `d.rev`.
    StaleRev = 40902, "stale_rev", 409, false, Debug;
    /// The thing is already so, or in the way.
    Conflict = 40903, "conflict", 409, false, Debug;
    /// The position cannot be proven; take a snapshot.
    UnrecoverablePosition = 41000, "unrecoverable_position", 410, false, Debug;
    /// Too long.
    TooLarge = 41300, "too_large", 413, false, Debug;
    /// The body's content type is not accepted here.
    UnsupportedMediaType = 41500, "unsupported_media_type", 415, false, Debug;
    /// The request was sent to a host this server does not answer for.
    Misdirected = 42100, "misdirected", 421, false, Info;
    /// The text holds what may not be passed on here: `d.violations`, and its place in `d.span`.
    RejectedByRule = 42200, "rejected_by_rule", 422, false, Debug;
    /// The request must be an upgrade to a socket of version 13 speaking `domu.v1.json`.
    UpgradeRequired = 42600, "upgrade_required", 426, false, Debug;
    /// Too often; wait `after_ms`.
    RateLimited = 42900, "rate_limited", 429, true, Debug;
    /// Too many requests in flight on this socket.
    TooManyInFlight = 42901, "too_many_in_flight", 429, true, Debug;
    /// A fault of ours.
    Internal = 50000, "internal", 500, true, Error;
    /// The store cannot be reached; nothing was stored.
    Unavailable = 50300, "unavailable", 503, true, Error;
    /// Too much at once; nothing was stored.
    Overloaded = 50301, "overloaded", 503, true, Info;
}

macro_rules! closes {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Why the server ends a socket. The hundred tells the client what to do: 40xx do not reconnect
        /// unchanged, 41xx reconnect after a back-off of at least a second, 42xx reconnect at once and resume.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Close { $($(#[doc = $doc])* $variant,)* }

        impl Close {
            /// Every close, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The number in the close frame.
            pub const fn number(self) -> u16 { match self { $(Self::$variant => $number,)* } }
            /// What it means, in the words of the table.
            pub const fn about(self) -> &'static str { match self { $(Self::$variant => concat!($($doc),*),)* } }
            /// The reason in the close frame.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
        }
    };
}

closes! {
    /// RFC 6455: the frame breaks the protocol.
    Protocol = 1002, "protocol_error";
    /// RFC 6455: text that is not UTF-8.
    InvalidPayload = 1007, "invalid_payload";
    /// RFC 6455: a message above the limit.
    TooBig = 1009, "message_too_big";
    /// A binary or otherwise unusable frame.
    BadFrame = 4000, "bad_frame";
    /// No valid session.
    Unauthorized = 4001, "unauthorized";
    /// The session was ended here or elsewhere.
    SessionRevoked = 4002, "session_revoked";
    /// The account is suspended.
    Suspended = 4003, "suspended";
    /// This protocol version is not spoken.
    Version = 4004, "version";
    /// More sockets than one person may hold; the newest is refused.
    TooManySessions = 4005, "too_many_sessions";
    /// `connect` did not arrive in time.
    ConnectTimeout = 4006, "connect_timeout";
    /// Too many erroneous requests in a row.
    TooManyErrors = 4007, "too_many_errors";
    /// Far too many requests.
    RateLimited = 4100, "rate_limited";
    /// No room for more sockets now; the reason carries seconds.
    OverCapacity = 4101, "over_capacity";
    /// A fault of ours.
    Internal = 4102, "internal";
    /// Work on the system.
    Maintenance = 4103, "maintenance";
    /// This server is stopping.
    GoingAway = 4200, "going_away";
    /// No sign of life from the client.
    NoPong = 4201, "no_pong";
    /// The client reads too slowly.
    SlowConsumer = 4202, "slow_consumer";
    /// The socket's place in a stream was lost.
    PositionLost = 4203, "position_lost";
    /// The session's time is over; sign in again or refresh.
    TokenExpired = 4204, "token_expired";
}
