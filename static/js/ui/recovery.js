/** A forgotten password, a new one, and confirming another e-mail address. */

import { Problem } from '../core/http.js';
import { t } from '../core/i18n.js';
import { api } from './api.js';
import { client, go, http, me, query } from './context.js';
import { focusSoon, h, icon, Part, rebuild } from './dom.js';
import { door, link, remembered } from './doors.js';
import { busy, clearProblem, codeField, digitsOf, EMAIL, emailField, isBusy, passwordField, passwordHint, passwordTrouble, problemPlace, recheck, showErrors, showProblem, valueOf } from './forms.js';
import { notice } from './parts.js';
import { left } from './session.js';

/** @param {HTMLFormElement} form */
const emailTrouble = (form) => (valueOf(form, 'email').trim() === '' ? t('field_required') : EMAIL.test(valueOf(form, 'email').trim()) ? null : t('field_email'));

class ForgotPassword extends Part {
  begin() {
    this.watch(() => rebuild(this, () => [this.build()]));
  }

  build() {
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'forgot-form', 'aria-labelledby': 'title' },
      emailField({ value: remembered.email }),
      problemPlace(),
      h('button', { type: 'submit', class: 'button primary', 'data-testid': 'forgot' }, t('forgot_do')),
      h('p', { class: 'aside' }, link('/reset-password', t('forgot_have_code'), 'to-reset'), ' · ', link('/sign-in', t('forgot_back'), 'to-sign-in')),
    );
    const check = () => ({ email: emailTrouble(form) });
    recheck(form, check);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      if (!showErrors(form, check())) return;
      const email = valueOf(form, 'email').trim();
      await busy(form, t('forgot_busy'), async () => {
        try {
          await api.forgotPassword(email);
          remembered.email = email;
          go('/reset-password?note=sent');
        } catch (error) {
          showProblem(form, error, { fields: { email: t('field_email') } });
        }
      });
    });
    return door(h('h1', { id: 'title', tabindex: -1 }, t('forgot_title')), h('p', { class: 'lead' }, t('forgot_lead')), form);
  }
}

class ResetPassword extends Part {
  begin() {
    /** The token of the link that was opened; it leaves the address at once, for it belongs in no history. */
    this.token = query.peek().get('token');
    this.sent = query.peek().get('note') === 'sent' && remembered.email !== '';
    if (this.token) history.replaceState(null, '', '/reset-password');
    this.watch(() => rebuild(this, () => [this.build()]));
  }

  build() {
    const { token } = this;
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'reset-form', 'aria-labelledby': 'title' },
      token ? null : emailField({ value: remembered.email }),
      token ? null : codeField(),
      passwordField({ autocomplete: 'new-password', label: t('password_new'), hint: passwordHint(), guide: true, testid: 'password' }),
      problemPlace(),
      h('button', { type: 'submit', class: 'button primary', 'data-testid': 'reset' }, t('reset_do')),
      h('p', { class: 'muted small' }, t('reset_what')),
      h('p', { class: 'aside' }, link('/forgot-password', t('reset_again'), 'to-forgot')),
    );
    const check = () => ({
      ...(token ? {} : { email: emailTrouble(form), code: /^\d{6}$/.test(digitsOf(form)) ? null : t('field_code') }),
      password: passwordTrouble(valueOf(form, 'password')),
    });
    recheck(form, check);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      if (!showErrors(form, check())) return;
      const password = valueOf(form, 'password');
      const email = valueOf(form, 'email').trim();
      await busy(form, t('reset_busy'), async () => {
        try {
          await api.resetPassword(token ? { token, password } : { email, code: digitsOf(form), password });
          Object.assign(remembered, { email, password: '' });
          http.forgetToken();
          // Every session has ended, the one of this browser too.
          if (me.peek() !== null) left('out');
          go('/sign-in?note=reset', { replace: true });
        } catch (error) {
          if (error instanceof Problem) error.fields = error.fields.filter(({ field }) => field === 'password');
          showProblem(form, error, { instead: token ? 'problem_reset_link' : 'problem_reset_code', fields: { password: t('field_password_weak') } });
        }
      });
    });
    const lead = token ? t('reset_lead_link') : this.sent ? t('reset_lead_sent', { email: remembered.email }) : t('reset_lead');
    return door(h('h1', { id: 'title', tabindex: -1 }, t('reset_title')), h('p', { class: this.sent && !token ? 'notice' : 'lead', 'data-testid': 'reset-lead' }, lead), form);
  }
}

