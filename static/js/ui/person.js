/** Who one talks with: what they tell about themselves, and blocking them. */

/** @import { Person } from '../types.js' */
import { t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { api } from './api.js';
import { avatar, fullName, memberAvatar, others } from './avatar.js';
import { announce, store } from './context.js';
import './groups.js';
import './mute.js';
import { focusSoon, h, icon, Part, rebuild } from './dom.js';
import { ask, bones, failedToLoad, trouble } from './parts.js';
import { languageName } from './profile.js';

/** Opens the panel of a chat: the other person, or the members of a group. @param {HTMLElement} host @param {string} chat */
export function showPeople(host, chat) {
  const panel = /** @type {Panel} */ (document.createElement('domu-person'));
  panel.dataset.chat = chat;
  host.append(panel);
}

class Panel extends Part {
  /** Whose facts are shown; null for the list of a group. */
  who = signal(/** @type {string | null} */ (null));
  person = signal(/** @type {Person | null} */ (null));
  failure = signal(/** @type {unknown} */ (null));
  problem = signal(/** @type {unknown} */ (null));

  begin() {
    const held = store.peek();
    const chatNow = () => store.value?.streams.value.chats.get(this.dataset.chat ?? '');
    const chat = chatNow();
    if (!held || !chat) return this.remove();
    const own = held.me.id;
    const dialog = h('dialog', { class: 'panel', 'aria-labelledby': 'panel-title', 'data-testid': 'person-panel' });
    this.replaceChildren(dialog);
    if (!chat.group) this.open(others(chat, own)[0]?.u ?? null);
    this.watch(() => {
      const now = chatNow();
      if (now === undefined) return dialog.close();
      const who = this.who.value;
      const list = now.group && who === null;
      rebuild(dialog, () => [
        h(
          'header',
          { class: 'panel-head' },
          now.group && who !== null ? h('button', { type: 'button', class: 'button quiet icon-only', id: 'panel-back', 'aria-label': t('back'), onclick: () => this.open(null) }, icon('back')) : null,
          h('h2', { id: 'panel-title', tabindex: -1 }, list ? t('person_members') : t('person_title')),
          h('button', { type: 'button', class: 'button quiet icon-only', id: 'panel-close', 'aria-label': t('close'), 'data-testid': 'panel-close', onclick: () => dialog.close() }, icon('cross')),
        ),
        list ? this.members(now, own) : this.facts(),
        list || !now.group ? this.under('domu-mute') : null,
        list && now.status === 'open' ? this.under('domu-group-actions') : null,
      ]);
    });
    dialog.addEventListener('close', () => this.remove());
    // A click beside the panel closes it.
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    dialog.showModal();
    focusSoon(() => dialog.querySelector('#panel-title'));
    const hear = (/** @type {import('../types.js').WireEvent} */ event) => event.op === 'block' && event.d.user === this.who.peek() && void this.load();
    held.userEvents.add(hear);
    this.ends.push(() => held.userEvents.delete(hear));
  }

  /** What one may do with the chat. @param {'domu-mute' | 'domu-group-actions'} name */
  under(name) {
    const made = document.createElement(name);
    made.className = 'panel-body';
    made.dataset.chat = this.dataset.chat ?? '';
    return made;
  }

  /** @param {import('../types.js').Chat} chat @param {string} own */
  members(chat, own) {
    return h(
      'ul',
      { class: 'people panel-body' },
      ...chat.members.map((member) =>
        h(
          'li',
          null,
          member.u === own || member.status !== 'active'
            ? h('div', { class: 'person-row' }, memberAvatar(member), h('div', null, h('p', { class: 'name', dir: 'auto' }, fullName(member)), h('p', { class: 'muted small' }, member.u === own ? t('person_you') : t('person_left')), member.role === 'owner' ? h('p', { class: 'chip' }, t('group_owner')) : null))
            : h('button', { type: 'button', class: 'person-row as-button', id: `member-${member.u}`, 'data-testid': 'member', onclick: () => this.open(member.u) }, memberAvatar(member), h('span', { class: 'name', dir: 'auto' }, fullName(member)), member.role === 'owner' ? h('span', { class: 'chip' }, t('group_owner')) : icon('onward')),
        ),
      ),
    );
  }

  facts() {
    const person = this.person.value;
    const failure = this.failure.value;
    if (person === null) return h('div', { class: 'panel-body' }, failure ? failedToLoad(failure, () => void this.load()) : bones(3));
    const row = (/** @type {string} */ name, /** @type {import('./dom.js').Child} */ value) => (value ? h('div', { class: 'fact' }, h('dt', null, name), h('dd', { dir: 'auto' }, value)) : null);
    const study = [person.program, person.study_year === null ? null : t('profile_year_n', { count: person.study_year })].filter(Boolean).join(' · ');
    const told = Boolean(person.pronouns || study || person.about || person.languages.length > 0);
    return h(
      'div',
      { class: 'panel-body', 'data-testid': 'person' },
      h(
        'div',
        { class: 'who-card' },
        avatar(person, 'large'),
        h('p', { class: 'name', dir: 'auto' }, fullName(person)),
        person.university ? h('p', { class: 'muted' }, person.university.name) : null,
        h('p', { class: person.verified ? 'chip good' : 'chip' }, icon(person.verified ? 'check' : 'clock'), t(person.verified ? 'me_verified' : 'me_not_verified')),
      ),
      told
        ? h(
            'dl',
            { class: 'facts' },
            row(t('profile_pronouns'), person.pronouns),
            row(t('profile_program'), study),
            row(t('profile_languages'), person.languages.map(languageName).join(', ')),
            row(t('profile_about'), person.about),
          )
        : h('p', { class: 'muted' }, t('person_told_nothing', { name: person.first_name })),
      this.problem.value ? trouble(this.problem.value) : null,
      person.blocked ? h('p', { class: 'notice caution', 'data-testid': 'person-blocked' }, t('person_blocked', { name: person.first_name })) : null,
      h('div', null, h('button', { type: 'button', class: person.blocked ? 'button' : 'button danger-quiet', id: 'person-block', 'data-testid': person.blocked ? 'panel-unblock' : 'panel-block', onclick: () => void this.block(person) }, icon('block'), t(person.blocked ? 'unblock_name' : 'block_name', { name: person.first_name }))),
    );
  }

  /** @param {string | null} who */
  open(who) {
    this.person.value = null;
    this.problem.value = null;
    this.who.value = who;
    if (who !== null) void this.load();
    focusSoon(() => this.querySelector('#panel-title'));
  }

  async load() {
    const who = this.who.peek();
    if (who === null) return;
    this.failure.value = null;
    try {
      const found = await api.person(who);
      if (this.who.peek() === who) this.person.value = found;
    } catch (error) {
      this.failure.value = error;
    }
  }

  /** @param {Person} person */
  async block(person) {
    const on = !person.blocked;
    if (on && !(await askToBlock(this, person))) return;
    this.problem.value = null;
    try {
      await api.block(person.id, on);
      this.person.value = { ...person, blocked: on };
      announce(t(on ? 'block_done' : 'unblock_done', { name: person.first_name }));
      focusSoon(() => document.getElementById('person-block'));
    } catch (error) {
      this.problem.value = error;
    }
  }
}

/** Says what blocking does before it is done. @param {HTMLElement} host @param {{ first_name: string }} person */
const askToBlock = (host, { first_name: name }) =>
  ask(host, {
    title: t('block_ask', { name }),
    text: [h('ul', { class: 'points' }, h('li', null, t('block_what_messages', { name })), h('li', null, t('block_what_list')), h('li', null, t('block_what_told', { name })), h('li', null, t('block_what_group', { name })), h('li', null, t('block_what_undo')))],
    yes: t('block_name', { name }),
    no: t('cancel'),
    danger: true,
    testid: 'block',
  });

customElements.define('domu-person', Panel);
