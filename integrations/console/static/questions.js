/**
 * A question by phone or by mail, written down while it is asked: ten seconds, and the mouse is never touched.
 * Answers appear as one types. Of replies that come in another order than they were asked for, the last one counts.
 */

import { Failure, get, post } from './api.js';
import { announce, button, choice, dialog, el, labelled, put } from './elements.js';
import { sourceLines, sure } from './details.js';
import { markdown } from './markdown.js';
import { language, t } from './texts.js';

const TYPED_MS = 60;
const SHORTEST = 3;
const UNKNOWN = 'unknown';

const nameOf = (option) => option.name ?? option.title ?? option.label ?? option.id ?? String(option);
const idOf = (option) => option.id ?? String(option);

export class Questions {
  #options = null;
  #dialog = null;
  #asked = 0;
  #shown = 0;
  #timer = 0;
  #found = [];
  #chosen = null; // a topic, null for "not in the knowledge", undefined for not chosen

  constructor(desk) { this.desk = desk; }

  get isOpen() { return Boolean(this.#dialog); }

  async open() {
    if (this.isOpen) return;
    try {
      this.#options ??= await get('questions/options');
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      announce(failure.words);
      return;
    }
    this.form = this.#form();
    this.#dialog = dialog(t('questions.title'), this.form, { kind: 'wide', onclose: () => { this.#dialog = null; } });
    this.#dialog.addEventListener('keydown', (event) => this.#key(event));
    this.#begin();
  }

  #form() {
    const { referrers, networks, materials } = this.#options;
    const select = (id, options, empty) => el('select', { id: `q-${id}`, name: id }, empty && el('option', { value: '' }, empty),
      options.map((option) => el('option', { value: idOf(option) }, nameOf(option))));
    this.question = el('textarea', { id: 'q-question', name: 'question', rows: 3, maxlength: 2000, required: true, autocomplete: 'off', oninput: () => this.#typed() });
    this.answers = el('fieldset', { class: 'answers' }, el('legend', {}, t('questions.answer')));
    this.answer = el('div', { class: 'answer', 'aria-live': 'off' });
    this.problem = el('p', { class: 'problem', role: 'alert' });
    this.kept = el('p', { class: 'kept', role: 'status' });
    this.names = el('datalist', { id: 'q-names' });
    this.onward = select('referred_to', ['network', 'material', 'advice_talk', 'other'].map((id) => ({ id, name: t(`questions.onward.${id}`) })), t('questions.onward.none'));
    this.onward.addEventListener('change', () => this.#onward({ network: networks, material: materials }));
    this.onwardName = el('input', { id: 'q-referred_name', name: 'referred_name', maxlength: 120, list: 'q-names', autocomplete: 'off' });
    this.onwardPlace = labelled(t('questions.onward.which'), this.onwardName);
    this.onwardPlace.hidden = true;
    const desks = this.desk.me.desks;
    const form = el('form', { class: 'question-form', novalidate: true, onsubmit: (event) => { event.preventDefault(); this.#keep(); } },
      el('div', { class: 'stack' },
        labelled(t('questions.question'), this.question, t('questions.no_names')),
        el('div', { class: 'pair' },
          choice('channel', t('questions.channel.label'), ['phone', 'email'].map((id) => [id, t(`questions.channel.${id}`)]), 'phone', { keys: 'Alt+C' }),
          choice('language', t('questions.language'), ['nl', 'en'].map((id) => [id, t(`language.${id}`)]), language(), { keys: 'Alt+L', onchange: () => this.#ask() })),
        el('div', { class: 'pair' },
          this.#labelled('Alt+R', t('questions.referrer'), select('referrer', referrers, t('questions.unknown'))),
          desks.length > 1 ? labelled(t('questions.desk'), select('desk', desks.map((id) => ({ id, name: t(`desk.${id}`) })))) : el('input', { type: 'hidden', name: 'desk', value: desks[0] ?? 'portal' })),
        el('div', { class: 'pair' },
          choice('is_signatory', t('questions.signatory.label'), [[UNKNOWN, t('questions.unknown')], ['yes', t('questions.signatory.yes')], ['no', t('questions.signatory.no')]], UNKNOWN, { keys: 'Alt+S' }),
          choice('size', t('questions.size.label'), [[UNKNOWN, t('questions.unknown')], ['large', t('questions.size.large')], ['sme', t('questions.size.sme')]], UNKNOWN, { keys: 'Alt+G' })),
        this.#labelled('Alt+N', t('questions.need'), el('input', { id: 'q-need', name: 'need', maxlength: 300, autocomplete: 'off' })),
        el('div', { class: 'pair' }, this.#labelled('Alt+O', t('questions.onward.label'), this.onward), this.onwardPlace, this.names)),
      el('div', { class: 'stack' }, this.answers, this.answer),
      el('div', { class: 'below' }, this.problem, this.kept,
        el('div', { class: 'row end' },
          button(t('dialog.close'), () => this.#dialog.close()),
          el('button', { class: 'primary', 'aria-keyshortcuts': 'Control+Enter' }, t('questions.keep'), ' ', el('kbd', { 'aria-hidden': 'true' }, 'Ctrl+Enter')))));
    return form;
  }

  #labelled(keys, words, control) {
    control.setAttribute('aria-keyshortcuts', keys);
    const node = labelled(words, control);
    node.querySelector('label').append(' ', el('kbd', { 'aria-hidden': 'true' }, keys));
    return node;
  }

  /** A new question. The channel and the language mostly stay the same. */
  #begin() {
    this.#asked += 1;
    this.#shown = this.#asked;
    this.#chosen = undefined;
    this.#found = [];
    for (const name of ['question', 'need', 'referrer', 'referred_to', 'referred_name']) this.form.elements[name].value = '';
    this.#set('is_signatory', UNKNOWN);
    this.#set('size', UNKNOWN);
    this.onwardPlace.hidden = true;
    this.#show();
    this.question.focus();
  }

  #set(name, value) { this.form.elements[name].value = value; }

  #onward(names) {
    const known = names[this.onward.value];
    this.names.replaceChildren(...(known ?? []).map((option) => el('option', { value: nameOf(option) })));
    this.onwardPlace.hidden = !this.onward.value || this.onward.value === 'advice_talk';
    this.onwardName.value = '';
  }

  // ---------------------------------------------------------------- answers as one types

  #typed() {
    put(this.kept, '');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), TYPED_MS);
  }

  async #ask() {
    const question = this.question.value.trim();
    const turn = (this.#asked += 1);
    if (question.length < SHORTEST) {
      this.#found = [];
      this.#shown = turn;
      this.#show();
      return;
    }
    try {
      const { suggestions } = await post('suggestions', { question, language: this.form.elements.language.value, channel: this.form.elements.channel.value });
      if (turn < this.#shown || !this.isOpen) return;
      this.#shown = turn;
      this.#found = suggestions;
      put(this.problem, '');
      this.#show();
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      if (turn >= this.#shown) put(this.problem, failure.words);
    }
  }

  /** The lines stay as they are and only their words change: the focus does not jump while one types. */
  #show() {
    const chosen = this.#chosen;
    if (chosen && !this.#found.some(({ topic }) => topic === chosen.topic)) this.#found = [chosen, ...this.#found].slice(0, 3);
    const lines = [...this.#found.map((found, place) => this.#line(place, String(place + 1), found.title, found.score, found)), this.#line(3, '0', t('questions.not_in_knowledge'), null, null)];
    const focused = document.activeElement?.closest?.('.answer-line')?.dataset.key;
    this.answers.replaceChildren(this.answers.firstElementChild, ...lines);
    if (focused) lines.find((line) => line.dataset.key === focused)?.querySelector('input').focus();
    this.#showAnswer();
  }

  #line(place, key, title, score, found) {
    const checked = found ? this.#chosen?.topic === found.topic : this.#chosen === null;
    return el('label', { class: 'answer-line', 'data-key': key },
      el('input', { type: 'radio', name: 'answer', value: key, checked, 'aria-keyshortcuts': `Alt+${key}`, onchange: () => this.#choose(key) }),
      el('kbd', { 'aria-hidden': 'true' }, `Alt+${key}`), el('span', { class: 'grow' }, title), score !== null && sure(score));
  }

  #showAnswer() {
    const shown = this.#chosen === null ? null : this.#chosen ?? this.#found[0];
    this.answer.replaceChildren(...(shown ? [
      el('h3', {}, shown.title), el('div', { class: 'words', lang: this.form.elements.language.value }, markdown(shown.text)), sourceLines(shown.sources),
    ] : []));
  }

  #choose(key) {
    this.#chosen = key === '0' ? null : this.#found[Number(key) - 1];
    if (this.#chosen === undefined) return;
    const { desk } = this.form.elements;
    if (this.#chosen?.desk && desk instanceof HTMLSelectElement && this.desk.me.desks.includes(this.#chosen.desk)) desk.value = this.#chosen.desk;
    for (const input of this.answers.querySelectorAll('input')) input.checked = input.value === key;
    put(this.problem, '');
    this.#showAnswer();
    announce(this.#chosen ? t('questions.chosen', { title: this.#chosen.title }) : t('questions.not_in_knowledge'));
  }

  // ---------------------------------------------------------------- keys

  #cycle(name) {
    const options = [...this.form.elements[name]];
    const next = options[(options.findIndex(({ checked }) => checked) + 1) % options.length];
    next.checked = true;
    next.dispatchEvent(new Event('change', { bubbles: true }));
    announce(next.closest('label').textContent);
  }

  #key(event) {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#keep();
      return;
    }
    if (event.target === this.question && (event.key === 'ArrowDown' || event.key === 'ArrowUp') && !event.altKey && !event.shiftKey) {
      this.#arrow(event);
      return;
    }
    if (!event.altKey || event.ctrlKey || event.metaKey) return;
    const does = {
      Digit0: () => this.#choose('0'), Digit1: () => this.#choose('1'), Digit2: () => this.#choose('2'), Digit3: () => this.#choose('3'),
      KeyC: () => this.#cycle('channel'), KeyL: () => this.#cycle('language'), KeyS: () => this.#cycle('is_signatory'), KeyG: () => this.#cycle('size'),
      KeyR: () => this.form.elements.referrer.focus(), KeyN: () => this.form.elements.need.focus(), KeyO: () => this.onward.focus(),
    }[event.code];
    if (!does) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  }

  /** At the end of the question the arrows go through the answers; before, they move in the text. */
  #arrow(event) {
    const { selectionStart, selectionEnd, value } = this.question;
    if (selectionStart !== selectionEnd || selectionEnd !== value.length || !this.#found.length) return;
    event.preventDefault();
    const keys = [...this.#found.map((_, place) => String(place + 1)), '0'];
    const at = keys.indexOf(this.#chosen === null ? '0' : String(this.#found.findIndex(({ topic }) => topic === this.#chosen?.topic) + 1 || ''));
    const by = event.key === 'ArrowDown' ? 1 : -1;
    this.#choose(keys[at < 0 ? (by > 0 ? 0 : keys.length - 1) : (at + by + keys.length) % keys.length]);
  }

  /** The id of what was picked from the list; a network that is not in it, in words. */
  #onwardTo({ referred_to: to, referred_name: written }) {
    const name = to && to !== 'advice_talk' ? written.trim() : '';
    const known = { network: this.#options.networks, material: this.#options.materials }[to];
    const found = known?.find((option) => nameOf(option).toLowerCase() === name.toLowerCase());
    return (found ? idOf(found) : name) || null;
  }

  // ---------------------------------------------------------------- keeping

  async #keep() {
    if (this.keeping) return;
    const given = Object.fromEntries(new FormData(this.form));
    if (!given.question.trim()) {
      put(this.problem, t('questions.question_missing'));
      this.question.focus();
      return;
    }
    if (this.#chosen === undefined) {
      put(this.problem, t('questions.answer_missing'));
      return;
    }
    this.keeping = true;
    try {
      await post('questions', {
        channel: given.channel,
        language: given.language,
        desk: given.desk,
        question: given.question.trim(),
        topic: this.#chosen?.topic ?? null,
        referrer: given.referrer || null,
        is_signatory: { yes: true, no: false }[given.is_signatory] ?? null,
        size: given.size === UNKNOWN ? null : given.size,
        need: given.need.trim() || null,
        referred_to: given.referred_to || null,
        referred_name: this.#onwardTo(given),
      });
      this.#begin();
      put(this.kept, t('questions.kept'));
      put(this.problem, '');
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      put(this.problem, failure.words);
    } finally {
      this.keeping = false;
    }
  }
}
