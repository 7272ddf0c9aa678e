/** What keeps an account one's own: its address, its password, and where it is signed in. */

/** @import { DeviceSession, Me } from '../types.js' */
import { Problem } from '../core/http.js';
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { deviceName } from '../core/text.js';
import { duration, longDate } from '../core/time.js';
import { api, limits } from './api.js';
import { client, http, me, relative, store } from './context.js';
import { focusSoon, h, icon, Part, rebuild } from './dom.js';
import { busy, clearProblem, codeField, EMAIL, emailField, isBusy, passwordField, passwordHint, passwordTrouble, problemPlace, recheck, showErrors, showProblem, valueOf } from './forms.js';
import { ask, bones, failedToLoad, notice, subpage, trouble } from './parts.js';
import { whenConfirmed } from './recovery.js';

class Security extends Part {
  begin() {
    this.watch(() => {
      void locale.value;
      this.replaceChildren(subpage(t('security_title'), document.createElement('domu-email'), document.createElement('domu-password'), document.createElement('domu-devices')));
    });
  }
}

class Email extends Part {
  /** What is done here: nothing, changing, or what came of it. */
  state = signal(/** @type {'rest' | 'changing' | 'confirmed' | 'withdrawn'} */ ('rest'));
  problem = signal(/** @type {unknown} */ (null));

  /** How often a change was begun: an answer to an earlier one leaves a later one alone. */
  turn = 0;

  drawn = '';

  begin() {
    this.drawn = '';
    this.watch(() => {
      const person = me.value;
      if (person === null) return;
      const state = this.state.value;
      // Only what is shown here redraws it: other news of the account leave a form under way alone.
      const key = [locale.value, person.email, person.pending_email, state, this.problem.value !== null].join('|');
      if (key === this.drawn) return;
      this.drawn = key;
      rebuild(this, () => [
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'email-title' },
          h('h2', { id: 'email-title', tabindex: -1 }, t('email')),
          h('p', { 'data-testid': 'current-email' }, person.email),
          state === 'confirmed' ? notice(t('email_done', { email: person.email })) : state === 'withdrawn' ? notice(t('email_withdrawn')) : null,
          this.problem.value ? trouble(this.problem.value) : null,
          person.pending_email ? this.pending(person.pending_email) : state === 'changing' ? this.form() : h('div', null, h('button', { type: 'button', class: 'button', id: 'change-email', 'data-testid': 'change-email', onclick: () => this.start() }, t('email_change'))),
        ),
      ]);
    });
  }

  start() {
    this.turn += 1;
    this.state.value = 'changing';
    this.problem.value = null;
    focusSoon(() => this.querySelector('input'));
  }

  form() {
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'email-form', 'aria-labelledby': 'email-title' },
      h('p', { class: 'muted' }, limits.peek().email_change_cooldown ? `${t('email_change_text')} ${t('email_change_wait', { time: duration(limits.peek().email_change_cooldown ?? 0, locale.peek()) })}` : t('email_change_text')),
      emailField({ label: t('email_new'), autocomplete: 'email' }),
      passwordField({ autocomplete: 'current-password', name: 'email_password', label: t('password_current'), testid: 'email-password' }),
      problemPlace(),
      h('div', { class: 'row' }, h('button', { type: 'submit', class: 'button primary', 'data-testid': 'email-send' }, t('email_send')), h('button', { type: 'button', class: 'button', id: 'email-cancel', 'data-testid': 'email-cancel', onclick: () => this.stop() }, t('cancel'))),
    );
    const check = () => {
      const email = valueOf(form, 'email').trim();
      const same = email.toLowerCase() === me.peek()?.email.toLowerCase();
      return { email: email === '' ? t('field_required') : !EMAIL.test(email) ? t('field_email') : same ? t('field_email_same') : null, email_password: valueOf(form, 'email_password') === '' ? t('field_required') : null };
    };
    recheck(form, check);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      if (!showErrors(form, check())) return;
      const { turn } = this;
      await busy(form, t('email_busy'), async () => {
        const email = valueOf(form, 'email').trim();
        try {
          // The address as the server keeps it, which may be not quite what was typed.
          await client.learn(async () => {
            const { email: pending_email } = await api.changeEmail({ email, password: valueOf(form, 'email_password') });
            return { .../** @type {Me} */ (me.peek()), pending_email };
          });
          if (this.turn !== turn || this.state.peek() !== 'changing') return;
          this.state.value = 'rest';
          focusSoon(() => this.querySelector('h2'));
        } catch (error) {
          const { wrong, rest } = withoutPassword(error, 'password', 'email_password');
          showProblem(form, rest, { instead: 'problem_email_change', fields: { email: t('field_email'), email_password: t('field_password_wrong') } });
          if (wrong) showErrors(form, { email_password: t('field_password_wrong') });
        }
      });
    });
    return form;
  }

  stop() {
    this.state.value = 'rest';
    focusSoon(() => document.getElementById('change-email'));
  }

  /** @param {string} email */
  pending(email) {
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'email-pending', 'aria-labelledby': 'email-title' },
      h('p', { class: 'notice' }, t('email_pending', { email, old: me.peek()?.email ?? '' })),
      codeField(),
      problemPlace(),
      h('div', { class: 'row' }, h('button', { type: 'submit', class: 'button primary', 'data-testid': 'confirm-email' }, t('email_confirm_do')), h('button', { type: 'button', class: 'button', id: 'withdraw-email', 'data-testid': 'withdraw-email', onclick: () => void this.withdraw() }, t('email_withdraw'))),
    );
    whenConfirmed(form, null, () => {
      this.state.value = 'confirmed';
      focusSoon(() => this.querySelector('h2'));
    });
    return form;
  }

  async withdraw() {
    this.problem.value = null;
    try {
      await client.learn(api.withdrawEmail);
      this.state.value = 'withdrawn';
      focusSoon(() => this.querySelector('h2'));
    } catch (error) {
      this.problem.value = error;
    }
  }
}

