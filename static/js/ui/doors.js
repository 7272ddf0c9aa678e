/** Sign-in, sign-up and confirming an e-mail address. */

import { Problem } from '../core/http.js';
import { locale, t } from '../core/i18n.js';
import { safeNext } from '../core/router.js';
import { go, http, query, setTheme, theme } from './context.js';
import { h, icon, Part, rebuild } from './dom.js';
import { brand, busy, clearProblem, codeField, digitsOf, EMAIL, emailField, field, isBusy, lengthTrouble, languageSwitch, passwordField, passwordHint, passwordTrouble, problemPlace, recheck, showErrors, showProblem, valueOf } from './forms.js';
import { limits } from './api.js';
import { entered } from './session.js';

/** Seconds until a new code can be asked for. */
const RESEND_SECONDS = 30;

/**
 * The address and password somebody just signed up or in with, so that confirming does not ask for them again. They are in
 * the memory of this page only: a reload forgets them.
 */
export const remembered = { email: '', password: '' };

/** A page with one form. @param {...import('./dom.js').Child} children */
export const door = (...children) =>
  h(
    'div',
    { class: 'door' },
    h('header', { class: 'door-head' }, brand(), h('div', { class: 'door-tools' }, themeButton(), languageSwitch())),
    h('div', { class: 'door-body' }, ...children),
  );

function themeButton() {
  const dark = () => (theme() === 'system' ? matchMedia('(prefers-color-scheme: dark)').matches : theme() === 'dark');
  const button = h('button', { type: 'button', class: 'button quiet icon-only', id: 'theme-button', 'data-testid': 'theme-button' });
  const draw = () => {
    button.setAttribute('aria-label', `${t('theme')}: ${t(dark() ? 'theme_dark' : 'theme_light')}`);
    button.replaceChildren(icon(dark() ? 'moon' : 'sun'));
  };
  button.addEventListener('click', () => {
    setTheme(dark() ? 'light' : 'dark');
    draw();
  });
  draw();
  return button;
}

/** A link inside the application. @param {string} path @param {string} words @param {string} testid */
export const link = (path, words, testid) => h('a', { href: path, 'data-testid': testid }, words);

class SignIn extends Part {
  begin() {
    this.watch(() => rebuild(this, () => [this.build()]));
  }

  build() {
    const note = query.value.get('note');
    const words = note === 'confirmed' ? t('sign_in_confirmed') : note === 'ended' ? t('sign_in_ended') : note === 'out' ? t('sign_in_out') : note === 'reset' ? t('sign_in_reset') : null;
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'sign-in-form', 'aria-labelledby': 'title' },
      emailField({ value: remembered.email }),
      passwordField({ autocomplete: 'current-password', testid: 'password' }),
      h('p', { class: 'beside' }, link('/forgot-password', t('forgot_link'), 'to-forgot')),
      problemPlace(),
      h('button', { type: 'submit', class: 'button primary', 'data-testid': 'sign-in' }, t('sign_in_do')),
      h('p', { class: 'aside' }, t('sign_in_no_account'), ' ', link('/sign-up', t('sign_in_make_account'), 'to-sign-up')),
      h('p', { class: 'aside' }, t('sign_in_unconfirmed'), ' ', link('/confirm', t('sign_in_confirm'), 'to-confirm')),
    );
    const check = () => ({
      email: valueOf(form, 'email').trim() === '' ? t('field_required') : EMAIL.test(valueOf(form, 'email').trim()) ? null : t('field_email'),
      password: valueOf(form, 'password') === '' ? t('field_required') : null,
    });
    recheck(form, check);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      if (!showErrors(form, check())) return;
      const email = valueOf(form, 'email').trim();
      remembered.email = email;
      await busy(form, t('sign_in_busy'), async () => {
        try {
          const { user } = await http.signIn({ email, password: valueOf(form, 'password') });
          remembered.password = '';
          await entered(user);
          go(safeNext(query.peek().get('next')), { replace: true });
        } catch (error) {
          // An address that is not confirmed is answered the same, so that nobody learns which addresses are known.
          remembered.password = '';
          showProblem(form, error, { instead: 'problem_bad_credentials' });
        }
      });
    });
    return door(
      h('h1', { id: 'title', tabindex: -1 }, t('sign_in_title')),
      h('p', { class: 'lead' }, t('app_claim')),
      words ? h('p', { class: 'notice', role: 'status', 'data-testid': 'sign-in-note' }, words) : null,
      form,
    );
  }
}

