/** What goes over the wire. Made by `domu docs` from the server's types. */

/** A session of a program. */
export interface Bearer {
  /** For the `authorization` header, or the first frame of a socket. */
  token: string;
  /** When it ends at the latest. */
  expires_at: string;
}

/** `block`: I have blocked somebody, or no longer. */
export interface BlockChange {
  /** Whom. */
  user: UserId;
  /** Whether it holds now. */
  on: boolean;
}

/** Somebody I have blocked. */
export interface Blocked {
  /** Who. */
  id: UserId;
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  picture: null | Picture;
  /** Since when, in milliseconds since the epoch. */
  at: number;
}

/** Whom a person has blocked. */
export interface Blocks {
  /** The latest first. */
  blocks: Blocked[];
}

/** The channel a frame belongs to: `chat:<id>` or `user`. */
export type Channel = string;

/** `chat`: what became of the chat itself. */
export interface ChatChange {
  /** What: `opened`. */
  change: string;
  /** Why, such as `match`. */
  cause: string;
}

/** A chat, of two people or of a group. */
export type ChatId = string;

/** A window of the chat list, over HTTP. */
export interface ChatList {
  /** The chats of the window without their events, the liveliest first. */
  chats: ChatState[];
  /** How many chats there are, in the window and outside. */
  total: number;
  /** The life of the store that the numbers belong to. */
  epoch: string;
}

/** One chat in the answer to `connect`, in `chat.opened`, and over HTTP. */
export interface ChatState {
  /** Its id. */
  id: ChatId;
  /** A group, or two people. */
  group: boolean;
  /** The group's name. */
  name: string | null;
  /** Whether it takes messages. */
  status: ChatStatus;
  /** A chat of two whose other member I have blocked. */
  blocked: boolean;
  /** The newest number. */
  head: number;
  /** How many messages there are. */
  n: number;
  /** Numbers up to this one are no longer kept. */
  base: number;
  /** True: forget what you hold of this chat and take `events` as the state. False: append them. */
  initial: boolean;
  /** True: `events` do not reach back to `base`; ask `history` for older ones. */
  limited: boolean;
  /** Whether `events` are everything after your position. */
  recovered: Recovered;
  /** Why this is a snapshot. */
  reason?: SnapshotReason;
  /** The events, ascending. */
  events: Event[];
  /** Who is in it. */
  members: Member[];
  /** I have read up to this number. */
  read: number;
  /** I have read up to this message ordinal. */
  read_n: number;
  /** I have received up to this number. */
  recv: number;
  /** Messages I have not read. */
  unread: number;
  last: null | Event;
  /** When the chat last had a message, or was opened; milliseconds since the epoch. */
  at: number;
}

/** Whether a chat takes messages. */
export type ChatStatus = "open" | "closed";

/** What the client has to keep to. */
export interface ClientLimits {
  /** Unicode scalars in a message. */
  message_chars: number;
  /** Requests in flight on a socket. */
  in_flight: number;
  /** Events in a page of history. */
  history: number;
  /** Bytes in a frame. */
  frame_bytes: number;
  /** Chats on screen at once. */
  focus: number;
  /** Typing of which nothing more is said is over after so many milliseconds. */
  typing_ms: number;
  /** `visible` holds for so many milliseconds; say it again after half of them. */
  visible_ms: number;
}

/** The id a client made for a message, the same on every retry. */
export type ClientMessageId = string;

/** `connect`: who I am and what I know. */
export interface Connect {
  token?: null | Token;
  /** The protocol version. */
  v: number;
  /** Name and version of the client, for the log. */
  client?: string | null;
  resume?: null | Resume;
  /** First and last place in the chat list (newest first) for which events are wanted. */
  window?: [number, number] | null;
  /** Somebody looks at this socket already; see `visible`. */
  visible?: boolean;
}

/** The answer to `connect`. */
export interface Connected {
  /** The session this socket belongs to. */
  session: SessionId;
  /** Who is connected. */
  me: ConnectedMe;
  /** My own stream. */
  user: UserState;
  /** The life of the store that the numbers belong to. */
  epoch: string;
  /** The server's time, in milliseconds since the epoch. */
  time: number;
  /** How often the server pings, in milliseconds. */
  ping_ms: number;
  /** What the client has to keep to. */
  limits: ClientLimits;
  /** How many of the streams were recovered. */
  recovered: RecoveredStreams;
  /** My chats, the liveliest first. */
  chats: ChatState[];
}

