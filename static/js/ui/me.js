/** Oneself: the way to one's profile, settings, security and blocked people, and out. */

import { t } from '../core/i18n.js';
import { avatar, fullName } from './avatar.js';
import { me, store } from './context.js';
import { h, icon, Part, rebuild } from './dom.js';
import { languageSwitch, themeSwitch } from './forms.js';
import { ask, trouble } from './parts.js';
import { signOut } from './session.js';

class MeScreen extends Part {
  begin() {
    this.watch(() => {
      const person = me.value;
      if (person === null) return;
      const verified = store.value?.streams.value.me ? store.value.streams.value.verified : person.verified;
      rebuild(this, () => [
        h(
          'div',
          { class: 'page' },
          h('h1', { tabindex: -1 }, t('me_title')),
          h(
            'section',
            { class: 'card person', 'aria-label': t('me_title') },
            avatar({ ...person, ...person.profile }, 'large'),
            h(
              'div',
              null,
              h('p', { class: 'name', dir: 'auto', 'data-testid': 'me-name' }, fullName(person)),
              h('p', { class: 'muted' }, person.email),
              person.university ? h('p', { class: 'muted' }, person.university.name) : null,
              h('p', { class: verified ? 'chip good' : 'chip' }, icon(verified ? 'check' : 'clock'), t(verified ? 'me_verified' : 'me_not_verified')),
            ),
          ),
          h(
            'ul',
            { class: 'card ways' },
            way('profile', 'me', t('profile_title'), t('me_way_profile')),
            way('settings', 'sliders', t('settings_title'), t('me_way_settings')),
            way('security', 'lock', t('security_title'), person.pending_email ? t('me_way_pending') : t('me_way_security')),
            way('blocked', 'block', t('blocked_title'), t('me_way_blocked')),
          ),
          h('div', { class: 'card' }, h('div', { class: 'setting' }, h('span', { 'aria-hidden': 'true' }, t('language')), languageSwitch()), h('div', { class: 'setting' }, h('span', { 'aria-hidden': 'true' }, t('theme')), themeSwitch())),
          h('section', { class: 'leave' }, h('div', { class: 'leave-problem' }), h('button', { type: 'button', class: 'button', id: 'sign-out', 'data-testid': 'sign-out', onclick: () => void this.leave() }, icon('leave'), t('me_sign_out'))),
        ),
      ]);
    });
  }

  async leave() {
    const count = store.peek()?.outbox.list().length ?? 0;
    const question = { title: t('me_sign_out_ask', { count }), text: [t('me_sign_out_text', { count })], yes: t('me_sign_out_anyway'), no: t('me_sign_out_stay'), testid: 'sign-out' };
    if (count > 0 && !(await ask(this, question))) return;
    try {
      await signOut();
    } catch (error) {
      this.querySelector('.leave-problem')?.replaceChildren(trouble(error));
    }
  }
}

/** @param {string} name @param {string} sign @param {string} title @param {string} words */
const way = (name, sign, title, words) =>
  h('li', null, h('a', { class: 'way', href: `/me/${name}`, 'data-testid': `to-${name}` }, h('span', { class: 'way-icon' }, icon(sign)), h('span', null, h('span', { class: 'name' }, title), h('span', { class: 'muted' }, words)), icon('onward')));

customElements.define('domu-me', MeScreen);