class SignUp extends Part {
  begin() {
    this.watch(() => rebuild(this, () => [this.build()]));
  }

  build() {
    const today = new Date();
    const { age_years_min: age, name_chars_max } = limits.value;
    const latest = `${today.getFullYear() - (age ?? 0)}-${String(today.getMonth() + 1).padStart(2, '0')}-${String(today.getDate()).padStart(2, '0')}`;
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'sign-up-form', 'aria-labelledby': 'title' },
      h(
        'div',
        { class: 'pair' },
        field({ name: 'first_name', label: t('first_name'), testid: 'first-name', input: { autocomplete: 'given-name', required: true } }),
        field({ name: 'last_name', label: t('last_name'), testid: 'last-name', input: { autocomplete: 'family-name', required: true } }),
      ),
      emailField({ hint: t('email_hint') }),
      passwordField({ autocomplete: 'new-password', hint: passwordHint(), guide: true, testid: 'password' }),
      field({ name: 'date_of_birth', label: t('birth_date'), type: 'date', hint: age === undefined ? t('birth_hint') : `${t('field_age', { count: age })} ${t('birth_hint')}`, testid: 'birth-date', input: { autocomplete: 'bday', required: true, min: '1900-01-01', max: latest } }),
      h(
        'div',
        { class: 'field' },
        h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'accept_terms', required: true, 'data-testid': 'terms', 'aria-describedby': 'field-accept_terms-error' }), h('span', null, t('terms_agree'))),
        h('details', { class: 'more' }, h('summary', null, t('terms_more')), h('p', null, t('terms_text'))),
        h('p', { class: 'error', id: 'field-accept_terms-error', 'data-error-for': 'accept_terms' }),
      ),
      problemPlace(),
      h('button', { type: 'submit', class: 'button primary', 'data-testid': 'sign-up' }, t('sign_up_do')),
      h('p', { class: 'aside' }, t('sign_up_have'), ' ', link('/sign-in', t('sign_in_do'), 'to-sign-in')),
    );
    const check = () => {
      const value = (/** @type {string} */ field) => valueOf(form, field).trim();
      const terms = form.elements.namedItem('accept_terms');
      const birth = value('date_of_birth');
      return {
        first_name: value('first_name') === '' ? t('field_required') : lengthTrouble(value('first_name'), name_chars_max),
        last_name: value('last_name') === '' ? t('field_required') : lengthTrouble(value('last_name'), name_chars_max),
        email: value('email') === '' ? t('field_required') : EMAIL.test(value('email')) ? null : t('field_email'),
        password: passwordTrouble(valueOf(form, 'password')),
        date_of_birth: !/^\d{4}-\d{2}-\d{2}$/.test(birth) || birth < '1900-01-01' ? t('field_date') : birth > latest ? (age === undefined ? t('field_date') : t('field_age', { count: age })) : null,
        accept_terms: terms instanceof HTMLInputElement && terms.checked ? null : t('field_terms'),
      };
    };
    recheck(form, check);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      if (!showErrors(form, check())) return;
      const email = valueOf(form, 'email').trim();
      await busy(form, t('sign_up_busy'), async () => {
        try {
          await http.signUp({
            email,
            password: valueOf(form, 'password'),
            first_name: valueOf(form, 'first_name').trim(),
            last_name: valueOf(form, 'last_name').trim(),
            date_of_birth: valueOf(form, 'date_of_birth'),
            accept_terms: true,
            locale: locale.peek(),
          });
          Object.assign(remembered, { email, password: valueOf(form, 'password') });
          go('/confirm');
        } catch (error) {
          const fields = { email: t('field_email'), password: t('field_password_weak'), date_of_birth: age === undefined ? undefined : t('field_age', { count: age }), accept_terms: t('field_terms') };
          showProblem(form, error, { fields });
        }
      });
    });
    return door(h('h1', { id: 'title', tabindex: -1 }, t('sign_up_title')), h('p', { class: 'lead' }, t('sign_up_lead')), form);
  }
}

class Confirm extends Part {
  begin() {
    this.wait = 0;
    /** The token of the link that was opened, until it is used or left. Nothing is sent before a person presses the button. */
    this.token = query.peek().get('token');
    // The token leaves the address at once: it belongs in no history.
    if (this.token) history.replaceState(null, '', '/confirm');
    this.watch(() => rebuild(this, () => [this.build()]));
  }