/** Who is connected. */
export interface ConnectedMe {
  /** The person. */
  id: UserId;
  /** First name. */
  first_name: string;
  /** Whether their identity is verified. */
  verified: boolean;
}

/** A CSRF token. */
export interface CsrfToken {
  /** For the `x-csrf-token` header; the answer's cookie holds the same. */
  token: string;
}

/** A demo link. */
export interface DemoLink {
  /** What stands in the link. */
  as: string;
}

/** Whom a demo link stands for, and who is signed in here already. */
export interface DemoPeople {
  /** Whom the link stands for. */
  person: DemoPerson;
  current: null | Me;
}

/** One of the demo's people. */
export interface DemoPerson {
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** Where they study. */
  university: string;
}

/** What was done. */
export interface Done {
  /** What happens next, or has happened. */
  status: string;
}

/** What went wrong, from the one table. */
export interface ErrorBody {
  /** Five digits. */
  code: 40000 | 40001 | 40002 | 40003 | 40004 | 40100 | 40101 | 40102 | 40300 | 40301 | 40302 | 40303 | 40304 | 40305 | 40307 | 40309 | 40310 | 40400 | 40500 | 40901 | 40903 | 41000 | 41300 | 41500 | 42100 | 42600 | 42900 | 42901 | 50000 | 50300 | 50301;
  /** Stable name. */
  name: "bad_request" | "unknown_op" | "not_ready" | "already_connected" | "duplicate_id" | "unauthorized" | "token_expired" | "bad_credentials" | "forbidden" | "not_member" | "pair_blocked" | "privacy_off" | "chat_locked" | "not_verified" | "suspended" | "invalid_csrf" | "foreign_origin" | "not_found" | "method_not_allowed" | "cid_reused" | "conflict" | "unrecoverable_position" | "too_large" | "unsupported_media_type" | "misdirected" | "upgrade_required" | "rate_limited" | "too_many_in_flight" | "internal" | "unavailable" | "overloaded";
  /** Whether the same frame can succeed later. */
  retry: boolean;
  /** When to repeat it, in milliseconds. */
  after_ms?: number;
  /** A sentence for people. */
  detail: string;
  /** The socket this happened on, to find it in the log. */
  socket: number;
  /** The session the socket belongs to, once it is connected. */
  session?: SessionId;
  /** Details for programs. */
  d?: any;
}

/** A numbered event of a stream. */
export interface Event {
  /** What happened. */
  op: string;
  /** The stream. */
  ch: Channel;
  /** Its number: 1, 2, 3 ... without a gap. */
  seq: number;
  /** When, in milliseconds since the epoch. Order never depends on it. */
  ts: number;
  /** The details. */
  d: Record<string, any>;
}

/** `token.expiring`: the session of this socket ends soon; `refresh` with another one keeps the socket. */
export interface Expiring {
  /** When, in milliseconds since the epoch. */
  expires_at: number;
}

/** `focus`: the chats on screen now, in the place of those before. */
export interface Focus {
  /** Their ids, at most `limits.focus`; none when nothing is on screen. */
  chats: ChatId[];
}

/** The answer to `focus`. */
export interface Focused {
  /** The chats that are on screen, in the order they were named. */
  chats: FocusedChat[];
}

/** Who is in a chat that is on screen; what changes follows as `presence` and `typing`. */
export interface FocusedChat {
  /** The chat. */
  id: ChatId;
  /** Its other members; nobody when I am hidden myself. */
  presence: Presence[];
  /** Who types. */
  typing: UserId[];
}

/** The form of a forgotten password. */
export interface Forgot {
  email: string;
}

