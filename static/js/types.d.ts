/** The wire protocol `domu.v1` and the client's own shapes, as types for the checker only. */

import type * as Wire from './wire.js';

export type WireEvent = Wire.Event;

export type Member = Wire.Member;

/** A chat as `connect`, `chat.opened` and `GET /api/chats` describe it. */
export type WireChat = Wire.ChatState;

export type ConnectReply = Wire.Connected;

export type HistoryPage = Wire.Page;

export type Ack = Wire.Sent;

export type Invite = Wire.Invite;

export type Presence = Wire.Presence;

/** What this client holds of one chat: a contiguous run of events that ends at `seq`. */
export interface Chat {
  id: string;
  group: boolean;
  name: string | null;
  status: Wire.ChatStatus;
  /** Highest sequence the server is known to have. */
  head: number;
  /** Number of the newest message. */
  n: number;
  base: number;
  /** Position: every event up to here was applied. */
  seq: number;
  /** Lowest sequence held; `seq + 1` when nothing is held. */
  from: number;
  /** Whether older history exists below `from`. */
  more: boolean;
  /** Ascending, gapless, `from` to `seq`. */
  events: readonly WireEvent[];
  /** Events beyond a hole, by sequence. */
  ahead: ReadonlyMap<number, WireEvent>;
  members: readonly Member[];
  read: number;
  read_n: number;
  recv: number;
  unread: number;
  /** `unread` has counted everything up to here. */
  counted: number;
  /** Messages that others answer and that are not among the events, by sequence; null: not to be seen. */
  quoted: ReadonlyMap<number, WireEvent | null>;
  last: WireEvent | null;
  at: number;
  blocked: boolean;
  /** Not to be told of until then, in milliseconds since the epoch; 0: to be told of. */
  muted: number;
}

export interface Streams {
  me: string | null;
  epoch: string | null;
  verified: boolean;
  /** Null until a socket has told it. */
  userSeq: number | null;
  chats: ReadonlyMap<string, Chat>;
  /** Open invitations to groups, to this person and from them, by group and who is asked. */
  invites: ReadonlyMap<string, Wire.Invite>;
  /** What is news to this person; null until a socket has told it. */
  notices: Notices | null;
  /** Events of chats not known yet, kept until `chat.opened` arrives. */
  strangers: readonly WireEvent[];
  /** Messages this person deleted for themself while this was open. */
  erased: ReadonlySet<string>;
}

/** The message that another one answers. */
export interface Answered {
  mid: string;
  seq: number;
}

export type Emoji = Wire.Emoji;

export type Notice = Wire.Notice;

/** What is news, ascending, and what of it was seen: everything that counts it follows from these. */
export interface Notices {
  /** Only what stands among so many newest events of the person's stream is news. */
  window: number;
  items: readonly Notice[];
  noticed: { readonly upto: number; readonly also: readonly number[] };
}

/** What the shell must do after an input was applied. */
export type Ask =
  | { ask: 'history'; chat: string; after: number }
  | { ask: 'resync' }
  | { ask: 'arrived'; chat: string; event: WireEvent }
  | { ask: 'user'; event: WireEvent };

export type Input =
  | { type: 'connected'; reply: ConnectReply }
  | { type: 'event'; event: WireEvent }
  | { type: 'ack'; chat: string; ack: Ack; text: string; reply?: Answered }
  | { type: 'marker'; chat: string; d: { u: string; read?: number; read_n?: number; recv?: number } }
  | { type: 'history'; chat: string; page: HistoryPage; before?: number; after?: number }
  | { type: 'noticed'; noticed: Wire.Noticed }
  | { type: 'muted'; chat: string; until: number }
  | { type: 'invites'; invites: readonly Wire.Invite[] }
  | { type: 'gone'; chat: string }
  | { type: 'heads'; heads: Record<string, number> }
  | { type: 'erased'; chat: string; mid: string }
  | { type: 'quoted'; chat: string; seq: number; page: HistoryPage | null }
  | { type: 'synced'; chats: readonly WireChat[] }
  | { type: 'list'; me: string; epoch: string; chats: readonly WireChat[] };

/** A page of `GET /api/chats`. */
export type ChatPage = Wire.ChatList;
export type Found = Wire.Found;
export type Hit = Wire.Hit;

export interface Refusal {
  code: number;
  name: string;
  retry: boolean;
  detail?: string;
  after_ms?: number;
  request_id?: string;
  d?: { violations?: string[]; span?: [number, number] };
}

/** One message that the server has not confirmed yet. */
export interface OutboxItem {
  cid: string;
  /** Whose message this is; never sent as anybody else. */
  user: string;
  chat: string;
  text: string;
  reply?: Answered;
  /** Order among all messages of this device. */
  order: number;
  created: number;
  /** `queued`: not on its way. `sending`: on its way now. `unconfirmed`: was on its way, no answer came. `failed`: refused. */
  state: 'queued' | 'sending' | 'unconfirmed' | 'failed';
  attempts: number;
  error?: Refusal;
}

/** Where outbox items live between two visits. */
export interface OutboxStorage {
  all(user: string): Promise<OutboxItem[]>;
  put(item: OutboxItem): Promise<void>;
  remove(cid: string): Promise<void>;
}

export type Me = Wire.Me;

export type Profile = Wire.Profile;

export type Settings = Wire.Settings;

export type Person = Wire.Person;

export type BlockedPerson = Wire.Blocked;

export type DeviceSession = Wire.SessionInfo;

/** State of the connection, as people are told. */
export type Link =
  | { state: 'idle' }
  | { state: 'connecting'; attempt: number }
  | { state: 'connected' }
  /** No socket, but HTTP works: slower, nothing is missing. */
  | { state: 'polling' }
  | { state: 'waiting'; attempt: number; until: number }
  | { state: 'stopped'; code: number; reason: string };

export interface Timers {
  setTimeout(work: () => void, ms: number): any;
  clearTimeout(handle: any): void;
  now(): number;
}

export interface SocketLike {
  readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: { data: any }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: any) => void) | null;
}
