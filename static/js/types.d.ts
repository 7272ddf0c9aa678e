/** The wire protocol `domu.v1` and the client's own shapes, as types for the checker only. */

import type * as Wire from './wire.js';

export type WireEvent = Wire.Event;

export type Member = Wire.Member;

/** A chat as `connect`, `chat.opened` and `GET /api/chats` describe it. */
export type WireChat = Wire.ChatState;

export type ConnectReply = Wire.Connected;

export type HistoryPage = Wire.Page;

export type Ack = Wire.Sent;

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
  last: WireEvent | null;
  at: number;
  blocked: boolean;
}

export interface Streams {
  me: string | null;
  epoch: string | null;
  verified: boolean;
  /** Null until a socket has told it. */
  userSeq: number | null;
  chats: ReadonlyMap<string, Chat>;
  /** Events of chats not known yet, kept until `chat.opened` arrives. */
  strangers: readonly WireEvent[];
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
  | { type: 'ack'; chat: string; ack: Ack; text: string; reply_to?: string }
  | { type: 'marker'; chat: string; d: { u: string; read?: number; read_n?: number; recv?: number } }
  | { type: 'history'; chat: string; page: HistoryPage; before?: number; after?: number }
  | { type: 'heads'; heads: Record<string, number> }
  | { type: 'synced'; chats: readonly WireChat[] }
  | { type: 'list'; me: string; epoch: string; chats: readonly WireChat[] };

/** A page of `GET /api/chats`. */
export type ChatPage = Wire.ChatList;

export interface Refusal {
  code: number;
  name: string;
  retry: boolean;
  detail?: string;
  after_ms?: number;
  request_id?: string;
}

/** One message that the server has not confirmed yet. */
export interface OutboxItem {
  cid: string;
  /** Whose message this is; never sent as anybody else. */
  user: string;
  chat: string;
  text: string;
  reply_to?: string;
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
