/** What goes over the wire. Made by `domu docs` from the server's types. */

/** A session of a program. */
export interface Bearer {
  /** When it ends at the latest. */
  expires_at: string;
  /** For the `authorization` header, or the first frame of a socket. */
  token: string;
}

/** `block`: I have blocked somebody, or no longer. */
export interface BlockChange {
  /** Whether it holds now. */
  on: boolean;
  /** Whom. */
  user: UserId;
}

/** Somebody I have blocked. */
export interface Blocked {
  /** Since when, in milliseconds since the epoch. */
  at: number;
  /** First name. */
  first_name: string;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  /** Who. */
  id: UserId;
  /** Last name. */
  last_name: string;
  picture: null | Picture;
}

/** Whom a person has blocked. */
export interface Blocks {
  /** The latest first. */
  blocks: Blocked[];
}

/** The channel a frame belongs to: `chat:<id>` or `user`. */
export type Channel = string;

/** A chat, of two people or of a group. */
export type ChatId = string;

/** A window of the chat list, over HTTP. */
export interface ChatList {
  /** The chats of the window without their events, the liveliest first. */
  chats: ChatState[];
  /** The life of the store that the numbers belong to. */
  epoch: string;
  /** How many chats there are, in the window and outside. */
  total: number;
}

/** One chat in the answer to `connect`, in `chat.opened`, and over HTTP. */
export interface ChatState {
  /** When the chat last had a message, or was opened; milliseconds since the epoch. */
  at: number;
  /** Numbers up to this one are no longer kept. */
  base: number;
  /** A chat of two whose other member I have blocked. */
  blocked: boolean;
  /** The events, ascending. */
  events: Event[];
  /** A group, or two people. */
  group: boolean;
  /** The newest number. */
  head: number;
  /** Its id. */
  id: ChatId;
  /** True: forget what you hold of this chat and take `events` as the state. False: append them. */
  initial: boolean;
  last: null | Event;
  /** True: `events` do not reach back to `base`; ask `history` for older ones. */
  limited: boolean;
  /** Who is in it. */
  members: Member[];
  /** How many messages there are. */
  n: number;
  /** The group's name. */
  name: string | null;
  /** I have read up to this number. */
  read: number;
  /** I have read up to this message ordinal. */
  read_n: number;
  /** Why this is a snapshot. */
  reason?: SnapshotReason;
  /** Whether `events` are everything after your position. */
  recovered: Recovered;
  /** I have received up to this number. */
  recv: number;
  /** Whether it takes messages. */
  status: ChatStatus;
  /** Messages I have not read. */
  unread: number;
}

/** Whether a chat takes messages. */
export type ChatStatus = "open" | "closed";

/** What the client has to keep to. */
export interface ClientLimits {
  /** Bytes in a frame. */
  frame_bytes: number;
  /** Events in a page of history. */
  history: number;
  /** Requests in flight on a socket. */
  in_flight: number;
  /** Unicode scalars in a message. */
  message_chars: number;
}

/** The id a client made for a message, the same on every retry. */
export type ClientMessageId = string;

/** `connect`: who I am and what I know. */
export interface Connect {
  /** Name and version of the client, for the log. */
  client?: string | null;
  resume?: null | Resume;
  token?: null | Token;
  /** The protocol version. */
  v: number;
  /** First and last place in the chat list (newest first) for which events are wanted. */
  window?: [number, number] | null;
}

/** The answer to `connect`. */
export interface Connected {
  /** My chats, the liveliest first. */
  chats: ChatState[];
  /** The life of the store that the numbers belong to. */
  epoch: string;
  /** What the client has to keep to. */
  limits: ClientLimits;
  /** Who is connected. */
  me: ConnectedMe;
  /** How often the server pings, in milliseconds. */
  ping_ms: number;
  /** How many of the streams were recovered. */
  recovered: RecoveredStreams;
  /** The session this socket belongs to. */
  session: SessionId;
  /** The server's time, in milliseconds since the epoch. */
  time: number;
  /** My own stream. */
  user: UserState;
}

