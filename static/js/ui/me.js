/** Oneself: name, settings, where one is signed in, and leaving. */

/** @import { DeviceSession } from '../types.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { longDate } from '../core/time.js';
import { deviceName } from '../core/text.js';
import { avatar, fullName } from './avatar.js';
import { explain, http, me, relative, store } from './context.js';
import { h, icon, Part, rebuild } from './dom.js';
import { languageSwitch, themeSwitch } from './forms.js';
import { signOut } from './session.js';

class MeScreen extends Part {
  /** @type {import('../core/signals.js').Signal<DeviceSession[] | 'loading' | 'failed'>} */
  devices = signal(/** @type {any} */ ('loading'));
  note = signal('');
  problem = signal(/** @type {unknown} */ (null));

  begin() {
    void this.load();
    const held = store.peek();
    if (held) {
      const hear = (/** @type {import('../types.js').WireEvent} */ event) => event.op === 'session' && void this.load();
      held.userEvents.add(hear);
      this.ends.push(() => held.userEvents.delete(hear));
    }
    const card = h('section', { class: 'card person' });
    const settings = h('section', { class: 'card', 'aria-labelledby': 'settings-title' });
    const devices = h('section', { class: 'card', 'aria-labelledby': 'devices-title' });
    const out = h('section', { class: 'leave' });
    const title = h('h1', { tabindex: -1 });
    this.replaceChildren(h('div', { class: 'page' }, title, card, settings, devices, out));
    this.watch(() => {
      title.textContent = t('me_title');
      const person = me.value;
      if (person === null) return;
      const verified = store.value?.streams.value.me ? store.value.streams.value.verified : person.verified;
      // The same colour that others see.
      const seen = [...(store.value?.streams.value.chats.values() ?? [])].flatMap((chat) => chat.members).find((member) => member.u === person.id);
      const hue = seen?.hue ?? null;
      rebuild(card, () => [
        avatar({ first_name: person.first_name, last_name: person.last_name, id: person.id, hue }, 'large'),
        h(
          'div',
          null,
          h('p', { class: 'name', dir: 'auto', 'data-testid': 'me-name' }, fullName(person)),
          h('p', { class: 'muted' }, person.email),
          person.university ? h('p', { class: 'muted' }, person.university.name) : null,
          h('p', { class: verified ? 'chip good' : 'chip' }, icon(verified ? 'check' : 'clock'), t(verified ? 'me_verified' : 'me_not_verified')),
        ),
      ]);
      rebuild(settings, () => [
        h('h2', { id: 'settings-title' }, t('me_settings')),
        h('div', { class: 'setting' }, h('span', { 'aria-hidden': 'true' }, t('language')), languageSwitch()),
        h('div', { class: 'setting' }, h('span', { 'aria-hidden': 'true' }, t('theme')), themeSwitch()),
      ]);
      const problem = this.problem.value ? explain(this.problem.value) : null;
      rebuild(out, () => [
        problem ? h('div', { class: 'problem', role: 'alert' }, icon('alert'), h('div', null, h('p', null, problem.text), problem.reference ? h('p', { class: 'reference' }, t('reference', { id: problem.reference })) : null)) : null,
        h('button', { type: 'button', class: 'button', id: 'sign-out', 'data-testid': 'sign-out', onclick: () => void this.leave() }, icon('leave'), t('me_sign_out')),
      ]);
    });
    this.watch(() => {
      const held = this.devices.value;
      rebuild(devices, () => [
        h('h2', { id: 'devices-title' }, t('me_devices')),
        h('p', { class: 'muted' }, t('me_devices_text')),
        held === 'loading'
          ? h('div', { class: 'skeletons', 'aria-hidden': 'true' }, h('div', { class: 'skeleton-row' }, h('span', { class: 'bone round' }), h('span', { class: 'bone wide' }), h('span', { class: 'bone' })))
          : held === 'failed'
            ? h('div', { class: 'row' }, h('p', null, t('me_devices_failed')), h('button', { type: 'button', class: 'button', id: 'devices-again', onclick: () => void this.load() }, t('retry')))
            : h('ul', { class: 'devices', 'data-testid': 'devices' }, ...held.map((device) => this.device(device))),
        h('p', { class: 'notice', role: 'status', hidden: this.note.value === '' }, this.note.value),
      ]);
    });
  }

  /** @param {DeviceSession} device */
  device(device) {
    const name = deviceName(device.user_agent ?? '') || t('me_unknown_device');
    return h(
      'li',
      { class: 'device', 'data-session-id': device.id },
      h('span', { class: 'device-icon' }, icon(/Mobi|Android|iPhone/.test(device.user_agent ?? '') ? 'phone' : 'laptop')),
      h(
        'div',
        null,
        h('p', { class: 'name' }, name, device.current ? h('span', { class: 'chip good' }, t('me_this_device')) : null),
        h('p', { class: 'muted' }, [t('me_last_seen', { ago: relative(device.last_seen_at) }), t('me_since', { date: longDate(new Date(device.created_at).getTime(), locale.value) }), device.address].filter(Boolean).join(' · ')),
      ),
      device.current ? null : h('button', { type: 'button', class: 'button', id: `revoke-${device.id}`, 'aria-label': t('me_revoke_name', { device: name }), 'data-testid': 'revoke', onclick: () => void this.revoke(device, name) }, t('me_revoke')),
    );
  }

  async load() {
    try {
      const devices = await http.sessions();
      this.devices.value = devices;
    } catch {
      if (this.devices.peek() === 'loading') this.devices.value = 'failed';
    }
  }

  /** @param {DeviceSession} device @param {string} name */
  async revoke(device, name) {
    try {
      await http.revoke(device.id);
      this.note.value = t('me_revoked', { device: name });
      await this.load();
    } catch (error) {
      this.problem.value = error;
    }
  }

  async leave() {
    const unsent = store.peek()?.outbox.list().length ?? 0;
    if (unsent > 0 && !(await this.ask(unsent))) return;
    try {
      await signOut();
    } catch (error) {
      this.problem.value = error;
    }
  }

  /** @param {number} count @returns {Promise<boolean>} */
  ask(count) {
    const dialog = h(
      'dialog',
      { class: 'dialog', 'aria-labelledby': 'leave-title' },
      h('h2', { id: 'leave-title' }, t('me_sign_out_ask', { count })),
      h('p', null, t('me_sign_out_text', { count })),
      h('form', { method: 'dialog', class: 'row end' }, h('button', { class: 'button', value: 'stay' }, t('me_sign_out_stay')), h('button', { class: 'button primary', value: 'leave', 'data-testid': 'sign-out-anyway' }, t('me_sign_out_anyway'))),
    );
    this.append(dialog);
    dialog.showModal();
    return new Promise((resolve) =>
      dialog.addEventListener('close', () => {
        dialog.remove();
        resolve(dialog.returnValue === 'leave');
      }),
    );
  }
}

customElements.define('domu-me', MeScreen);
