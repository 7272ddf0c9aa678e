//! The one table of routes: what there is, who may call it, and what is said of it.

use http::Method;

use super::doc::{Doc, doc, page};
use super::{
    admin, auth, chats, cron, csrf, demo, groups, health, limits, matches, messages, notify, onboarding, password,
    people, reports, search, sessions,
};
use crate::accounts::{AddressProof, Me, PasswordForm, ProfileForm, SettingsForm, SignUp};
use crate::admin::Permission;
use crate::ops::health::Report;
use crate::protocol::codes::Code;
use crate::protocol::edits::Changed;
use crate::protocol::people::Person;
use crate::protocol::search::Found;
use crate::protocol::server::{ChatList, GroupMade, Invites, Marked, Page, Sent};
use crate::ratelimit::RateKind;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everyone, signed in or not.
    Anyone,
    /// The holder of a live session, by cookie or bearer.
    SignedIn,
    /// An admin with this permission, by session or by a token of their own. How far it reaches, the service says.
    Admin(Permission),
    /// Everyone, but only in demo mode: else there is no such route.
    Demo,
    /// A scraper on this machine, or one with the metrics token: for others there is no such route.
    Metrics,
    /// A scheduler that shows the cron secret; without one there is no such route.
    Cron,
}

impl Who {
    /// Whether it is for somebody in particular.
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::SignedIn | Self::Admin(_))
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct RouteSpec {
    /// The method; `HEAD` comes with every `GET`.
    pub method: Method,
    /// The path; `{id}` stands for one segment that is an id, `{name}` for one that is a name, `{file}` for the rest of the path.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
    /// Whether it needs a CSRF token even from a client without cookies. With a cookie every change needs one.
    pub csrf: bool,
    /// The limit of rate whose state every answer tells, and for whom it counts.
    pub rate: Option<(RateKind, Subject)>,
    /// What the documentation says of it.
    pub doc: Doc,
}

/// For whom a limit of rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The person who is signed in.
    User,
    /// The network of the client: an IPv4 address or an IPv6 /64.
    Network,
}

impl RouteSpec {
    /// The media types of the file that it takes in the place of a JSON document.
    pub fn file(&self) -> Option<&'static [&'static str]> {
        self.doc.body.filter(|body| body.shape.is_none()).map(|body| body.media)
    }

    /// The same row with a limit that its answers tell.
    pub(super) const fn tells(mut self, kind: RateKind, of: Subject) -> Self {
        self.rate = Some((kind, of));
        self
    }
}

pub(super) const fn get(path: &'static str, who: Who, doc: Doc) -> RouteSpec {
    RouteSpec { method: Method::GET, path, who, csrf: false, rate: None, doc }
}

pub(super) const fn change(method: Method, path: &'static str, who: Who, doc: Doc) -> RouteSpec {
    RouteSpec { method, path, who, csrf: true, rate: None, doc }
}

/// What signing in can be refused with.
const SIGN_IN: &[Code] = &[Code::BadCredentials, Code::Suspended, Code::RateLimited];

/// What sending can be refused with.
const SENDING: &[Code] = &[
    Code::NotMember,
    Code::PairBlocked,
    Code::PrivacyOff,
    Code::ChatLocked,
    Code::NotVerified,
    Code::Muted,
    Code::Suspended,
    Code::CidReused,
    Code::TooLarge,
    Code::RejectedByRule,
    Code::RateLimited,
];

/// What changing a message that was sent can be refused with.
const CHANGING: &[Code] = &[
    Code::NotMember,
    Code::PairBlocked,
    Code::PrivacyOff,
    Code::ChatLocked,
    Code::NotVerified,
    Code::Muted,
    Code::Suspended,
    Code::Forbidden,
    Code::NotFound,
    Code::Conflict,
    Code::StaleRev,
    Code::TooLarge,
    Code::RejectedByRule,
    Code::RateLimited,
];