/** Who is connected. */
export interface ConnectedMe {
  /** First name. */
  first_name: string;
  /** The person. */
  id: UserId;
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
  current: null | Me;
  /** Whom the link stands for. */
  person: DemoPerson;
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
  /** When to repeat it, in milliseconds. */
  after_ms?: number;
  /** Five digits. */
  code: 40000 | 40001 | 40002 | 40003 | 40004 | 40100 | 40101 | 40102 | 40301 | 40302 | 40303 | 40304 | 40305 | 40307 | 40308 | 40309 | 40310 | 40400 | 40500 | 40901 | 40903 | 41000 | 41300 | 41500 | 42100 | 42600 | 42900 | 42901 | 50000 | 50300 | 50301;
  /** Details for programs. */
  d?: any;
  /** A sentence for people. */
  detail: string;
  /** Stable name. */
  name: "bad_request" | "unknown_op" | "not_ready" | "already_connected" | "duplicate_id" | "unauthorized" | "token_expired" | "bad_credentials" | "not_member" | "pair_blocked" | "privacy_off" | "chat_locked" | "not_verified" | "suspended" | "email_not_confirmed" | "invalid_csrf" | "foreign_origin" | "not_found" | "method_not_allowed" | "cid_reused" | "conflict" | "unrecoverable_position" | "too_large" | "unsupported_media_type" | "misdirected" | "upgrade_required" | "rate_limited" | "too_many_in_flight" | "internal" | "unavailable" | "overloaded";
  /** Whether the same frame can succeed later. */
  retry: boolean;
  /** The session the socket belongs to, once it is connected. */
  session?: SessionId;
  /** The socket this happened on, to find it in the log. */
  socket: number;
}

/** A numbered event of a stream. */
export interface Event {
  /** The stream. */
  ch: Channel;
  /** The details. */
  d: Record<string, any>;
  /** What happened. */
  op: string;
  /** Its number: 1, 2, 3 ... without a gap. */
  seq: number;
  /** When, in milliseconds since the epoch. Order never depends on it. */
  ts: number;
}

/** The form of a forgotten password. */
export interface Forgot {
  email: string;
}

/** What forms say of their fields. */
export interface FormLimits {
  /** Longest text about oneself, in Unicode scalars. */
  about_chars_max: number;
  /** Youngest age at sign-up, in years. */
  age_years_min: number;
  /** How long an e-mail address stays after a change, in seconds. */
  email_change_cooldown: number;
  /** Languages one person may name. */
  languages_max: number;
  /** Longest message, in Unicode scalars. */
  message_chars_max: number;
  /** Longest first and last name, in Unicode scalars. */
  name_chars_max: number;
  /** Longest password, in bytes. */
  password_bytes_max: number;
  /** Shortest password, in Unicode scalars. */
  password_chars_min: number;
  /** Largest picture file, in bytes. */
  picture_bytes_max: number;
  /** Most pixels of a picture. */
  picture_pixels_max: number;
  /** Pictures one person may upload in an hour. */
  picture_uploads_per_hour: number;
  /** Longest name of a study, in Unicode scalars. */
  program_chars_max: number;
  /** Longest pronouns, in Unicode scalars. */
  pronouns_chars_max: number;
  /** The last year of a study that is believed. */
  study_year_max: number;
}

/** A server's health. */
export interface Health {
  /** The commit it was built from. */
  build: string;
  /** It answers. */
  live: boolean;
  /** Why it is not ready: `store`, `committer`, `draining`. */
  missing: string[];
  /** It can do its work. */
  ready: boolean;
  /** The newest migration of its schema. */
  schema: string;
  /** `ok`, or `unavailable` when it is not ready. */
  status: string;
  /** Seconds since its start. */
  uptime_s: number;
  /** The program's version. */
  version: string;
}

/** `hidden`: stands for a message of somebody the reader had blocked. */
export interface Hidden {
  /** Its place among the messages of the chat. */
  n: number;
  /** Who wrote it. */
  u: UserId;
}

/** `history`: one page, by one of three anchors. */
export interface History {
  /** Events after this number. */
  after?: number | null;
  /** Events around this number. */
  around?: number | null;
  /** Events before this number. */
  before?: number | null;
  /** The life of the store the numbers belong to, when the client wants it checked. */
  epoch?: string | null;
  /** How many at most. */
  limit?: number | null;
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
  /** Where it goes. */
  email: string;
  /** `confirm_email`. */
  status: string;
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
  /** Read up to this number; not said when the member or who looks hides what they have read. */
  read?: number;
  /** Read up to this message ordinal; like `read`. */
  read_n?: number;
  /** Received up to this number. */
  recv: number;
  /** The member. */
  u: UserId;
}

/** A person as they see themselves. */
export interface Me {
  /** Address. */
  email: string;
  /** The e-mail address is confirmed. */
  email_confirmed: boolean;
  /** First name. */
  first_name: string;
  /** The person. */
  id: UserId;
  /** Last name. */
  last_name: string;
  /** The address that waits to be confirmed in the place of the other one. */
  pending_email: string | null;
  /** What they say of themselves. */
  profile: Profile;
  /** The session that asks. */
  session: SessionId;
  /** How they want to be met. */
  settings: Settings;
  university: null | University;
  /** Student or professional. */
  user_type: UserType;
  /** The identity is verified. */
  verified: boolean;
}

/** A member of a chat. */
export type Member = Marker & {
  /** First name. */
  first_name: string;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  /** Last name. */
  last_name: string;
  picture: null | Picture;
  /** Whether they still belong to it. */
  status: MemberStatus;
};

