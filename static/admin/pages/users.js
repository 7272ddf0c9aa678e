/** People: found, seen, suspended, let in again, signed out. */

import { announce, me } from '../../js/ui/context.js';
import { h, icon } from '../../js/ui/dom.js';
import { field, valueOf } from '../../js/ui/forms.js';
import { open } from '../book.js';
import { reasoned } from '../dialogs.js';
import { address, place, read } from '../place.js';
import { roleName } from '../roles.js';
import { act, includes, look, self } from '../self.js';
import { exactly, filters, moment, pager, Sheet, sign, table } from '../sheet.js';

/** @import { PeopleAct, PeopleChanged, UserList, UserSummary, UserView } from '../../js/wire.d.ts' */
/** @import { Page } from '../place.js' */

/** Longest suspension that ends by itself, in days; and a moderator's, as the server has them. */
const DAYS_MAX = { admin: 3_650, moderator: 7 };

const say = open({
  en: {
    title: 'People',
    caption: 'People',
    none: 'Nobody fits this.',
    search: 'Address or name',
    status: 'Account',
    verification: 'Identity',
    university: 'University',
    sort: 'Order',
    newest: 'Newest first',
    oldest: 'Oldest first',
    all: 'All',
    who: 'Who',
    active: 'Active',
    suspended: 'Suspended',
    verified: 'Verified',
    unverified: 'Not verified',
    since: 'Signed up',
    seen: 'Last seen',
    never: 'Never',
    view: 'View',
    to_list: 'All people',
    noted: 'The audit log says that you looked at this person.',
    admin: 'Admin',
    no_admin: 'No',
    email_open: 'Address not confirmed',
    verified_by: 'Verified by',
    until: 'Suspended until',
    no_end: 'Without an end',
    because: 'Because',
    chats: 'Chats',
    groups: 'Groups',
    messages: 'Messages',
    blocked: 'Has blocked',
    blocked_by: 'Is blocked by',
    sessions: 'Sessions',
    acts: 'In the audit log',
    suspend: 'Suspend',
    suspend_ask: 'Suspend {name}',
    suspend_text: 'Their sessions end and their connections close at once.',
    activate: 'Let in again',
    activate_ask: 'Let {name} in again',
    activate_text: 'The suspension is lifted at once.',
    end_sessions: 'Sign out everywhere',
    end_sessions_ask: 'Sign {name} out everywhere',
    end_sessions_text: 'Their sessions end and their connections close at once. They can sign in again.',
    days: 'For how many days',
    days_hint: 'Empty: until somebody lifts it.',
    days_hint_moderator: '1 to 7 days.',
    days_wrong: 'Choose 1 to {max} days.',
    done: 'Done: {name}.',
    already: 'It was so already: {name}.',
  },
  nl: {
    title: 'Mensen',
    caption: 'Mensen',
    none: 'Niemand past hierbij.',
    search: 'Adres of naam',
    status: 'Account',
    verification: 'Identiteit',
    university: 'Universiteit',
    sort: 'Volgorde',
    newest: 'Nieuwste eerst',
    oldest: 'Oudste eerst',
    all: 'Alles',
    who: 'Wie',
    active: 'Actief',
    suspended: 'Geschorst',
    verified: 'Geverifieerd',
    unverified: 'Niet geverifieerd',
    since: 'Aangemeld',
    seen: 'Laatst gezien',
    never: 'Nooit',
    view: 'Bekijk',
    to_list: 'Alle mensen',
    noted: 'In het auditlogboek staat dat je deze persoon hebt bekeken.',
    admin: 'Beheerder',
    no_admin: 'Nee',
    email_open: 'Adres niet bevestigd',
    verified_by: 'Geverifieerd door',
    until: 'Geschorst tot',
    no_end: 'Zonder einde',
    because: 'Omdat',
    chats: 'Chats',
    groups: 'Groepen',
    messages: 'Berichten',
    blocked: 'Heeft geblokkeerd',
    blocked_by: 'Is geblokkeerd door',
    sessions: 'Sessies',
    acts: 'In het auditlogboek',
    suspend: 'Schors',
    suspend_ask: 'Schors {name}',
    suspend_text: 'Sessies eindigen en verbindingen sluiten meteen.',
    activate: 'Laat weer toe',
    activate_ask: 'Laat {name} weer toe',
    activate_text: 'De schorsing wordt meteen opgeheven.',
    end_sessions: 'Log overal uit',
    end_sessions_ask: 'Log {name} overal uit',
    end_sessions_text: 'Sessies eindigen en verbindingen sluiten meteen. De persoon kan opnieuw inloggen.',
    days: 'Voor hoeveel dagen',
    days_hint: 'Leeg: tot iemand het opheft.',
    days_hint_moderator: '1 tot 7 dagen.',
    days_wrong: 'Kies 1 tot {max} dagen.',
    done: 'Gedaan: {name}.',
    already: 'Dat was al zo: {name}.',
  },
});

