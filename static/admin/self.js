/** Who is at the console, and the one way to its routes: what asks for a second factor is asked again once it was shown. */

import { Problem } from '../js/core/http.js';
import { signal } from '../js/core/signals.js';
import { http } from '../js/ui/context.js';

/** @import { AdminSelf, Permission } from '../js/wire.d.ts' */

/** The admin who is signed in. */
export const self = signal(/** @type {AdminSelf | null} */ (null));

/** What stands before the console: `asking` until it is known who is there. */
export const door = signal(/** @type {'asking' | 'out' | 'stranger' | 'suspended' | 'failed' | 'secret' | 'enrol' | 'open'} */ ('asking'));

/** Shows the second factor, or says that it was not shown. Given by the dialog. @type {{ ask: () => Promise<boolean> }} */
export const stepUp = { ask: async () => false };

/** Whether the role includes something somewhere. @param {Permission} permission */
export const includes = (permission) => self.value?.permissions.includes(permission) ?? false;

/** Why the door was last shut; the page that reads it decides what to say. */
export const doorProblem = signal(/** @type {unknown} */ (null));

/** Somebody may no more, or is signed in no more: the door says which. @param {unknown} error @returns {boolean} whether that was it */
export function shut(error) {
  if (!(error instanceof Problem)) return false;
  if (error.status === 401) door.value = 'out';
  else if (error.name === 'suspended') door.value = 'suspended';
  else if (error.name === 'admin_secret_required') door.value = 'secret';
  else return false;
  return true;
}

/** What the role includes may be other than it was: asked again when something was refused. */
async function lookAgain() {
  try {
    self.value = await http.get('/api/admin/me');
  } catch (error) {
    if (error instanceof Problem && error.name === 'forbidden') door.value = 'stranger';
    else shut(error);
  }
}

/**
 * Asks for something; when the second factor must be shown first, asks for that and tries once more.
 * @template T @param {() => Promise<T>} work @returns {Promise<T>}
 */
export async function proven(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem && error.name === 'step_up_required' && (await stepUp.ask())) return await work();
    if (error instanceof Problem && error.name === 'forbidden') void lookAgain();
    else shut(error);
    throw error;
  }
}

/** What an admin sees. @param {string} path @returns {Promise<any>} */
export const look = (path) => proven(() => http.get(path));

/** What an admin does. @param {string} path @param {Record<string, unknown>} [body] @returns {Promise<any>} */
export const act = (path, body = {}) => proven(() => http.fetchWithCSRF(path, { method: 'POST', body }));