/** What forms say of their fields. */
export interface FormLimits {
  /** Shortest password, in Unicode scalars. */
  password_chars_min: number;
  /** Longest password, in bytes. */
  password_bytes_max: number;
  /** Youngest age at sign-up, in years. */
  age_years_min: number;
  /** Longest first and last name, in Unicode scalars. */
  name_chars_max: number;
  /** Longest pronouns, in Unicode scalars. */
  pronouns_chars_max: number;
  /** Longest name of a study, in Unicode scalars. */
  program_chars_max: number;
  /** Longest text about oneself, in Unicode scalars. */
  about_chars_max: number;
  /** Languages one person may name. */
  languages_max: number;
  /** The last year of a study that is believed. */
  study_year_max: number;
  /** How long an e-mail address stays after a change, in seconds. */
  email_change_cooldown: number;
  /** Longest message, in Unicode scalars. */
  message_chars_max: number;
  /** Largest picture file, in bytes. */
  picture_bytes_max: number;
  /** Most pixels of a picture. */
  picture_pixels_max: number;
  /** Pictures one person may upload in an hour. */
  picture_uploads_per_hour: number;
}

/** A server's health. */
export interface Health {
  /** `ok`, or `unavailable` when it is not ready. */
  status: string;
  /** It answers. */
  live: boolean;
  /** It can do its work. */
  ready: boolean;
  /** Why it is not ready: `store`, `committer`, `draining`. */
  missing: string[];
  /** The program's version. */
  version: string;
  /** The commit it was built from. */
  build: string;
  /** The newest migration of its schema. */
  schema: string;
  /** Seconds since its start. */
  uptime_s: number;
}

/** Whether somebody is here. */
export type Here = "offline" | "away" | "online";

/** `hidden`: stands for a message of somebody the reader had blocked. */
export interface Hidden {
  /** Its place among the messages of the chat. */
  n: number;
  /** Who wrote it. */
  u: UserId;
}

/** `history`: one page, by one of three anchors. */
export interface History {
  /** Events before this number. */
  before?: number | null;
  /** Events after this number. */
  after?: number | null;
  /** Events around this number. */
  around?: number | null;
  /** How many at most. */
  limit?: number | null;
  /** The life of the store the numbers belong to, when the client wants it checked. */
  epoch?: string | null;
}

/** It answers. */
export interface Live {
  /** Always true. */
  live: boolean;
}

/** The language a person reads. */
export type Locale = "nl" | "en";

/** A mail is on its way. */
export interface Mailed {
  /** `confirm_email`. */
  status: string;
  /** Where it goes. */
  email: string;
}

/** The answer to `ack` and `read`. */
export interface Marked {
  /** Read up to this number. */
  read: number;
  /** Read up to this message ordinal. */
  read_n: number;
  /** Received up to this number. */
  recv: number;
  /** Messages not read. */
  unread: number;
}

/** Where a member is in a chat. */
export interface Marker {
  /** The member. */
  u: UserId;
  /** Read up to this number; not said when the member or who looks hides what they have read. */
  read?: number;
  /** Read up to this message ordinal; like `read`. */
  read_n?: number;
  /** Received up to this number. */
  recv: number;
}

/** A person as they see themselves. */
export interface Me {
  /** The person. */
  id: UserId;
  /** Address. */
  email: string;
  /** The address that waits to be confirmed in the place of the other one. */
  pending_email: string | null;
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** Student or professional. */
  user_type: UserType;
  university: null | University;
  /** The identity is verified. */
  verified: boolean;
  /** The e-mail address is confirmed. */
  email_confirmed: boolean;
  /** The session that asks. */
  session: SessionId;
  /** What they say of themselves. */
  profile: Profile;
  /** How they want to be met. */
  settings: Settings;
}

/** A member of a chat. */
export type Member = Marker & {
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  picture: null | Picture;
  /** Whether they still belong to it. */
  status: MemberStatus;
};

/** Whether somebody still belongs to a chat. */
export type MemberStatus = "active" | "left";

/** A message as members see it. */
export interface Message {
  /** Its id. */
  mid: MessageId;
  /** Its place among the messages of the chat: 1, 2, 3 ... */
  n: number;
  u: null | UserId;
  /** The id its author's client made. */
  cid?: ClientMessageId;
  /** The text; empty for typed system lines. */
  text: string;
  /** The message it answers. */
  reply_to?: MessageId;
  /** Whose words it is. */
  kind: MessageKind;
  /** Parameters of a typed system line. */
  params?: any;
}