/**
 * Whether an error is about the password that was asked for, and the error without the name the server has for that field.
 * @param {unknown} error @param {string} theirs @param {string} ours
 */
function withoutPassword(error, theirs, ours) {
  if (!(error instanceof Problem)) return { wrong: false, rest: error };
  if (error.fields.some(({ field }) => field === theirs)) {
    error.fields = error.fields.map((one) => (one.field === theirs ? { ...one, field: ours } : one));
    return { wrong: true, rest: error };
  }
  return { wrong: error.name === 'bad_credentials', rest: error };
}

class Password extends Part {
  done = signal(/** @type {'' | 'changed' | 'ended'} */ (''));

  begin() {
    this.watch(() => rebuild(this, () => [this.build()]));
  }

  build() {
    const done = this.done.value;
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'password-form', 'aria-labelledby': 'password-title' },
      // Managers save a password for a name.
      h('input', { type: 'text', autocomplete: 'username', value: me.peek()?.email ?? '', class: 'sr-only', tabindex: -1, 'aria-hidden': 'true', readonly: true }),
      passwordField({ autocomplete: 'current-password', name: 'current_password', label: t('password_current'), testid: 'current-password' }),
      passwordField({ autocomplete: 'new-password', name: 'new_password', label: t('password_new'), hint: passwordHint(), guide: true, testid: 'new-password' }),
      h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'end_others', checked: true, 'data-testid': 'end-others' }), h('span', null, t('password_end_others'))),
      problemPlace(),
      h('div', null, h('button', { type: 'submit', class: 'button primary', 'data-testid': 'change-password' }, t('password_change'))),
    );
    const check = () => ({ current_password: valueOf(form, 'current_password') === '' ? t('field_required') : null, new_password: passwordTrouble(valueOf(form, 'new_password')) });
    recheck(form, check);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      if (!showErrors(form, check())) return;
      const others = /** @type {HTMLInputElement} */ (form.elements.namedItem('end_others')).checked;
      await busy(form, t('password_busy'), async () => {
        try {
          await client.learn(() => api.changePassword({ current_password: valueOf(form, 'current_password'), new_password: valueOf(form, 'new_password'), end_others: others }));
          http.forgetToken();
          form.reset();
          this.done.value = others ? 'ended' : 'changed';
          focusSoon(() => this.querySelector('h2'));
          for (const devices of document.querySelectorAll('domu-devices')) void /** @type {Devices} */ (devices).load();
        } catch (error) {
          const { wrong, rest } = withoutPassword(error, 'current_password', 'current_password');
          showProblem(form, rest, { instead: 'problem_password_change', fields: { current_password: t('field_password_wrong'), new_password: t('field_password_weak') } });
          if (wrong) showErrors(form, { current_password: t('field_password_wrong') });
        }
      });
    });
    return h('section', { class: 'card', 'aria-labelledby': 'password-title' }, h('h2', { id: 'password-title', tabindex: -1 }, t('password')), done ? notice(t(done === 'ended' ? 'password_done_ended' : 'password_done')) : null, form);
  }
}