/** The token of a link that came before its reader was signed in. It is in the memory of this page only. */
let waiting = query.peek().get('token');

class ConfirmEmail extends Part {
  begin() {
    /** @type {string | null} */
    this.token = query.peek().get('token') ?? waiting;
    waiting = null;
    if (this.token) history.replaceState(null, '', '/confirm-email');
    this.done = false;
    this.watch(() => rebuild(this, () => [this.build()]));
  }

  build() {
    const person = me.value;
    const token = this.token ?? null;
    if (this.done) return this.page(notice(t('email_done', { email: person?.email ?? '' })), h('a', { class: 'button primary', href: '/me/security', 'data-testid': 'to-security' }, t('email_to_security')));
    if (!token && !person?.pending_email) return this.page(h('p', { class: 'lead', 'data-testid': 'nothing-pending' }, t('email_nothing_pending')), h('a', { class: 'button', href: '/me/security', 'data-testid': 'to-security' }, t('email_to_security')));
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'confirm-email-form', 'aria-labelledby': 'title' },
      token ? null : codeField(),
      problemPlace(),
      h('button', { type: 'submit', class: 'button primary', 'data-testid': 'confirm-email' }, t('email_confirm_do')),
      token ? h('button', { type: 'button', class: 'button quiet', 'data-testid': 'code-instead', onclick: () => this.useCode() }, t('confirm_code_instead')) : null,
    );
    whenConfirmed(form, token, () => {
      this.done = true;
      rebuild(this, () => [this.build()]);
      focusSoon(() => this.querySelector('h1'));
    });
    return this.page(h('p', { class: 'lead' }, person?.pending_email ? t(token ? 'email_lead_link' : 'email_lead_code', { email: person.pending_email }) : t('email_lead_link_plain')), form);
  }

  useCode() {
    this.token = null;
    rebuild(this, () => [this.build()]);
    focusSoon(() => this.querySelector('h1'));
  }

  /** @param {...import('./dom.js').Child} children */
  page(...children) {
    return h('div', { class: 'page narrow' }, h('span', { class: 'empty-mark' }, icon('mail')), h('h1', { id: 'title', tabindex: -1 }, t('email_confirm_title')), ...children);
  }
}

/**
 * Lets a form confirm the new address, by the code typed into it or by the token of a link.
 * @param {HTMLFormElement} form @param {string | null} token @param {() => void} done
 */
export function whenConfirmed(form, token, done) {
  const check = () => /** @type {Record<string, string | null>} */ (token ? {} : { code: /^\d{6}$/.test(digitsOf(form)) ? null : t('field_code') });
  recheck(form, check);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (isBusy(form)) return;
    clearProblem(form);
    if (!showErrors(form, check())) return;
    await busy(form, t('confirm_busy'), async () => {
      try {
        await client.learn(() => api.confirmEmail(token ? { token } : { code: digitsOf(form) }));
        done();
      } catch (error) {
        if (error instanceof Problem) error.fields = [];
        showProblem(form, error, { instead: token ? 'problem_email_link' : 'problem_email_code' });
      }
    });
  });
}

customElements.define('domu-forgot-password', ForgotPassword);
customElements.define('domu-reset-password', ResetPassword);
customElements.define('domu-confirm-email', ConfirmEmail);
