/** How Domu behaves for this person. Every choice is kept at once, and says what it really does. */

/** @import { Settings } from '../types.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { client, http, me, setLocale } from './context.js';
import { focusSoon, h, Part, rebuild } from './dom.js';
import { themeSwitch } from './forms.js';
import { notice, subpage, trouble } from './parts.js';

class SettingsScreen extends Part {
  /** The setting that could not be kept, and why. */
  problem = signal(/** @type {{ name: string, error: unknown } | null} */ (null));
  /** Which setting was kept last, and which is under way. */
  done = signal('');
  busy = signal('');

  begin() {
    this.watch(() => {
      const person = me.value;
      if (person === null) return;
      const { settings } = person;
      rebuild(this, () => [
        subpage(
          t('settings_title'),
          h('p', { class: 'lead' }, t('settings_lead')),
          this.group('locale', t('language'), t('settings_language_text'), locale.value, [
            { value: 'nl', label: 'Nederlands', lang: 'nl' },
            { value: 'en', label: 'English', lang: 'en' },
          ]),
          this.group('visibility', t('settings_visibility'), t('settings_visibility_text'), settings.visibility, [
            { value: 'visible', label: t('settings_visible'), hint: t('settings_visible_text') },
            { value: 'ghost', label: t('settings_ghost'), hint: t('settings_ghost_text') },
          ]),
          this.group('who_may_message', t('settings_messages'), t('settings_messages_text'), settings.who_may_message, [
            { value: 'matches', label: t('settings_matches'), hint: t('settings_matches_text') },
            { value: 'nobody', label: t('settings_nobody'), hint: t('settings_nobody_text') },
          ]),
          this.group('read_receipts', t('settings_receipts'), t('settings_receipts_text'), settings.read_receipts ? 'on' : 'off', [
            { value: 'on', label: t('settings_receipts_on'), hint: t('settings_receipts_on_text') },
            { value: 'off', label: t('settings_receipts_off'), hint: t('settings_receipts_off_text') },
          ]),
          this.told(settings),
          h('section', { class: 'card' }, h('div', { class: 'setting' }, h('span', { 'aria-hidden': 'true' }, t('theme')), themeSwitch()), h('p', { class: 'muted small' }, t('settings_theme_text'))),
        ),
      ]);
    });
  }

  /**
   * @param {string} name @param {string} title @param {string} words @param {string} value
   * @param {{ value: string, label: string, hint?: string, lang?: string }[]} options
   */
  group(name, title, words, value, options) {
    const state = this.busy.value === name ? h('p', { class: 'muted small', role: 'status' }, t('saving')) : this.done.value === name ? notice(t('saved')) : null;
    return h(
      'fieldset',
      { class: 'card choice-card', 'data-testid': `setting-${name}` },
      h('legend', null, title),
      h('p', { class: 'muted' }, words),
      ...options.map((option) =>
        h(
          'label',
          { class: 'check', lang: option.lang },
          h('input', { type: 'radio', name, id: `${name}-${option.value}`, value: option.value, checked: option.value === value, 'data-testid': `${name}-${option.value}`, 'aria-describedby': option.hint ? `${name}-${option.value}-hint` : null, onchange: () => void this.choose(name, option.value) }),
          h('span', null, h('span', { class: 'name' }, option.label), option.hint ? h('span', { class: 'muted small', id: `${name}-${option.value}-hint` }, option.hint) : null),
        ),
      ),
      this.problem.value?.name === name ? trouble(this.problem.value.error) : null,
      h('div', { class: 'setting-state' }, state),
    );
  }

  /** What this person is told of, by which way. @param {Settings} settings */
  told(settings) {
    const names = /** @type {const} */ (['notify_messages', 'notify_chats', 'notify_invites', 'mail_messages']);
    const changed = names.find((name) => this.busy.value === name || this.done.value === name);
    const state = changed === undefined ? null : this.busy.value === changed ? h('p', { class: 'muted small', role: 'status' }, t('saving')) : notice(t('saved'));
    const failed = names.find((name) => this.problem.value?.name === name);
    const box = (/** @type {typeof names[number]} */ name, /** @type {import('../core/i18n.js').Key} */ label, /** @type {import('../core/i18n.js').Key} */ hint) =>
      h(
        'label',
        { class: 'check' },
        h('input', { type: 'checkbox', name, id: `${name}-box`, checked: settings[name], 'data-testid': name, 'aria-describedby': `${name}-hint`, onchange: (/** @type {Event} */ event) => void this.choose(name, /** @type {HTMLInputElement} */ (event.target).checked ? 'on' : 'off') }),
        h('span', null, h('span', { class: 'name' }, t(label)), h('span', { class: 'muted small', id: `${name}-hint` }, t(hint))),
      );
    return h(
      'fieldset',
      { class: 'card choice-card', id: 'notifications', 'data-testid': 'setting-notifications' },
      h('legend', null, t('settings_told')),
      h('p', { class: 'muted' }, t('settings_told_text')),
      h('p', { class: 'name' }, t('settings_told_here')),
      box('notify_messages', 'settings_told_messages', 'settings_told_messages_text'),
      box('notify_chats', 'settings_told_chats', 'settings_told_chats_text'),
      box('notify_invites', 'settings_told_invites', 'settings_told_invites_text'),
      h('p', { class: 'name' }, t('settings_told_mail')),
      box('mail_messages', 'settings_mail_messages', 'settings_mail_messages_text'),
      h('label', { class: 'check' }, h('input', { type: 'checkbox', checked: true, disabled: true, 'aria-describedby': 'mail-security-hint' }), h('span', null, h('span', { class: 'name' }, t('settings_mail_security')), h('span', { class: 'muted small', id: 'mail-security-hint' }, t('settings_mail_security_text')))),
      failed === undefined ? null : trouble(this.problem.value?.error),
      h('div', { class: 'setting-state' }, state),
    );
  }

  /** @param {string} name @param {string} value */
  async choose(name, value) {
    const person = me.peek();
    const language = locale.peek();
    if (person === null) return;
    /** @type {Partial<Settings>} */
    const change = /** @type {any} */ ({ [name]: value === 'on' || value === 'off' ? value === 'on' : value });
    this.problem.value = null;
    this.done.value = '';
    this.busy.value = name;
    // Shown at once; taken back when it could not be kept.
    const before = /** @type {Partial<Settings>} */ ({ [name]: person.settings[/** @type {keyof Settings} */ (name)] });
    me.value = { ...person, settings: { ...person.settings, ...change } };
    if (change.locale) setLocale(change.locale, { keep: false });
    focusSoon(() => document.getElementById(`${name}-${value}`) ?? document.getElementById(`${name}-box`));
    try {
      await client.learn(() => http.settings(change));
      this.done.value = name;
    } catch (error) {
      // Only this one: whatever else changed meanwhile stays.
      const now = me.peek();
      if (now) me.value = { ...now, settings: { ...now.settings, ...before } };
      if (change.locale) setLocale(language, { keep: false });
      this.problem.value = { name, error };
    } finally {
      this.busy.value = '';
    }
  }
}

customElements.define('domu-me-settings', SettingsScreen);