/** Whether somebody still belongs to a chat. */
export type MemberStatus = "active" | "left";

/** A message as members see it. */
export interface Message {
  /** The id its author's client made. */
  cid?: ClientMessageId;
  /** Whose words it is. */
  kind: MessageKind;
  /** Its id. */
  mid: MessageId;
  /** Its place among the messages of the chat: 1, 2, 3 ... */
  n: number;
  /** Parameters of a typed system line. */
  params?: any;
  /** The message it answers. */
  reply_to?: MessageId;
  /** The text; empty for typed system lines. */
  text: string;
  u: null | UserId;
}

/** A stored message. */
export type MessageId = string;

/** Whose words a message is. Set by the server alone. */
export type MessageKind = "user" | "system";

/** Who signs in, with a program. */
export interface Mint {
  device?: string | null;
  email: string;
  password: string;
}

/** The form of a new address. */
export interface NewEmail {
  email: string;
  password: string;
}

/** A page of history. */
export interface Page {
  /** Numbers up to this one are no longer kept. */
  base: number;
  /** The events, ascending. */
  events: Event[];
  /** The newest number. */
  head: number;
  /** Whether there are newer ones. */
  more_after: boolean;
  /** Whether there are older ones. */
  more_before: boolean;
}

/** A form that changes a password. */
export interface PasswordForm {
  /** The one that holds. */
  current_password: string;
  /** End all other sessions. */
  end_others: boolean;
  /** The one that is to hold. */
  new_password: string;
}

/** A person as those see them who share a chat with them. */
export interface Person {
  /** What they say of themselves. */
  about: string | null;
  /** I have blocked them. */
  blocked: boolean;
  /** First name. */
  first_name: string;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  /** Who. */
  id: UserId;
  /** ISO 639-1 codes of what they speak. */
  languages: string[];
  /** Last name. */
  last_name: string;
  picture: null | Picture;
  /** What they study. */
  program: string | null;
  /** Pronouns. */
  pronouns: string | null;
  /** In which year. */
  study_year: number | null;
  university: null | University;
  /** Their identity is verified. */
  verified: boolean;
}

/** The address of an uploaded picture on this server. */
export type Picture = string;

