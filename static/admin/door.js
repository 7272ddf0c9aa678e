/** What stands before the console: signing in, an invitation, the admin secret, the second factor. */

import { Problem } from '../js/core/http.js';
import { t } from '../js/core/i18n.js';
import { chooseLocale, http, me } from '../js/ui/context.js';
import { door as doorFrame } from '../js/ui/doors.js';
import { h, Part, rebuild } from '../js/ui/dom.js';
import { busy, clearProblem, EMAIL, emailField, isBusy, passwordField, problemPlace, showErrors, showProblem, valueOf } from '../js/ui/forms.js';
import { open } from './book.js';
import { enrolment, refresh, tell, trouble } from './dialogs.js';
import { owed } from './place.js';
import { door, doorProblem, self } from './self.js';

const say = open({
  en: {
    sign_in: 'Sign in to the console',
    sign_in_text: 'For admins of Domu. Everybody else signs in to the app.',
    sign_in_do: 'Sign in',
    working: 'One moment',
    stranger: 'You are signed in, but no admin',
    stranger_text: 'Signed in as {email}. If a super admin has invited this address, accept the invitation here.',
    accept: 'Accept the invitation',
    no_invite: 'There is no open invitation for this address. Ask a super admin for one.',
    to_app: 'To the app',
    sign_out: 'Sign out',
    suspended: 'This account is suspended',
    suspended_text: 'Nothing can be done with it here. Ask a super admin.',
    failed: 'The console cannot be reached',
    secret: 'This session waits for the admin secret',
    secret_text: 'The operator of this server has set one. It unlocks this session for a while.',
    secret_label: 'Admin secret',
    secret_do: 'Unlock',
    enrol: 'Set up your second factor',
  },
  nl: {
    sign_in: 'Inloggen bij de console',
    sign_in_text: 'Voor beheerders van Domu. Alle anderen loggen in bij de app.',
    sign_in_do: 'Inloggen',
    working: 'Een ogenblik',
    stranger: 'Je bent ingelogd, maar geen beheerder',
    stranger_text: 'Ingelogd als {email}. Als een superbeheerder dit adres heeft uitgenodigd, neem de uitnodiging dan hier aan.',
    accept: 'Neem de uitnodiging aan',
    no_invite: 'Er is geen open uitnodiging voor dit adres. Vraag een superbeheerder erom.',
    to_app: 'Naar de app',
    sign_out: 'Uitloggen',
    suspended: 'Dit account is geschorst',
    suspended_text: 'Er kan hier niets mee worden gedaan. Vraag het een superbeheerder.',
    failed: 'De console is niet te bereiken',
    secret: 'Deze sessie wacht op het beheerdersgeheim',
    secret_text: 'De beheerder van deze server heeft er een ingesteld. Het ontgrendelt deze sessie voor een tijdje.',
    secret_label: 'Beheerdersgeheim',
    secret_do: 'Ontgrendel',
    enrol: 'Stel je tweede factor in',
  },
});

const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('domu:session') : null;

/** Finds out who is there and what they have yet to show. */
export async function knock() {
  doorProblem.value = null;
  try {
    const person = await http.me();
    me.value = person;
    chooseLocale(person);
    await refresh();
    const admin = self.peek();
    door.value = admin === null ? 'stranger' : (owed(admin) ?? 'open');
  } catch (error) {
    const name = error instanceof Problem ? error.name : '';
    if (error instanceof Problem && error.status === 401) door.value = 'out';
    else if (name === 'suspended') door.value = 'suspended';
    else if (name === 'forbidden') door.value = 'stranger';
    else {
      doorProblem.value = error;
      door.value = 'failed';
    }
  }
}

/** Another tab may have signed somebody else in or out. */
export function watchTabs() {
  tabs?.addEventListener('message', (event) => {
    if ((event.data?.user ?? null) !== (me.peek()?.id ?? null)) location.reload();
  });
}

export async function leave() {
  try {
    await http.signOut();
  } catch (error) {
    // A session that is over already is left all the same.
    if (!(error instanceof Problem && error.status > 0 && error.status < 500)) throw error;
    http.forgetToken();
  }
  tabs?.postMessage({ user: null });
  me.value = null;
  self.value = null;
  door.value = 'out';
}

