/** Where in the console we are, and who may be there. */

import { signal } from '../js/core/signals.js';

/** @import { AdminSelf, Permission } from '../js/wire.d.ts' */

/**
 * A page of the console.
 *
 * `needs` is what the role must include; a page without it is nobody's. `everywhere` means that it shows what belongs to no
 * university, so that only who reaches everywhere sees it.
 * @typedef {object} Page
 * @property {string} name the segment of its address, in small letters and hyphens; empty for the first one
 * @property {number} order where it stands in the navigation; in tens, so that others find room between
 * @property {Permission} needs
 * @property {boolean} [everywhere]
 * @property {string} icon one of `icons.svg`
 * @property {() => string} title
 * @property {string} element the custom element that it is
 * @property {string} [thing] the custom element of one thing on it, at an address with its id; without it there is no such address
 */

const NAME = /^[a-z-]{1,40}$/;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * What an address means: a page's name, and the id of the one thing on it. None for what is no address of the console.
 * @param {string} path @returns {{ name: string, id: string | null } | null}
 */
export function read(path) {
  const [first, root, name = '', id, ...rest] = path.split('/');
  if (first !== '' || root !== 'admin' || rest.length > 0 || path.endsWith('/')) return null;
  if (name !== '' && !NAME.test(name)) return null;
  if (id !== undefined && (name === '' || !ID.test(id))) return null;
  return { name, id: id?.toLowerCase() ?? null };
}

/** The address of a page, with what its lists are asked. @param {string} name @param {Record<string, string>} [asked] @param {string | null} [id] */
export function address(name, asked = {}, id = null) {
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== '')).toString();
  return `/admin${name === '' ? '' : `/${name}`}${id === null ? '' : `/${id}`}${query === '' ? '' : `?${query}`}`;
}

/**
 * What is shown at an address: the custom element, or why there is none.
 * @param {AdminSelf | null} self @param {Page | null} page @param {string | null} id @returns {'missing' | 'refused' | (string & {})}
 */
export function shownAt(self, page, id) {
  if (page === null) return 'missing';
  if (!may(self, page)) return 'refused';
  return id === null ? page.element : (page.thing ?? 'missing');
}

/** Whether an admin may see a page. What is not said to be allowed is not. @param {AdminSelf | null} self @param {Page} page */
export function may(self, page) {
  if (self === null || typeof page.needs !== 'string' || !Array.isArray(self.permissions) || !self.permissions.includes(page.needs)) return false;
  return page.everywhere !== true || self.role === 'super_admin';
}

/** What an admin has yet to show before anything else. @param {AdminSelf} self @returns {null | 'secret' | 'enrol'} */
export function owed(self) {
  if (self.locked) return 'secret';
  return self.role === 'super_admin' && !self.second_factor ? 'enrol' : null;
}

const here = () => (typeof location === 'undefined' ? { path: '/admin', query: new URLSearchParams() } : { path: location.pathname, query: new URLSearchParams(location.search) });

/** The address as it is now. */
export const place = signal(here());

/** Reads the address again. */
export function arrive() {
  place.value = here();
}

/** @param {string} path @param {{ replace?: boolean }} [options] */
export function go(path, { replace = false } = {}) {
  const url = new URL(path, location.origin);
  if (replace) history.replaceState(null, '', url);
  else if (url.href !== location.href) history.pushState(null, '', url);
  arrive();
}