/** A stored message. */
export type MessageId = string;

/** Whose words a message is. Set by the server alone. */
export type MessageKind = "user" | "system";

/** Who signs in, with a program. */
export interface Mint {
  email: string;
  password: string;
  device?: string | null;
}

/** The form of a new address. */
export interface NewEmail {
  email: string;
  password: string;
}

/** The answer to an operation that has nothing to tell. */
export type Noted = Record<string, any>;

/** A page of history. */
export interface Page {
  /** The events, ascending. */
  events: Event[];
  /** The newest number. */
  head: number;
  /** Numbers up to this one are no longer kept. */
  base: number;
  /** Whether there are older ones. */
  more_before: boolean;
  /** Whether there are newer ones. */
  more_after: boolean;
}

/** A form that changes a password. */
export interface PasswordForm {
  /** The one that holds. */
  current_password: string;
  /** The one that is to hold. */
  new_password: string;
  /** End all other sessions. */
  end_others: boolean;
}

/** A person as those see them who share a chat with them. */
export interface Person {
  /** Who. */
  id: UserId;
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** Pronouns. */
  pronouns: string | null;
  /** What they study. */
  program: string | null;
  /** In which year. */
  study_year: number | null;
  /** What they say of themselves. */
  about: string | null;
  /** ISO 639-1 codes of what they speak. */
  languages: string[];
  university: null | University;
  /** Their identity is verified. */
  verified: boolean;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  picture: null | Picture;
  /** I have blocked them. */
  blocked: boolean;
}

/** The address of an uploaded picture on this server. */
export type Picture = string;

/** The server's ping: heads of streams, so that a silent gap shows within one heartbeat. */
export interface Ping {
  /** Always `ping`. */
  op: string;
  /** The newest numbers sent on this socket: `user` and `chat:<id>`. */
  h: Record<string, number>;
}

/** The answer to `ping`. */
export interface Pong {
  /** The server's time, in milliseconds since the epoch. */
  time: number;
}

/** `ack` and `read`: a cumulative position. */
export interface Position {
  /** Everything up to this number. */
  seq: number;
}

/** `presence`: whether somebody is here; the newest counts. */
export interface Presence {
  /** Who. */
  u: UserId;
  /** Whether they are here. */
  state: Here;
  seen: null | Seen;
}

/** Why a request was refused (RFC 9457). Members for one code may follow. */
export interface Problem {
  /** The name as a URN. */
  type: string;
  /** The name as a heading. */
  title: string;
  /** The status of the answer. */
  status: number;
  /** What to do, in a sentence. */
  detail: string;
  /** Five digits. */
  code: 40000 | 40001 | 40002 | 40003 | 40004 | 40100 | 40101 | 40102 | 40300 | 40301 | 40302 | 40303 | 40304 | 40305 | 40307 | 40309 | 40310 | 40400 | 40500 | 40901 | 40903 | 41000 | 41300 | 41500 | 42100 | 42600 | 42900 | 42901 | 50000 | 50300 | 50301;
  /** Stable name. */
  name: "bad_request" | "unknown_op" | "not_ready" | "already_connected" | "duplicate_id" | "unauthorized" | "token_expired" | "bad_credentials" | "forbidden" | "not_member" | "pair_blocked" | "privacy_off" | "chat_locked" | "not_verified" | "suspended" | "invalid_csrf" | "foreign_origin" | "not_found" | "method_not_allowed" | "cid_reused" | "conflict" | "unrecoverable_position" | "too_large" | "unsupported_media_type" | "misdirected" | "upgrade_required" | "rate_limited" | "too_many_in_flight" | "internal" | "unavailable" | "overloaded";
  /** Whether the same request can succeed later. */
  retry: boolean;
  /** To find it in the log. */
  request_id: string;
  /** When to repeat it, in milliseconds. */
  after_ms?: number;
  /** The fields of a form that were refused. */
  fields?: Refusal[];
  /** A text that operators look for. */
  error?: string;
}

