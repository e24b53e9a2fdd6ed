/** Texts of one's own: picked with a slash in an empty field, and kept in a dialog. */

import { Failure, change, get, post, remove } from './api.js';
import { announce, button, choice, dialog, el, labelled, put } from './elements.js';
import { language, t } from './texts.js';

const MOST_SHOWN = 8;

export class Canned {
  constructor() { this.texts = []; }

  async load() { this.texts = (await get('canned-texts')).texts; }

  /** Those that the words after the slash may mean; the visitor's language first. */
  matching(words, wanted) {
    const start = words.toLowerCase();
    return this.texts
      .filter(({ shortcut, text }) => shortcut.startsWith(start) || (start.length > 2 && text.toLowerCase().includes(start)))
      .sort((one, other) => (other.language === wanted) - (one.language === wanted) || (one.shortcut < other.shortcut ? -1 : 1))
      .slice(0, MOST_SHOWN);
  }

  // ---------------------------------------------------------------- the dialog

  manage() {
    const list = el('ul', { class: 'rows' });
    const place = el('div', {});
    const update = () => {
      list.replaceChildren(...this.texts.map((text) => el('li', {},
        el('div', { class: 'grow' }, el('strong', {}, `/${text.shortcut}`), ` · ${t(`language.${text.language}`)}`, el('p', { class: 'said', lang: text.language }, text.text)),
        button(t('canned.change'), () => this.#edit(place, text, update), { 'aria-label': t('canned.change_one', { shortcut: text.shortcut }) }),
        button(t('canned.remove'), () => this.#remove(text, update, place), { 'aria-label': t('canned.remove_one', { shortcut: text.shortcut }) }))));
      if (!this.texts.length) list.replaceChildren(el('li', {}, t('canned.none')));
    };
    update();
    dialog(t('canned.title'), [el('p', {}, t('canned.intro')), list, place], { kind: 'wide' });
    this.#edit(place, null, update);
  }

  async #remove(text, update, place) {
    try {
      await remove(`canned-texts/${text.id}`);
      this.texts = this.texts.filter(({ id }) => id !== text.id);
      announce(t('canned.removed'));
      update();
      place.querySelector('input')?.focus();
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      announce(failure.words);
    }
  }

  #edit(place, text, update) {
    const shortcut = el('input', { id: 'canned-shortcut', maxlength: 30, pattern: '[a-z0-9][a-z0-9\\-]*', required: true, autocomplete: 'off', value: text?.shortcut });
    const words = el('textarea', { id: 'canned-text', rows: 4, maxlength: 4000, required: true });
    words.value = text?.text ?? '';
    const problem = el('p', { class: 'problem', role: 'alert' });
    const form = el('form', {
      class: 'stack',
      onsubmit: async (event) => {
        event.preventDefault();
        const body = { shortcut: shortcut.value.trim(), language: new FormData(form).get('canned-language'), text: words.value.trim() };
        try {
          const kept = text ? await change(`canned-texts/${text.id}`, body) : await post('canned-texts', body);
          this.texts = [...this.texts.filter(({ id }) => id !== kept.text.id), kept.text].sort((one, other) => (one.shortcut < other.shortcut ? -1 : 1));
          announce(t('canned.kept'));
          update();
          this.#edit(place, null, update);
          place.querySelector('input').focus();
        } catch (failure) {
          if (!(failure instanceof Failure)) throw failure;
          put(problem, failure.words);
        }
      },
    },
    el('h3', {}, t(text ? 'canned.change' : 'canned.new')),
    labelled(t('canned.shortcut'), shortcut, t('canned.shortcut_note')),
    choice('canned-language', t('canned.language'), ['nl', 'en'].map((code) => [code, t(`language.${code}`)]), text?.language ?? language()),
    labelled(t('canned.text'), words), problem,
    el('div', { class: 'row end' },
      text && button(t('dialog.cancel'), () => this.#edit(place, null, update)),
      el('button', { class: 'primary' }, t('canned.keep'))));
    place.replaceChildren(form);
    shortcut.focus();
  }
}

/** The list over the field. The focus stays in the field; the arrows move, Enter takes, Escape closes. */
export class CannedPicker {
  constructor(field, canned, languageOf, onchange) {
    Object.assign(this, { field, canned, languageOf, onchange, found: [], at: 0 });
    this.list = el('ul', { id: 'canned-list', class: 'picker', role: 'listbox', 'aria-label': t('canned.title'), hidden: true });
    field.before(this.list);
    field.setAttribute('aria-autocomplete', 'list');
    field.addEventListener('input', () => this.#look());
    field.addEventListener('keydown', (event) => this.#key(event));
    field.addEventListener('blur', () => this.#close());
  }

  get isOpen() { return !this.list.hidden; }

  #look() {
    const match = /^\/([^\s]*)$/.exec(this.field.value);
    if (!match) {
      this.#close();
      return;
    }
    this.found = this.canned.matching(match[1], this.languageOf());
    this.at = 0;
    this.list.replaceChildren(...this.found.map((text, place) => el('li', {
      id: `canned-${place}`, role: 'option', lang: text.language,
      onmousedown: (event) => {
        event.preventDefault();
        this.#take(text);
      },
    }, el('strong', {}, `/${text.shortcut}`), ' ', el('span', {}, text.text))));
    this.list.hidden = !this.found.length;
    if (this.found.length) this.field.setAttribute('aria-controls', 'canned-list');
    announce(t('canned.found', { count: this.found.length }));
    this.#mark();
  }

  #mark() {
    [...this.list.children].forEach((node, place) => node.setAttribute('aria-selected', String(place === this.at)));
    if (this.isOpen) this.field.setAttribute('aria-activedescendant', `canned-${this.at}`);
    else this.field.removeAttribute('aria-activedescendant');
  }

  #key(event) {
    if (!this.isOpen || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      this.at = (this.at + (event.key === 'ArrowDown' ? 1 : -1) + this.found.length) % this.found.length;
      this.#mark();
    } else if (event.key === 'Enter' || event.key === 'Tab') {
      this.#take(this.found[this.at]);
    } else if (event.key === 'Escape') {
      this.#close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #take(text) {
    this.field.value = text.text;
    this.#close();
    this.onchange();
  }

  #close() {
    this.list.hidden = true;
    this.field.removeAttribute('aria-activedescendant');
  }
}
