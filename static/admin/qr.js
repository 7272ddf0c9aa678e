/**
 * A text as a QR code (ISO/IEC 18004): byte mode, error correction level L, versions 1 to 9.
 *
 * Why: an app on a phone takes the key of a second factor from a picture, and the picture must not be drawn elsewhere.
 */

/** By version from 1: codewords of error correction in a block, blocks, codewords of data in a block, and centres of alignment. */
const VERSIONS = /** @type {const} */ ([
  [7, 1, 19, []],
  [10, 1, 34, [6, 18]],
  [15, 1, 55, [6, 22]],
  [20, 1, 80, [6, 26]],
  [26, 1, 108, [6, 30]],
  [18, 2, 68, [6, 34]],
  [20, 2, 78, [6, 22, 38]],
  [24, 2, 97, [6, 24, 42]],
  [30, 2, 116, [6, 26, 46]],
]);

/** Powers of two and their logarithms in the field of 256 with x^8 + x^4 + x^3 + x^2 + 1. */
const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}

/** @param {number} one @param {number} other */
const times = (one, other) => (one === 0 || other === 0 ? 0 : EXP[LOG[one] + LOG[other]]);

/** The codewords that correct errors in these. @param {Uint8Array} data @param {number} count */
function correction(data, count) {
  let generator = [1];
  for (let power = 0; power < count; power += 1) {
    const next = new Array(generator.length + 1).fill(0);
    generator.forEach((term, at) => {
      next[at] ^= term;
      next[at + 1] ^= times(term, EXP[power]);
    });
    generator = next;
  }
  const rest = new Uint8Array(data.length + count);
  rest.set(data);
  for (let at = 0; at < data.length; at += 1) {
    const lead = rest[at];
    if (lead !== 0) generator.forEach((term, by) => (rest[at + by] ^= times(term, lead)));
  }
  return rest.slice(data.length);
}

/** All codewords, of data and of correction, as they are laid out. @param {Uint8Array} text @param {(typeof VERSIONS)[number]} version */
function codewords(text, [ec, blocks, size]) {
  const data = new Uint8Array(blocks * size);
  const bits = [0, 1, 0, 0];
  const push = (/** @type {number} */ byte) => {
    for (let bit = 7; bit >= 0; bit -= 1) bits.push((byte >> bit) & 1);
  };
  push(text.length);
  text.forEach(push);
  bits.push(0, 0, 0, 0);
  for (let at = 0; at * 8 < bits.length && at < data.length; at += 1) for (let bit = 0; bit < 8; bit += 1) data[at] |= (bits[at * 8 + bit] ?? 0) << (7 - bit);
  for (let at = Math.ceil(bits.length / 8), pad = 0xec; at < data.length; at += 1, pad ^= 0xec ^ 0x11) data[at] = pad;
  const parts = Array.from({ length: blocks }, (_, block) => data.slice(block * size, (block + 1) * size));
  const proofs = parts.map((part) => correction(part, ec));
  const out = [];
  for (let at = 0; at < size; at += 1) for (const part of parts) out.push(part[at]);
  for (let at = 0; at < ec; at += 1) for (const proof of proofs) out.push(proof[at]);
  return out;
}

/** A number with the rest of its division by a generator behind it. @param {number} value @param {number} generator @param {number} bits */
function checked(value, generator, bits) {
  let rest = value << bits;
  const top = 31 - Math.clz32(generator);
  for (let at = 31 - Math.clz32(rest); at >= top && rest !== 0; at = 31 - Math.clz32(rest)) rest ^= generator << (at - top);
  return (value << bits) | rest;
}

const MASKS = [
  (/** @type {number} */ y, /** @type {number} */ x) => (y + x) % 2 === 0,
  (/** @type {number} */ y) => y % 2 === 0,
  (/** @type {number} */ _y, /** @type {number} */ x) => x % 3 === 0,
  (/** @type {number} */ y, /** @type {number} */ x) => (y + x) % 3 === 0,
  (/** @type {number} */ y, /** @type {number} */ x) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (/** @type {number} */ y, /** @type {number} */ x) => ((y * x) % 2) + ((y * x) % 3) === 0,
  (/** @type {number} */ y, /** @type {number} */ x) => (((y * x) % 2) + ((y * x) % 3)) % 2 === 0,
  (/** @type {number} */ y, /** @type {number} */ x) => (((y + x) % 2) + ((y * x) % 3)) % 2 === 0,
];