/** What a person says of themselves. */
export interface Profile {
  /** Pronouns. */
  pronouns: string | null;
  /** What they study. */
  program: string | null;
  /** In which year. */
  study_year: number | null;
  /** A few sentences. */
  about: string | null;
  /** ISO 639-1 codes, the best spoken first. */
  languages: string[];
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  picture: null | Picture;
}

/** `profile`: what I say of myself changed; ask `GET /api/me` for it. */
export type ProfileChange = Record<string, any>;

/** A form that changes a profile: what is not there stays, null takes away. */
export interface ProfileForm {
  /** First name; only until the identity is verified. */
  first_name?: string | null;
  /** Last name; only until the identity is verified. */
  last_name?: string | null;
  /** Pronouns. */
  pronouns?: string | null;
  /** What they study. */
  program?: string | null;
  /** In which year. */
  study_year?: number | null;
  /** A few sentences. */
  about?: string | null;
  /** ISO 639-1 codes, the best spoken first. */
  languages?: string[] | null;
}

/** What proves that a signed-in person reads the mail of the new address. */
export type Proof = {
  /** What stands in the link. */
  token: string;
} | {
  /** Six digits. */
  code: string;
};

/** What proves that a mail was read: the token of its link, or the address with its code; and the password. */
export type Proven = {
  /** What stands in the link. */
  token: string;
  /** The password. */
  password: string;
} | {
  /** The address. */
  email: string;
  /** Six digits. */
  code: string;
  /** The password. */
  password: string;
};

/** `publish`: a new message. */
export interface Publish {
  /** Made once for this message, the same on every retry. */
  cid: ClientMessageId;
  /** The text, as typed. */
  text: string;
  reply_to?: null | MessageId;
}

/** How far a person has read. */
export interface Read {
  /** Everything up to this number. */
  seq: number;
}

/** Whether it should get work. */
export interface Ready {
  /** It should. */
  ready: boolean;
}

/** `reconnect`: the server stops; whoever comes back at a random moment within this time finds the next one calm. */
export interface Reconnect {
  /** Milliseconds. */
  within_ms: number;
}

/** Whether what a client missed of a stream is in the answer. */
export type Recovered = "full" | "none";

/** How many of a client's streams were recovered. */
export type RecoveredStreams = "full" | "partial" | "none";

/** `refresh`: another session of the same person in the place of the one the socket has. */
export interface Refresh {
  /** Its bearer token. */
  token: Token;
}

/** The answer to `refresh`. */
export interface Refreshed {
  /** The session the socket belongs to now. */
  session: SessionId;
  /** When it ends whatever happens, in milliseconds since the epoch. */
  expires_at: number;
}

/** One field of a form and why it was refused. */
export interface Refusal {
  /** The field's wire name. */
  field: string;
  /** What to do about it. */
  detail: string;
}

/** Where to send it. */
export interface Resend {
  email: string;
}

/** What the client holds. */
export interface Resume {
  /** The life of the store the numbers belong to. */
  epoch: string;
  /** The last number of the user stream. */
  user?: number | null;
  /** The last number of each chat. */
  chats?: Record<string, number>;
}

/** `sanction`: my account was suspended, or no longer is. */
export interface SanctionChange {
  /** `suspended` or `activated`. */
  change: string;
}

/** About when somebody was last here. */
export type Seen = "just_now" | "today" | "this_week" | "long_ago";

/** A message to be sent. */
export interface Send {
  /** Where to. */
  chat_id: ChatId;
  /** Made once for this message, the same on every retry. */
  cid: ClientMessageId;
  /** The text, as typed. */
  text: string;
  reply_to?: null | MessageId;
}

/** The answer to `publish`. */
export interface Sent {
  /** The message's id. */
  mid: MessageId;
  /** Its number in the chat's stream. */
  seq: number;
  /** Its place among the messages. */
  n: number;
  /** When it was stored, in milliseconds since the epoch. */
  ts: number;
  /** The client's own id for it. */
  cid: ClientMessageId;
  /** Whether it had been stored before this request. */
  dup: boolean;
}

/** `session`: one of my sessions began or ended. */
export interface SessionChange {
  /** Which. */
  session: SessionId;
  /** What became of it. */
  change: string;
}

