/** What goes over the wire. Made by `domu docs` from the server's types. */

/** A row of the audit log. */
export interface ActionLine {
  /** Its number. */
  seq: number;
  /** When. */
  created_at: string;
  admin_user_id?: null | UserId;
  /** Their role then. */
  actor_role?: string | null;
  /** `session`, `token`, `cli` or `system`. */
  auth_method: string;
  /** What was done. */
  action: string;
  /** To what sort of thing. */
  entity_type: string;
  /** To which. */
  entity_id?: string | null;
  /** At which university. */
  university_id?: string | null;
  /** Why. */
  reason?: string | null;
  /** The sort of case that it was done for. */
  case_type?: string | null;
  /** Which case. */
  case_id?: string | null;
  /** What else matters. */
  metadata: Record<string, any>;
  /** What changed, as it was. */
  before?: Record<string, any> | null;
  /** What changed, as it became. */
  after?: Record<string, any> | null;
  /** `ok`, `denied` or `error`. */
  outcome: string;
  /** The request. */
  request_id?: string | null;
  /** The truncated address. */
  ip_truncated?: string | null;
  /** Its hash, over itself and the hash before. */
  hash: string;
}

/** A page of the audit log. */
export interface ActionList {
  /** The newest first. */
  actions: ActionLine[];
  /** What to send as `before` for the next page; none on the last. */
  next?: number;
}

/** An invitation to be an admin. */
export type AdminInviteId = string;

/** Admins. */
export interface AdminList {
  /** The longest serving first. */
  admins: AdminSummary[];
}

/** What an admin is told of themselves. */
export interface AdminSelf {
  /** Who. */
  user: UserId;
  /** What. */
  role: Role;
  /** At which university; none for super admins. */
  university?: string | null;
  /** What they may do somewhere. */
  permissions: Permission[];
  /** They have a second factor. */
  second_factor: boolean;
  /** They have shown it a short while ago. */
  stepped_up: boolean;
  /** The session waits for the admin secret. */
  locked: boolean;
}

/** An admin. */
export interface AdminSummary {
  /** Who. */
  user: UserId;
  /** Their address. */
  email: string;
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** What. */
  role: Role;
  /** The university's name in addresses; none for super admins. */
  university?: string | null;
  /** Since when. */
  since: string;
  /** They have a second factor. */
  second_factor: boolean;
}

/** A token that programs of admins show. */
export type AdminTokenId = string;

/** Something that is wrong with the audit log. */
export interface AuditFinding {
  /** The first number that it concerns. */
  from: number;
  /** The last. */
  to: number;
  /** What. */
  what: string;
}

/** What a proof of the audit log came to. */
export interface AuditProof {
  /** All is well. */
  sound: boolean;
  /** Rows that were looked at. */
  rows: number;
  /** The newest number. */
  head: number;
  /** What is wrong, and where. */
  findings: AuditFinding[];
}

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

/** Somebody to hear nothing from, or again. */
export interface BlockForm {
  /** Who. */
  blocked_user_id: UserId;
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

/** What is shown of the other person before both want to talk, and after. */
export interface Candidate {
  /** Who. */
  id: UserId;
  /** First name. */
  first_name: string;
  /** Last name: of a match only. */
  last_name?: string;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  /** Where the uploaded picture is: of a match only. */
  picture?: Picture;
  /** The name of their university. */
  university: string | null;
  /** What they study. */
  program: string | null;
  /** In which year. */
  study_year: number | null;
  /** A few sentences of theirs. */
  about: string | null;
  /** ISO 639-1 codes. */
  languages: string[];
}

/** The channel a frame belongs to: `chat:<id>` or `user`. */
export type Channel = string;

/** `chat`: what became of the chat itself. */
export interface ChatChange {
  /** What: `opened`, `renamed` or `closed`. */
  change: string;
  /** Why, such as `match`. */
  cause?: string;
  /** What a group is called now. */
  title?: string;
  /** Who did it. */
  by?: UserId;
}

/** A chat, of two people or of a group. */
export type ChatId = string;

/** `chat.left`: I am in this chat no longer. */
export interface ChatLeft {
  /** Which. */
  chat_id: ChatId;
  /** `left` or `removed`. */
  change: string;
}

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
  /** Numbers up to this one are no longer kept, or came before I joined. */
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
  /** I do not want to be told of it until then, in milliseconds since the epoch: a moment past is as good as none. */
  muted?: number;
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

/** A claim of a report. */
export interface ClaimForm {
  /** The revision that one has seen. */
  rev: number;
  /** Also when it is somebody else's; not for moderators. */
  steal?: boolean;
}

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
  /** People in a group, with those who are invited. */
  group_members: number;
  /** A message can be edited for so many milliseconds. */
  edit_ms: number;
  /** A message can be deleted for all for so many milliseconds. */
  delete_ms: number;
}

/** The id a client made for a message, the same on every retry. */
export type ClientMessageId = string;

/** A code of an app. */
export interface CodeForm {
  /** The six digits that it shows now. */
  code: string;
}

/** How two people fit, item by item. */
export interface Compatibility {
  /** In whole percent. */
  fit: number;
  /** The mutual score, 0 to 1. */
  score: number;
  /** The score's version. */
  algorithm: string;
  /** What the score is made of: the contributions sum to it. */
  parts: (Record<string, any>)[];
  /** Where we fit, what to talk about, and what to ask first. */
  explanation: Record<string, any>;
}

/** Matches to be confirmed, or only to be listed. */
export interface ConfirmForm {
  /** Only tell which pairs those are. */
  dryRun?: boolean;
  /** Why, for the audit log. */
  reason: string;
}

