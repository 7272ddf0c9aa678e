/** One's picture: choosing, seeing it as others will, sending it, and taking it away. */

import { Problem } from '../core/http.js';
import { t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { api, limits, uploadPicture } from './api.js';
import { avatar } from './avatar.js';
import { client, me } from './context.js';
import { focusSoon, h, icon, Part, rebuild } from './dom.js';
import { notice, trouble } from './parts.js';

/** What the server takes as it is. */
const TYPES = ['image/jpeg', 'image/png', 'image/webp'];
/** Longest side of what is sent. Pixels. */
const SIDE_MAX = 1024;
/** Quality of what is sent, from 0 to 1. */
const QUALITY = 0.9;

/** The square in the middle of a picture, as others will see it. @param {ImageBitmap} image */
function squareOf(image) {
  const side = Math.min(image.width, image.height);
  const size = Math.min(side, SIDE_MAX);
  const canvas = h('canvas', { width: size, height: size });
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('no canvas');
  // What can be seen through has a ground: JPEG knows none.
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, size, size);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, size, size);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob | null>} */
const jpegOf = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY));

class Picture extends Part {
  /** The picture that was chosen and not sent yet; without a preview where this browser cannot show it. */
  chosen = signal(/** @type {{ file: Blob, preview: HTMLCanvasElement | null } | null} */ (null));
  /** How much has been sent, from 0 to 1, or null. */
  sent = signal(/** @type {number | null} */ (null));
  /** Why a picture is not taken, in our words or the server's. */
  refusal = signal(/** @type {{ words: string, theirs?: boolean } | null} */ (null));
  problem = signal(/** @type {unknown} */ (null));
  done = signal('');
  /** @type {AbortController | null} */
  sending = null;
  /** Counts choices and what ends them, so that a slow look at an earlier file is not heard. */
  turn = 0;

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
          chosen?.preview ? h('span', { class: 'avatar large', role: 'img', 'aria-label': t('picture_preview') }, chosen.preview) : avatar({ ...person, ...person.profile }, 'large'),
          h('div', { class: 'picture-words' }, h('p', { class: 'muted' }, t(chosen?.preview ? 'picture_preview_text' : chosen ? 'picture_no_preview' : person.profile.picture ? 'picture_text' : 'picture_none_text')), h('p', { class: 'hint' }, t('picture_rules'))),
        ),
        underWay ? h('div', { class: 'progress' }, h('label', { for: 'picture-progress' }, t('picture_sending')), bar) : null,
        this.refusal.value ? h('div', { class: 'problem', role: 'alert', 'data-testid': 'picture-refusal' }, icon('alert'), h('p', { lang: this.refusal.value.theirs ? 'en' : null }, this.refusal.value.words)) : null,
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
    const { turn } = this;
    if (file.size === 0) return this.refuse(t('picture_empty'));
    try {
      const image = await createImageBitmap(file);
      const preview = squareOf(image);
      image.close();
      const chosen = { file: (await jpegOf(preview)) ?? file, preview };
      if (turn !== this.turn) return;
      this.chosen.value = chosen;
    } catch {
      if (turn !== this.turn) return;
      // Not for this browser: the server may still know what it is.
      const { picture_bytes_max } = limits.peek();
      if (!TYPES.includes(file.type)) return this.refuse(t('picture_bad_type'));
      if (picture_bytes_max !== undefined && file.size > picture_bytes_max) return this.refuse(this.tooLarge());
      this.chosen.value = { file, preview: null };
    }
    focusSoon(() => document.getElementById('picture-use'));
  }

  /** That a file has too many bytes, with the bound when there is one. */
  tooLarge() {
    const { picture_bytes_max } = limits.peek();
    return picture_bytes_max === undefined ? t('problem_too_large') : t('picture_too_large', { size: Math.floor(picture_bytes_max / 1024 / 1024) });
  }

  /** @param {string} words */
  refuse(words) {
    this.refusal.value = { words };
    focusSoon(() => document.getElementById('picture-choose'));
  }

  /** @param {string | null} focus */
  forget(focus) {
    this.turn += 1;
    this.chosen.value = null;
    this.refusal.value = null;
    this.problem.value = null;
    this.done.value = '';
    if (focus) focusSoon(() => document.getElementById(focus));
  }

  async use() {
    const chosen = this.chosen.peek();
    if (chosen === null || this.sending) return;
    this.refusal.value = null;
    this.problem.value = null;
    this.sending = new AbortController();
    this.sent.value = 0;
    focusSoon(() => document.getElementById('picture-stop'));
    try {
      const { signal: stop } = this.sending;
      await client.learn(() => uploadPicture(chosen.file, (part) => (this.sent.value = part), stop));
      this.sent.value = null;
      this.forget(null);
      this.done.value = t('picture_done');
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
    if (!(error instanceof Problem)) this.problem.value = error;
    else if (error.name === 'too_large') this.refusal.value = { words: this.tooLarge() };
    else if (error.name === 'unsupported_media_type') this.refusal.value = { words: t('picture_bad_type') };
    else if (error.status === 400 || error.status === 408) {
      const theirs = error.fields.map(({ detail }) => detail).join(' ') || error.detail;
      this.refusal.value = theirs ? { words: theirs, theirs: true } : { words: t('picture_refused') };
    } else this.problem.value = error;
  }

  async remove() {
    this.forget(null);
    try {
      await client.learn(api.removePicture);
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
