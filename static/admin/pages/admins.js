/** Who is an admin, and who is invited to be one. */

import { announce, me } from '../../js/ui/context.js';
import { h } from '../../js/ui/dom.js';
import { EMAIL, field, valueOf } from '../../js/ui/forms.js';
import { t } from '../../js/core/i18n.js';
import { open } from '../book.js';
import { reasoned } from '../dialogs.js';
import { address } from '../place.js';
import { ROLES, roleName } from '../roles.js';
import { act, includes, look, self } from '../self.js';
import { moment, Sheet, sign, table } from '../sheet.js';

/** @import { AdminList, AdminSummary, InviteList } from '../../js/wire.d.ts' */
/** @import { Page } from '../place.js' */

const say = open({
  en: {
    title: 'Admins',
    own: 'Your role sees the admins of your university.',
    caption: 'Admins',
    none: 'There are no admins here.',
    who: 'Who',
    role: 'Role',
    university: 'University',
    everywhere: 'Everywhere',
    since: 'Since',
    factor: 'Second factor',
    factor_on: 'Set up',
    factor_off: 'None',
    you: 'you',
    log: 'What they did',
    remove: 'Remove',
    remove_ask: 'Remove {name} as an admin',
    remove_text: '{email} is no admin any more at once: their sessions and tokens end, and open connections close. Their account stays.',
    removed: '{name} is no admin any more.',
    invites: 'Open invitations',
    invites_none: 'Nobody is invited.',
    invites_text: 'They sign in with that address, confirmed, at /admin and accept there.',
    invite: 'Invite an admin',
    invite_do: 'Invite',
    invited: '{email} is invited.',
    email: 'Their e-mail address',
    university_hint: 'Its name in addresses, such as uva. Not for a super admin.',
    university_needed: 'Say of which university.',
    university_unneeded: 'A super admin is of no university. Leave it empty.',
    ends: 'Ends',
  },
  nl: {
    title: 'Beheerders',
    own: 'Je rol ziet de beheerders van je universiteit.',
    caption: 'Beheerders',
    none: 'Er zijn hier geen beheerders.',
    who: 'Wie',
    role: 'Rol',
    university: 'Universiteit',
    everywhere: 'Overal',
    since: 'Sinds',
    factor: 'Tweede factor',
    factor_on: 'Ingesteld',
    factor_off: 'Geen',
    you: 'jij',
    log: 'Wat die deed',
    remove: 'Verwijder',
    remove_ask: 'Verwijder {name} als beheerder',
    remove_text: '{email} is meteen geen beheerder meer: sessies en tokens eindigen en open verbindingen sluiten. Het account blijft.',
    removed: '{name} is geen beheerder meer.',
    invites: 'Open uitnodigingen',
    invites_none: 'Niemand is uitgenodigd.',
    invites_text: 'Wie is uitgenodigd logt met dat bevestigde adres in op /admin en neemt de uitnodiging daar aan.',
    invite: 'Nodig een beheerder uit',
    invite_do: 'Nodig uit',
    invited: '{email} is uitgenodigd.',
    email: 'E-mailadres',
    university_hint: 'De naam in adressen, zoals uva. Niet voor een superbeheerder.',
    university_needed: 'Zeg van welke universiteit.',
    university_unneeded: 'Een superbeheerder is van geen universiteit. Laat dit leeg.',
    ends: 'Eindigt',
  },
});

/** Whether a role and a university go together. @param {string} role @param {string} university @returns {'needed' | 'unneeded' | null} */
export const universityTrouble = (role, university) => (role === 'super_admin' ? (university === '' ? null : 'unneeded') : university === '' ? 'needed' : null);

/** @extends {Sheet<{ admins: AdminList['admins'], invites: InviteList['invites'] | null }>} */
class Admins extends Sheet {
  heading() {
    return say('title');
  }

  async fetch() {
    const manages = includes('manage_admins');
    const { admins } = await look('/api/admin/admins');
    return { admins, invites: manages ? (await look('/api/admin/invites')).invites : null };
  }

  tools() {
    return [includes('manage_admins') ? h('button', { type: 'button', class: 'button primary', id: 'invite', 'data-testid': 'invite', onclick: () => void this.invite() }, say('invite')) : null];
  }

  above() {
    return [self.value?.role === 'university_admin' ? h('p', { class: 'muted' }, say('own')) : null];
  }