/** What never changes: finders, timing, alignment, version. @param {number} version @param {readonly number[]} centres */
function frame(version, centres) {
  const size = 17 + 4 * version;
  /** @type {(boolean | null)[][]} */
  const grid = Array.from({ length: size }, () => new Array(size).fill(null));
  const put = (/** @type {number} */ y, /** @type {number} */ x, /** @type {boolean} */ dark) => {
    const row = grid[y];
    if (row !== undefined && x >= 0 && x < size) row[x] = dark;
  };
  for (let at = 8; at < size - 8; at += 1) {
    put(6, at, at % 2 === 0);
    put(at, 6, at % 2 === 0);
  }
  const rings = (/** @type {number} */ cy, /** @type {number} */ cx, /** @type {number} */ reach, /** @type {number[]} */ dark) => {
    for (let y = -reach; y <= reach; y += 1) for (let x = -reach; x <= reach; x += 1) put(cy + y, cx + x, dark.includes(Math.max(Math.abs(y), Math.abs(x))));
  };
  for (const [y, x] of /** @type {const} */ ([[3, 3], [3, size - 4], [size - 4, 3]])) rings(y, x, 4, [0, 1, 3]);
  for (const y of centres) for (const x of centres) if (!((y === 6 && (x === 6 || x === size - 7)) || (x === 6 && y === size - 7))) rings(y, x, 2, [0, 2]);
  if (version >= 7) {
    const bits = checked(version, 0x1f25, 12);
    for (let at = 0; at < 18; at += 1) {
      const [far, near] = [size - 11 + (at % 3), Math.floor(at / 3)];
      put(far, near, ((bits >> at) & 1) === 1);
      put(near, far, ((bits >> at) & 1) === 1);
    }
  }
  return grid;
}

/** Level and mask, twice. @param {(boolean | null)[][]} grid @param {number} mask */
function format(grid, mask) {
  const size = grid.length;
  // The level L is 01.
  const bits = checked(0b01000 | mask, 0x537, 10) ^ 0x5412;
  for (let at = 0; at < 15; at += 1) {
    const dark = ((bits >> at) & 1) === 1;
    grid[at < 6 ? at : at < 8 ? at + 1 : size - 15 + at][8] = dark;
    grid[8][at < 8 ? size - 1 - at : at < 9 ? 7 : 14 - at] = dark;
  }
  grid[size - 8][8] = true;
}

/** How hard a picture is to read. @param {boolean[][]} grid */
function penalty(grid) {
  const size = grid.length;
  let sum = 0;
  let dark = 0;
  const lines = [grid, grid.map((_, x) => grid.map((row) => row[x] ?? false))];
  for (const all of lines) {
    for (const line of all) {
      let run = 0;
      line.forEach((one, at) => {
        run = at > 0 && one === line[at - 1] ? run + 1 : 1;
        if (run === 5) sum += 3;
        else if (run > 5) sum += 1;
      });
      const text = line.map((one) => (one ? '1' : '0')).join('');
      for (let at = 0; at + 11 <= size; at += 1) if (text.startsWith('10111010000', at) || text.startsWith('00001011101', at)) sum += 40;
    }
  }
  grid.forEach((row, y) =>
    row.forEach((one, x) => {
      if (one) dark += 1;
      if (y > 0 && x > 0 && one === row[x - 1] && one === grid[y - 1]?.[x] && one === grid[y - 1]?.[x - 1]) sum += 3;
    }),
  );
  return sum + 10 * Math.floor(Math.abs((dark * 20) / (size * size) - 10));
}

/**
 * The squares of a QR code, row by row, dark ones true. None for a text of more than 230 bytes.
 * @param {string} text @returns {boolean[][] | null}
 */
export function squares(text) {
  const bytes = new TextEncoder().encode(text);
  const index = VERSIONS.findIndex(([, blocks, size]) => bytes.length + 2 <= blocks * size);
  const version = VERSIONS[index];
  if (version === undefined) return null;
  const words = codewords(bytes, version);
  const bare = frame(index + 1, version[3]);
  format(bare, 0);
  const size = bare.length;
  /** @type {{ grid: boolean[][], cost: number } | null} */
  let best = null;
  for (const [mask, flips] of MASKS.entries()) {
    const grid = bare.map((row) => [...row]);
    format(grid, mask);
    let bit = 0;
    for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
      if (right === 6) right -= 1;
      for (let step = 0; step < size; step += 1) {
        const y = up ? size - 1 - step : step;
        for (const x of [right, right - 1]) {
          if (bare[y]?.[x] !== null) continue;
          const set = (((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
          grid[y][x] = set !== flips(y, x);
          bit += 1;
        }
      }
    }
    const done = grid.map((row) => row.map((one) => one === true));
    const cost = penalty(done);
    if (best === null || cost < best.cost) best = { grid: done, cost };
  }
  return best?.grid ?? null;
}

const SVG = 'http://www.w3.org/2000/svg';

/** The same as a drawing with its quiet zone; none when the text is too long. @param {string} text @param {string} label */
export function drawing(text, label) {
  const grid = squares(text);
  if (grid === null) return null;
  const side = grid.length + 8;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'qr');
  svg.setAttribute('viewBox', `0 0 ${side} ${side}`);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  svg.setAttribute('shape-rendering', 'crispEdges');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', grid.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join(''));
  svg.append(path);
  return svg;
}
