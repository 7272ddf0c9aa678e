/** Lengths and initials of text as people count them. */

/** Unicode scalars, the unit of the message limit. @param {string} text */
export function scalars(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** First letters of a name, at most two. @param {string} first @param {string} last */
export function initials(first, last) {
  const letter = (/** @type {string} */ name) => [...name.trim()][0] ?? '';
  return (letter(first) + letter(last)).toLocaleUpperCase();
}

/** One of twelve hues, the same for a person everywhere. @param {number | null | undefined} hue @param {string} id */
export function hueStep(hue, id) {
  if (typeof hue === 'number' && Number.isFinite(hue)) return ((Math.round(hue / 30) % 12) + 12) % 12;
  let sum = 0;
  for (const char of id) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973;
  return sum % 12;
}

/** A random id for a new message. Works without a secure context. @param {Crypto} random */
export function newId(random) {
  if (typeof random.randomUUID === 'function') return random.randomUUID();
  const bytes = random.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte, index) => {
    const value = index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte;
    return value.toString(16).padStart(2, '0');
  });
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)].map((part) => part.join('')).join('-');
}

/** A readable name for a device from what its browser says of itself. @param {string} agent */
export function deviceName(agent) {
  const browser = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /OPR\//.test(agent) ? 'Opera' : /Chrom(e|ium)\//.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : '';
  const system = /iPhone|iPad/.test(agent) ? 'iOS' : /Android/.test(agent) ? 'Android' : /Mac OS X/.test(agent) ? 'macOS' : /Windows/.test(agent) ? 'Windows' : /CrOS/.test(agent) ? 'ChromeOS' : /Linux/.test(agent) ? 'Linux' : '';
  return [browser, system].filter(Boolean).join(' · ');
}

/** The words of a text without case and accents, divided as the server divides them. @param {string} text */
const wordsOf = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().split(/[^\p{Alphabetic}\p{N}]+/u).filter(Boolean);

/** Whether every word that was typed begins a word of the name. @param {string} name @param {string} typed */
export function fits(name, typed) {
  const words = wordsOf(name);
  return wordsOf(typed).every((one) => words.some((word) => word.startsWith(one)));
}
