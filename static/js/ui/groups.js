/** Groups: making one, being invited, and what its owner may do. */

/** @import { Chat, Invite, Member } from '../types.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { newId } from '../core/text.js';
import { until } from '../core/time.js';
import { api } from './api.js';
import { chatName, fullName, memberAvatar, others } from './avatar.js';
import { announce, go, store } from './context.js';
import { h, icon, Part, rebuild } from './dom.js';
import { field } from './forms.js';
import { ask, trouble } from './parts.js';

/** The people one shares an open chat with and has not blocked. @param {ReadonlyMap<string, Chat>} chats @param {string} own */
const friends = (chats, own) =>
  [...chats.values()].filter((chat) => !chat.group && chat.status === 'open' && !chat.blocked).flatMap((chat) => others(chat, own).slice(0, 1)).sort((a, b) => fullName(a).localeCompare(fullName(b)));

/** Opens the dialog that makes a group, or that invites to one. @param {HTMLElement} host @param {string} [group] */
export function choosePeople(host, group) {
  const dialog = /** @type {Choosing} */ (document.createElement('domu-choosing'));
  if (group !== undefined) dialog.dataset.group = group;
  host.append(dialog);
}

class Choosing extends Part {
  problem = signal(/** @type {unknown} */ (null));
  /** @type {{ wish: string, cid: string } | undefined} */
  asked;

  begin() {
    const held = store.peek();
    if (!held) return this.remove();
    const { group } = this.dataset;
    const { chats, invites } = held.streams.peek();
    const taken = new Set(chats.get(group ?? '')?.members.filter((member) => member.status === 'active').map((member) => member.u));
    for (const invite of invites.values()) if (invite.chat_id === group) taken.add(invite.u);
    const people = friends(chats, held.me.id).filter((member) => !taken.has(member.u));
    const troubles = h('div');
    // Oneself included, and those who are invited.
    const most = Math.max(0, (held.limits.group_members ?? Infinity) - (group === undefined ? 1 : taken.size));
    const name = group === undefined ? field({ name: 'group-title', label: t('group_name'), testid: 'group-title', input: { required: true, maxlength: 60, autocomplete: 'off' } }) : null;
    const form = h(
      'form',
      { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void this.submit(form, dialog); } },
      name,
      people.length === 0
        ? h('p', { class: 'muted' }, t('group_nobody'))
        : h('fieldset', { class: 'group-people' }, h('legend', null, Number.isFinite(most) ? t('group_whom_most', { count: most }) : t('group_whom')), ...people.map((member) => this.choice(member))),
      troubles,
      h('div', { class: 'row end' }, h('button', { type: 'button', class: 'button', 'data-testid': 'group-cancel', onclick: () => dialog.close() }, t('cancel')), people.length === 0 ? null : h('button', { class: 'button primary', 'data-testid': 'group-make' }, t(group === undefined ? 'group_make' : 'group_invite'))),
    );
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'choosing-title', 'data-testid': 'group-dialog' }, h('h2', { id: 'choosing-title' }, t(group === undefined ? 'group_new' : 'group_invite')), form);
    this.replaceChildren(dialog);
    this.watch(() => rebuild(troubles, () => (this.problem.value ? [trouble(this.problem.value)] : [])));
    const boxes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name=who]')]);
    const full = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      for (const box of boxes) box.disabled = !box.checked && chosen >= most;
    };
    form.addEventListener('change', full);
    full();
    dialog.addEventListener('close', () => this.remove());
    dialog.showModal();
  }

  /** @param {Member} member */
  choice(member) {
    return h('label', { class: 'person-row' }, memberAvatar(member, 'small'), h('span', { class: 'name', dir: 'auto' }, fullName(member)), h('input', { type: 'checkbox', name: 'who', value: member.u, 'data-testid': 'group-who' }));
  }

  /** The id of what is asked: the same for the same wish, so that a lost answer makes no second group. @param {string} wish */
  attempt(wish) {
    if (this.asked?.wish !== wish) this.asked = { wish, cid: newId(crypto) };
    return this.asked.cid;
  }

  /** @param {HTMLFormElement} form @param {HTMLDialogElement} dialog */
  async submit(form, dialog) {
    const { group } = this.dataset;
    const data = new FormData(form);
    const who = data.getAll('who').map(String);
    this.problem.value = null;
    try {
      if (group === undefined) {
        const title = String(data.get('group-title') ?? '');
        const made = await api.makeGroup(this.attempt(JSON.stringify([title, who])), title, who);
        dialog.close();
        go(`/chats/${made.chat_id}`);
      } else {
        // Each by themself: who is invited already is not asked again when another one could not be.
        for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll('input[name=who]:checked'))) {
          await api.group(group, 'invite', { user: box.value });
          box.checked = false;
          box.closest('label')?.remove();
        }
        dialog.close();
      }
      announce(t('group_asked'));
    } catch (error) {
      this.problem.value = error;
    }
  }
}

/** The invitations one has, above the list of chats. */
class Invitations extends Part {
  problem = signal(/** @type {unknown} */ (null));

  begin() {
    const minute = signal(0);
    this.every(60_000, () => (minute.value += 1));
    this.watch(() => {
      void minute.value;
      const own = store.value?.me.id;
      const mine = [...(store.value?.streams.value.invites.values() ?? [])].filter((invite) => invite.u === own && invite.expires_at > Date.now());
      rebuild(this, () => [...(this.problem.value ? [trouble(this.problem.value)] : []), ...mine.map((invite) => this.card(invite))]);
    });
  }