const heading = (/** @type {string} */ words) => h('h1', { id: 'title', tabindex: -1 }, words);

class ConsoleDoor extends Part {
  begin() {
    this.watch(() => {
      const state = door.value;
      const wrong = doorProblem.value;
      rebuild(this, () => [doorFrame(...this.build(state, wrong))]);
    });
  }

  /** @param {typeof door.held} state @param {unknown} wrong @returns {import('../js/ui/dom.js').Child[]} */
  build(state, wrong) {
    const out = h('button', { type: 'button', class: 'button quiet', 'data-testid': 'sign-out', onclick: () => void leave().catch((error) => (doorProblem.value = error)) }, say('sign_out'));
    const problem = wrong ? trouble(wrong) : null;
    switch (state) {
      case 'out':
        return [heading(say('sign_in')), h('p', { class: 'lead' }, say('sign_in_text')), this.signIn()];
      case 'stranger':
        return [heading(say('stranger')), h('p', { class: 'lead' }, say('stranger_text', { email: me.value?.email ?? '' })), this.invitation(), problem, h('div', { class: 'row' }, out, h('a', { class: 'button quiet', href: '/chats', 'data-away': true }, say('to_app')))];
      case 'suspended':
        return [heading(say('suspended')), h('p', { class: 'lead' }, say('suspended_text')), problem, out];
      case 'failed':
        return [heading(say('failed')), problem, h('button', { type: 'button', class: 'button primary', 'data-testid': 'knock', onclick: () => void knock() }, t('retry'))];
      case 'secret':
        return [heading(say('secret')), h('p', { class: 'lead' }, say('secret_text')), this.secret(), problem, out];
      case 'enrol':
        return [heading(say('enrol')), enrolment(() => void knock()), problem, out];
      default:
        return [h('p', { class: 'sr-only', role: 'status' }, t('loading'))];
    }
  }

  signIn() {
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'sign-in-form', 'aria-labelledby': 'title' },
      emailField(),
      passwordField({ autocomplete: 'current-password', testid: 'password' }),
      problemPlace(),
      h('button', { type: 'submit', class: 'button primary', 'data-testid': 'sign-in' }, say('sign_in_do')),
    );
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      const email = valueOf(form, 'email').trim();
      if (!showErrors(form, { email: email === '' ? t('field_required') : EMAIL.test(email) ? null : t('field_email'), password: valueOf(form, 'password') === '' ? t('field_required') : null })) return;
      await busy(form, say('working'), async () => {
        try {
          const { user } = await http.signIn({ email, password: valueOf(form, 'password') });
          tabs?.postMessage({ user: user.id });
          form.reset();
          await knock();
        } catch (error) {
          showProblem(form, error, { instead: 'problem_bad_credentials' });
        }
      });
    });
    return form;
  }

  invitation() {
    const form = h('form', { class: 'form', novalidate: true }, problemPlace(), h('button', { type: 'submit', class: 'button primary', 'data-testid': 'accept-invite' }, say('accept')));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      await busy(form, say('working'), async () => {
        try {
          await http.fetchWithCSRF('/api/admin/invites/accept', { method: 'POST' });
          await knock();
        } catch (error) {
          if (error instanceof Problem && error.name === 'not_found') form.querySelector('.problem')?.replaceChildren(say('no_invite'));
          else tell(form, error);
        }
      });
    });
    return form;
  }

  secret() {
    const form = h(
      'form',
      { class: 'form', novalidate: true, 'data-testid': 'unlock-form', 'aria-labelledby': 'title' },
      passwordField({ autocomplete: 'current-password', name: 'secret', label: say('secret_label'), testid: 'secret' }),
      problemPlace(),
      h('button', { type: 'submit', class: 'button primary', 'data-testid': 'unlock' }, say('secret_do')),
    );
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      if (!showErrors(form, { secret: valueOf(form, 'secret') === '' ? t('field_required') : null })) return;
      await busy(form, say('working'), async () => {
        try {
          await http.fetchWithCSRF('/api/admin/unlock', { method: 'POST', body: { secret: valueOf(form, 'secret') } });
          form.reset();
          await knock();
        } catch (error) {
          tell(form, error);
        }
      });
    });
    return form;
  }
}

customElements.define('console-door', ConsoleDoor);