  build() {
    const { token } = this;
    const email = token ? '' : remembered.email;
    const asksPassword = remembered.password === '';
    const resend = h('button', { type: 'button', class: 'button quiet', 'data-testid': 'resend' }, t('confirm_resend'));
    const note = h('p', { class: 'notice', role: 'status', hidden: true, 'data-testid': 'resend-note' });
    const instead = () => {
      if (token) this.token = null;
      else Object.assign(remembered, { email: '', password: '' });
      rebuild(this, () => [this.build()]);
    };
    const other = h('button', { type: 'button', class: 'button quiet', 'data-testid': token ? 'code-instead' : 'other-address', onclick: instead }, t(token ? 'confirm_code_instead' : 'confirm_other'));
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'confirm-form', 'aria-labelledby': 'title' },
      email || token ? null : emailField(),
      token ? null : codeField(),
      asksPassword ? passwordField({ autocomplete: 'current-password', hint: t('confirm_password_hint'), testid: 'password' }) : null,
      problemPlace(),
      note,
      h('button', { type: 'submit', class: 'button primary', 'data-testid': 'confirm' }, t('confirm_do')),
      h('div', { class: 'row' }, token ? null : resend, email || token ? other : null),
      h('p', { class: 'aside' }, t('confirm_not_yours'), ' ', link('/sign-up', t('confirm_sign_up_again'), 'to-sign-up')),
    );
    const address = () => (email || valueOf(form, 'email').trim());
    const digits = () => digitsOf(form);
    const password = () => (asksPassword ? valueOf(form, 'password') : remembered.password);
    const check = () => ({
      ...(email || token ? {} : { email: EMAIL.test(address()) ? null : t('field_email') }),
      ...(token ? {} : { code: /^\d{6}$/.test(digits()) ? null : t('field_code') }),
      ...(asksPassword ? { password: password() === '' ? t('field_required') : null } : {}),
    });
    recheck(form, check);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      note.hidden = true;
      if (!showErrors(form, check())) return;
      await busy(form, t('confirm_busy'), async () => {
        try {
          await http.confirm(token ? { token, password: password() } : { email: address(), code: digits(), password: password() });
        } catch (error) {
          if (error instanceof Problem && error.fields.length > 0) error.fields = [];
          showProblem(form, error, { instead: token ? 'problem_confirm_link' : 'problem_confirm' });
          return;
        }
        await this.enter(address(), password());
      });
    });
    resend.addEventListener('click', async () => {
      clearProblem(form);
      if (resend.getAttribute('aria-disabled') === 'true') return;
      if (!email && !showErrors(form, { email: EMAIL.test(address()) ? null : t('field_email') })) return;
      try {
        await http.resend(address());
        note.hidden = false;
        note.textContent = t('confirm_resent');
        this.countDown(resend);
      } catch (error) {
        showProblem(form, error);
      }
    });
    return door(
      h('h1', { id: 'title', tabindex: -1 }, t('confirm_title')),
      h('p', { class: 'lead' }, token ? t('confirm_lead_link') : email ? t('confirm_lead', { email }) : t('confirm_lead_plain')),
      form,
    );
  }

  /** Signs in with what was just confirmed, or leaves that to the sign-in page. @param {string} email @param {string} password */
  async enter(email, password) {
    Object.assign(remembered, { email, password: '' });
    try {
      if (email === '') throw new Error('a link does not tell whose it is');
      const { user } = await http.signIn({ email, password });
      await entered(user);
      go('/chats', { replace: true });
    } catch {
      go('/sign-in?note=confirmed', { replace: true });
    }
  }

  /** @param {HTMLElement} button */
  countDown(button) {
    let left = RESEND_SECONDS;
    button.setAttribute('aria-disabled', 'true');
    const tick = () => {
      if (left <= 0 || !button.isConnected) {
        clearInterval(timer);
        button.removeAttribute('aria-disabled');
        button.textContent = t('confirm_resend');
        return;
      }
      button.textContent = t('confirm_resend_wait', { count: left });
      left -= 1;
    };
    const timer = setInterval(tick, 1000);
    tick();
  }
}

customElements.define('domu-sign-in', SignIn);
customElements.define('domu-sign-up', SignUp);
customElements.define('domu-confirm', Confirm);
