/** The right column: suggested answers, what the assistant tried, the guide, the company, notes, and what came before. */

import { Failure } from './api.js';
import { arrange, button, clock, dateAndTime, el, inWords, percentage, put, query, show } from './elements.js';
import { deskName } from './lists.js';
import { markdown } from './markdown.js';
import { t } from './texts.js';

const MOST_TRIED = 4;

/** A meter that also says what it shows. */
export function sure(score) {
  return el('span', { class: 'sure' },
    el('meter', { min: 0, max: 1, value: score, low: 0.3, high: 0.85, optimum: 1, 'aria-hidden': 'true' }),
    `${inWords(score)}, ${percentage(score)}`);
}

/** Where an answer comes from. */
export function sourceLines(sources) {
  return el('ul', { class: 'sources' }, sources.map((source) => el('li', {},
    source.url ? el('a', { href: source.url, target: '_blank', rel: 'noopener noreferrer' }, source.title, el('span', { class: 'hidden' }, ` ${t('message.new_tab')}`)) : source.title,
    `, ${source.where}`)));
}

export class Details {
  #key = '';

  constructor(desk, view) {
    Object.assign(this, { desk, view });
    this.node = query('#details');
    this.suggestions = query('#suggestions');
    this.list = query('#suggestion-list');
    this.asked = query('#suggestions-for');
    this.blocks = query('#blocks');
    this.noteField = query('#note');
    this.noteProblem = query('#note-problem');
    this.notes = query('#notes');
    query('#note-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#keepNote();
    });
    desk.on('current', () => this.update());
    desk.on('details messages hand-over erased suggestions', ({ conversation }, type) => {
      if (conversation !== desk.current) return;
      if (type === 'suggestions' || type === 'hand-over') this.updateSuggestions();
      if (type !== 'suggestions') this.updateBlocks();
    });
  }

  get chat() { return this.desk.current ? this.desk.chat(this.desk.current) : null; }

  update() {
    show(this.node, Boolean(this.chat));
    this.noteField.value = '';
    put(this.noteProblem, '');
    this.updateSuggestions();
    this.updateBlocks();
  }

  // ---------------------------------------------------------------- suggestions

  updateSuggestions() {
    const { chat } = this;
    const suggested = chat?.suggested;
    const holds = chat && this.desk.holds(this.desk.handOver(chat.id));
    const key = JSON.stringify([chat?.id, holds, suggested?.message_id, suggested?.failed, suggested?.suggestions.map(({ id }) => id)]);
    if (key === this.#key) return;
    this.#key = key;
    put(this.asked, suggested?.failed ?? (suggested?.question ? t('suggestions.for', { question: suggested.question }) : t('suggestions.none')));
    this.list.replaceChildren(...(suggested?.suggestions ?? []).map((suggestion, place) => this.#suggestion(suggestion, place + 1, holds)));
  }

  #suggestion(suggestion, number, holds) {
    const words = el('div', { class: 'words short', lang: this.chat.language }, markdown(suggestion.text));
    const more = button(t('chat.show_all'), () => {
      const short = words.classList.toggle('short');
      put(more.firstElementChild, t(short ? 'chat.show_all' : 'chat.show_less'));
      more.setAttribute('aria-expanded', String(!short));
    }, { kind: 'link', 'aria-expanded': 'false' });
    more.append(el('span', { class: 'hidden' }, `: ${suggestion.title}`));
    return el('li', { class: 'suggestion' },
      el('h3', {}, el('span', { class: 'number', 'aria-hidden': 'true' }, String(number)), suggestion.title),
      sure(suggestion.score),
      suggestion.is_due && el('p', { class: 'due' }, t('suggestions.is_due')),
      words, sourceLines(suggestion.sources),
      el('div', { class: 'row' },
        holds && button(t('suggestions.insert'), () => this.view.insert(suggestion), {
          keys: `Alt+${number}`, icon: 'insert', 'aria-label': t('suggestions.insert_one', { number, title: suggestion.title }),
        }),
        more));
  }

  insert(number) {
    const suggestion = this.chat?.suggested?.suggestions[number - 1];
    if (suggestion) this.view.insert(suggestion);
  }

  // ---------------------------------------------------------------- the rest

  updateBlocks() {
    const { chat } = this;
    if (!chat) return;
    const blocks = [this.#tried(chat), this.#guide(chat), this.#company(chat), this.#before(chat)].filter(Boolean);
    arrange(this.blocks, blocks);
    arrange(this.notes, chat.notes.map((note) => el('li', { 'data-id': note.id },
      el('p', { class: 'tag' }, el('strong', {}, note.author ?? t('sender.agent')), ' ', el('time', { datetime: note.created_at }, dateAndTime(note.created_at))),
      el('p', { class: 'note-words' }, note.text))));
  }

  #block(name, title, content, same) {
    this.known ??= new Map();
    const key = `${this.chat.id} ${name}`;
    const known = this.known.get(name);
    if (known?.key === key && known.same === same) return known.node;
    const node = el('details', { class: 'block', open: true, 'data-block': name }, el('summary', {}, el('h3', {}, title)), content());
    if (known?.key === key && !known.node.open) node.open = false;
    this.known.set(name, { key, same, node });
    return node;
  }

  /** The last questions that the assistant decided on, the newest first. */
  #tried(chat) {
    const tried = [];
    let asked = null;
    for (const message of chat.messages) {
      if (message.sender === 'visitor') asked = message;
      if (message.decision) tried.push({ asked, decision: message.decision });
    }
    if (!tried.length) return null;
    const newest = tried.slice(-MOST_TRIED).reverse();
    return this.#block('tried', t('details.tried'), () => el('ol', { class: 'tried', reversed: true }, newest.map(({ asked: question, decision }) => el('li', {},
      el('p', {}, question && el('q', { lang: question.language }, question.text), ' ', el('strong', {}, t(`decision.${decision.outcome}`))),
      el('ul', {}, decision.candidates.map((candidate) => el('li', {}, `${candidate.title ?? candidate.topic} `, sure(candidate.confidence))))))),
    JSON.stringify(newest.map(({ asked: question, decision }) => [question?.id, decision])));
  }

  #guide(chat) {
    const { guide } = chat;
    if (!guide) return null;
    return this.#block('guide', t('details.guide'), () => [
      el('p', {}, el('strong', {}, guide.title)),
      el('p', {}, t('details.step', { step: guide.progress.step, of: guide.progress.of, title: guide.step })),
      el('p', { class: 'quiet' }, t(guide.waiting ? 'details.guide_waits' : 'details.guide_left')),
    ], JSON.stringify(guide));
  }

  #company(chat) {
    const { company } = chat;
    return this.#block('company', t('details.company'), () => (company ? [
      el('p', { class: 'quiet' }, t('details.verified_until', { at: clock(company.until) })),
      el('div', { class: 'words' }, markdown(company.status)),
    ] : el('p', { class: 'quiet' }, t('details.not_verified'))), JSON.stringify(company));
  }

  #before(chat) {
    const lines = [
      t('details.began', { at: dateAndTime(chat.created_at || Date.now()) }),
      chat.referrer && t('details.referrer', { referrer: chat.referrer }),
      chat.references.length && t('details.requests', { references: chat.references.join(', ') }),
      ...chat.earlier.map((one) => t('details.earlier', {
        at: dateAndTime(one.asked_at), desk: deskName(one.desk), agent: one.agent ?? t('sender.agent'),
        how: one.outcome ? t(`outcome.${one.outcome}`) : t(`ended.${one.state}`),
      })),
    ].filter(Boolean);
    return this.#block('before', t('details.before'), () => el('ul', { class: 'plain-list' }, lines.map((line) => el('li', {}, line))), JSON.stringify(lines));
  }

  async #keepNote() {
    const words = this.noteField.value.trim();
    if (!words || !this.chat) return;
    try {
      await this.desk.addNote(this.chat.id, words);
      this.noteField.value = '';
      put(this.noteProblem, '');
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      put(this.noteProblem, failure.words);
    }
  }
}
