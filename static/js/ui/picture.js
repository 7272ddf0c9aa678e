/** One's picture: choosing, seeing it as others will, sending it, and taking it away. */

import { Problem } from '../core/http.js';
import { t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { api, limits, uploadPicture } from './api.js';
import { avatar } from './avatar.js';
import { me } from './context.js';
import { focusSoon, h, icon, Part, rebuild } from './dom.js';
import { notice, trouble } from './parts.js';

const TYPES = ['image/jpeg', 'image/png', 'image/webp'];

class Picture extends Part {
  /** The picture that was chosen and not sent yet. */
  chosen = signal(/** @type {{ file: File, preview: HTMLCanvasElement } | null} */ (null));
  /** How much has been sent, from 0 to 1, or null. */
  sent = signal(/** @type {number | null} */ (null));
  refusal = signal('');
  problem = signal(/** @type {unknown} */ (null));
  done = signal('');
  /** @type {AbortController | null} */
  sending = null;

  begin() {
    const input = h('input', { type: 'file', accept: TYPES.join(','), class: 'sr-only', id: 'picture-file', name: 'picture', 'data-testid': 'picture-file', tabindex: -1 });
    input.addEventListener('change', () => {
      const [file] = input.files ?? [];
      input.value = '';
      if (file) void this.choose(file);
    });
    const card = h('div', null);
    this.replaceChildren(h('section', { class: 'card', 'aria-labelledby': 'picture-title' }, card, input));
    this.watch(() => attributeLabel(input));
    const bar = h('progress', { max: 1, id: 'picture-progress', 'data-testid': 'picture-progress' });
    this.watch(() => {
      const part = this.sent.value;
      if (part === null || part >= 1) bar.removeAttribute('value');
      else bar.value = part;
    });
    this.watch(() => {
      const person = me.value;
      if (person === null) return;
      const chosen = this.chosen.value;
      const underWay = this.sent.value !== null;
      bar.setAttribute('aria-label', t('picture_sending'));
      rebuild(card, () => [
        h('h2', { id: 'picture-title', tabindex: -1 }, t('picture_title')),
        h(
          'div',
          { class: 'picture' },
          chosen ? h('span', { class: 'avatar large', role: 'img', 'aria-label': t('picture_preview') }, chosen.preview) : avatar({ ...person, ...person.profile }, 'large'),
          h('div', { class: 'picture-words' }, h('p', { class: 'muted' }, t(chosen ? 'picture_preview_text' : person.profile.picture ? 'picture_text' : 'picture_none_text')), h('p', { class: 'hint' }, t('picture_rules', { size: Math.floor(limits.value.picture_bytes_max / 1024 / 1024) }))),
        ),
        underWay ? h('div', { class: 'progress' }, h('label', { for: 'picture-progress' }, t('picture_sending')), bar) : null,
        this.refusal.value ? h('div', { class: 'problem', role: 'alert', 'data-testid': 'picture-refusal' }, icon('alert'), h('p', null, this.refusal.value)) : null,
        this.problem.value ? trouble(this.problem.value) : null,
        this.done.value ? notice(this.done.value) : null,
        h(
          'div',
          { class: 'row' },
          underWay
            ? h('button', { type: 'button', class: 'button', id: 'picture-stop', 'data-testid': 'picture-stop', onclick: () => this.sending?.abort() }, t('cancel'))
            : chosen
              ? [h('button', { type: 'button', class: 'button primary', id: 'picture-use', 'data-testid': 'picture-use', onclick: () => void this.use() }, t('picture_use')), h('button', { type: 'button', class: 'button', id: 'picture-cancel', 'data-testid': 'picture-cancel', onclick: () => this.forget('picture-choose') }, t('cancel'))]
              : [h('button', { type: 'button', class: 'button', id: 'picture-choose', 'data-testid': 'picture-choose', onclick: () => input.click() }, t(person.profile.picture ? 'picture_other' : 'picture_choose')), person.profile.picture ? h('button', { type: 'button', class: 'button', id: 'picture-remove', 'data-testid': 'picture-remove', onclick: () => void this.remove() }, t('picture_remove')) : null],
        ),
      ]);
    });
    this.ends.push(() => this.sending?.abort());
  }

  /** @param {File} file */
  async choose(file) {
    this.forget(null);
    const { picture_bytes_max, picture_pixels_max } = limits.peek();
    if (!TYPES.includes(file.type)) return this.refuse(t('picture_bad_type'));
    if (file.size === 0) return this.refuse(t('picture_unreadable'));
    if (file.size > picture_bytes_max) return this.refuse(t('picture_too_large', { size: Math.floor(picture_bytes_max / 1024 / 1024) }));
    try {
      const image = await createImageBitmap(file);
      if (image.width * image.height > picture_pixels_max) return this.refuse(t('picture_too_many_pixels', { count: Math.floor(picture_pixels_max / 1_000_000) }));
      const side = Math.min(image.width, image.height);
      const preview = h('canvas', { width: 144, height: 144 });
      preview.getContext('2d')?.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, 144, 144);
      image.close();
      this.chosen.value = { file, preview };
      focusSoon(() => document.getElementById('picture-use'));
    } catch {
      this.refuse(t('picture_unreadable'));
    }
  }

  /** @param {string} words */
  refuse(words) {
    this.refusal.value = words;
    focusSoon(() => document.getElementById('picture-choose'));
  }

  /** @param {string | null} focus */
  forget(focus) {
    this.chosen.value = null;
    this.refusal.value = '';
    this.problem.value = null;
    this.done.value = '';
    if (focus) focusSoon(() => document.getElementById(focus));
  }

  async use() {
    const chosen = this.chosen.peek();
    if (chosen === null || this.sending) return;
    this.refusal.value = '';
    this.problem.value = null;
    this.sending = new AbortController();
    this.sent.value = 0;
    focusSoon(() => document.getElementById('picture-stop'));
    try {
      const saved = await uploadPicture(chosen.file, (part) => (this.sent.value = part), this.sending.signal);
      this.sent.value = null;
      this.forget(null);
      this.done.value = t('picture_done');
      me.value = saved;
      focusSoon(() => document.getElementById('picture-choose'));
    } catch (error) {
      // The picture stays chosen, so that it can be sent again.
      this.sent.value = null;
      if (!(error instanceof DOMException)) this.explain(error);
      focusSoon(() => document.getElementById('picture-use'));
    } finally {
      this.sending = null;
    }
  }

  /** @param {unknown} error */
  explain(error) {
    const name = error instanceof Problem ? error.name : '';
    if (name === 'too_large') this.refusal.value = t('picture_too_large', { size: Math.floor(limits.peek().picture_bytes_max / 1024 / 1024) });
    else if (name === 'unsupported_media_type') this.refusal.value = t('picture_bad_type');
    else if (name === 'bad_request') this.refusal.value = t('picture_unreadable');
    else this.problem.value = error;
  }

  async remove() {
    this.forget(null);
    try {
      me.value = await api.removePicture();
      this.done.value = t('picture_removed');
      focusSoon(() => document.getElementById('picture-choose'));
    } catch (error) {
      this.problem.value = error;
    }
  }
}

/** @param {HTMLElement} input */
const attributeLabel = (input) => input.setAttribute('aria-label', t('picture_choose'));

customElements.define('domu-picture', Picture);