/// What making and joining groups can be refused with.
const JOINING: &[Code] = &[Code::NotVerified, Code::NotFound, Code::Conflict, Code::RejectedByRule, Code::RateLimited];

/// What a change of a group can be refused with.
const GROUP: &[Code] = &[
    Code::NotMember,
    Code::Forbidden,
    Code::ChatLocked,
    Code::NotVerified,
    Code::NotFound,
    Code::Conflict,
    Code::RateLimited,
];

const fn of_group(path: &'static str, doc: Doc) -> RouteSpec {
    change(Method::POST, path, Who::SignedIn, doc.errors(GROUP)).tells(RateKind::Group, Subject::User)
}

/// Every route there is. The gate lets nothing through that has no row here.
pub static ROUTES: &[RouteSpec] = &[
    get("/", Who::Anyone, page("The app")),
    get("/sign-in", Who::Anyone, page("The app: signing in")),
    get("/sign-up", Who::Anyone, page("The app: signing up")),
    get("/confirm", Who::Anyone, page("The app: confirming an address")),
    get("/chats", Who::Anyone, page("The app: the chats")),
    get("/chats/{id}", Who::Anyone, page("The app: one chat")),
    get("/forgot-password", Who::Anyone, page("The app: a forgotten password")),
    get("/reset-password", Who::Anyone, page("The app: a new password")),
    get("/confirm-email", Who::Anyone, page("The app: confirming another address")),
    get("/me", Who::Anyone, page("The app: oneself")),
    get("/me/profile", Who::Anyone, page("The app: one's profile")),
    get("/me/settings", Who::Anyone, page("The app: one's settings")),
    get("/me/security", Who::Anyone, page("The app: password, address and devices")),
    get("/me/blocked", Who::Anyone, page("The app: whom one has blocked")),
    get("/notifications", Who::Anyone, page("The app: what is news")),
    get("/unsubscribe", Who::Anyone, page("The app: no more mails")),
    notify::UNSUBSCRIBE,
    get(
        "/static/{file}",
        Who::Anyone,
        doc("A file of the app").bytes(200, &["*/*"]).or_unchanged().errors(&[Code::NotFound]),
    ),
    get(
        "/ws",
        Who::Anyone,
        doc("The socket: an upgrade to WebSocket, see the AsyncAPI document").empty(101).errors(&[
            Code::UpgradeRequired,
            Code::ForeignOrigin,
            Code::Unauthorized,
            Code::TokenExpired,
            Code::RateLimited,
        ]),
    ),
    get("/metrics", Who::Metrics, doc("Numbers for a scraper").bytes(200, &["text/plain"])),
    get(
        "/api/health",
        Who::Anyone,
        doc("Whether this server can do its work").gives::<Report>().or_gives::<Report>(503),
    ),
    get("/api/health/live", Who::Anyone, doc("Whether it answers").gives::<health::Live>()),
    get(
        "/api/health/ready",
        Who::Anyone,
        doc("Whether it should get work").gives::<health::Ready>().or_gives::<health::Ready>(503),
    ),
    get("/api/limits", Who::Anyone, doc("What forms say of their fields").gives::<limits::FormLimits>()),
    get(
        "/api/csrf-token",
        Who::Anyone,
        doc("The token that every change from a browser needs").gives::<csrf::Token>().errors(&[Code::RateLimited]),
    )
    .tells(RateKind::CsrfToken, Subject::Network),
    change(
        Method::POST,
        "/api/auth/sign-up",
        Who::Anyone,
        doc("Make an account; a mail confirms the address")
            .takes::<SignUp>()
            .gives::<auth::Mailed>()
            .errors(&[Code::RateLimited]),
    )
    .tells(RateKind::SignUpAddress, Subject::Network),
    change(
        Method::POST,
        "/api/auth/confirm",
        Who::Anyone,
        doc("Confirm an address, with the code or the link of the mail")
            .takes::<auth::Proven>()
            .gives::<auth::Done>()
            .errors(&[Code::BadCredentials, Code::RateLimited]),
    )
    .tells(RateKind::ConfirmAddress, Subject::Network),
    change(
        Method::POST,
        "/api/auth/resend-confirmation",
        Who::Anyone,
        doc("Send the confirmation once more")
            .takes::<auth::Resend>()
            .gives::<auth::Done>()
            .errors(&[Code::RateLimited]),
    )
    .tells(RateKind::ConfirmAddress, Subject::Network),
    change(
        Method::POST,
        "/api/auth/sign-in",
        Who::Anyone,
        doc("Begin a session in a cookie").takes::<auth::SignIn>().gives::<auth::Welcome>().errors(SIGN_IN),
    )
    .tells(RateKind::SignInAddress, Subject::Network),
    // Also for a session that is over: the browser is to forget it.
    change(Method::POST, "/api/auth/sign-out", Who::Anyone, doc("End this session")),
    change(
        Method::POST,
        "/api/auth/forgot-password",
        Who::Anyone,
        doc("Have a mail sent with which a forgotten password can be replaced")
            .takes::<password::Forgot>()
            .gives::<auth::Done>()
            .errors(&[Code::RateLimited]),
    ),
    change(
        Method::POST,
        "/api/auth/reset-password",
        Who::Anyone,
        doc("Replace a forgotten password, with the code or the link of the mail; ends all sessions")
            .takes::<auth::Proven>()
            .gives::<auth::Done>()
            .errors(&[Code::RateLimited]),
    ),
    // Gives a bearer to a program that has no cookies and wants none.
    RouteSpec {
        method: Method::POST,
        path: "/api/auth/token",
        who: Who::Anyone,
        csrf: false,
        rate: Some((RateKind::SignInAddress, Subject::Network)),
        doc: doc("Begin a session of a program without cookies")
            .takes::<auth::Mint>()
            .gives::<auth::Bearer>()
            .errors(SIGN_IN),
    },
    get("/api/me", Who::SignedIn, doc("Oneself").gives::<Me>()),
    change(
        Method::PATCH,
        "/api/me/profile",
        Who::SignedIn,
        doc("Change what one says of oneself").takes::<ProfileForm>().gives::<Me>(),
    ),
    change(
        Method::PATCH,
        "/api/me/settings",
        Who::SignedIn,
        doc("Change how one wants to be met").takes::<SettingsForm>().gives::<Me>(),
    ),
    change(
        Method::POST,
        "/api/me/password",
        Who::SignedIn,
        doc("Change the password; the other sessions may be ended with it")
            .takes::<PasswordForm>()
            .gives::<Me>()
            .errors(&[Code::RateLimited]),
    ),
    change(
        Method::POST,
        "/api/me/email",
        Who::SignedIn,
        doc("Ask for another address; a mail to it confirms it")
            .takes::<password::NewEmail>()
            .gives::<auth::Mailed>()
            .errors(&[Code::RateLimited]),
    ),
    change(Method::DELETE, "/api/me/email", Who::SignedIn, doc("Keep the address one has").gives::<Me>()),
    change(
        Method::POST,
        "/api/me/email/confirm",
        Who::SignedIn,
        doc("Confirm another address, with the code or the link of the mail")
            .takes::<AddressProof>()
            .gives::<Me>()
            .errors(&[Code::RateLimited]),
    ),
    change(
        Method::PUT,
        "/api/me/picture",
        Who::SignedIn,
        doc("Show a picture of oneself; it is made anew, square and small, without what the file tells besides")
            .takes_bytes(&["image/jpeg", "image/png", "image/webp"])
            .gives::<Me>()
            .errors(&[Code::TooLarge, Code::UnsupportedMediaType, Code::RateLimited, Code::Overloaded]),
    ),
    change(Method::DELETE, "/api/me/picture", Who::SignedIn, doc("Show no picture of oneself").gives::<Me>()),
    get(
        "/api/pictures/{id}",
        Who::SignedIn,
        doc("The picture of somebody one shares a chat with, or one's own")
            .bytes(200, &["image/jpeg"])
            .or_unchanged()
            .errors(&[Code::NotFound]),
    ),
    get("/api/sessions", Who::SignedIn, doc("Where one is signed in").gives::<sessions::Sessions>()),
    change(Method::DELETE, "/api/sessions", Who::SignedIn, doc("End all of one's other sessions")),
    change(
        Method::DELETE,
        "/api/sessions/{id}",
        Who::SignedIn,
        doc("End one of one's own sessions").errors(&[Code::NotFound]),
    ),
    get(
        "/api/people/{id}",
        Who::SignedIn,
        doc("Somebody one shares a chat with").gives::<Person>().errors(&[Code::NotFound]),
    ),
    reports::REPORT,
    get("/api/blocks", Who::SignedIn, doc("Whom one has blocked").gives::<people::Blocks>()),
    change(
        Method::PUT,
        "/api/blocks/{id}",
        Who::SignedIn,
        doc("Hear nothing more from somebody").errors(&[Code::NotFound, Code::Conflict, Code::RateLimited]),
    ),
    change(
        Method::DELETE,
        "/api/blocks/{id}",
        Who::SignedIn,
        doc("Hear from somebody again").errors(&[Code::NotFound, Code::RateLimited]),
    ),
    get(
        "/api/chats",
        Who::SignedIn,
        doc("A window of one's chats, the latest first; or those of a name")
            .query::<chats::ListQuery>()
            .gives::<ChatList>()
            .or_unchanged()
            .errors(&[Code::RateLimited]),
    )
    .tells(RateKind::ChatList, Subject::User),
    get(
        "/api/chats/{id}/messages",
        Who::SignedIn,
        doc("A page of a chat's events before, after or around a number")
            .query::<chats::PageQuery>()
            .gives::<Page>()
            .or_unchanged()
            .errors(&[Code::NotMember, Code::UnrecoverablePosition]),
    ),
    get(
        "/api/search",
        Who::SignedIn,
        doc("Messages of one's chats by their words, the newest first")
            .query::<search::SearchQuery>()
            .gives::<Found>()
            .errors(&[Code::NotMember, Code::RateLimited]),
    )
    .tells(RateKind::Search, Subject::User),
    notify::MUTE,
    notify::NEWS,
    notify::NOTICED,
    change(
        Method::POST,
        "/api/chats/{id}/read",
        Who::SignedIn,
        doc("Note how far one has read").takes::<chats::Read>().gives::<Marked>().errors(&[Code::NotMember]),
    ),
    change(
        Method::POST,
        "/api/chat/send",
        Who::SignedIn,
        doc("Send a message; the same `cid` again is the same message")
            .takes::<chats::Send>()
            .gives::<Sent>()
            .errors(SENDING),
    )
    .tells(RateKind::Message, Subject::User),
    change(
        Method::POST,
        "/api/chat/edit",
        Who::SignedIn,
        doc("Put another text in the place of a message of mine, if it still has the revision I saw")
            .takes::<messages::EditForm>()
            .gives::<Changed>()
            .errors(CHANGING),
    )
    .tells(RateKind::Edit, Subject::User),
    change(
        Method::POST,
        "/api/chat/delete",
        Who::SignedIn,
        doc("Delete a message: for oneself, or one's own for all")
            .takes::<messages::DeleteForm>()
            .gives::<Changed>()
            .errors(CHANGING),
    )
    .tells(RateKind::Edit, Subject::User),
    change(
        Method::POST,
        "/api/chat/react",
        Who::SignedIn,
        doc("React to a message, or take a reaction back; saying it again changes nothing")
            .takes::<messages::ReactForm>()
            .errors(CHANGING),
    )
    .tells(RateKind::Reaction, Subject::User),
    change(
        Method::POST,
        "/api/groups",
        Who::SignedIn,
        doc("Make a group among people one shares an open chat with; they are invited")
            .takes::<groups::GroupForm>()
            .gives::<GroupMade>()
            .errors(JOINING),
    )
    .tells(RateKind::Group, Subject::User),
    of_group("/api/groups/{id}/invite", doc("Invite somebody to one's group").takes::<groups::PersonForm>()),
    of_group("/api/groups/{id}/revoke", doc("Take an invitation back").takes::<groups::PersonForm>()),
    of_group("/api/groups/{id}/remove", doc("Remove somebody from one's group").takes::<groups::PersonForm>()),
    of_group("/api/groups/{id}/transfer", doc("Make somebody else the owner").takes::<groups::PersonForm>()),
    of_group("/api/groups/{id}/rename", doc("Name one's group otherwise").takes::<groups::TitleForm>()),
    of_group("/api/groups/{id}/leave", doc("Leave a group; its owner is followed by who has been in it for longest")),
    get(
        "/api/invites",
        Who::SignedIn,
        doc("Open invitations to groups, to oneself and from oneself").gives::<Invites>(),
    ),
    of_group("/api/invites/{id}/accept", doc("Join a group one is invited to; one sees what comes from then on")),
    of_group("/api/invites/{id}/decline", doc("Do not join a group one is invited to")),
    onboarding::LOAD,
    onboarding::QUESTIONS,
    onboarding::PROGRESS,
    onboarding::SAVE,
    onboarding::SUBMIT,
    matches::LIST,
    matches::COMPATIBILITY,
    matches::RESPOND,
    matches::REFRESH,
    matches::BLOCK,
    matches::UNBLOCK,
    matches::UNMATCH,
    admin::ME,
    admin::TOTP,
    admin::STEP_UP,
    admin::UNLOCK,
    admin::ADMINS,
    admin::REMOVE_ADMIN,
    admin::INVITES,
    admin::INVITE,
    admin::ACCEPT_INVITE,
    admin::TOKENS,
    admin::MAKE_TOKEN,
    admin::REVOKE_TOKEN,
    admin::USERS,
    admin::USER,
    admin::CHANGE_USERS,
    admin::REPORTS,
    admin::REPORT_EVENTS,
    admin::REPORT,
    admin::CLAIM_REPORT,
    admin::RELEASE_REPORT,
    admin::DECIDE_REPORT,
    admin::AUDIT_LOG,
    admin::EXPORT_AUDIT_LOG,
    admin::PROVE_AUDIT_LOG,
    admin::REALTIME,
    admin::RESTART_REALTIME,
    admin::JOBS,
    admin::RUN_JOB,
    admin::READINESS,
    admin::RUNS,
    admin::EXPLAIN,
    admin::PAIR,
    admin::TRIGGER,
    admin::BACKFILL_VECTORS,
    admin::BACKFILL_CHATS,
    admin::CONFIRM_PENDING,
    cron::GET_CRON,
    cron::POST_CRON,
    get("/admin", Who::Anyone, page("The console: what needs somebody")),
    get("/admin/{name}", Who::Anyone, page("The console: one of its pages")),
    get("/admin/{name}/{id}", Who::Anyone, page("The console: one thing on a page of its own")),
    get("/docs", Who::Anyone, page("Explore this documentation")),
    get("/api/openapi.json", Who::Anyone, doc("This document").bytes(200, &["application/json"])),
    get("/api/asyncapi.json", Who::Anyone, doc("The document of the socket").bytes(200, &["application/json"])),
    get("/demo", Who::Demo, page("The demo's door")),
    get(
        "/api/demo/people",
        Who::Demo,
        doc("Whom a demo link stands for").query::<demo::Link>().gives::<demo::People>().errors(&[Code::NotFound]),
    ),
    change(
        Method::POST,
        "/api/demo/sign-in",
        Who::Demo,
        doc("Sign in as one of the demo's people")
            .takes::<demo::Link>()
            .gives::<auth::Welcome>()
            .errors(&[Code::NotFound]),
    ),
];