/** The server's ping: heads of streams, so that a silent gap shows within one heartbeat. */
export interface Ping {
  /** The newest numbers sent on this socket: `user` and `chat:<id>`. */
  h: Record<string, number>;
  /** Always `ping`. */
  op: string;
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

/** Why a request was refused (RFC 9457). Members for one code may follow. */
export interface Problem {
  /** When to repeat it, in milliseconds. */
  after_ms?: number;
  /** Five digits. */
  code: 40000 | 40001 | 40002 | 40003 | 40004 | 40100 | 40101 | 40102 | 40301 | 40302 | 40303 | 40304 | 40305 | 40307 | 40308 | 40309 | 40310 | 40400 | 40500 | 40901 | 40903 | 41000 | 41300 | 41500 | 42100 | 42600 | 42900 | 42901 | 50000 | 50300 | 50301;
  /** What to do, in a sentence. */
  detail: string;
  /** A text that operators look for. */
  error?: string;
  /** The fields of a form that were refused. */
  fields?: Refusal[];
  /** Stable name. */
  name: "bad_request" | "unknown_op" | "not_ready" | "already_connected" | "duplicate_id" | "unauthorized" | "token_expired" | "bad_credentials" | "not_member" | "pair_blocked" | "privacy_off" | "chat_locked" | "not_verified" | "suspended" | "email_not_confirmed" | "invalid_csrf" | "foreign_origin" | "not_found" | "method_not_allowed" | "cid_reused" | "conflict" | "unrecoverable_position" | "too_large" | "unsupported_media_type" | "misdirected" | "upgrade_required" | "rate_limited" | "too_many_in_flight" | "internal" | "unavailable" | "overloaded";
  /** To find it in the log. */
  request_id: string;
  /** Whether the same request can succeed later. */
  retry: boolean;
  /** The status of the answer. */
  status: number;
  /** The name as a heading. */
  title: string;
  /** The name as a URN. */
  type: string;
}

/** What a person says of themselves. */
export interface Profile {
  /** A few sentences. */
  about: string | null;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  /** ISO 639-1 codes, the best spoken first. */
  languages: string[];
  picture: null | Picture;
  /** What they study. */
  program: string | null;
  /** Pronouns. */
  pronouns: string | null;
  /** In which year. */
  study_year: number | null;
}

/** `profile`: what I say of myself changed; ask `GET /api/me` for it. */
export type ProfileChange = Record<string, any>;

/** A form that changes a profile: what is not there stays, null takes away. */
export interface ProfileForm {
  /** A few sentences. */
  about?: string | null;
  /** First name; only until the identity is verified. */
  first_name?: string | null;
  /** ISO 639-1 codes, the best spoken first. */
  languages?: string[] | null;
  /** Last name; only until the identity is verified. */
  last_name?: string | null;
  /** What they study. */
  program?: string | null;
  /** Pronouns. */
  pronouns?: string | null;
  /** In which year. */
  study_year?: number | null;
}

/** The proof of a new address: the link's token, or the mailed code. */
export type Proof = {
  /** What stands in the link. */
  token: string;
} | {
  /** Six digits. */
  code: string;
};

/** What proves that a mail was read: the token of its link, or the address with its code; and the password. */
export type Proven = {
  /** The password. */
  password: string;
  /** What stands in the link. */
  token: string;
} | {
  /** Six digits. */
  code: string;
  /** The address. */
  email: string;
  /** The password. */
  password: string;
};

/** `publish`: a new message. */
export interface Publish {
  /** Made once for this message, the same on every retry. */
  cid: ClientMessageId;
  reply_to?: null | MessageId;
  /** The text, as typed. */
  text: string;
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

/** Whether what a client missed of a stream is in the answer. */
export type Recovered = "full" | "none";

/** How many of a client's streams were recovered. */
export type RecoveredStreams = "full" | "partial" | "none";

/** One field of a form and why it was refused. */
export interface Refusal {
  /** What to do about it. */
  detail: string;
  /** The field's wire name. */
  field: string;
}

/** Where to send it. */
export interface Resend {
  email: string;
}

/** What the client holds. */
export interface Resume {
  /** The last number of each chat. */
  chats?: Record<string, number>;
  /** The life of the store the numbers belong to. */
  epoch: string;
  /** The last number of the user stream. */
  user?: number | null;
}

/** `sanction`: my account was suspended, or no longer is. */
export interface SanctionChange {
  /** `suspended` or `activated`. */
  change: string;
}

/** A message to be sent. */
export interface Send {
  /** Where to. */
  chat_id: ChatId;
  /** Made once for this message, the same on every retry. */
  cid: ClientMessageId;
  reply_to?: null | MessageId;
  /** The text, as typed. */
  text: string;
}

/** The answer to `publish`. */
export interface Sent {
  /** The client's own id for it. */
  cid: ClientMessageId;
  /** Whether it had been stored before this request. */
  dup: boolean;
  /** The message's id. */
  mid: MessageId;
  /** Its place among the messages. */
  n: number;
  /** Its number in the chat's stream. */
  seq: number;
  /** When it was stored, in milliseconds since the epoch. */
  ts: number;
}

/** `session`: one of my sessions began or ended. */
export interface SessionChange {
  /** What became of it. */
  change: string;
  /** Which. */
  session: SessionId;
}

/** A signed-in session (not a socket: one session may hold several sockets). */
export type SessionId = string;

/** A session in its owner's list. */
export interface SessionInfo {
  /** The truncated address it began from. */
  address: string;
  /** When it began. */
  created_at: string;
  /** It is the one that asks. */
  current: boolean;
  /** Its id. */
  id: SessionId;
  /** How its token travels. */
  kind: SessionKind;
  /** When it was last used, up to a minute ago. */
  last_seen_at: string;
  /** What its client called itself. */
  user_agent: string;
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
  /** Whether reading is shown, both ways. */
  read_receipts: boolean;
  /** Whether others find them. */
  visibility: Visibility;
  /** Who may write to them in a chat of two. */
  who_may_message: WhoMayMessage;
}

/** A form that changes settings: what is not there stays. */
export interface SettingsForm {
  locale?: null | Locale;
  /** Whether reading is shown, both ways. */
  read_receipts?: boolean | null;
  visibility?: null | Visibility;
  who_may_message?: null | WhoMayMessage;
}

/** Who signs in. */
export interface SignIn {
  email: string;
  password: string;
}

/** A form of sign-up, as it comes in. */
export interface SignUp {
  /** The terms were accepted. */
  accept_terms: boolean;
  /** `YYYY-MM-DD`. */
  date_of_birth: string;
  /** Address. */
  email: string;
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** The language to write in. */
  locale?: Locale;
  /** Password, as typed. */
  password: string;
  /** Student or professional. */
  user_type?: UserType;
}

/** Why a stream is given as a snapshot. */
export type SnapshotReason = "fresh" | "epoch" | "trimmed" | "ahead" | "too_long";

/** A secret in a frame; it has no way into a log. */
export type Token = string;

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
  /** What was missed, ascending. */
  events: Event[];
  /** The person. */
  id: UserId;
  /** Why it was not recovered. */
  reason?: SnapshotReason;
  /** Whether everything missed is in `events`; else start from what this answer says. */
  recovered: Recovered;
  /** The newest number. */
  seq: number;
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
