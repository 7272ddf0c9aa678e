/** What one tells about oneself, and the picture beside it. */

/** @import { Me } from '../types.js' */
import { locale, t } from '../core/i18n.js';
import { signal } from '../core/signals.js';
import { scalars } from '../core/text.js';
import { api, limits } from './api.js';
import { client, me, recall, remember } from './context.js';
import { h, icon, Part, rebuild } from './dom.js';
import { busy, clearProblem, field, isBusy, lengthTrouble, problemPlace, showErrors, showProblem, tooLong, valueOf } from './forms.js';
import { notice, subpage } from './parts.js';
import './picture.js';

/** Languages that can be chosen: those most spoken by students here; others that an account already has stay. */
const LANGUAGES = 'nl en de fr es it pt pl ro bg el hu cs sk sl hr sr bs sq mk uk ru et lv lt fi sv da no is ga ca eu tr ar fa ku he am ti so sw af fy id ms vi th tl zh ja ko hi ur bn pa ta te ne si ka hy az kk uz'.split(' ');

/** A language in the reader's own words. @param {string} code */
export function languageName(code) {
  const name = new Intl.DisplayNames([locale.value], { type: 'language' }).of(code) ?? code;
  return name.charAt(0).toLocaleUpperCase(locale.value) + name.slice(1);
}

class Profile extends Part {
  done = signal(false);

  begin() {
    const id = me.peek()?.id ?? '';
    this.key = `domu:profile:${id}`;
    const kept = this.recalled();
    /** Chosen languages: theirs until somebody changes them. */
    this.languages = signal(/** @type {string[]} */ (kept?.languages ?? me.peek()?.profile.languages ?? []));
    const picture = document.createElement('domu-picture');
    const form = h('div', null);
    let title = h('div', null);
    this.watch(() => {
      void locale.value;
      title = subpage(t('profile_title'), h('p', { class: 'lead' }, t('profile_lead')), picture, form);
      this.replaceChildren(title);
    });
    this.watch(() => rebuild(form, () => [this.build(kept)]));
    this.ends.push(() => picture.remove());
  }

  /** What was typed and not saved, from before the page was left. @returns {Record<string, any> | null} */
  recalled() {
    try {
      return JSON.parse(recall(this.key ?? '') ?? 'null');
    } catch {
      return null;
    }
  }

