/** The demo's door: says whom the link is for and who is signed in, and changes that only when asked. */

/** @import { Me } from './types.js' */
import { t } from './core/i18n.js';
import { chooseLocale, explain, http } from './ui/context.js';
import { avatar, fullName } from './ui/avatar.js';
import { h, icon, loadIcons, Part, rebuild } from './ui/dom.js';
import { brand, languageSwitch } from './ui/forms.js';
import { signal } from './core/signals.js';

/** @typedef {{ person: { id?: string, first_name: string, last_name: string, university?: string | { name: string } | null }, current: Me | null }} People */

class Demo extends Part {
  begin() {
    const token = new URLSearchParams(location.search).get('as') ?? '';
    const people = signal(/** @type {People | 'loading' | 'bad'} */ ('loading'));
    const problem = signal(/** @type {unknown} */ (null));
    const busy = signal(false);
    http
      .get(`/api/demo/people?as=${encodeURIComponent(token)}`)
      .then((found) => (people.value = found))
      .catch((error) => {
        if (error?.name === 'offline' || error?.status >= 500) problem.value = error;
        people.value = 'bad';
      });
    const open = async () => {
      if (busy.peek()) return;
      busy.value = true;
      try {
        const { user } = await http.fetchWithCSRF('/api/demo/sign-in', { method: 'POST', body: { as: token } });
        if ('BroadcastChannel' in window) {
          const tabs = new BroadcastChannel('domu:session');
          tabs.postMessage({ user: user.id });
          tabs.close();
        }
        location.replace('/chats');
      } catch (error) {
        busy.value = false;
        problem.value = error;
      }
    };
    this.watch(() => {
      const found = people.value;
      const trouble = problem.value ? explain(problem.value) : null;
      document.title = t('demo_title');
      rebuild(this, () => [
        h(
          'div',
          { class: 'door' },
          h('header', { class: 'door-head' }, brand(), languageSwitch()),
          h(
            'main',
            { class: 'door-body', id: 'main' },
            found === 'loading' ? h('p', { class: 'sr-only', role: 'status' }, t('loading')) : found === 'bad' ? this.bad() : this.choice(found, busy.value, open),
            trouble ? h('div', { class: 'problem', role: 'alert' }, icon('alert'), h('div', null, h('p', null, trouble.text), trouble.reference ? h('p', { class: 'reference' }, t('reference', { id: trouble.reference })) : null)) : null,
          ),
        ),
      ]);
    });
  }

  bad() {
    return [h('h1', null, t('demo_bad_title')), h('p', { class: 'lead' }, t('demo_bad_text'))];
  }

  /** @param {People} found @param {boolean} busy @param {() => void} open */
  choice({ person, current }, busy, open) {
    const name = fullName(person);
    const university = typeof person.university === 'string' ? person.university : person.university?.name;
    const same = current !== null && (person.id ? person.id === current.id : fullName(current) === name);
    const label = current === null ? t('demo_open', { name: person.first_name }) : same ? t('demo_continue', { name: person.first_name }) : t('demo_switch', { name: person.first_name });
    return [
      h('h1', null, t('demo_title')),
      h('p', { class: 'lead' }, t('demo_lead')),
      h('div', { class: 'card person' }, avatar({ ...person, id: person.id ?? name }, 'large'), h('div', null, h('p', { class: 'name', dir: 'auto', 'data-testid': 'demo-person' }, name), university ? h('p', { class: 'muted' }, university) : null)),
      h('p', { 'data-testid': 'demo-current' }, current === null ? t('demo_nobody') : t('demo_now', { name: fullName(current) })),
      current !== null && !same ? h('p', { class: 'muted' }, t('demo_switch_hint', { name: current.first_name })) : null,
      same
        ? h('a', { class: 'button primary', href: '/chats', 'data-testid': 'demo-open' }, label)
        : h('button', { type: 'button', class: 'button primary', id: 'open', 'aria-disabled': busy ? 'true' : null, 'data-testid': 'demo-open', onclick: open }, label),
      h('p', { class: 'muted small' }, t('demo_two')),
    ];
  }
}

loadIcons();
chooseLocale(null);
customElements.define('domu-demo', Demo);
