/** Dates and times as people say them. */

const DAY_MS = 86_400_000;

/** The local calendar day as `YYYY-MM-DD`. @param {number} ts */
export function dayOf(ts) {
  const date = new Date(ts);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}-${String(date.getDate()).padStart(2, '0')}`;
}

/** Whole local days from `ts` to `now`. @param {number} ts @param {number} now */
export function daysAgo(ts, now) {
  const [a, b] = [new Date(ts), new Date(now)];
  return Math.round((Date.UTC(b.getFullYear(), b.getMonth(), b.getDate()) - Date.UTC(a.getFullYear(), a.getMonth(), a.getDate())) / DAY_MS);
}

/** English as it is written in Europe: the day before the month. @param {string} locale */
const tag = (locale) => (locale === 'en' ? 'en-GB' : locale);

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();
/** @param {string} locale @param {Intl.DateTimeFormatOptions} options */
function format(locale, options) {
  const key = locale + JSON.stringify(options);
  let made = formats.get(key);
  if (made === undefined) formats.set(key, (made = new Intl.DateTimeFormat(tag(locale), options)));
  return made;
}

/** Hours and minutes, 24 hours a day. @param {number} ts @param {string} locale */
export const clockTime = (ts, locale) => format(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(ts);

/** Date and time in full. @param {number} ts @param {string} locale */
export const fullTime = (ts, locale) => format(locale, { dateStyle: 'full', timeStyle: 'short', hourCycle: 'h23' }).format(ts);

/** A date with its year. @param {number} ts @param {string} locale */
export const longDate = (ts, locale) => format(locale, { day: 'numeric', month: 'long', year: 'numeric' }).format(ts);

/** @param {string} text */
const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

/** A day's name above its messages: today, yesterday, a weekday, else the date. @param {number} ts @param {number} now @param {string} locale */
export function dayName(ts, now, locale) {
  const days = daysAgo(ts, now);
  if (days === 0 || days === 1) return capital(new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-days, 'day'));
  if (days > 1 && days < 7) return capital(format(locale, { weekday: 'long' }).format(ts));
  const sameYear = new Date(ts).getFullYear() === new Date(now).getFullYear();
  return capital(format(locale, { weekday: 'short', day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) }).format(ts));
}

/** Short enough for a line in a list. @param {number} ts @param {number} now @param {string} locale */
export function listTime(ts, now, locale) {
  const days = daysAgo(ts, now);
  if (days <= 0) return clockTime(ts, locale);
  if (days === 1) return capital(new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-1, 'day'));
  if (days < 7) return capital(format(locale, { weekday: 'long' }).format(ts));
  const sameYear = new Date(ts).getFullYear() === new Date(now).getFullYear();
  return format(locale, { day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) }).format(ts);
}

/** A span in the largest unit that it is a whole number of. @param {number} seconds @param {string} locale */
export function duration(seconds, locale) {
  /** @type {[number, string][]} */
  const units = [[86_400, 'day'], [3_600, 'hour'], [60, 'minute']];
  const [size, unit] = units.find(([each]) => seconds >= each && seconds % each === 0) ?? [1, 'second'];
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size);
}

/** How long until then, in the largest fitting unit. @param {number} ts @param {number} now @param {string} locale */
export function until(ts, now, locale) {
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always' });
  const minutes = Math.max(1, Math.ceil((ts - now) / 60_000));
  if (minutes < 60) return relative.format(minutes, 'minute');
  if (minutes < 48 * 60) return relative.format(Math.round(minutes / 60), 'hour');
  return relative.format(Math.round(minutes / (24 * 60)), 'day');
}

/** How long ago, in the largest fitting unit. @param {number} ts @param {number} now @param {string} locale */
export function ago(ts, now, locale) {
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const minutes = Math.round((now - ts) / 60_000);
  if (minutes < 60) return relative.format(-Math.max(0, minutes), 'minute');
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), 'hour');
  return relative.format(-Math.round(minutes / (24 * 60)), 'day');
}