/** The second factor was shown. */
export interface Confirmed {
  /** Until when dangerous things can be done without showing it again. */
  until: string;
}

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
  /** Open invitations to groups, to me and from me. */
  invites: Invite[];
  /** What is news to me. */
  notices: Notices;
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

/** How much there is of one kind. */
export interface Count {
  /** In all. */
  total: number;
  /** Of it not seen. */
  unread: number;
}

/** How much there is of each kind. */
export interface Counts {
  /** Unread messages; `unread` leaves out muted chats. */
  messages: Count;
  /** Chats that were opened. */
  chats: Count;
  /** Invitations. */
  invites: Count;
  /** Suggestions that somebody wants to talk about, and matches. */
  matches: Count;
  /** The account. */
  account: Count;
}

/** What a run came to. */
export type CronAnswer = RunLine & {
  /** It is over, and did what it is for. */
  success: boolean;
};

/** A CSRF token. */
export interface CsrfToken {
  /** For the `x-csrf-token` header; the answer's cookie holds the same. */
  token: string;
}

/** A decision. */
export interface DecideForm {
  /** The revision that one has seen. */
  rev: number;
  /** What is done. */
  action: ReportAction;
  policy?: null | ReportCategory;
  /** For how many hours; `mute` needs it. */
  hours?: number | null;
  /** For how many days; `suspend` needs it, moderators at most 7. */
  days?: number | null;
  /** What the person is told of it. */
  message?: string | null;
  /** Why, for the audit log. */
  reason: string;
}

/** One decision about a pair. */
export interface Decided {
  /** Whose. */
  user: UserId;
  /** `accepted`, `passed` or `undecided`, which takes a pass back. */
  decision: string;
  /** When, in milliseconds since 1970. */
  at: number;
}

/** `delete`: a message goes. */
export interface Delete {
  /** The message. */
  mid: MessageId;
  /** For whom. */
  scope: DeleteScope;
}

/** A message to be deleted. */
export interface DeleteForm {
  /** Where it is. */
  chat_id: ChatId;
  /** The message. */
  mid: MessageId;
  /** For whom. */
  scope: DeleteScope;
}

/** For whom a message is deleted. */
export type DeleteScope = "me" | "all";

