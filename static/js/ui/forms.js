/** Parts that forms share: fields with their hints and errors, problems, the language and theme switches. */

import { Problem } from '../core/http.js';
import { locale, t } from '../core/i18n.js';
import { scalars } from '../core/text.js';
import { limits } from './api.js';
import { explain, setLocale, setTheme, theme } from './context.js';
import { h, icon } from './dom.js';

/**
 * @typedef {object} FieldOptions
 * @property {string} name
 * @property {string} label
 * @property {string} [type]
 * @property {string} [hint]
 * @property {string} testid
 * @property {Record<string, any>} [input] further attributes
 * @property {HTMLElement} [after] beside the input
 * @property {HTMLTextAreaElement | HTMLSelectElement} [control] instead of an input
 */

/** A label, its input, a hint and a place for an error. @param {FieldOptions} options */
export function field({ name, label, type = 'text', hint, testid, input = {}, after, control: other }) {
  const id = `field-${name}`;
  const facts = { id, name, 'data-testid': testid, 'aria-describedby': `${hint ? `${id}-hint ` : ''}${id}-error` };
  const control = other ?? h('input', { ...facts, type, ...input });
  if (other) for (const [key, value] of Object.entries(facts)) other.setAttribute(key, value);
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null,
    after ? h('div', { class: 'with-button' }, control, after) : control,
    h('p', { class: 'error', id: `${id}-error`, 'data-error-for': name }),
  );
}

/**
 * A password field that can be shown, in which managers and pasting work. With `guide` it says how long is long enough.
 * @param {{ autocomplete: 'current-password' | 'new-password', name?: string, label?: string, hint?: string, guide?: boolean, testid: string }} options
 */
export function passwordField({ autocomplete, name = 'password', label = t('password'), hint, guide = false, testid }) {
  const toggle = h('button', { type: 'button', class: 'button quiet icon-only', 'aria-label': t('show_password'), 'aria-pressed': 'false', 'data-testid': `${name === 'password' ? 'password' : testid}-toggle` }, icon('eye'));
  const made = field({ name, label, type: 'password', hint, testid, input: { autocomplete, required: true, autocapitalize: 'none', spellcheck: 'false', ...(guide ? { passwordrules: limits.peek().password_chars_min === undefined ? null : `minlength: ${limits.peek().password_chars_min};` } : {}) }, after: toggle });
  const input = /** @type {HTMLInputElement} */ (made.querySelector('input'));
  toggle.addEventListener('click', () => {
    const show = input.type === 'password';
    input.type = show ? 'text' : 'password';
    toggle.setAttribute('aria-pressed', String(show));
    toggle.setAttribute('aria-label', t(show ? 'hide_password' : 'show_password'));
    toggle.replaceChildren(icon(show ? 'eye-off' : 'eye'));
    input.focus();
  });
  if (guide) {
    const line = h('p', { class: 'guide', 'data-testid': 'password-guide' });
    const look = () => {
      const length = scalars(input.value);
      const least = limits.peek().password_chars_min;
      if (least === undefined) return;
      line.textContent = length < least ? t('password_short', { count: least - length }) : t('password_fine', { count: length });
      line.classList.toggle('fine', length >= least);
    };
    input.addEventListener('input', look);
    made.insertBefore(line, made.querySelector('.error'));
    queueMicrotask(look);
  }
  return made;
}

/** What is wrong with a new password before it is sent: only its length, which the server says. @param {string} password */
export function passwordTrouble(password) {
  const { password_chars_min, password_bytes_max } = limits.peek();
  if (password === '') return t('field_required');
  if (password_chars_min !== undefined && scalars(password) < password_chars_min) return t('field_password', { count: password_chars_min });
  return password_bytes_max !== undefined && new TextEncoder().encode(password).length > password_bytes_max ? t('field_password_long', { count: password_bytes_max }) : null;
}

/** What makes a good password, and how long it has to be. */
export function passwordHint() {
  const { password_chars_min } = limits.value;
  return password_chars_min === undefined ? t('password_hint') : `${t('field_password', { count: password_chars_min })} ${t('password_hint')}`;
}

/** That a text is too long, with the bound when there is one. @param {number | undefined} max */
export const tooLong = (max) => (max === undefined ? undefined : t('field_too_long', { count: max }));

/** What is wrong with the length of a text. @param {string} words @param {number | undefined} max */
export const lengthTrouble = (words, max) => (max !== undefined && scalars(words) > max ? t('field_too_long', { count: max }) : null);

/** Shows an error at a field, or takes it away. @param {HTMLFormElement} form @param {string} name @param {string | null} message */
export function fieldError(form, name, message) {
  const place = form.querySelector(`[data-error-for="${CSS.escape(name)}"]`);
  if (place) place.replaceChildren(...(message ? [icon('alert'), document.createTextNode(message)] : []));
  const input = form.elements.namedItem(name);
  if (input instanceof HTMLElement) {
    if (message) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }
}

/**
 * Shows all errors and moves to the first. @param {HTMLFormElement} form @param {Record<string, string | null>} errors
 * @returns {boolean} whether there was none
 */
export function showErrors(form, errors) {
  let first = null;
  for (const [name, message] of Object.entries(errors)) {
    fieldError(form, name, message);
    const input = form.elements.namedItem(name);
    if (message && first === null && input instanceof HTMLElement) first = input;
  }
  first?.focus();
  return first === null;
}

