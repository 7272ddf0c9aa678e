/** The pages as the frame uses them. */

import * as listed from './pages.js';

/** @import { Page } from './place.js' */

/** @type {Page[]} */
export const pages = Object.values(listed).sort((one, other) => one.order - other.order);

/** The page of this name; none when there is none. @param {string} name */
export const find = (name) => pages.find((page) => page.name === name) ?? null;
