/** Questions of the console: the second factor, and why something is done. */

import { Problem } from '../js/core/http.js';
import { t } from '../js/core/i18n.js';
import { scalars } from '../js/core/text.js';
import { explain, http } from '../js/ui/context.js';
import { h, icon } from '../js/ui/dom.js';
import { busy, clearProblem, digitsOf, field, isBusy, problemPlace, showErrors, valueOf } from '../js/ui/forms.js';
import { open } from './book.js';
import { drawing } from './qr.js';
import { act, self, stepUp } from './self.js';

/** Bounds of a reason, as the server has them. Unicode scalars. */
const REASON_CHARS = { min: 10, max: 500 };

const say = open({
  en: {
    step_title: 'Show your second factor',
    step_text: 'This needs a code of the app on your phone. For a short while after it you are not asked again.',
    step_do: 'Go on',
    step_wrong: 'This code does not work. Use the one that your app shows now; each works once.',
    enrol_text: 'From now on a code of an app on your phone is asked for before anything dangerous. You need an authenticator app.',
    enrol_begin: 'Make a key',
    enrol_scan: 'Scan this with your app, or type the key into it. Then type the code that it shows. The key is shown this once.',
    enrol_picture: 'The key as a QR code; it is written below as well',
    enrol_key: 'Key',
    enrol_open: 'Open in an app on this device',
    enrol_confirm: 'Confirm',
    code: 'Code of your app',
    code_short: 'Fill in the six digits that your app shows.',
    working: 'One moment',
    reason: 'Why',
    reason_hint: 'It stands in the audit log: 10 to 500 characters.',
    reason_short: 'Say why, in at least 10 characters.',
    reason_long: 'Say it in at most 500 characters.',
    not_found: 'There is no such thing, or it is not yours to see.',
    forbidden: 'Your role does not include this.',
    conflict: 'This cannot be done now.',
    bad_request: 'Something in this is not right.',
    secret_wrong: 'The admin secret is wrong.',
    not_proven: 'The second factor was not shown, so nothing was done.',
  },
  nl: {
    step_title: 'Toon je tweede factor',
    step_text: 'Hiervoor is een code nodig van de app op je telefoon. Daarna wordt er een tijdje niet opnieuw om gevraagd.',
    step_do: 'Verder',
    step_wrong: 'Deze code werkt niet. Gebruik de code die je app nu toont; elke code werkt één keer.',
    enrol_text: 'Vanaf nu wordt voor alles wat gevaarlijk is om een code van een app op je telefoon gevraagd. Je hebt een authenticator-app nodig.',
    enrol_begin: 'Maak een sleutel',
    enrol_scan: 'Scan dit met je app, of typ de sleutel erin. Typ daarna de code die de app toont. De sleutel wordt alleen deze keer getoond.',
    enrol_picture: 'De sleutel als QR-code; hij staat er ook onder',
    enrol_key: 'Sleutel',
    enrol_open: 'Open in een app op dit apparaat',
    enrol_confirm: 'Bevestig',
    code: 'Code van je app',
    code_short: 'Vul de zes cijfers in die je app toont.',
    working: 'Een ogenblik',
    reason: 'Waarom',
    reason_hint: 'Dit komt in het auditlogboek: 10 tot 500 tekens.',
    reason_short: 'Zeg waarom, in minstens 10 tekens.',
    reason_long: 'Zeg het in hoogstens 500 tekens.',
    not_found: 'Dit bestaat niet, of je mag het niet zien.',
    forbidden: 'Dit hoort niet bij je rol.',
    conflict: 'Dit kan nu niet.',
    bad_request: 'Er klopt iets niet in wat je hebt ingevuld.',
    secret_wrong: 'Het beheerdersgeheim klopt niet.',
    not_proven: 'De tweede factor is niet getoond, dus er is niets gedaan.',
  },
});