  /** @param {Invite} invite */
  card(invite) {
    return h(
      'section',
      { class: 'card invite', 'aria-label': t('group_invited', { name: invite.by_name, title: invite.title }), 'data-testid': 'invite' },
      h('p', { dir: 'auto' }, t('group_invited', { name: invite.by_name, title: invite.title })),
      h('p', { class: 'muted small' }, `${t('group_until')} ${until(invite.expires_at, Date.now(), locale.value)}`),
      h('div', { class: 'row' }, h('button', { type: 'button', class: 'button primary', id: `accept-${invite.chat_id}`, 'data-testid': 'invite-accept', onclick: () => void this.answer(invite, 'accept') }, t('group_accept')), h('button', { type: 'button', class: 'button', id: `decline-${invite.chat_id}`, 'data-testid': 'invite-decline', onclick: () => void this.answer(invite, 'decline') }, t('group_decline'))),
    );
  }

  /** @param {Invite} invite @param {'accept' | 'decline'} what */
  async answer(invite, what) {
    this.problem.value = null;
    try {
      await api.answerInvite(invite.chat_id, what);
      store.peek()?.seeNews(invite.chat_id);
      if (what === 'accept') go(`/chats/${invite.chat_id}`);
    } catch (error) {
      this.problem.value = error;
    }
  }
}

/** What one may do with a group, under the list of its members. */
class GroupActions extends Part {
  problem = signal(/** @type {unknown} */ (null));

  begin() {
    const id = this.dataset.chat ?? '';
    this.watch(() => {
      const held = store.value;
      const chat = held?.streams.value.chats.get(id);
      if (!held || !chat) return;
      const own = held.me.id;
      const owner = chat.members.some((member) => member.u === own && member.role === 'owner');
      const asked = [...held.streams.value.invites.values()].filter((invite) => invite.chat_id === id && invite.by === own && invite.expires_at > Date.now());
      const rest = others(chat, own).filter((member) => member.status === 'active');
      rebuild(this, () => [
        this.problem.value ? trouble(this.problem.value) : null,
        owner ? h('h3', { class: 'group-manage' }, t('group_manage')) : null,
        owner ? h('ul', { class: 'people' }, ...asked.map((invite) => this.row(invite.name, t('group_waiting'), [this.button('cross', t('group_revoke', { name: invite.name }), `revoke-${invite.u}`, () => this.run(id, 'revoke', { user: invite.u }))])), ...rest.map((member) => this.row(fullName(member), '', [this.button('people', t('group_transfer', { name: member.first_name }), `transfer-${member.u}`, () => void this.sure('transfer', chat, member)), this.button('bin', t('group_remove', { name: member.first_name }), `remove-${member.u}`, () => void this.sure('remove', chat, member))]))) : null,
        owner ? h('form', { class: 'row field group-name', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void this.run(id, 'rename', { title: String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get('title') ?? '') }); } }, h('input', { name: 'title', id: 'rename-title', 'aria-label': t('group_name'), value: chat.name ?? '', maxlength: 60, required: true, 'data-testid': 'rename-title' }), h('button', { class: 'button', 'data-testid': 'rename' }, t('group_rename'))) : null,
        h('div', { class: 'row' }, owner ? h('button', { type: 'button', class: 'button', id: 'group-invite', 'data-testid': 'group-invite', onclick: () => choosePeople(this, id) }, icon('people'), t('group_invite')) : null, h('button', { type: 'button', class: 'button danger-quiet', id: 'group-leave', 'data-testid': 'group-leave', onclick: () => void this.sure('leave', chat, null) }, icon('leave'), t('group_leave'))),
      ].filter((part) => part !== null));
    });
  }

  /** @param {string} name @param {string} words @param {HTMLElement[]} buttons */
  row(name, words, buttons) {
    return h('li', { class: 'row group-row' }, h('span', { class: 'name', dir: 'auto' }, name), words ? h('span', { class: 'muted small' }, words) : null, ...buttons);
  }

  /** @param {string} sign @param {string} label @param {string} id @param {() => void} run */
  button(sign, label, id, run) {
    return h('button', { type: 'button', class: 'button quiet icon-only', id, 'aria-label': label, title: label, 'data-testid': id.split('-')[0] ?? '', onclick: run }, icon(/** @type {any} */ (sign)));
  }

  /** @param {'leave' | 'remove' | 'transfer'} what @param {Chat} chat @param {Member | null} member */
  async sure(what, chat, member) {
    const name = member?.first_name ?? chatName(chat, store.peek()?.me.id ?? null);
    const words = { leave: /** @type {const} */ (['group_leave_ask', 'group_leave_text', 'group_leave']), remove: /** @type {const} */ (['group_remove_ask', 'group_remove_text', 'group_remove_do']), transfer: /** @type {const} */ (['group_transfer_ask', 'group_transfer_text', 'group_transfer_do']) }[what];
    if (!(await ask(this, { title: t(words[0], { name }), text: [t(words[1], { name })], yes: t(words[2]), no: t('cancel'), danger: what !== 'transfer', testid: what }))) return;
    await this.run(chat.id, what, member ? { user: member.u } : undefined);
    if (what === 'leave' && this.problem.peek() === null) go('/chats');
  }

  /** @param {string} id @param {'invite' | 'revoke' | 'remove' | 'transfer' | 'rename' | 'leave'} what @param {Record<string, unknown>} [body] */
  async run(id, what, body) {
    this.problem.value = null;
    try {
      await api.group(id, what, body);
    } catch (error) {
      this.problem.value = error;
    }
  }
}

customElements.define('domu-choosing', Choosing);
customElements.define('domu-invitations', Invitations);
customElements.define('domu-group-actions', GroupActions);
