/** A WebSocket of our own over a plain connection: it can break every rule, and needs no other in this version of Node. */

import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** @param {number} opcode @param {Buffer} payload @param {{ fin?: boolean, rsv?: boolean }} [options] */
export function frame(opcode, payload, { fin = true, rsv = false } = {}) {
  const first = (fin ? 0x80 : 0) | (rsv ? 0x40 : 0) | opcode;
  const size = payload.length;
  const head = size < 126 ? Buffer.from([first, 0x80 | size]) : size < 65_536 ? Buffer.from([first, 0x80 | 126, size >> 8, size & 255]) : Buffer.alloc(10);
  if (size >= 65_536) {
    head[0] = first;
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  const mask = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i += 1) masked[i] = (masked[i] ?? 0) ^ (mask[i % 4] ?? 0);
  return Buffer.concat([head, mask, masked]);
}

/** As much of the browser's WebSocket as a client uses, and `raw` for what no browser would send. */
export class Line {
  /** @param {string | URL} url @param {string} protocol */
  constructor(url, protocol) {
    const { hostname, port, host, pathname } = new URL(url);
    this.readyState = 0;
    /** @type {((event: any) => void) | null} */ this.onopen = null;
    /** @type {((event: { data: any }) => void) | null} */ this.onmessage = null;
    /** @type {((event: { code: number, reason: string }) => void) | null} */ this.onclose = null;
    /** @type {((event: any) => void) | null} */ this.onerror = null;
    this.buffer = Buffer.alloc(0);
    const key = randomBytes(16).toString('base64');
    this.accept = createHash('sha1').update(key + GUID).digest('base64');
    this.code = 1006;
    this.reason = '';
    this.net = connect(Number(port), hostname);
    this.net.setNoDelay(true);
    this.net.on('connect', () => this.net.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`));
    this.net.on('data', (chunk) => this.#read(chunk));
    this.net.on('error', () => {});
    this.net.on('close', () => this.#end());
  }

  /** @param {string} text */
  send(text) {
    this.raw(frame(1, Buffer.from(text)));
  }

  /** @param {Buffer} bytes */
  raw(bytes) {
    if (this.readyState < 2) this.net.write(bytes);
  }

  /** @param {number} [code] */
  close(code = 1000) {
    if (this.readyState === 1) this.net.write(frame(8, Buffer.from([code >> 8, code & 255])));
    if (this.readyState < 2) this.readyState = 2;
    this.net.end();
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    if (this.readyState === 0) {
      const end = this.buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.buffer.subarray(0, end).toString();
      if (!head.startsWith('HTTP/1.1 101') || !head.includes(this.accept)) {
        this.net.destroy();
        return;
      }
      this.buffer = this.buffer.subarray(end + 4);
      this.readyState = 1;
      this.onopen?.({});
    }
    for (;;) {
      const { buffer } = this;
      if (buffer.length < 2) return;
      const opcode = (buffer[0] ?? 0) & 15;
      let size = (buffer[1] ?? 0) & 127;
      let at = 2;
      if (size === 126) {
        if (buffer.length < 4) return;
        size = buffer.readUInt16BE(2);
        at = 4;
      } else if (size === 127) {
        if (buffer.length < 10) return;
        size = Number(buffer.readBigUInt64BE(2));
        at = 10;
      }
      if (buffer.length < at + size) return;
      const payload = buffer.subarray(at, at + size);
      this.buffer = buffer.subarray(at + size);
      if (opcode === 1) this.onmessage?.({ data: payload.toString() });
      else if (opcode === 8) {
        if (payload.length >= 2) {
          this.code = payload.readUInt16BE(0);
          this.reason = payload.subarray(2).toString();
        }
        this.net.end();
      }
    }
  }

  #end() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code: this.code, reason: this.reason });
  }
}

/** A socket driven by hand: every frame kept, requests by their own ids. */
export class Hand {
  /** @param {string} url of the server */
  constructor(url) {
    /** @type {any[]} */
    this.frames = [];
    /** @type {{ code: number, reason: string } | null} */
    this.closed = null;
    this.line = new Line(new URL('/ws', url), 'domu.v1.json');
    this.opened = new Promise((resolve) => (this.line.onopen = () => resolve(undefined)));
    this.line.onmessage = ({ data }) => this.frames.push(JSON.parse(data));
    this.line.onclose = (event) => (this.closed = event);
    this.next = 1;
  }

  /** @param {any} frame */
  say(frame) {
    this.line.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** @param {(frame: any) => boolean} like @param {string} what @returns {Promise<any>} */
  async hear(like, what) {
    for (let tries = 0; tries < 1_000; tries += 1) {
      const found = this.frames.find(like);
      if (found !== undefined) return found;
      if (this.closed !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`waited in vain for ${what}; closed: ${JSON.stringify(this.closed)}; frames: ${JSON.stringify(this.frames).slice(-500)}`);
  }

  /** @param {string} op @param {string | undefined} ch @param {any} d @returns {Promise<any>} the whole answer */
  async ask(op, ch, d) {
    const id = this.next++;
    this.say({ id, op, ...(ch === undefined ? {} : { ch }), d });
    return await this.hear((frame) => frame.id === id, `the answer to ${op}`);
  }

  /** @param {string} token @param {any} [rest] */
  async connect(token, rest = {}) {
    await this.opened;
    return await this.ask('connect', undefined, { v: 1, token, ...rest });
  }

  close() {
    this.line.close();
  }
}