/** `message.deleted`: nothing is left of a message but its place. */
export interface Deleted {
  /** The message. */
  mid: MessageId;
  /** Its place among the messages of the chat. */
  n: number;
  /** Its revision. */
  rev: number;
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

/** `edit`: another text for a message of mine. */
export interface Edit {
  /** The message. */
  mid: MessageId;
  /** The revision that is replaced: 1 unless the message says another. */
  rev: number;
  /** The text, as typed. */
  text: string;
}

/** Another text for a message of mine. */
export interface EditForm {
  /** Where it is. */
  chat_id: ChatId;
  /** The message. */
  mid: MessageId;
  /** The revision that is replaced: 1 unless the message says another. */
  rev: number;
  /** The text, as typed. */
  text: string;
}

/** `message.edited`: a message has another text. Read later, it says what the message says then. */
export interface Edited {
  /** The message. */
  mid: MessageId;
  /** Its place among the messages of the chat. */
  n: number;
  /** Its revision: one that is not higher than what is held says nothing new. */
  rev: number;
  /** The text. */
  text: string;
  /** When it was written, in milliseconds since the epoch. */
  edited_at: number;
}

/** What people can react with: few, so that nothing can be written in them. */
export type Emoji = "👍" | "❤️" | "😂" | "😮" | "😢" | "🔥" | "🏠" | "💡";

/** A second factor that waits for its first code. It is told once. */
export interface Enrolment {
  /** The secret, in base 32, to be typed. */
  secret: string;
  /** The same as an address that apps understand, to be shown as a picture. */
  url: string;
}

/** `erased`: I have deleted a message for myself; I see it no more, and others do. */
export interface Erased {
  /** Its chat. */
  chat_id: ChatId;
  /** The message. */
  mid: MessageId;
  /** Its place among the messages of the chat. */
  n: number;
}

/** What went wrong, from the one table. */
export interface ErrorBody {
  /** Five digits. */
  code: 40000 | 40001 | 40002 | 40003 | 40004 | 40100 | 40101 | 40102 | 40300 | 40301 | 40302 | 40303 | 40304 | 40305 | 40306 | 40307 | 40309 | 40310 | 40311 | 40312 | 40313 | 40400 | 40500 | 40901 | 40902 | 40903 | 41000 | 41300 | 41500 | 42100 | 42200 | 42600 | 42900 | 42901 | 50000 | 50300 | 50301;
  /** Stable name. */
  name: "bad_request" | "unknown_op" | "not_ready" | "already_connected" | "duplicate_id" | "unauthorized" | "token_expired" | "bad_credentials" | "forbidden" | "not_member" | "pair_blocked" | "privacy_off" | "chat_locked" | "not_verified" | "muted" | "suspended" | "invalid_csrf" | "foreign_origin" | "step_up_required" | "admin_secret_required" | "admin_secret_invalid" | "not_found" | "method_not_allowed" | "cid_reused" | "stale_rev" | "conflict" | "unrecoverable_position" | "too_large" | "unsupported_media_type" | "misdirected" | "rejected_by_rule" | "upgrade_required" | "rate_limited" | "too_many_in_flight" | "internal" | "unavailable" | "overloaded";
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

/** Messages that a search has found, the newest first. */
export interface Found {
  /** The messages; there may be fewer than were asked for although there are more. */
  hits: Hit[];
  /** Where the next page begins, as `before`; not there when there is none. */
  next?: string;
}

/** A group to be made: who asks is its owner, the others are invited. */
export interface GroupForm {
  cid?: null | ClientMessageId;
  /** What it is called. */
  title: string;
  /** Who is invited: people one shares an open chat with. */
  members: UserId[];
}

/** A group that was made. */
export interface GroupMade {
  /** Its chat. */
  chat_id: ChatId;
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

/** `hidden`: stands for a message of somebody the reader had blocked. With the place of a message that came before, it stands for what was done to that message, which is hidden from then on. With place 0 it stands for a reaction. */
export interface Hidden {
  /** Its place among the messages of the chat. */
  n: number;
  /** Who wrote it, or reacted. */
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

/** A message that was found. */
export interface Hit {
  /** The message as its chat's history has it. */
  event: Event;
  /** The words of its text that were looked for: half-open ranges of Unicode scalars. */
  spans: ([number, number])[];
}

/** One thing that somebody needs to be suggested to others. */
export interface Hurdles {
  /** `active`, `not_suspended`, `email_confirmed`, `verified`, `visible`, `onboarding_complete`, `vector`, `vector_complete`, `readable`. */
  gate: string;
  /** Whether they have it. */
  pass: boolean;
  /** What to do when they have not. */
  fix?: string;
}

/** Two people, as the engine sees them. */
export interface Inspected {
  suggestion?: null | SuggestionId;
  status_a?: null | SuggestionStatus;
  status_b?: null | SuggestionStatus;
  /** The newest run suggests it. */
  is_offered: boolean;
  /** One of them blocks the other. */
  is_blocked: boolean;
  /** Every decision, the first one first, at most 200. */
  decisions: Decided[];
  /** How well they fit, in percent; none: one of them has no vector. */
  fit?: number | null;
  /** The same, whole. */
  score?: number | null;
  /** The engine. */
  algorithm: string;
  /** Every item's contribution; they sum to the score. */
  parts: (Record<string, any>)[];
  /** What aligns, what to talk about, gates in conflict. */
  explanation?: Record<string, any> | null;
}

/** An open invitation to a group. */
export interface Invite {
  /** The group. */
  chat_id: ChatId;
  /** What it is called. */
  title: string;
  /** Who is asked. */
  u: UserId;
  /** Their first name. */
  name: string;
  /** Who asks. */
  by: UserId;
  /** Their first name. */
  by_name: string;
  /** When, in milliseconds since the epoch. */
  at: number;
  /** It is over then, without a word. */
  expires_at: number;
}

/** `invite`: an invitation to a group, to me or from me, is open or no longer. */
export interface InviteChange {
  /** The group. */
  chat_id: ChatId;
  /** Who is asked. */
  u: UserId;
  /** `opened`, `accepted`, `declined` or `withdrawn`. */
  change: string;
  /** What was opened. */
  invite?: Invite;
}

/** Somebody to be invited as an admin. */
export interface InviteForm {
  /** Their address. */
  email: string;
  /** To be what. */
  role: Role;
  /** At which university, by its name in addresses; not for super admins. */
  university?: string | null;
  /** Why, for the audit log. */
  reason: string;
}

/** Open invitations. */
export interface InviteList {
  /** The newest first. */
  invites: InviteSummary[];
}

/** An invitation to be an admin, for whoever has confirmed that the address is theirs. */
export interface InviteSummary {
  /** Its id. */
  id: AdminInviteId;
  /** For which address. */
  email: string;
  /** To be what. */
  role: Role;
  /** At which university; none for super admins. */
  university?: string | null;
  /** Until when. */
  expires_at: string;
}

/** Open invitations, over HTTP. */
export interface Invites {
  /** To me and from me. */
  invites: Invite[];
}

/** A job. */
export interface JobLine {
  /** Its name. */
  name: string;
  /** What it does. */
  about: string;
  /** Where a scheduler elsewhere runs it. */
  path: string;
  /** When it is due: minute, hour, day, month, weekday; none: only when somebody asks for it. */
  expression?: string | null;
  /** When it runs next by itself. */
  next_run?: string | null;
  /** It runs now. */
  running: boolean;
  /** It is stopped when it takes longer. */
  timeout_seconds: number;
  /** Its newest runs, the newest first. */
  runs: RunLine[];
}

/** Every job. */
export interface JobList {
  /** The time zone in which schedules are read. */
  zone: string;
  /** The jobs. */
  jobs: JobLine[];
}

/** A run of a job. */
export type JobRunId = string;

/** A university that one can name. */
export interface KnownUniversity {
  /** What is saved. */
  slug: string;
  /** What it is called. */
  name: string;
}

/** It answers. */
export interface Live {
  /** Always true. */
  live: boolean;
}

/** The language a person reads. */
export type Locale = "nl" | "en";

/** A token, told once. */
export interface MadeToken {
  /** Its id. */
  id: AdminTokenId;
  /** The token itself: it is stored nowhere. */
  token: string;
  /** When it ends. */
  expires_at: string;
}

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

/** Where a member is in a chat. The numbers only grow: of two markers the greater holds. */
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

/** `match`: what became of a suggestion. */
export interface MatchChange {
  /** Which. */
  suggestion_id: SuggestionId;
  /** What: `interested` (the other wants to talk), `confirmed` (both do), or `ended`. */
  change: string;
  /** The chat of the two. */
  chat_id?: ChatId;
}

/** A run of the matcher. */
export interface MatchRun {
  /** Its id. */
  id: RunId;
  /** `running`, `done`, `failed` or `abandoned`. */
  status: string;
  /** When it began. */
  started_at: string;
  /** When it ended. */
  finished_at?: string | null;
  /** Its report: people, pairs considered, what removed how many, histogram, quality. */
  report: Record<string, any>;
}

/** Runs of the matcher. */
export interface MatchRuns {
  /** The newest first. */
  runs: MatchRun[];
  /** What to send as `before` for the next page; none on the last. */
  next?: RunId;
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
  /** They see what came after this number; 0: all that I see. */
  joined: number;
  /** What they may do in a group. */
  role: MemberRole;
  /** Whether they still belong to it. */
  status: MemberStatus;
};

/** `member`: who belongs to a group changed. */
export type MemberChange = null | Newcomer & {
  /** Who. */
  u: UserId;
  /** `joined`, `left`, `removed` or `role`. */
  change: string;
  /** Who did it, when it was somebody else. */
  by?: UserId;
  /** What they may do now. */
  role?: MemberRole;
};

/** What somebody may do in a group. */
export type MemberRole = "owner" | "member";

/** Whether somebody still belongs to a chat. */
export type MemberStatus = "active" | "left";

/** What mending came to. */
export interface MendReport {
  /** Nothing went wrong. */
  success: boolean;
  /** The same in words. */
  message: string;
  /** Pairs that have their match and chat now; in a dry run, that would be tried. */
  processed: number;
  /** Pairs that stay as they are. */
  skipped: number;
  /** Pairs that were looked at. */
  totalPairs: number;
  /** There are more: do it again. */
  more: boolean;
  /** The first few that were not mended, and why; in a dry run, the first few that would be tried. */
  errors: Unmended[];
}

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
  /** The number of that message's event: `history` around it tells what it says now, to who may see it. */
  reply_seq?: number;
  /** Whose words it is. */
  kind: MessageKind;
  /** Parameters of a typed system line. */
  params?: any;
  /** Its revision, once it was changed. */
  rev?: number;
  /** When its text was last replaced, in milliseconds since the epoch. */
  edited?: number;
  /** It was deleted for all: the text is gone, the place stays. */
  deleted?: boolean;
  /** The reactions to it, in the order they were made. */
  reactions?: Reaction[];
}

/** The answer to `edit` and `delete`. */
export interface MessageChanged {
  /** The message. */
  mid: MessageId;
  /** Its revision now. */
  rev: number;
  /** The number of the event that says so; of my own stream when it is for me. */
  seq: number;
  /** When it was changed, in milliseconds since the epoch. */
  ts: number;
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

/** `mute`: I want to be told of a chat, or no longer. */
export type MuteChange = Muted & {
  /** Which. */
  chat_id: ChatId;
};

/** Whether one wants to be told of a chat. */
export interface MuteForm {
  /** True: one does not. */
  on: boolean;
  /** Until when, in milliseconds since the epoch; without it for ever. */
  until?: number | null;
}

/** `mute`: whether I want to be told of a chat. */
export interface MuteWish {
  /** True: I do not. */
  on: boolean;
  /** Until when, in milliseconds since the epoch; without it for ever. */
  until?: number | null;
}

/** The answer to `mute`, and the end of what it says. */
export interface Muted {
  /** I am not told of the chat until then, in milliseconds since the epoch; none: I am. */
  muted?: number;
}

/** The form of a new address. */
export interface NewEmail {
  email: string;
  password: string;
}

/** A group to be made: who asks is its owner, the others are invited. */
export interface NewGroup {
  cid?: null | ClientMessageId;
  /** What it is called. */
  title: string;
  /** Who is invited: people one shares an open chat with. */
  members: UserId[];
}

/** A report to be filed. */
export interface NewReport {
  /** Made once for each report: a retry with it is answered alike. */
  cid: string;
  /** What is reported. */
  kind: ReportKind;
  user_id?: null | UserId;
  chat_id?: null | ChatId;
  mid?: null | MessageId;
  /** What is wrong. */
  category: ReportCategory;
  /** In one's own words; `other` needs some. */
  details?: string | null;
  /** Whoever decides may read the messages around it. */
  consent: boolean;
  /** How many messages before it, and as many after it, may be read. */
  context?: number | null;
}

/** Somebody who joined a group. */
export interface Newcomer {
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** The hue of the generated avatar, in degrees. */
  hue: number;
  picture: null | Picture;
  /** They see what comes after this number. */
  joined: number;
  /** They have received up to this number: nothing so far. */
  recv: number;
  /** The same of reading, unless they hide it. */
  read?: number;
  /** The same as a message ordinal. */
  read_n?: number;
}

/** The answer to an operation that has nothing to tell. */
export type Noted = Record<string, any>;

/** Something of my own stream that is news to me, by the number of its event. */
export interface Notice {
  /** The number of the event. */
  seq: number;
  /** When, in milliseconds since the epoch. */
  ts: number;
  /** What kind of news. */
  kind: NoticeKind;
  /** The chat it is about. */
  chat_id?: ChatId;
  /** What the group is called that I am asked to join. */
  title?: string;
  /** The first name of who asks. */
  by_name?: string;
  /** Of the account: `verified`, `unverified`, `suspended` or `activated`; of a match: `interested` or `confirmed`. */
  change?: string;
}

/** What of the news one has seen: one of the two. */
export interface NoticeForm {
  /** This one. */
  seq?: number | null;
  /** Everything up to this number. */
  upto?: number | null;
}

/** What kind of news something is. */
export type NoticeKind = "chats" | "invites" | "matches" | "account";

/** `notify.read`: what I have seen; one of the two. */
export interface NoticeWish {
  /** This one. */
  seq?: number | null;
  /** Everything up to this number. */
  upto?: number | null;
}

/** `notify.read`: what of my own stream I have seen. Said on all my devices, whole. */
export interface Noticed {
  /** Everything up to this number. */
  upto: number;
  /** And these after it, ascending. */
  also: number[];
}

/** What is news to me, in the answer to `connect`. Which of it I have not seen follows from `noticed`, so nothing counts it twice. */
export interface Notices {
  /** Only what stands among so many newest events of my stream is news; older news is forgotten. */
  window: number;
  /** Ascending. */
  items: Notice[];
  /** What of it I have seen. */
  noticed: Noticed;
}

/** What is news to me, over HTTP. */
export interface Notifications {
  /** The newest number of my stream: what to mark everything as seen with. */
  head: number;
  /** How much there is in all, on this page and elsewhere. */
  counts: Counts;
  /** The newest first. */
  items: Notice[];
  /** Whether there are older ones. */
  more: boolean;
  /** What of it I have seen. */
  noticed: Noticed;
  /** Chats with unread messages, the liveliest first, without their events; on the first page only. */
  chats: ChatState[];
}

/** How far somebody is. */
export interface OnboardingProgress {
  /** All sections, in the order they are asked. */
  sections: string[];
  /** How many lack nothing. */
  completed_sections: number;
  /** What the others lack, in order. */
  missing: SectionGap[];
  /** Nothing is missing. */
  is_complete: boolean;
  /** When the answers were handed in, in milliseconds since the epoch. */
  submitted_at: number | null;
  /** Complete, handed in, and the account can be suggested to others. */
  is_eligible: boolean;
  /** A stored answer that cannot be read: saved anew, it counts again. */
  problem?: string;
}

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

/** What is done to people. */
export type PeopleAct = "suspend" | "activate" | "end_sessions";

/** What was done to people. */
export interface PeopleChanged {
  /** People for whom it was not so already. */
  changed: number;
}

/** What an admin may be allowed to do. */
export type Permission = "oneself" | "dashboard" | "view_users" | "suspend_users" | "activate_users" | "end_sessions" | "delete_users" | "export_users" | "view_verifications" | "override_verification" | "reprocess_webhooks" | "read_webhooks" | "handle_reports" | "ban_users" | "handle_flagged" | "list_chats" | "read_chats" | "export_chats" | "close_chats" | "view_matches" | "run_matching" | "decide_appeals" | "handle_dsar" | "support" | "read_audit" | "export_audit" | "view_admins" | "manage_admins" | "change_settings" | "view_system" | "run_system" | "change_system" | "handle_incidents" | "view_institution";

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

/** One person. */
export interface PersonForm {
  /** Who. */
  user: UserId;
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
  code: 40000 | 40001 | 40002 | 40003 | 40004 | 40100 | 40101 | 40102 | 40300 | 40301 | 40302 | 40303 | 40304 | 40305 | 40306 | 40307 | 40309 | 40310 | 40311 | 40312 | 40313 | 40400 | 40500 | 40901 | 40902 | 40903 | 41000 | 41300 | 41500 | 42100 | 42200 | 42600 | 42900 | 42901 | 50000 | 50300 | 50301;
  /** Stable name. */
  name: "bad_request" | "unknown_op" | "not_ready" | "already_connected" | "duplicate_id" | "unauthorized" | "token_expired" | "bad_credentials" | "forbidden" | "not_member" | "pair_blocked" | "privacy_off" | "chat_locked" | "not_verified" | "muted" | "suspended" | "invalid_csrf" | "foreign_origin" | "step_up_required" | "admin_secret_required" | "admin_secret_invalid" | "not_found" | "method_not_allowed" | "cid_reused" | "stale_rev" | "conflict" | "unrecoverable_position" | "too_large" | "unsupported_media_type" | "misdirected" | "rejected_by_rule" | "upgrade_required" | "rate_limited" | "too_many_in_flight" | "internal" | "unavailable" | "overloaded";
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

/** What is asked. */
export interface Questionnaire {
  /** The question bank: its version, the cities, one's own behaviour, and the modules. */
  bank: Record<string, any>;
  /** Universities, by slug. */
  universities: KnownUniversity[];
}

/** `react`: I react to a message, or no longer. */
export interface React {
  /** The message. */
  mid: MessageId;
  /** With what. */
  emoji: Emoji;
  /** Whether it is to be there. */
  on: boolean;
}

/** A reaction to a message, or its end. */
export interface ReactForm {
  /** Where it is. */
  chat_id: ChatId;
  /** The message. */
  mid: MessageId;
  /** With what. */
  emoji: Emoji;
  /** Whether it is to be there. */
  on: boolean;
}

/** A reaction to a message. */
export interface Reaction {
  /** Whose. */
  u: UserId;
  /** With what. */
  emoji: Emoji;
}

/** `reaction`: somebody reacts to a message, or no longer. */
export interface ReactionChange {
  /** The message. */
  mid: MessageId;
  /** Its place among the messages of the chat. */
  n: number;
  /** Who. */
  u: UserId;
  /** With what. */
  emoji: Emoji;
  /** Whether it is there now. */
  on: boolean;
}

/** How far a person has read. */
export interface Read {
  /** Everything up to this number. */
  seq: number;
}

/** How many people are how far. */
export interface Readiness {
  /** Accounts that are neither closed nor suspended. */
  active: number;
  /** Of verified people. */
  verified: number;
  /** Who said that their answers are all there. */
  onboarded: number;
  /** With a vector. */
  with_vector: number;
  /** Who may be suggested to others. */
  eligible: number;
  /** Whose stored answers cannot be read. */
  quarantined: number;
}

/** How far people are on their way to suggestions. */
export type ReadinessView = Readiness & {
  /** Some who handed in their answers and have no whole vector, at most 20: backfill vectors. */
  missing_vector: UserId[];
};

/** Whether it should get work. */
export interface Ready {
  /** It should. */
  ready: boolean;
}

/** What is live. */
export interface Realtime {
  /** Sockets, connected or not yet. */
  sockets: number;
  /** People with a socket. */
  people: number;
  /** Sessions with a socket. */
  sessions: number;
  /** Streams that somebody listens to. */
  streams: number;
  /** Bytes that wait for readers. */
  waiting_bytes: number;
  /** The link to other nodes: `none`, for there is one node. */
  backplane: string;
  /** Some people with a socket, at most 100. */
  connected: SocketHolder[];
}

/** Why an admin does it. */
export interface ReasonForm {
  /** For the audit log. */
  reason: string;
}

/** Proof that a report was taken. */
export interface Receipt {
  /** Its number, to ask about it. */
  report_id: ReportId;
  /** Where it stands. */
  status: ReportStatus;
  /** When it was filed, in milliseconds since the epoch. */
  at: number;
  /** It was filed before, with the same `cid`. */
  dup: boolean;
  /** Whom to call who is in danger now. */
  emergency: string;
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

/** The end of a claim. */
export interface ReleaseForm {
  /** The revision that one has seen. */
  rev: number;
}

/** What is decided, from light to heavy. */
export type ReportAction = "dismiss" | "remove_message" | "warn" | "mute" | "block_pair" | "suspend" | "ban";

/** What is wrong. */
export type ReportCategory = "harassment" | "swearing" | "account_misuse" | "impersonation" | "threats" | "scam_or_fraud" | "hate_or_discrimination" | "spam" | "inappropriate" | "other";

/** Something that happened to a report. */
export interface ReportEvent {
  /** Its number in the feed. */
  seq: number;
  /** Which report. */
  report_id: ReportId;
  /** `created`, `claimed`, `released` or `decided`. */
  kind: string;
  actor: null | UserId;
  /** What the kind says besides: among others `status` and `rev`. */
  data: Record<string, any>;
  /** When. */
  at: string;
}

/** A stretch of the feed. */
export interface ReportEvents {
  /** In order; numbers are missing that are out of one's scope. */
  events: ReportEvent[];
  /** The number up to which this tells everything: what to send as `after` for what comes next. */
  next: number;
  /** There is more already. */
  more: boolean;
}

/** A report that something is wrong. */
export type ReportId = string;

/** What is reported. */
export type ReportKind = "message" | "user" | "group";

/** A page of the queue. */
export interface ReportList {
  /** With a status the worst first, and of those the oldest; else the newest first. */
  reports: ReportSummary[];
  /** What to send as `after` for the next page; none on the last. */
  next?: ReportId;
  /** Reports in one's scope that nobody looks at. */
  open: number;
  /** Reports in one's scope that somebody looks at. */
  in_review: number;
}

/** `report.outcome`: what I reported was decided. */
export interface ReportOutcome {
  /** Which report. */
  report_id: ReportId;
  /** `actioned` or `dismissed`. */
  status: ReportStatus;
}

/** Somebody in a report. */
export interface ReportParty {
  /** Who. */
  id: UserId;
  /** First name. */
  first_name: string;
}

/** What is known of a person in reports. */
export interface ReportStanding {
  /** Reports about them. */
  reported: number;
  /** By so many people. */
  reported_by: number;
  /** Of those reports, acted upon. */
  reported_actioned: number;
  /** Reports by them. */
  filed: number;
  /** Of those, acted upon. */
  filed_actioned: number;
  /** Of those, dismissed. */
  filed_dismissed: number;
  /** Not suspended. */
  active: boolean;
  /** The identity is verified. */
  verified: boolean;
  /** Since when nobody is sent what they write. */
  muted_at: string | null;
  /** Until when; none: until somebody decides. */
  muted_until: string | null;
  /** Since when they are suggested to nobody. */
  hidden_at: string | null;
  /** When they signed up. */
  created_at: string | null;
}

/** Where a report stands. */
export type ReportStatus = "open" | "in_review" | "actioned" | "dismissed";

/** A report in the queue. */
export interface ReportSummary {
  /** Which. */
  id: ReportId;
  /** To be sent with every change: 1, and one more for each. */
  rev: number;
  /** Where it stands. */
  status: ReportStatus;
  /** 0 is the worst, 3 the least. */
  severity: number;
  /** What is wrong, as the reporter sees it. */
  category: string;
  /** `message`, `user` or `group`. */
  kind: string;
  /** `user`, or `auto` when the program itself filed it. */
  source: string;
  /** In the reporter's words. */
  details: string | null;
  reporter: null | ReportParty;
  target: null | ReportParty;
  chat_id: null | ChatId;
  mid: null | MessageId;
  /** With it enough people had reported the target: they are hidden until an admin decides. */
  auto_blocked: boolean;
  claimed_by: null | UserId;
  /** Until when it is theirs alone. */
  claimed_until: string | null;
  decided_by: null | UserId;
  /** What was done. */
  action: string | null;
  /** The rule that rests on. */
  policy: string | null;
  /** Why. */
  reason: string | null;
  /** When. */
  resolved_at: string | null;
  /** When it was filed. */
  created_at: string;
}

/** A case. */
export interface ReportView {
  /** The report. */
  report: ReportSummary;
  /** What it is about as it was then: `messages` (each with its `sha256`), and `profile` or `group`. */
  evidence: Record<string, any>;
  /** SHA-256 of the evidence when it was filed, in hex. */
  evidence_sha256: string;
  /** The evidence still has it. */
  intact: boolean;
  /** What happened to it. */
  timeline: ReportEvent[];
  reporter: null | ReportStanding;
  target: null | ReportStanding;
}

/** Where to send it. */
export interface Resend {
  email: string;
}

/** An answer to a suggestion. */
export interface RespondForm {
  /** Which. */
  suggestionId: SuggestionId;
  /** What one says to it. */
  action: SuggestionAction;
}

/** What became of an answer to a suggestion. */
export interface Responded {
  status: null | SuggestionStatus;
  /** The chat, when both want to talk. */
  chat_id?: ChatId;
}

/** Sockets to be closed, so that their clients come back. */
export interface RestartForm {
  /** Whose. */
  scope: RestartScope;
  /** Which person or chat. */
  id?: string | null;
  /** Over how many seconds. */
  within?: number | null;
  /** Why, for the audit log. */
  reason: string;
}

/** Whose sockets. */
export type RestartScope = "all" | "user" | "chat";

/** Sockets that are sent away. */
export interface Restarted {
  /** How many. */
  sockets: number;
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

/** What an admin is. */
export type Role = "super_admin" | "university_admin" | "moderator";

/** A run that has begun. */
export interface RunBegun {
  /** Its id. */
  run_id: JobRunId;
}

/** A job to be run now. */
export interface RunForm {
  /** Why, for the audit log. */
  reason: string;
}

/** A run of the matcher over everybody. */
export type RunId = string;

/** A run of a job. */
export interface RunLine {
  /** Its id. */
  run_id: JobRunId;
  /** Of which job. */
  job: string;
  /** What started it: `schedule`, `cron` or `admin`. */
  started_by: string;
  /** The process that ran it. */
  node: string;
  /** When it began. */
  started_at: string;
  /** When it ended. */
  ended_at?: string | null;
  /** How long it took. */
  duration_ms?: number | null;
  /** `running`, `ok`, `failed`, `timed_out` or `interrupted`. */
  outcome: string;
  /** What it counted, or what went wrong. */
  detail: Record<string, any>;
}

/** `sanction`: something was decided about my account or what I wrote, and why. */
export interface SanctionChange {
  /** `suspended`, `activated`, `warned`, `muted`, `unmuted`, `message_removed`, `restricted` (nobody is sent what I write, and I am suggested to nobody, until an admin has decided) or `unrestricted`. */
  change: string;
  /** Until when, in milliseconds since the epoch; without it until that is lifted. */
  until?: number;
  /** The rule that it rests on. */
  policy?: string;
  /** What the admins say of it. */
  message?: string;
}

/** The admin secret. */
export interface SecretForm {
  /** As the operator told it. */
  secret: string;
}

/** A section to be saved, whole: what it held before is gone. */
export interface SectionForm {
  /** Its id: `studies` or `work`, `plans`, a module of the bank, or `habits`. */
  section: string;
  /** Modules and habits: `answers` by question, and the ids of those that are `important`, or `dealbreakers`. Others: their fields. */
  data: Record<string, any>;
}

/** What a section still lacks. */
export interface SectionGap {
  /** Its id. */
  section: string;
  /** Questions and fields without an answer. */
  fields: string[];
}

/** A section as it was saved. */
export interface SectionState {
  /** Its id. */
  section: string;
  /** What was saved. */
  data: Record<string, any>;
  /** When, in milliseconds since the epoch. */
  saved_at: number;
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
  /** Whether unread messages count in what is new. */
  notify_messages: boolean;
  /** Whether chats that were opened do. */
  notify_chats: boolean;
  /** Whether invitations to groups do. */
  notify_invites: boolean;
  /** Whether unread messages are mailed about when no window is open. Mails about the account itself always come. */
  mail_messages: boolean;
}

/** A form that changes settings: what is not there stays. */
export interface SettingsForm {
  locale?: null | Locale;
  visibility?: null | Visibility;
  who_may_message?: null | WhoMayMessage;
  /** Whether reading is shown, both ways. */
  read_receipts?: boolean | null;
  /** Whether unread messages count in what is new. */
  notify_messages?: boolean | null;
  /** Whether chats that were opened do. */
  notify_chats?: boolean | null;
  /** Whether invitations to groups do. */
  notify_invites?: boolean | null;
  /** Whether unread messages are mailed about when no window is open. */
  mail_messages?: boolean | null;
}

/** Everything somebody answered. */
export interface Sheet {
  /** The version of the questions. */
  bank_version: string;
  /** `student` or `professional`. */
  cohort: string;
  /** The slug of the university that they signed up under. */
  university: string | null;
  /** What was saved, in the order it is asked. */
  sections: SectionState[];
  /** How far they are. */
  progress: OnboardingProgress;
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

/** Somebody with a socket. */
export interface SocketHolder {
  /** Who. */
  user: UserId;
  /** How many sockets. */
  sockets: number;
  /** Chats that they listen to, at most 20. */
  chats: ChatId[];
}

/** One person. */
export interface Somebody {
  /** Who. */
  user: UserId;
}

/** Somebody who is suggested to me, or whom I am matched with. */
export interface Suggestion {
  /** Its id. */
  id: SuggestionId;
  /** What it is to me. */
  status: SuggestionStatus;
  /** The other. */
  person: Candidate;
  /** How well we fit, in whole percent. */
  fit: number;
  /** Where that stands among all who could be suggested to me, from 1. */
  rank: number;
  /** Given so that somebody has enough to choose from. */
  extra: boolean;
  /** Until when, in milliseconds since the epoch; a match has no end. */
  expires_at?: number;
  /** The chat of a match. */
  chat_id?: ChatId;
  /** Where we fit, what to talk about, and what to ask first. */
  explanation?: Record<string, any>;
}

/** What somebody says to a suggestion. */
export type SuggestionAction = "accept" | "decline" | "undo";

/** Two people who are suggested to each other. */
export type SuggestionId = string;

/** What a pair is to one of its people. */
export type SuggestionStatus = "new" | "interested" | "waiting" | "confirmed";

/** A page of my suggestions. */
export interface Suggestions {
  /** The best first; whoever is interested before those, matches last. */
  suggestions: Suggestion[];
  /** How many there are in all. */
  total: number;
  /** Where the next page begins. */
  next?: SuggestionId;
  /** Whether I am suggested to others; if not, my questionnaire or my account says why. */
  is_eligible: boolean;
  /** When I have none: what keeps most people from me. */
  hurdle?: string;
}

/** `suggestions`: my list of suggestions changed; what it is now is at `/api/match/suggestions/my`. */
export type SuggestionsChanged = Record<string, any>;

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

/** Another name of a group. */
export interface Title {
  /** What it is called from now on. */
  title: string;
}

/** Another name of a group. */
export interface TitleForm {
  /** What it is called from now on. */
  title: string;
}

/** A secret in a frame; it has no way into a log. */
export type Token = string;

/** A token to be made for one's own programs. */
export interface TokenForm {
  /** What it is for. */
  name: string;
  /** What it may be used for, of what one may oneself. */
  scopes: Permission[];
  /** For how many days. */
  days: number;
  /** Why, for the audit log. */
  reason: string;
}

/** Live tokens of admins. */
export interface TokenList {
  /** The newest first. */
  tokens: TokenSummary[];
}

/** A token that an admin's programs show. */
export interface TokenSummary {
  /** Its id. */
  id: AdminTokenId;
  /** Whose it is. */
  user: UserId;
  /** What it is for. */
  name: string;
  /** What it may be used for. */
  scopes: Permission[];
  /** When it was made. */
  created_at: string;
  /** When it ends. */
  expires_at: string;
}

/** What a run that was asked for came to. */
export type Triggered = Record<string, any> & {
  /** It is over, and did what it is for. */
  success: boolean;
  /** The same in words. */
  message: string;
  /** The run of the job: see `GET /api/admin/jobs`. */
  jobId: JobRunId;
  /** `ok`, `failed`, `timed_out`, `interrupted`; `running`: it goes on by itself. */
  outcome: string;
};

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

/** A match to be ended. */
export interface UnmatchForm {
  /** With whom. */
  targetUserId: UserId;
  /** Why. */
  reason_category: UnmatchReason;
  /** More of it; needed for `other`. */
  reason_text?: string | null;
}

/** Why somebody ends a match. */
export type UnmatchReason = "no_house" | "incompatible_lifestyle" | "unresponsive" | "other";

/** A pair that was not mended. */
export interface Unmended {
  /** The pair. */
  suggestion_id: SuggestionId;
  /** Its people. */
  people: UserId[];
  /** Why not; for a dry run, that it would be looked at. */
  reason: string;
}

/** A person with an account. */
export type UserId = string;

/** A page of people. */
export interface UserList {
  /** In the order in which they signed up. */
  users: UserSummary[];
  /** What to send as `after` for the next page; none on the last. */
  next?: UserId;
}

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

/** A person in a list. */
export interface UserSummary {
  /** Who. */
  id: UserId;
  /** Their address. */
  email: string;
  /** First name. */
  first_name: string;
  /** Last name. */
  last_name: string;
  /** `student` or `professional`. */
  user_type: string;
  /** The university's name in addresses. */
  university?: string | null;
  /** Not suspended. */
  active: boolean;
  /** The address is confirmed. */
  email_confirmed: boolean;
  /** When the identity was verified, unless that was taken back. */
  verified_at?: string | null;
  /** By whom. */
  verified_by?: string | null;
  /** Since when they are suspended. */
  suspended_at?: string | null;
  /** Until when; none: without end. */
  suspended_until?: string | null;
  /** Why. */
  suspended_reason?: string | null;
  /** When they signed up. */
  created_at: string;
  /** When they were last seen. */
  last_activity_at?: string | null;
}

/** What kind of room seeker a person is. */
export type UserType = "student" | "professional";

/** A person with what there is of them, in numbers. */
export interface UserView {
  /** Who. */
  user: UserSummary;
  admin?: null | Role;
  /** Chats of two. */
  chats: number;
  /** Groups they are in. */
  groups: number;
  /** Messages they sent. */
  messages: number;
  /** People they have blocked. */
  blocked: number;
  /** People who have blocked them. */
  blocked_by: number;
  /** Sessions that have not ended. */
  sessions: number;
  /** Rows of the audit log about them. */
  actions: number;
}

/** What is to be done to people. */
export interface UsersForm {
  /** What. */
  action: PeopleAct;
  /** To whom: to all of them or, when one cannot be, to none. */
  user_ids: UserId[];
  /** For how many days they are suspended; without it until that is lifted. */
  days?: number | null;
  /** Why, for the audit log. */
  reason: string;
}

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

/** Why somebody has the suggestions they have. */
export interface Why {
  /** Who. */
  user: UserId;
  /** Everything below passes. */
  is_eligible: boolean;
  /** There is a vector: what the engine scores from. */
  vector: boolean;
  /** What it takes, in the order in which it is to be mended. */
  gates: Hurdles[];
  /** Suggestions that are open to them now. */
  open: number;
  /** Of these, those in which somebody waits for an answer. */
  waiting: number;
  /** Matches that have not ended. */
  matches: number;
  /** People who block them or whom they block. */
  blocks: number;
  /** How many others each reason removes, since the last run: `city`, `budget`, `move_in`, `housing`, `language`, `gates`, `excluded`, `score`. Missing when there was no run yet, when one is under way, or for who is not eligible. */
  removed?: Record<string, number>;
  /** What to do next, in one sentence. */
  advice: string;
}

/** Something to be run now. */
export interface WhyForm {
  /** Why, for the audit log. */
  reason: string;
}