/** A signed-in session (not a socket: one session may hold several sockets). */
export type SessionId = string;

/** A session in its owner's list. */
export interface SessionInfo {
  /** Its id. */
  id: SessionId;
  /** It is the one that asks. */
  current: boolean;
  /** When it began. */
  created_at: string;
  /** When it was last used, up to a minute ago. */
  last_seen_at: string;
  /** What its client called itself. */
  user_agent: string;
  /** The truncated address it began from. */
  address: string;
  /** How its token travels. */
  kind: SessionKind;
}

/** How a session's token travels. */
export type SessionKind = "cookie" | "bearer";

/** Where a person is signed in. */
export interface Sessions {
  /** The latest used first. */
  sessions: SessionInfo[];
}

/** How a person wants to be met. */
export interface Settings {
  /** The language they read. */
  locale: Locale;
  /** Whether others find them. */
  visibility: Visibility;
  /** Who may write to them in a chat of two. */
  who_may_message: WhoMayMessage;
  /** Whether reading is shown, both ways. */
  read_receipts: boolean;
}

/** A form that changes settings: what is not there stays. */
export interface SettingsForm {
  locale?: null | Locale;
  visibility?: null | Visibility;
  who_may_message?: null | WhoMayMessage;
  /** Whether reading is shown, both ways. */
  read_receipts?: boolean | null;
}

/** Who signs in. */
export interface SignIn {
  email: string;
  password: string;
}

/** A form of sign-up, as it comes in. */
export interface SignUp {
  /** Address. */
  email: string;
  /** Password, as typed. */
  password: string;
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** `YYYY-MM-DD`. */
  date_of_birth: string;
  /** The terms were accepted. */
  accept_terms: boolean;
  /** The language to write in. */
  locale?: Locale;
  /** Student or professional. */
  user_type?: UserType;
}

/** Why a stream is given as a snapshot. */
export type SnapshotReason = "fresh" | "epoch" | "trimmed" | "ahead" | "too_long";

/** `typing` and `visible`: it begins, or it ends. */
export interface Switch {
  /** Whether it is so now. */
  on: boolean;
}

/** `sync`: what some chats hold now, without a new socket. */
export interface Sync {
  /** First and last place in the chat list (newest first) of chats that are wanted. */
  window?: [number, number] | null;
  /** Chats that are wanted besides, each with the last number the client holds; null: nothing is held. */
  chats?: Record<string, number | null>;
}

/** The answer to `sync`. */
export interface Synced {
  /** The chats that were asked for, the liveliest first, each with its verdict as in the answer to `connect`. */
  chats: ChatState[];
  /** Those that were asked for and are not mine. */
  not_member: ChatId[];
  /** How many chats there are, in the window and outside. */
  total: number;
}

/** A secret in a frame; it has no way into a log. */
export type Token = string;

/** `typing`: somebody begins, goes on or stops. Who is told nothing for longer than `limits.typing_ms` lets it end. */
export interface Typing {
  /** Who. */
  u: UserId;
  /** Whether they type. */
  on: boolean;
}

/** The university of a person. */
export interface University {
  /** Its name. */
  name: string;
  /** Its name in addresses. */
  slug: string;
}

/** A person with an account. */
export type UserId = string;

/** My own stream in the answer to `connect`. */
export interface UserState {
  /** The person. */
  id: UserId;
  /** The newest number. */
  seq: number;
  /** Whether everything missed is in `events`; else start from what this answer says. */
  recovered: Recovered;
  /** Why it was not recovered. */
  reason?: SnapshotReason;
  /** What was missed, ascending. */
  events: Event[];
}

/** What kind of room seeker a person is. */
export type UserType = "student" | "professional";

/** `verification`: whether my identity is verified. */
export interface VerificationChange {
  /** It is. */
  verified: boolean;
}

/** Whether others find a person. */
export type Visibility = "visible" | "ghost";

/** Who has signed in. */
export interface Welcome {
  /** The person. */
  user: Me;
}

/** Who may write to a person in a chat of two. */
export type WhoMayMessage = "matches" | "nobody";
