/** What roles are called. */

import { open } from './book.js';

/** @import { Role } from '../js/wire.d.ts' */

const say = open({
  en: { super_admin: 'Super admin', university_admin: 'University admin', moderator: 'Moderator' },
  nl: { super_admin: 'Superbeheerder', university_admin: 'Universiteitsbeheerder', moderator: 'Moderator' },
});

/** @type {Role[]} */
export const ROLES = ['super_admin', 'university_admin', 'moderator'];

/** @param {Role} role */
export const roleName = (role) => say(role);