/** @param {HTMLFormElement} form @param {string} name */
export const valueOf = (form, name) => {
  const input = form.elements.namedItem(name);
  return input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement || input instanceof HTMLSelectElement ? input.value : '';
};

/** Looks at a field again once it was found wrong. @param {HTMLFormElement} form @param {() => Record<string, string | null>} check */
export function recheck(form, check) {
  form.addEventListener('input', (event) => {
    const { target } = event;
    if (!(target instanceof HTMLInputElement) || target.getAttribute('aria-invalid') !== 'true') return;
    fieldError(form, target.name, check()[target.name] ?? null);
  });
}

/** How an e-mail address looks, as far as a form can tell. */
export const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** An e-mail address as a field. @param {{ value?: string, hint?: string, label?: string, autocomplete?: 'username' | 'email' }} [options] */
export const emailField = ({ value = '', hint, label = t('email'), autocomplete = 'username' } = {}) =>
  field({ name: 'email', label, type: 'email', hint, testid: 'email', input: { autocomplete, required: true, inputmode: 'email', autocapitalize: 'none', spellcheck: 'false', maxlength: 254, value } });

/** A mailed code of six digits as a field. */
export const codeField = () => field({ name: 'code', label: t('confirm_code'), testid: 'code', input: { autocomplete: 'one-time-code', inputmode: 'numeric', required: true, maxlength: 11, class: 'code', spellcheck: 'false' } });

/** The digits of a code as they were typed or pasted. @param {HTMLFormElement} form */
export const digitsOf = (form) => valueOf(form, 'code').replace(/[\s-]/g, '');

/** A place for what happened to the whole form. */
export const problemPlace = () => h('div', { class: 'problem', role: 'alert', 'data-testid': 'form-problem' });

/**
 * Says what went wrong, at the fields when the server named them.
 * @param {HTMLFormElement} form @param {unknown} error @param {{ instead?: import('../core/i18n.js').Key, fields?: Record<string, string | undefined> }} [words] `fields`: our words for a field instead of the server's
 */
export function showProblem(form, error, { instead, fields = {} } = {}) {
  const place = form.querySelector('.problem');
  if (place === null) return;
  if (error instanceof Problem && error.fields.length > 0) {
    /** @type {Record<string, string>} */
    const errors = {};
    for (const { field: name, detail } of error.fields) errors[name] = fields[name] ?? detail;
    if (!showErrors(form, errors)) {
      place.replaceChildren();
      return;
    }
  }
  const { text, reference } = explain(error, instead);
  place.replaceChildren(icon('alert'), h('div', null, h('p', null, text), reference ? h('p', { class: 'reference' }, t('reference', { id: reference })) : null));
}

/** @param {HTMLFormElement} form */
export function clearProblem(form) {
  form.querySelector('.problem')?.replaceChildren();
}

/**
 * Keeps a form from being sent twice and says that it is under way.
 * @template T @param {HTMLFormElement} form @param {string} words @param {() => Promise<T>} work
 */
export async function busy(form, words, work) {
  const button = /** @type {HTMLButtonElement | null} */ (form.querySelector('button[type="submit"]'));
  const label = button?.textContent ?? '';
  form.setAttribute('aria-busy', 'true');
  if (button) {
    button.setAttribute('aria-disabled', 'true');
    button.textContent = words;
  }
  try {
    return await work();
  } finally {
    form.removeAttribute('aria-busy');
    if (button) {
      button.removeAttribute('aria-disabled');
      button.textContent = label;
    }
  }
}

/** @param {HTMLFormElement} form */
export const isBusy = (form) => form.getAttribute('aria-busy') === 'true';

/** The two languages, each in its own words. */
export function languageSwitch() {
  const option = (/** @type {'nl' | 'en'} */ code, /** @type {string} */ name) =>
    h('button', { type: 'button', class: 'choice', lang: code, id: `language-${code}`, 'aria-pressed': String(locale.value === code), 'data-testid': `language-${code}`, onclick: () => setLocale(code) }, name);
  return h('div', { class: 'choices', role: 'group', 'aria-label': t('language') }, option('nl', 'Nederlands'), option('en', 'English'));
}

export function themeSwitch() {
  const group = h('div', { class: 'choices', role: 'group', 'aria-label': t('theme') });
  const draw = () => {
    const held = document.activeElement?.id;
    group.replaceChildren(
      ...(/** @type {const} */ (['system', 'light', 'dark'])).map((choice) =>
        h(
          'button',
          {
            type: 'button',
            class: 'choice',
            id: `theme-${choice}`,
            'aria-pressed': String(theme() === choice),
            'data-testid': `theme-${choice}`,
            onclick: () => {
              setTheme(choice);
              draw();
            },
          },
          t(choice === 'system' ? 'theme_system' : choice === 'light' ? 'theme_light' : 'theme_dark'),
        ),
      ),
    );
    if (held?.startsWith('theme-')) document.getElementById(held)?.focus();
  };
  draw();
  return group;
}

/** The mark and the name. */
export const brand = () => h('span', { class: 'brand' }, icon('mark'), h('span', null, 'Domu'));
