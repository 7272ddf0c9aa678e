/** My account: what I am, my second factor, my password, and where I am signed in. */

import { me } from '../../js/ui/context.js';
import { h, Part, rebuild } from '../../js/ui/dom.js';
import '../../js/ui/security.js';
import { notice } from '../../js/ui/parts.js';
import { signal } from '../../js/core/signals.js';
import { open } from '../book.js';
import { enrolment, trouble } from '../dialogs.js';
import { roleName } from '../roles.js';
import { self, stepUp } from '../self.js';

/** @import { Page } from '../place.js' */

const say = open({
  en: {
    title: 'My account',
    what: 'What you are',
    signed_in: 'Signed in as {email}.',
    factor: 'Second factor',
    factor_on: 'You have one.',
    factor_off: 'You have none yet. Set one up: what is dangerous asks for it.',
    factor_shown: 'You have shown it a short while ago.',
    factor_show: 'Show it now',
    factor_other: 'Put another in its place',
    factor_new: 'Set it up',
    factor_done: 'Your second factor works.',
    may: 'What your role includes',
  },
  nl: {
    title: 'Mijn account',
    what: 'Wat je bent',
    signed_in: 'Ingelogd als {email}.',
    factor: 'Tweede factor',
    factor_on: 'Je hebt er een.',
    factor_off: 'Je hebt er nog geen. Stel er een in: wat gevaarlijk is vraagt erom.',
    factor_shown: 'Je hebt hem kort geleden getoond.',
    factor_show: 'Toon hem nu',
    factor_other: 'Zet er een andere voor in de plaats',
    factor_new: 'Stel hem in',
    factor_done: 'Je tweede factor werkt.',
    may: 'Wat je rol inhoudt',
  },
});

class Factor extends Part {
  state = signal(/** @type {'rest' | 'making' | 'done'} */ ('rest'));
  problem = signal(/** @type {unknown} */ (null));

  begin() {
    this.watch(() => {
      const [admin, state, problem] = [self.value, this.state.value, this.problem.value];
      if (admin === null) return;
      // A key that was told stays until it is confirmed.
      if (state === 'making' && this.querySelector('[data-testid=enrol-form]')) return;
      rebuild(this, () => [
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'factor-title', 'data-testid': 'factor', 'data-on': String(admin.second_factor) },
          h('h2', { id: 'factor-title', tabindex: -1 }, say('factor')),
          state === 'done' ? notice(say('factor_done')) : null,
          h('p', null, say(admin.second_factor ? 'factor_on' : 'factor_off'), admin.stepped_up ? ` ${say('factor_shown')}` : ''),
          problem ? trouble(problem) : null,
          state === 'making'
            ? enrolment(() => (this.state.value = 'done'))
            : h(
                'div',
                { class: 'row' },
                admin.second_factor && !admin.stepped_up ? h('button', { type: 'button', class: 'button', id: 'factor-show', 'data-testid': 'factor-show', onclick: () => void stepUp.ask() }, say('factor_show')) : null,
                h('button', { type: 'button', class: 'button', id: 'factor-make', 'data-testid': 'factor-make', onclick: () => void this.make() }, say(admin.second_factor ? 'factor_other' : 'factor_new')),
              ),
        ),
      ]);
    });
  }

  /** Another takes the place of one only once that one was shown. */
  async make() {
    this.problem.value = null;
    const admin = self.peek();
    if (admin?.second_factor && !admin.stepped_up && !(await stepUp.ask())) return;
    this.state.value = 'making';
  }
}

class Account extends Part {
  begin() {
    const rest = [document.createElement('console-factor'), document.createElement('domu-password'), document.createElement('domu-devices')];
    const head = h('header', { class: 'sheet-head' });
    const what = h('section', { class: 'card', 'aria-labelledby': 'what-title' });
    this.replaceChildren(h('div', { class: 'page' }, head, what, ...rest));
    this.watch(() => rebuild(head, () => [h('h1', { tabindex: -1 }, say('title'))]));
    this.watch(() => {
      const admin = self.value;
      if (admin === null) return;
      rebuild(what, () => [
        h('h2', { id: 'what-title' }, say('what')),
        h('p', null, h('span', { class: 'chip good' }, roleName(admin.role))),
        h('p', { class: 'muted' }, say('signed_in', { email: me.value?.email ?? '' })),
        h('details', { class: 'more', id: 'may' }, h('summary', null, `${say('may')} (${admin.permissions.length})`), h('ul', { class: 'tags' }, ...admin.permissions.map((one) => h('li', null, h('code', null, one))))),
      ]);
    });
  }
}

customElements.define('console-factor', Factor);
customElements.define('console-account', Account);

/** @type {Page} */
export const page = { name: 'account', order: 900, needs: 'oneself', icon: 'me', title: () => say('title'), element: 'console-account' };
