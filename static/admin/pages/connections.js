/** Open connections: how many, whose, and closing them so that clients come back. */

import { announce } from '../../js/ui/context.js';
import { h, icon } from '../../js/ui/dom.js';
import { field, valueOf } from '../../js/ui/forms.js';
import { open } from '../book.js';
import { reasoned } from '../dialogs.js';
import { address, place } from '../place.js';
import { act, includes, look } from '../self.js';
import { filters, Sheet, table } from '../sheet.js';

/** @import { Realtime, Restarted } from '../../js/wire.d.ts' */
/** @import { Page } from '../place.js' */

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const say = open({
  en: {
    title: 'Connections',
    again: 'Look again',
    restart_all: 'Restart all',
    restart: 'Restart',
    restart_ask: 'Close connections so that they come back',
    restart_text: 'Clients come back by themselves and go on where they were. Nothing is lost.',
    whose: 'Whose',
    whose_all: 'Everybody’s',
    whose_user: 'One person’s',
    whose_chat: 'Those of a chat’s members',
    id: 'Id of the person or chat',
    id_wrong: 'Fill in the id of the person or the chat, and none for everybody.',
    restarted: { one: '{count} connection is closed and comes back.', other: '{count} connections are closed and come back.' },
    user: 'Id of the person',
    caption: 'People who are connected',
    none: 'Nobody is connected.',
    person: 'Person',
    sockets: 'Connections',
    people: 'People',
    sessions: 'Sessions',
    streams: 'Streams',
    waiting: 'Bytes that wait for readers',
    chats: 'Chats',
  },
  nl: {
    title: 'Verbindingen',
    again: 'Kijk opnieuw',
    restart_all: 'Herstart alles',
    restart: 'Herstart',
    restart_ask: 'Sluit verbindingen zodat ze terugkomen',
    restart_text: 'De apps komen vanzelf terug en gaan verder waar ze waren. Er gaat niets verloren.',
    whose: 'Van wie',
    whose_all: 'Van iedereen',
    whose_user: 'Van één persoon',
    whose_chat: 'Van de leden van een chat',
    id: 'Id van de persoon of chat',
    id_wrong: 'Vul het id van de persoon of de chat in, en niets voor iedereen.',
    restarted: { one: '{count} verbinding is gesloten en komt terug.', other: '{count} verbindingen zijn gesloten en komen terug.' },
    user: 'Id van de persoon',
    caption: 'Mensen die verbonden zijn',
    none: 'Niemand is verbonden.',
    person: 'Persoon',
    sockets: 'Verbindingen',
    people: 'Mensen',
    sessions: 'Sessies',
    streams: 'Stromen',
    waiting: 'Bytes die op lezers wachten',
    chats: 'Chats',
  },
});

/** What is to be restarted, as the server takes it; none when an id is missing or too many. @param {string} scope @param {string} typed */
export function whose(scope, typed) {
  const id = typed.trim();
  if (scope === 'all') return id === '' ? { scope } : null;
  return ID.test(id) ? { scope, id } : null;
}

/** @extends {Sheet<Realtime>} */
class Connections extends Sheet {
  heading() {
    return say('title');
  }

  fetch() {
    const user = place.value.query.get('user')?.trim() ?? '';
    return look(`/api/admin/realtime${user === '' ? '' : `?user=${encodeURIComponent(user)}`}`);
  }

  tools() {
    return [
      h('button', { type: 'button', class: 'button', id: 'look-again', 'data-testid': 'look-again', onclick: () => void this.load() }, icon('again'), say('again')),
      includes('run_system') ? h('button', { type: 'button', class: 'button danger', id: 'restart-all', 'data-testid': 'restart-all', onclick: () => void this.restart('all', '') }, say('restart_all')) : null,
    ];
  }

  above() {
    return [filters({ name: 'connections', testid: 'filters', fields: [{ name: 'user', label: say('user') }] })];
  }

  /** @param {Realtime} now */
  view(now) {
    const tile = (/** @type {string} */ name, /** @type {number} */ number) => h('li', null, h('div', { class: 'tile' }, h('span', { class: 'muted small' }, name), h('span', { class: 'number' }, number)));
    return [
      h('ul', { class: 'tiles' }, tile(say('sockets'), now.sockets), tile(say('people'), now.people), tile(say('sessions'), now.sessions), tile(say('streams'), now.streams), tile(say('waiting'), now.waiting_bytes)),
      table({
        caption: say('caption'),
        testid: 'connected',
        rows: now.connected,
        keyOf: (row) => row.user,
        empty: say('none'),
        columns: [
          { title: say('person'), cell: (row) => h('a', { href: address('users', {}, row.user) }, row.user), wide: true },
          { title: say('sockets'), cell: (row) => row.sockets },
          { title: say('chats'), cell: (row) => row.chats.length },
        ],
        actions: includes('run_system') ? (row) => h('button', { type: 'button', class: 'button', id: `restart-${row.user}`, 'aria-label': `${say('restart')}: ${row.user}`, 'data-testid': 'restart', onclick: () => void this.restart('user', row.user) }, say('restart')) : undefined,
      }),
    ];
  }

  /** @param {'all' | 'user' | 'chat'} scope @param {string} id */
  async restart(scope, id) {
    let count = 0;
    const options = /** @type {const} */ ([['all', 'whose_all'], ['user', 'whose_user'], ['chat', 'whose_chat']]);
    const done = await reasoned({
      title: say('restart_ask'),
      text: [say('restart_text')],
      yes: say('restart'),
      danger: true,
      testid: 'restart',
      fields: [
        field({ name: 'scope', label: say('whose'), testid: 'restart-scope', control: h('select', null, ...options.map(([value, words]) => h('option', { value, selected: value === scope }, say(words)))) }),
        field({ name: 'id', label: say('id'), testid: 'restart-id', input: { value: id, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', maxlength: 36 } }),
      ],
      check: (form) => ({ id: whose(valueOf(form, 'scope'), valueOf(form, 'id')) === null ? say('id_wrong') : null }),
      run: async (reason, form) => {
        /** @type {Restarted} */
        const answer = await act('/api/admin/realtime/restart', { ...whose(valueOf(form, 'scope'), valueOf(form, 'id')), reason });
        count = answer.sockets;
      },
    });
    if (!done || !this.alive) return;
    this.done.value = say('restarted', { count });
    announce(this.done.peek());
    await this.load();
  }
}

customElements.define('console-connections', Connections);

/** @type {Page} */
export const page = { name: 'connections', order: 70, needs: 'view_system', icon: 'sliders', title: () => say('title'), element: 'console-connections' };
