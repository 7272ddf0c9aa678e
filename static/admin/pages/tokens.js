/** Tokens of admins' programs: made, told once, ended. */

import { announce, me } from '../../js/ui/context.js';
import { h } from '../../js/ui/dom.js';
import { field, valueOf } from '../../js/ui/forms.js';
import { scalars } from '../../js/core/text.js';
import { open } from '../book.js';
import { reasoned, tellOnce } from '../dialogs.js';
import { act, look, self } from '../self.js';
import { moment, Sheet, table } from '../sheet.js';

/** @import { MadeToken, TokenList, TokenSummary } from '../../js/wire.d.ts' */
/** @import { Page } from '../place.js' */

/** Longest life of a token, in days, and longest name, in Unicode scalars, as the server has them. */
const DAYS_MAX = 90;
const NAME_CHARS_MAX = 60;

const say = open({
  en: {
    title: 'API tokens',
    text: 'With a token of your own a program calls /api/admin as you, for what the token was made for and no longer than it lives.',
    caption: 'Live tokens',
    none: 'There are no live tokens.',
    name: 'What it is for',
    whose: 'Whose',
    mine: 'Yours',
    scopes: 'May',
    made: 'Made',
    ends: 'Ends',
    make: 'Make a token',
    make_do: 'Make it',
    name_wrong: 'Say what it is for, in at most 60 characters.',
    days: 'For how many days',
    days_wrong: 'Choose 1 to 90 days.',
    scopes_wrong: 'Choose at least one.',
    revoke: 'End',
    revoke_ask: 'End the token "{name}"',
    revoke_text: 'The programs that use it are refused from now on.',
    revoked: 'The token is ended.',
    once: 'Your token',
    once_text: 'It is shown this once and stored nowhere. Put it where your program finds it.',
    once_use: 'Send it with every request:',
    once_close: 'I have kept it',
    copy: 'Copy',
    copied: 'Copied.',
    made_done: 'The token is made.',
  },
  nl: {
    title: 'API-tokens',
    text: 'Met een eigen token roept een programma /api/admin aan als jij, voor wat het token mag en niet langer dan het leeft.',
    caption: 'Levende tokens',
    none: 'Er zijn geen levende tokens.',
    name: 'Waarvoor het is',
    whose: 'Van wie',
    mine: 'Van jou',
    scopes: 'Mag',
    made: 'Gemaakt',
    ends: 'Eindigt',
    make: 'Maak een token',
    make_do: 'Maak het',
    name_wrong: 'Zeg waarvoor het is, in hoogstens 60 tekens.',
    days: 'Voor hoeveel dagen',
    days_wrong: 'Kies 1 tot 90 dagen.',
    scopes_wrong: 'Kies er minstens één.',
    revoke: 'Beëindig',
    revoke_ask: 'Beëindig het token "{name}"',
    revoke_text: 'De programma’s die het gebruiken worden vanaf nu geweigerd.',
    revoked: 'Het token is beëindigd.',
    once: 'Je token',
    once_text: 'Het wordt alleen deze keer getoond en nergens bewaard. Zet het waar je programma het vindt.',
    once_use: 'Stuur het met elk verzoek mee:',
    once_close: 'Ik heb het bewaard',
    copy: 'Kopieer',
    copied: 'Gekopieerd.',
    made_done: 'Het token is gemaakt.',
  },
});

/** @extends {Sheet<TokenList>} */
class Tokens extends Sheet {
  heading() {
    return say('title');
  }

  fetch() {
    return look('/api/admin/api-tokens');
  }

  tools() {
    return [h('button', { type: 'button', class: 'button primary', id: 'make-token', 'data-testid': 'make-token', onclick: () => void this.make() }, say('make'))];
  }

  above() {
    return [h('p', { class: 'muted' }, say('text'))];
  }