  /** @param {{ admins: AdminList['admins'], invites: InviteList['invites'] | null }} data */
  view({ admins, invites }) {
    const own = me.value?.id;
    const manages = includes('manage_admins');
    return [
      table({
        caption: say('caption'),
        testid: 'admins',
        rows: admins,
        keyOf: (row) => row.user,
        empty: say('none'),
        columns: [
          { title: say('who'), cell: (row) => [h('p', { class: 'name', dir: 'auto' }, nameOf(row), row.user === own ? ` (${say('you')})` : ''), h('p', { class: 'muted small' }, row.email)], wide: true },
          { title: say('role'), cell: (row) => roleName(row.role) },
          { title: say('university'), cell: (row) => row.university ?? say('everywhere') },
          { title: say('since'), cell: (row) => moment(row.since) },
          { title: say('factor'), cell: (row) => (row.second_factor ? sign('good', say('factor_on')) : sign(row.role === 'super_admin' ? 'bad' : 'caution', say('factor_off'))) },
        ],
        actions: (row) => [
          h('a', { class: 'button quiet', href: address('audit', { admin_user_id: row.user }), 'aria-label': `${say('log')}: ${nameOf(row)}` }, say('log')),
          manages ? h('button', { type: 'button', class: 'button danger-quiet', id: `remove-${row.user}`, 'aria-label': `${say('remove')}: ${nameOf(row)}`, 'data-testid': 'remove-admin', onclick: () => void this.dismiss(row) }, say('remove')) : null,
        ],
      }),
      ...(invites === null
        ? []
        : [
            h('h2', null, say('invites')),
            h('p', { class: 'muted' }, say('invites_text')),
            table({
              caption: say('invites'),
              testid: 'invites',
              rows: invites,
              keyOf: (row) => row.id,
              empty: say('invites_none'),
              columns: [
                { title: say('who'), cell: (row) => row.email, wide: true },
                { title: say('role'), cell: (row) => roleName(row.role) },
                { title: say('ends'), cell: (row) => moment(row.expires_at) },
              ],
            }),
          ]),
    ];
  }

  /** @param {AdminSummary} row */
  async dismiss(row) {
    const name = nameOf(row);
    const done = await reasoned({
      title: say('remove_ask', { name }),
      text: [say('remove_text', { email: row.email })],
      yes: say('remove'),
      danger: true,
      testid: 'remove',
      run: async (reason) => {
        await act(`/api/admin/admins/${encodeURIComponent(row.user)}/remove`, { reason });
      },
    });
    if (done) await this.told(say('removed', { name }));
  }

  async invite() {
    let email = '';
    const done = await reasoned({
      title: say('invite'),
      yes: say('invite_do'),
      testid: 'invite',
      fields: [
        field({ name: 'email', label: say('email'), type: 'email', testid: 'invite-email', input: { autocomplete: 'off', inputmode: 'email', autocapitalize: 'none', spellcheck: 'false', maxlength: 254 } }),
        field({ name: 'role', label: say('role'), testid: 'invite-role', control: h('select', null, ...[...ROLES].reverse().map((role) => h('option', { value: role }, roleName(role)))) }),
        field({ name: 'university', label: say('university'), hint: say('university_hint'), testid: 'invite-university', input: { autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', maxlength: 100 } }),
      ],
      check: (form) => {
        const wrong = universityTrouble(valueOf(form, 'role'), valueOf(form, 'university').trim());
        return { email: EMAIL.test(valueOf(form, 'email').trim()) ? null : t('field_email'), university: wrong === null ? null : say(wrong === 'needed' ? 'university_needed' : 'university_unneeded') };
      },
      run: async (reason, form) => {
        email = valueOf(form, 'email').trim();
        const university = valueOf(form, 'university').trim();
        await act('/api/admin/invites', { email, role: valueOf(form, 'role'), ...(university === '' ? {} : { university }), reason });
      },
    });
    if (done) await this.told(say('invited', { email }));
  }

  /** @param {string} words */
  async told(words) {
    this.done.value = words;
    announce(words);
    await this.load();
  }
}

/** @param {AdminSummary} row */
const nameOf = (row) => `${row.first_name} ${row.last_name}`.trim();

customElements.define('console-admins', Admins);

/** @type {Page} */
export const page = { name: 'admins', order: 90, needs: 'view_admins', icon: 'people', title: () => say('title'), element: 'console-admins' };
