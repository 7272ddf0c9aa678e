/** Parts that forms share: fields with their hints and errors, problems, the language and theme switches. */

import { Problem } from '../core/http.js';
import { locale, t } from '../core/i18n.js';
import { scalars } from '../core/text.js';
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
 */

/** A label, its input, a hint and a place for an error. @param {FieldOptions} options */
export function field({ name, label, type = 'text', hint, testid, input = {}, after }) {
  const id = `field-${name}`;
  const control = h('input', {
    id,
    name,
    type,
    'data-testid': testid,
    'aria-describedby': `${hint ? `${id}-hint ` : ''}${id}-error`,
    ...input,
  });
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null,
    after ? h('div', { class: 'with-button' }, control, after) : control,
    h('p', { class: 'error', id: `${id}-error`, 'data-error-for': name }),
  );
}

/** A password field that can be shown. @param {{ autocomplete: 'current-password' | 'new-password', hint?: string, guide?: boolean, testid: string }} options */
export function passwordField({ autocomplete, hint, guide = false, testid }) {
  const toggle = h('button', { type: 'button', class: 'button quiet icon-only', 'aria-label': t('show_password'), 'aria-pressed': 'false', 'data-testid': 'password-toggle' }, icon('eye'));
  const made = field({ name: 'password', label: t('password'), type: 'password', hint, testid, input: { autocomplete, required: true, maxlength: 1024, autocapitalize: 'none', spellcheck: 'false' }, after: toggle });
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
      line.textContent = length === 0 ? '' : length < 10 ? t('password_short', { count: 10 - length }) : t('password_fine');
      line.classList.toggle('fine', length >= 10);
    };
    input.addEventListener('input', look);
    made.insertBefore(line, made.querySelector('.error'));
    queueMicrotask(look);
  }
  return made;
}

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

/** A place for what happened to the whole form. */
export const problemPlace = () => h('div', { class: 'problem', role: 'alert', 'data-testid': 'form-problem' });

/**
 * Says what went wrong, at the fields when the server named them.
 * @param {HTMLFormElement} form @param {unknown} error @param {{ instead?: import('../core/i18n.js').Key, fields?: Record<string, string> }} [words]
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