/** What the server is asked for, by the address. */
const NAMES = /** @type {const} */ (['search', 'university', 'status', 'verification', 'sort', 'after']);

/** The number of days that was typed: none for until it is lifted, and whether it is one that the role may choose. @param {string} typed @param {boolean} moderator */
export function daysOf(typed, moderator) {
  const text = typed.trim();
  if (text === '') return { days: null, fine: !moderator };
  const days = Number(text);
  return { days, fine: Number.isInteger(days) && days >= 1 && days <= (moderator ? DAYS_MAX.moderator : DAYS_MAX.admin) };
}

/** @param {UserSummary} row */
const nameOf = (row) => `${row.first_name} ${row.last_name}`.trim();

/** @param {UserSummary} row */
const standing = (row) => [row.active ? sign('good', say('active')) : sign('bad', say('suspended')), ' ', row.verified_at ? sign('good', say('verified')) : sign('plain', say('unverified'))];

/** @extends {Sheet<UserList>} */
class Users extends Sheet {
  heading() {
    return say('title');
  }

  fetch() {
    const { query } = place.value;
    const asked = new URLSearchParams(NAMES.flatMap((name) => (query.get(name)?.trim() ? [[name, query.get(name)?.trim() ?? '']] : [])));
    return look(`/api/admin/users?${asked}`);
  }

  above() {
    return [
      filters({
        name: 'users',
        testid: 'filters',
        fields: [
          { name: 'search', label: say('search') },
          ...(self.value?.role === 'super_admin' ? [{ name: 'university', label: say('university') }] : []),
          { name: 'status', label: say('status'), options: [['', say('all')], ['active', say('active')], ['suspended', say('suspended')]] },
          { name: 'verification', label: say('verification'), options: [['', say('all')], ['verified', say('verified')], ['unverified', say('unverified')]] },
          { name: 'sort', label: say('sort'), options: [['', say('newest')], ['oldest', say('oldest')]] },
        ],
      }),
    ];
  }

  /** @param {UserList} list */
  view(list) {
    return [
      table({
        caption: say('caption'),
        testid: 'users',
        rows: list.users,
        keyOf: (row) => row.id,
        empty: say('none'),
        columns: [
          { title: say('who'), cell: (row) => [h('p', { class: 'name', dir: 'auto' }, nameOf(row)), h('p', { class: 'muted small' }, row.email)], wide: true },
          { title: say('university'), cell: (row) => row.university ?? '' },
          { title: say('status'), cell: standing },
          { title: say('since'), cell: (row) => moment(row.created_at) },
          { title: say('seen'), cell: (row) => moment(row.last_activity_at) ?? say('never') },
        ],
        actions: (row) => h('a', { class: 'button', href: address('users', {}, row.id), 'data-enter': true, 'aria-label': `${say('view')}: ${nameOf(row)}`, 'data-testid': 'view-user' }, say('view')),
      }),
      pager('after', list.next),
    ];
  }
}

/** @extends {Sheet<UserView>} */
class User extends Sheet {
  /** Looked at once: every look is a row of the audit log. */
  whom = read(place.peek().path)?.id ?? '';

  heading() {
    const view = this.data.value;
    return view === null ? say('title') : nameOf(view.user);
  }

  fetch() {
    return look(`/api/admin/users/${encodeURIComponent(this.whom)}`);
  }

