/** People one has blocked: who, since when, and the way back. */

/** @import { BlockedPerson } from '../types.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { longDate } from '../core/time.js';
import { avatar, fullName } from './avatar.js';
import { api } from './api.js';
import { store } from './context.js';
import { focusSoon, h, icon, Part, rebuild } from './dom.js';
import { bones, failedToLoad, notice, subpage, trouble } from './parts.js';

class Blocked extends Part {
  people = signal(/** @type {BlockedPerson[] | null} */ (null));
  failure = signal(/** @type {unknown} */ (null));
  problem = signal(/** @type {unknown} */ (null));
  done = signal('');

  begin() {
    void this.load();
    const held = store.peek();
    if (held) {
      const hear = (/** @type {import('../types.js').WireEvent} */ event) => event.op === 'block' && void this.load();
      held.userEvents.add(hear);
      this.ends.push(() => held.userEvents.delete(hear));
    }
    this.watch(() => {
      const people = this.people.value;
      const failure = this.failure.value;
      rebuild(this, () => [
        subpage(
          t('blocked_title'),
          h('p', { class: 'lead' }, t('blocked_lead')),
          this.done.value ? notice(this.done.value) : null,
          this.problem.value ? trouble(this.problem.value) : null,
          people === null
            ? h('section', { class: 'card' }, failure ? failedToLoad(failure, () => void this.load()) : bones())
            : people.length === 0
              ? h('div', { class: 'empty', 'data-testid': 'blocked-empty' }, h('span', { class: 'empty-mark' }, icon('people')), h('h2', null, t('blocked_empty_title')), h('p', null, t('blocked_empty_text')))
              : h('ul', { class: 'card people', 'data-testid': 'blocked-list' }, ...people.map((person) => this.row(person))),
        ),
      ]);
    });
  }

  /** @param {BlockedPerson} person */
  row(person) {
    const chat = [...(store.peek()?.streams.peek().chats.values() ?? [])].find((one) => !one.group && one.members.some((member) => member.u === person.id));
    return h(
      'li',
      { class: 'person-row' },
      avatar(person),
      h('div', null, h('p', { class: 'name', dir: 'auto' }, fullName(person)), h('p', { class: 'muted small' }, t('blocked_since', { date: longDate(person.at, locale.value) })), chat ? h('a', { class: 'small', href: `/chats/${chat.id}`, 'data-testid': 'blocked-chat' }, t('blocked_read')) : null),
      h('button', { type: 'button', class: 'button', id: `unblock-${person.id}`, 'aria-label': t('unblock_name', { name: fullName(person) }), 'data-testid': 'unblock', onclick: () => void this.unblock(person) }, t('unblock_do')),
    );
  }

  async load() {
    this.failure.value = null;
    try {
      this.people.value = await api.blocks();
    } catch (error) {
      this.failure.value = error;
    }
  }

  /** @param {BlockedPerson} person */
  async unblock(person) {
    this.problem.value = null;
    try {
      await api.block(person.id, false);
      this.people.value = this.people.peek()?.filter((one) => one.id !== person.id) ?? null;
      this.done.value = t('unblock_done', { name: person.first_name });
      focusSoon(() => this.querySelector('h1'));
    } catch (error) {
      this.problem.value = error;
    }
  }
}

customElements.define('domu-me-blocked', Blocked);