  /** @param {TokenList} list */
  view(list) {
    const own = me.value?.id;
    return [
      table({
        caption: say('caption'),
        testid: 'tokens',
        rows: list.tokens,
        keyOf: (row) => row.id,
        empty: say('none'),
        columns: [
          { title: say('name'), cell: (row) => h('span', { class: 'name', dir: 'auto' }, row.name), wide: true },
          { title: say('whose'), cell: (row) => (row.user === own ? say('mine') : h('span', { class: 'small' }, row.user)) },
          { title: say('scopes'), cell: (row) => h('ul', { class: 'tags' }, ...row.scopes.map((one) => h('li', null, h('code', { class: 'small' }, one)))) },
          { title: say('made'), cell: (row) => moment(row.created_at) },
          { title: say('ends'), cell: (row) => moment(row.expires_at) },
        ],
        actions: (row) => h('button', { type: 'button', class: 'button danger-quiet', id: `revoke-${row.id}`, 'aria-label': `${say('revoke')}: ${row.name}`, 'data-testid': 'revoke-token', onclick: () => void this.revoke(row) }, say('revoke')),
      }),
    ];
  }

  async make() {
    /** @type {MadeToken | null} */
    let made = null;
    const chosen = (/** @type {HTMLFormElement} */ form) => [...form.querySelectorAll('input[name=scopes]')].flatMap((one) => (one instanceof HTMLInputElement && one.checked ? [one.value] : []));
    const scopes = h(
      'fieldset',
      { class: 'scopes' },
      h('legend', null, say('scopes')),
      ...(self.peek()?.permissions ?? []).map((one) => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'scopes', value: one, 'data-testid': `scope-${one}`, 'aria-describedby': 'field-scopes-error' }), h('code', null, one))),
    );
    await reasoned({
      title: say('make'),
      yes: say('make_do'),
      testid: 'make',
      fields: [
        field({ name: 'name', label: say('name'), testid: 'token-name', input: { autocomplete: 'off', maxlength: NAME_CHARS_MAX * 2 } }),
        field({ name: 'days', label: say('days'), type: 'number', testid: 'token-days', input: { min: 1, max: DAYS_MAX, value: 30, inputmode: 'numeric' } }),
        h('div', { class: 'field' }, scopes, h('p', { class: 'error', id: 'field-scopes-error', 'data-error-for': 'scopes' })),
      ],
      check: (form) => {
        const [name, days] = [scalars(valueOf(form, 'name').trim()), Number(valueOf(form, 'days'))];
        return {
          name: name >= 1 && name <= NAME_CHARS_MAX ? null : say('name_wrong'),
          days: Number.isInteger(days) && days >= 1 && days <= DAYS_MAX ? null : say('days_wrong'),
          scopes: chosen(form).length > 0 ? null : say('scopes_wrong'),
        };
      },
      run: async (reason, form) => {
        made = await act('/api/admin/api-tokens', { name: valueOf(form, 'name').trim(), scopes: chosen(form), days: Number(valueOf(form, 'days')), reason });
      },
    });
    if (made === null) return;
    const { token } = /** @type {MadeToken} */ (made);
    const copy = h('button', { type: 'button', class: 'button', 'data-testid': 'copy-token' }, say('copy'));
    copy.addEventListener('click', async () => {
      await navigator.clipboard?.writeText(token).then(() => {
        copy.textContent = say('copied');
      }, () => {});
    });
    await tellOnce(
      say('once'),
      say('once_close'),
      'token',
      h('p', null, say('once_text')),
      h('div', { class: 'told' }, h('code', { class: 'secret', tabindex: 0, 'data-testid': 'token' }, token), copy),
      h('p', { class: 'muted small' }, say('once_use'), ' ', h('code', null, 'authorization: Bearer …')),
    );
    await this.told(say('made_done'));
  }

  /** @param {TokenSummary} row */
  async revoke(row) {
    const done = await reasoned({
      title: say('revoke_ask', { name: row.name }),
      text: [say('revoke_text')],
      yes: say('revoke'),
      danger: true,
      testid: 'revoke',
      run: async (reason) => {
        await act(`/api/admin/api-tokens/${encodeURIComponent(row.id)}/revoke`, { reason });
      },
    });
    if (done) await this.told(say('revoked'));
  }

  /** @param {string} words */
  async told(words) {
    this.done.value = words;
    announce(words);
    await this.load();
  }
}

customElements.define('console-tokens', Tokens);

/** @type {Page} */
export const page = { name: 'tokens', order: 100, needs: 'manage_admins', everywhere: true, icon: 'terminal', title: () => say('title'), element: 'console-tokens' };