class Devices extends Part {
  devices = signal(/** @type {DeviceSession[] | null} */ (null));
  failure = signal(/** @type {unknown} */ (null));
  problem = signal(/** @type {unknown} */ (null));
  done = signal('');

  begin() {
    void this.load();
    const held = store.peek();
    if (held) {
      const hear = (/** @type {import('../types.js').WireEvent} */ event) => event.op === 'session' && void this.load();
      held.userEvents.add(hear);
      this.ends.push(() => held.userEvents.delete(hear));
    }
    this.watch(() => {
      const devices = this.devices.value;
      const failure = this.failure.value;
      const others = devices?.filter((one) => !one.current).length ?? 0;
      rebuild(this, () => [
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'devices-title' },
          h('h2', { id: 'devices-title', tabindex: -1 }, t('me_devices')),
          h('p', { class: 'muted' }, t('me_devices_text')),
          this.done.value ? notice(this.done.value) : null,
          this.problem.value ? trouble(this.problem.value) : null,
          devices ? h('ul', { class: 'devices', 'data-testid': 'devices' }, ...devices.map((device) => this.device(device))) : failure ? failedToLoad(failure, () => void this.load()) : bones(2),
          others > 0 ? h('div', null, h('button', { type: 'button', class: 'button', id: 'end-others', 'data-testid': 'revoke-others', onclick: () => void this.revokeOthers(others) }, t('devices_end_others'))) : null,
        ),
      ]);
    });
  }

  /** @param {DeviceSession} device */
  device(device) {
    const program = device.kind === 'bearer';
    const name = deviceName(device.user_agent ?? '') || t(program ? 'device_program' : 'me_unknown_device');
    const facts = [t('me_last_seen', { ago: relative(device.last_seen_at) }), t('me_since', { date: longDate(new Date(device.created_at).getTime(), locale.value) }), device.address];
    return h(
      'li',
      { class: 'device', 'data-session-id': device.id },
      h('span', { class: 'device-icon' }, icon(program ? 'terminal' : /Mobi|Android|iPhone/.test(device.user_agent ?? '') ? 'phone' : 'laptop')),
      h('div', null, h('p', { class: 'name' }, name, device.current ? h('span', { class: 'chip good' }, t('me_this_device')) : null), h('p', { class: 'muted' }, facts.filter(Boolean).join(' · '))),
      device.current ? null : h('button', { type: 'button', class: 'button', id: `revoke-${device.id}`, 'aria-label': t('me_revoke_name', { device: name }), 'data-testid': 'revoke', onclick: () => void this.revoke(device, name) }, t('me_revoke')),
    );
  }

  async load() {
    this.failure.value = null;
    try {
      this.devices.value = await http.sessions();
    } catch (error) {
      this.failure.value = error;
    }
  }

  /** @param {DeviceSession} device @param {string} name */
  async revoke(device, name) {
    await this.end(() => http.revoke(device.id), t('me_revoked', { device: name }), (one) => one.id !== device.id);
  }

  /** @param {number} count */
  async revokeOthers(count) {
    if (!(await ask(this, { title: t('devices_end_ask', { count }), text: [t('devices_end_text')], yes: t('devices_end_others'), no: t('cancel'), testid: 'revoke-others' }))) return;
    await this.end(() => api.endOthers(), t('devices_ended'), (one) => one.current);
  }

  /** @param {() => Promise<unknown>} work @param {string} words @param {(one: DeviceSession) => boolean} stays */
  async end(work, words, stays) {
    this.problem.value = null;
    try {
      await work();
      this.devices.value = this.devices.peek()?.filter(stays) ?? null;
      this.done.value = words;
      focusSoon(() => this.querySelector('h2'));
    } catch (error) {
      this.problem.value = error;
    }
    await this.load();
  }
}

customElements.define('domu-email', Email);
customElements.define('domu-password', Password);
customElements.define('domu-devices', Devices);
customElements.define('domu-me-security', Security);