/** What is wrong with a reason; none when it will do. @param {string} text @returns {'short' | 'long' | null} */
export function reasonTrouble(text) {
  const length = scalars(text.trim());
  return length < REASON_CHARS.min ? 'short' : length > REASON_CHARS.max ? 'long' : null;
}

/** A problem as the console says it: our sentence, and the server's own words where they say more. @param {unknown} error @returns {HTMLElement} */
export function trouble(error) {
  const detail = error instanceof Problem && ['conflict', 'bad_request', 'forbidden'].includes(error.name) ? error.detail : '';
  const { text, reference } = explain(error);
  const words = error instanceof Problem ? { not_found: say('not_found'), forbidden: say('forbidden'), conflict: say('conflict'), bad_request: say('bad_request'), admin_secret_invalid: say('secret_wrong'), step_up_required: say('not_proven') }[error.name] : undefined;
  return h(
    'div',
    { class: 'problem', role: 'alert', 'data-testid': 'problem' },
    icon('alert'),
    h('div', null, h('p', null, words ?? text), detail ? h('p', { class: 'small', lang: 'en' }, detail) : null, reference ? h('p', { class: 'reference' }, t('reference', { id: reference })) : null),
  );
}

/** Says in a form what went wrong: at its fields where the server names them, else above its buttons. @param {HTMLFormElement} form @param {unknown} error */
export function tell(form, error) {
  if (error instanceof Problem && error.fields.length > 0 && !showErrors(form, Object.fromEntries(error.fields.map(({ field: name, detail }) => [name, detail])))) return;
  form.querySelector('.problem')?.replaceWith(Object.assign(trouble(error), { tabIndex: -1 }));
}

/** Who is there, and what they have shown, asked again. */
export async function refresh() {
  self.value = await http.get('/api/admin/me');
}

/** A form that takes a code of the app. @param {{ label: string, done: () => void, testid: string }} options */
function codeForm({ label, done, testid }) {
  const form = h('form', { class: 'form', novalidate: true, 'data-testid': `${testid}-form` }, field({ name: 'code', label: say('code'), testid: 'code', input: { autocomplete: 'one-time-code', inputmode: 'numeric', required: true, maxlength: 11, class: 'code', spellcheck: 'false' } }), problemPlace(), h('button', { type: 'submit', class: 'button primary', 'data-testid': `${testid}-send` }, label));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (isBusy(form)) return;
    clearProblem(form);
    if (!showErrors(form, { code: /^\d{6}$/.test(digitsOf(form)) ? null : say('code_short') })) return;
    await busy(form, say('working'), async () => {
      try {
        await http.fetchWithCSRF('/api/admin/step-up', { method: 'POST', body: { code: digitsOf(form) } });
        await refresh();
        done();
      } catch (error) {
        if (error instanceof Problem && error.name === 'step_up_required') showErrors(form, { code: say('step_wrong') });
        else tell(form, error);
      }
    });
  });
  return form;
}

/** A second factor from nothing: a key for the app, and its first code. @param {() => void} done @returns {HTMLElement} */
export function enrolment(done) {
  const place = h('div', { class: 'form' });
  const begin = h('button', { type: 'button', class: 'button primary', 'data-testid': 'enrol-begin' }, say('enrol_begin'));
  const wrong = h('div');
  begin.addEventListener('click', async () => {
    if (begin.getAttribute('aria-disabled') === 'true') return;
    begin.setAttribute('aria-disabled', 'true');
    try {
      /** @type {import('../js/wire.d.ts').Enrolment} */
      const made = await act('/api/admin/totp');
      place.replaceChildren(
        h('p', null, say('enrol_scan')),
        ...[drawing(made.url, say('enrol_picture'))].filter((one) => one !== null),
        h('div', { class: 'told' }, h('span', { class: 'muted small' }, say('enrol_key')), h('code', { class: 'secret', 'data-testid': 'enrol-secret', 'data-secret': made.secret }, (made.secret.match(/.{1,4}/g) ?? []).join(' '))),
        h('p', null, h('a', { href: made.url, class: 'button', 'data-testid': 'enrol-open' }, say('enrol_open'))),
        codeForm({ label: say('enrol_confirm'), done, testid: 'enrol' }),
      );
      place.querySelector('input')?.focus();
    } catch (error) {
      begin.removeAttribute('aria-disabled');
      wrong.replaceChildren(trouble(error));
    }
  });
  place.append(h('p', { class: 'lead' }, say('enrol_text')), wrong, begin);
  return place;
}