  /** @param {Record<string, any> | null} kept */
  build(kept) {
    const person = /** @type {Me} */ (me.value);
    const bounds = limits.value;
    const held = { first_name: person.first_name, last_name: person.last_name, ...person.profile, ...kept };
    const counter = h('p', { class: 'counter', id: 'about-counter', 'data-testid': 'about-counter' });
    const about = h('textarea', { rows: 5, dir: 'auto', class: 'about' });
    about.value = held.about ?? '';
    const year = h('select', null, h('option', { value: '' }, t('profile_year_none')), ...Array.from({ length: bounds.study_year_max ?? held.study_year ?? 0 }, (_, index) => h('option', { value: index + 1 }, t('profile_year_n', { count: index + 1 }))));
    year.value = held.study_year == null ? '' : String(held.study_year);
    const note = h('div', { class: 'form-note', role: 'status' });
    if (this.done.peek()) note.append(notice(t('saved')));
    else if (kept) note.append(h('p', { class: 'notice' }, t('profile_kept')));
    const names = person.verified
      ? h('p', { class: 'muted' }, t('profile_name_fixed', { name: `${person.first_name} ${person.last_name}`.trim() }))
      : h(
          'div',
          { class: 'pair' },
          field({ name: 'first_name', label: t('first_name'), testid: 'first-name', input: { autocomplete: 'given-name', value: held.first_name, required: true } }),
          field({ name: 'last_name', label: t('last_name'), testid: 'last-name', input: { autocomplete: 'family-name', value: held.last_name, required: true } }),
        );
    const form = h(
      'form',
      { class: 'card form', novalidate: true, 'data-testid': 'profile-form', 'aria-label': t('profile_title') },
      names,
      field({ name: 'pronouns', label: t('profile_pronouns'), hint: t('profile_pronouns_hint'), testid: 'pronouns', input: { value: held.pronouns ?? '', autocomplete: 'off' } }),
      h('div', { class: 'pair' }, field({ name: 'program', label: t('profile_program'), testid: 'program', input: { value: held.program ?? '', autocomplete: 'off' } }), field({ name: 'study_year', label: t('profile_year'), testid: 'study-year', control: year })),
      field({ name: 'about', label: t('profile_about'), hint: t('profile_about_hint'), testid: 'about', control: about }),
      counter,
      this.languagePart(),
      problemPlace(),
      note,
      h('div', null, h('button', { type: 'submit', class: 'button primary', 'data-testid': 'save-profile' }, t('save'))),
    );
    about.setAttribute('aria-describedby', 'field-about-hint about-counter field-about-error');
    const count = () => {
      if (bounds.about_chars_max === undefined) return;
      const left = bounds.about_chars_max - scalars(about.value);
      counter.textContent = left < 0 ? t('composer_over', { count: -left }) : t('composer_left', { count: left });
      counter.toggleAttribute('data-over', left < 0);
    };
    // What was typed is put back right after this.
    queueMicrotask(count);
    const text = (/** @type {string} */ name) => valueOf(form, name).trim();
    const optional = (/** @type {string} */ name) => (text(name) === '' ? null : text(name));
    const body = () => ({
      ...(person.verified ? {} : { first_name: text('first_name'), last_name: text('last_name') }),
      pronouns: optional('pronouns'),
      program: optional('program'),
      study_year: year.value === '' ? null : Number(year.value),
      about: optional('about'),
      languages: this.languages?.peek() ?? [],
    });
    this.keep = () => {
      remember(this.key ?? '', JSON.stringify(body()));
      this.done.value = false;
      note.replaceChildren();
    };
    form.addEventListener('input', (event) => {
      count();
      if (event.target instanceof HTMLElement && event.target.getAttribute('name') !== 'language') this.keep?.();
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy(form)) return;
      clearProblem(form);
      const name = (/** @type {string} */ one) => (person.verified ? null : text(one) === '' ? t('field_required') : lengthTrouble(text(one), bounds.name_chars_max));
      if (!showErrors(form, { first_name: name('first_name'), last_name: name('last_name'), pronouns: lengthTrouble(text('pronouns'), bounds.pronouns_chars_max), program: lengthTrouble(text('program'), bounds.program_chars_max), about: lengthTrouble(text('about'), bounds.about_chars_max) })) return;
      await busy(form, t('saving'), async () => {
        try {
          await client.learn(() => api.profile(body()));
          remember(this.key ?? '', null);
          this.done.value = true;
          note.replaceChildren(notice(t('saved')));
        } catch (error) {
          showProblem(form, error, { fields: { pronouns: tooLong(bounds.pronouns_chars_max), program: tooLong(bounds.program_chars_max), about: tooLong(bounds.about_chars_max) } });
        }
      });
    });
    return form;
  }

  /** The languages one speaks, and a list to add from. */
  languagePart() {
    const place = h('div', { class: 'languages' });
    const draw = (/** @type {string | null} */ focus = null) => {
      const chosen = this.languages?.peek() ?? [];
      const set = (/** @type {string[]} */ next, /** @type {string} */ then) => {
        if (this.languages) this.languages.value = next;
        draw(then);
        this.keep?.();
      };
      const select = h('select', { id: 'field-language', name: 'language', 'data-testid': 'add-language', 'aria-describedby': 'language-hint' }, h('option', { value: '' }, t('profile_language_choose')), ...LANGUAGES.filter((code) => !chosen.includes(code)).map((code) => ({ code, name: languageName(code) })).sort((a, b) => a.name.localeCompare(b.name, locale.peek())).map(({ code, name }) => h('option', { value: code }, name)));
      const { languages_max: most } = limits.peek();
      const full = most !== undefined && chosen.length >= most;
      const add = h('button', { type: 'button', class: 'button', id: 'language-add', 'data-testid': 'language-add', onclick: () => select.value !== '' && set([...chosen, select.value], 'field-language') }, t('profile_language_add'));
      place.replaceChildren(
        h('label', { for: 'field-language' }, t('profile_languages')),
        h('p', { class: 'hint', id: 'language-hint' }, most === undefined ? t('profile_languages_hint') : full ? t('profile_languages_full', { count: most }) : `${t('profile_languages_hint')} ${t('profile_languages_most', { count: most })}`),
        h('ul', { class: 'tags', 'aria-label': t('profile_languages') }, ...chosen.map((code) => h('li', null, h('button', { type: 'button', class: 'tag', 'data-testid': `language-${code}-off`, 'aria-label': t('profile_language_remove', { name: languageName(code) }), onclick: () => set(chosen.filter((one) => one !== code), 'field-language') }, languageName(code), icon('cross'))))),
        full ? '' : h('div', { class: 'choose' }, select, add),
      );
      if (focus) (document.getElementById(focus) ?? place.querySelector('button'))?.focus();
    };
    draw();
    return h('div', { class: 'field' }, place);
  }
}

customElements.define('domu-me-profile', Profile);