  above() {
    return [h('p', null, h('a', { class: 'back-link', href: address('users') }, icon('back'), say('to_list')))];
  }

  tools() {
    const user = this.data.value?.user;
    if (user === undefined || user.id === me.value?.id) return [];
    const tool = (/** @type {PeopleAct} */ action, /** @type {string} */ kind) => h('button', { type: 'button', class: `button ${kind}`, id: action, 'data-testid': action, onclick: () => void this.change(action, user) }, say(action));
    return [
      includes('end_sessions') ? tool('end_sessions', '') : null,
      user.active && includes('suspend_users') ? tool('suspend', 'danger') : null,
      !user.active && includes('activate_users') ? tool('activate', 'primary') : null,
    ];
  }

  /** @param {UserView} view */
  view(view) {
    const { user } = view;
    const fact = (/** @type {string} */ name, /** @type {import('../../js/ui/dom.js').Child} */ value) => (value === null || value === undefined || value === '' ? null : h('div', { class: 'fact' }, h('dt', null, name), h('dd', null, value)));
    return [
      h(
        'section',
        { class: 'card', 'data-testid': 'user' },
        h('p', null, standing(user), ' ', user.email_confirmed ? null : sign('caution', say('email_open'))),
        h(
          'dl',
          { class: 'facts columns' },
          fact(say('who'), user.email),
          fact(say('university'), user.university),
          fact(say('since'), exactly(user.created_at)),
          fact(say('seen'), moment(user.last_activity_at) ?? say('never')),
          fact(say('verified_by'), user.verified_at ? [user.verified_by ?? '', ' ', exactly(user.verified_at)] : null),
          fact(say('until'), user.active ? null : user.suspended_until ? exactly(user.suspended_until) : say('no_end')),
          fact(say('because'), user.active ? null : user.suspended_reason),
          fact(say('admin'), view.admin ? roleName(view.admin) : say('no_admin')),
          fact(say('chats'), view.chats),
          fact(say('groups'), view.groups),
          fact(say('messages'), view.messages),
          fact(say('blocked'), view.blocked),
          fact(say('blocked_by'), view.blocked_by),
          fact(say('sessions'), view.sessions),
          fact(say('acts'), includes('read_audit') ? h('a', { href: address('audit', { entity_type: 'user', entity_id: user.id }) }, view.actions) : view.actions),
        ),
      ),
      h('p', { class: 'muted small' }, say('noted')),
    ];
  }

  /** @param {PeopleAct} action @param {UserSummary} user */
  async change(action, user) {
    const name = nameOf(user);
    const moderator = self.peek()?.role === 'moderator';
    const suspends = action === 'suspend';
    let changed = 0;
    const done = await reasoned({
      title: say(`${action}_ask`, { name }),
      text: [say(`${action}_text`), h('p', { class: 'muted' }, user.email)],
      yes: say(action),
      danger: suspends,
      testid: 'change',
      fields: suspends ? [field({ name: 'days', label: say('days'), hint: say(moderator ? 'days_hint_moderator' : 'days_hint'), testid: 'change-days', input: { inputmode: 'numeric', autocomplete: 'off', maxlength: 4 } })] : [],
      check: (form) => ({ days: !suspends || daysOf(valueOf(form, 'days'), moderator).fine ? null : say('days_wrong', { max: moderator ? DAYS_MAX.moderator : DAYS_MAX.admin }) }),
      run: async (reason, form) => {
        const { days } = suspends ? daysOf(valueOf(form, 'days'), moderator) : { days: null };
        /** @type {PeopleChanged} */
        const answer = await act('/api/admin/users', { action, user_ids: [user.id], ...(days === null ? {} : { days }), reason });
        changed = answer.changed;
      },
    });
    if (!done || !this.alive) return;
    this.done.value = say(changed > 0 ? 'done' : 'already', { name });
    announce(this.done.peek());
    await this.load();
  }
}

customElements.define('console-users', Users);
customElements.define('console-user', User);

/** @type {Page} */
export const page = { name: 'users', order: 20, needs: 'view_users', icon: 'card', title: () => say('title'), element: 'console-users', thing: 'console-user' };