/** A dialog, and what it ended with. @param {string} title @param {string} testid @param {(close: (value: string) => void) => Node[]} build @returns {Promise<string>} empty when it was left */
function dialog(title, testid, build) {
  const made = h('dialog', { class: 'dialog', 'aria-labelledby': `${testid}-title`, 'data-testid': `${testid}-dialog` });
  made.append(h('h2', { id: `${testid}-title`, tabindex: -1 }, title), ...build((value) => made.close(value)));
  document.body.append(made);
  made.showModal();
  return new Promise((resolve) =>
    made.addEventListener('close', () => {
      made.remove();
      resolve(made.returnValue);
    }),
  );
}

const leave = (/** @type {(value: string) => void} */ close) => h('button', { type: 'button', class: 'button quiet', 'data-testid': 'dialog-leave', onclick: () => close('') }, t('cancel'));

/** @type {Promise<boolean> | null} */
let asking = null;

/** Shows the second factor, or makes one first. Several that wait for it wait for the same. */
stepUp.ask = () => {
  asking ??= askStepUp().finally(() => (asking = null));
  return asking;
};

async function askStepUp() {
  const enrolled = self.peek()?.second_factor === true;
  const shown = await dialog(say('step_title'), 'step-up', (close) => {
    const done = () => close('yes');
    return enrolled ? [h('p', null, say('step_text')), codeForm({ label: say('step_do'), done, testid: 'step-up' }), leave(close)] : [enrolment(done), leave(close)];
  });
  return shown === 'yes';
}

/**
 * Asks why, with further fields where there are some, and does it. Stays open until it is done or left.
 * @param {{ title: string, text?: (string | Node)[], yes: string, danger?: boolean, testid: string, fields?: Node[], check?: (form: HTMLFormElement) => Record<string, string | null>, run: (reason: string, form: HTMLFormElement) => Promise<void> }} options
 * @returns {Promise<boolean>} whether it was done
 */
export async function reasoned({ title, text = [], yes, danger = false, testid, fields = [], check = () => ({}), run }) {
  const ended = await dialog(title, testid, (close) => {
    const area = h('textarea', { rows: 3, maxlength: REASON_CHARS.max * 2 });
    const form = h(
      'form',
      { class: 'form', novalidate: true },
      ...fields,
      field({ name: 'reason', label: say('reason'), hint: say('reason_hint'), testid: `${testid}-reason`, control: area }),
      problemPlace(),
      h('div', { class: 'row end' }, leave(close), h('button', { type: 'submit', class: `button ${danger ? 'danger' : 'primary'}`, 'data-testid': `${testid}-yes` }, yes)),
    );
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      const wrong = reasonTrouble(valueOf(form, 'reason'));
      if (!showErrors(form, { ...check(form), reason: wrong === null ? null : say(wrong === 'short' ? 'reason_short' : 'reason_long') })) return;
      await busy(form, say('working'), async () => {
        try {
          await run(valueOf(form, 'reason').trim(), form);
          close('yes');
        } catch (error) {
          tell(form, error);
        }
      });
    });
    return [...text.map((line) => (typeof line === 'string' ? h('p', null, line) : line)), form];
  });
  return ended === 'yes';
}

/** Something that is told, with a way to close it. @param {string} title @param {string} close @param {string} testid @param {...Node} children */
export const tellOnce = (title, close, testid, ...children) => dialog(title, testid, (end) => [...children, h('div', { class: 'row end' }, h('button', { type: 'button', class: 'button primary', 'data-testid': `${testid}-close`, onclick: () => end('yes') }, close))]);
