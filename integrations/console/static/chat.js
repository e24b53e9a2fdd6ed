/** The middle: one conversation, what is said in it, and the field to answer in. */

import { announce, button, characters, choice, clock, dateAndTime, dialog, el, howLong, put, query, show } from './elements.js';
import { Failure } from './api.js';
import { markdown } from './markdown.js';
import { deskName, nameOf } from './lists.js';
import { t } from './texts.js';
import { CannedPicker } from './canned.js';
import { makeDraft } from './drafts.js';

const LIMIT = 4000;
const COUNT_FROM = 3500;
const LONG_TEXT = 420;
const TYPING_EVERY_MS = 3000;
const AT_THE_END_PX = 60;

/** The log of one conversation: made once, appended to, and put away while another one is looked at. */
class Log {
  #nodes = new Map();
  #outgoing = new Map();

  constructor(chat, view) {
    Object.assign(this, { chat, view });
    this.older = button(t('chat.older'), () => view.older(chat), { kind: 'plain older' });
    this.list = el('div', { class: 'messages' });
    this.sending = el('div', { class: 'messages' });
    this.typing = el('p', { class: 'typing', hidden: true }, t('chat.visitor_types'));
    this.node = el('div', { class: 'log', role: 'log', tabindex: '0', 'aria-live': 'off', 'aria-label': t('chat.log', { name: nameOf(chat.id) }) },
      this.older, this.list, this.sending, this.typing);
    // Who reads the newest goes on seeing it when the field below grows.
    this.atTheEnd = true;
    this.node.addEventListener('scroll', () => { this.atTheEnd = this.#isAtTheEnd; }, { passive: true });
    new ResizeObserver(() => { if (this.atTheEnd) this.toTheEnd(); }).observe(this.node);
  }

  get #isAtTheEnd() { return this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < AT_THE_END_PX; }

  toTheEnd() {
    this.atTheEnd = true;
    this.node.scrollTop = this.node.scrollHeight;
  }

  update() {
    const stay = this.atTheEnd;
    show(this.older, !this.chat.isWhole);
    let place = this.list.firstElementChild;
    for (const message of this.chat.messages) {
      let node = this.#nodes.get(message.id);
      if (!node) {
        node = this.#message(message);
        this.#nodes.set(message.id, node);
        this.list.insertBefore(node, place);
      } else if (node.dataset.text !== String(message.text.length)) {
        // A status that has expired has its placeholder.
        const anew = this.#message(message);
        node.replaceWith(anew);
        this.#nodes.set(message.id, anew);
        node = anew;
      }
      place = node.nextElementSibling;
    }
    if (!this.chat.messages.length) {
      this.list.replaceChildren();
      this.#nodes.clear();
    }
    this.updateOutbox();
    show(this.typing, this.chat.typing);
    if (stay) this.toTheEnd();
  }

  #sender(message) {
    if (message.sender === 'agent') return message.agent ?? this.view.desk.handOver(this.chat.id)?.claimed_by_name ?? t('sender.agent');
    return t(`sender.${message.sender}`);
  }

  #message(message) {
    const words = el('div', { class: 'words', lang: message.language }, message.sender === 'visitor' ? message.text : markdown(message.text));
    words.classList.toggle('plain-words', message.sender === 'visitor'); // a link could say that it leads elsewhere
    const parts = [words];
    if (message.sender === 'assistant' && characters(message.text) > LONG_TEXT) {
      words.classList.add('short');
      const more = button(t('chat.show_all'), () => {
        const open = words.classList.toggle('short');
        put(more.firstElementChild, t(open ? 'chat.show_all' : 'chat.show_less'));
        more.setAttribute('aria-expanded', String(!open));
      }, { kind: 'link', 'aria-expanded': 'false' });
      parts.push(more);
    }
    if (message.buttons?.length) {
      parts.push(el('p', { class: 'offered' }, t('chat.offered', { titles: message.buttons.map(({ title }) => title).join(' · ') })));
    }
    if (message.sender === 'agent' && this.view.desk.me.roles.includes('agent')) parts.push(this.#draftButton(message));
    return el('article', { class: `message ${message.sender}`, 'data-id': message.id, 'data-kind': message.kind, 'data-text': message.text.length },
      el('p', { class: 'tag' }, el('strong', {}, this.#sender(message)), ' ',
        message.pressed && el('span', {}, `${t('chat.pressed')} `),
        el('time', { datetime: message.created_at, title: dateAndTime(message.created_at) }, clock(message.created_at))),
      el('div', { class: 'bubble' }, parts));
  }

  #draftButton(message) {
    return button(t('draft.make'), () => makeDraft({
      topic: this.chat.from.get(message.id)?.topic ?? null, language: message.language, answer: message.text, conversation: this.chat.id,
      desk: this.view.desk.handOver(this.chat.id)?.desk ?? null,
    }), { kind: 'link' });
  }

  updateOutbox() {
    const stay = this.atTheEnd;
    const shown = this.chat.outbox.filter(({ arrived }) => !arrived);
    for (const [key, node] of this.#outgoing) {
      if (!shown.some((item) => item.key === key)) {
        node.remove();
        this.#outgoing.delete(key);
      }
    }
    for (const item of shown) {
      if (!this.#outgoing.has(item.key)) {
        const node = el('article', { class: 'message agent outgoing' }, el('div', { class: 'bubble' }, el('div', { class: 'words' }, markdown(item.text))),
          el('p', { class: 'trouble' }));
        this.#outgoing.set(item.key, node);
        this.sending.append(node);
      }
      const node = this.#outgoing.get(item.key);
      if (node.dataset.state === item.state) continue;
      node.dataset.state = item.state;
      const words = { sending: t('chat.sending'), waiting: t('chat.not_sent_yet'), refused: item.detail }[item.state];
      node.lastChild.replaceChildren(words ?? '', item.state === 'refused'
        ? button(t('chat.take_back'), () => this.view.takeBack(this.chat, item.key), { kind: 'link' }) : '');
    }
    if (stay) this.toTheEnd();
  }
}

export class ChatView {
  #logs = new Map();
  #typed = 0;

  /** onnext(): after a chat was closed or handed back; stream: for typing. */
  constructor(desk, stream, canned, onnext) {
    Object.assign(this, { desk, stream, onnext });
    this.node = query('#conversation');
    this.empty = query('#no-conversation');
    this.title = query('#conversation-title');
    this.state = query('#conversation-state');
    this.actions = query('#conversation-actions');
    this.place = query('#conversation-log');
    this.composer = query('#composer');
    this.field = query('#answer');
    this.count = query('#answer-count');
    this.problem = query('#answer-problem');
    this.field.addEventListener('input', () => this.#input());
    this.composer.addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
    this.picker = new CannedPicker(this.field, canned, () => this.chat?.language, () => this.#input());
    desk.on('messages', ({ conversation, messages, fresh }) => this.#said(conversation, messages, fresh));
    desk.on('outbox', ({ conversation }) => this.#logs.get(conversation)?.updateOutbox());
    desk.on('typing', ({ conversation }) => this.#logs.get(conversation)?.update());
    desk.on('erased', ({ conversation }) => {
      this.#logs.get(conversation)?.update();
      if (conversation === desk.current) this.field.value = '';
    });
    desk.on('hand-over board erased', (detail) => {
      if (!detail.conversation || detail.conversation === desk.current) this.#head();
    });
    addEventListener('focus', () => this.#read());
    document.addEventListener('visibilitychange', () => this.#read());
    setInterval(() => this.#since(), 1000);
  }

  get chat() { return this.desk.current ? this.desk.chat(this.desk.current) : null; }

  get handOver() { return this.desk.current ? this.desk.handOver(this.desk.current) : null; }

  async open(id, { focus = true } = {}) {
    const before = this.desk.current;
    this.desk.current = id;
    if (before && before !== id && !['waiting', 'claimed'].includes(this.desk.handOver(before)?.state)) this.desk.handOvers.delete(before);
    this.desk.tell('current', { conversation: id });
    const chat = this.desk.chat(id);
    show(this.empty, false);
    show(this.node, true);
    this.#showLog(chat);
    this.#head();
    this.field.value = chat.draft;
    this.#counted();
    put(this.problem, '');
    try {
      await this.desk.load(id);
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      if (this.desk.current === id) put(this.problem, failure.words);
      return;
    }
    if (this.desk.current !== id) return;
    this.#logs.get(id)?.update();
    this.#logs.get(id)?.toTheEnd();
    this.#head();
    this.#read();
    this.desk.suggest(id);
    if (focus) (this.composer.hidden ? this.actions.querySelector('button') ?? this.title : this.field).focus();
    this.node.scrollIntoView({ block: 'nearest' });
  }

  #showLog(chat) {
    if (!this.#logs.has(chat.id)) this.#logs.set(chat.id, new Log(chat, this));
    const log = this.#logs.get(chat.id);
    if (log.chat !== chat) {
      this.#logs.delete(chat.id);
      this.#showLog(chat);
      return;
    }
    for (const id of this.#logs.keys()) if (!this.desk.chats.has(id)) this.#logs.delete(id);
    // Switching is not news: only what is said from now on is read out.
    log.node.setAttribute('aria-live', 'off');
    this.place.replaceChildren(log.node);
    log.update();
    log.toTheEnd();
    setTimeout(() => log.node.setAttribute('aria-live', 'polite'), 500);
  }

  #said(id, messages, fresh) {
    this.#logs.get(id)?.update();
    if (id !== this.desk.current) return;
    this.#read();
    if (fresh && messages.some(({ sender }) => sender === 'visitor')) {
      clearTimeout(this.asking);
      this.asking = setTimeout(() => this.desk.suggest(id), 150);
    }
  }

  #read() {
    const id = this.desk.current;
    if (id && document.hasFocus() && !document.hidden && this.desk.chat(id).loaded) this.desk.markRead(id);
  }

  async older(chat) {
    const log = this.#logs.get(chat.id);
    const from = log.node.scrollHeight - log.node.scrollTop;
    await this.desk.earlier(chat.id).catch((failure) => put(this.problem, failure.words));
    log.node.scrollTop = log.node.scrollHeight - from;
  }

  // ---------------------------------------------------------------- the head

  #head() {
    const { chat, handOver } = this;
    if (!chat) return;
    const holds = this.desk.holds(handOver);
    put(this.title, nameOf(chat.id));
    this.#since();
    const kind = chat.gone ? 'gone' : holds ? 'mine' : handOver?.state ?? 'ended';
    show(this.composer, holds);
    if (this.actions.dataset.kind === `${chat.id} ${kind}`) return;
    const had = this.actions.contains(document.activeElement) || this.composer.contains(document.activeElement);
    this.actions.dataset.kind = `${chat.id} ${kind}`;
    this.actions.replaceChildren(...{
      mine: [
        button(t('chat.hand_back'), () => this.handBack(), { keys: 'Alt+H', icon: 'back' }),
        button(t('chat.close'), () => this.close(), { keys: 'Alt+W', icon: 'check' }),
      ],
      waiting: [button(t('chat.claim'), () => this.claim(chat.id), { kind: 'primary', icon: 'claim' })],
    }[kind] ?? []);
    if (kind !== 'gone' && kind !== 'waiting') {
      this.actions.append(button(t('draft.unanswered'), () => makeDraft({
        language: chat.language, conversation: chat.id, desk: handOver?.desk ?? null,
      }), { icon: 'note' }));
    }
    if (had && document.activeElement === document.body) (holds ? this.field : this.title).focus();
  }

  #since() {
    const { chat, handOver } = this;
    if (!chat) return;
    const parts = [];
    if (chat.gone) parts.push(t(`chat.gone.${chat.gone}`));
    else if (handOver) {
      parts.push(deskName(handOver.desk), t(`language.${handOver.language}`));
      if (handOver.state === 'waiting') parts.push(t('chat.waits', { time: howLong(handOver.asked_at) }), t(`reason.${handOver.reason}`));
      else if (this.desk.holds(handOver)) parts.push(t('chat.with_you', { time: howLong(handOver.claimed_at) }));
      else if (handOver.state === 'claimed') parts.push(t('chat.with', { name: handOver.claimed_by_name ?? '' }));
      else parts.push(t(`ended.${handOver.state}`));
    }
    put(this.state, parts.join(' · '));
  }

  // ---------------------------------------------------------------- doing

  async #do(what, id = this.desk.current) {
    put(this.problem, '');
    try {
      await what(id);
      return true;
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      put(this.problem, failure.words);
      announce(failure.words);
      return false;
    }
  }

  async claim(id) {
    if (!(await this.#do(() => this.desk.claim(id), id))) return false;
    announce(t('chat.claimed', { name: nameOf(id) }));
    await this.open(id);
    return true;
  }

  /** Whoever waits longest. When a colleague was faster, the next one. */
  async claimNext() {
    for (const { conversation_id: id } of this.desk.waiting) {
      try {
        await this.desk.claim(id);
      } catch (failure) {
        if (!(failure instanceof Failure)) throw failure;
        if (failure.status === 409 || failure.status === 404) continue;
        put(this.problem, failure.words);
        announce(failure.words);
        return;
      }
      announce(t('chat.claimed', { name: nameOf(id) }));
      await this.open(id);
      return;
    }
    announce(t('list.nobody_waits'));
  }

  /** The next or the previous one of mine. */
  step(by) {
    const mine = this.desk.mine.map(({ conversation_id: id }) => id);
    if (!mine.length) {
      announce(t('list.none_mine'));
      return;
    }
    const at = mine.indexOf(this.desk.current);
    const next = at < 0 ? (by > 0 ? 0 : mine.length - 1) : (at + by + mine.length) % mine.length;
    this.open(mine[next]);
    announce(nameOf(mine[next]));
  }

  send() {
    const { chat } = this;
    const words = this.field.value.trim();
    if (!chat || !words || !this.desk.holds(this.handOver)) return;
    if (characters(words) > LIMIT) {
      put(this.problem, t('chat.too_long', { most: LIMIT, count: characters(words) }));
      return;
    }
    put(this.problem, '');
    this.desk.say(chat.id, words);
    this.field.value = '';
    this.#counted();
    this.#logs.get(chat.id)?.toTheEnd();
    this.field.focus();
  }

  takeBack(chat, key) {
    this.desk.drop(chat.id, key);
    if (chat.id === this.desk.current) this.field.value = chat.draft;
    this.field.focus();
  }

  /** Puts a suggested answer at the place of the cursor, to be changed and sent. */
  insert(suggestion) {
    const { chat } = this;
    if (!chat || !this.desk.holds(this.handOver)) return;
    const { selectionStart: from, selectionEnd: to, value } = this.field;
    const before = value.slice(0, from).trimEnd();
    const after = value.slice(to).trimStart();
    this.field.value = [before, suggestion.insert, after].filter(Boolean).join('\n\n');
    // The cursor stands behind the answer, and its source below it.
    const end = [before, suggestion.text].filter(Boolean).join('\n\n').length;
    chat.used = suggestion;
    this.field.focus();
    this.field.setSelectionRange(end, end);
    this.#input();
    announce(t('suggestions.inserted', { title: suggestion.title }));
  }

  handBack() {
    const { chat } = this;
    if (!chat || !this.desk.holds(this.handOver)) return;
    this.#ask(t('chat.hand_back'), [el('p', {}, t('chat.hand_back_words'))], t('chat.hand_back'), async () => {
      await this.desk.handBack(chat.id);
      announce(t('chat.handed_back'));
    });
  }

  close() {
    const { chat } = this;
    if (!chat || !this.desk.holds(this.handOver)) return;
    const outcomes = ['answered', 'referred', 'not_in_knowledge', 'no_reply', 'other'].map((outcome) => [outcome, t(`outcome.${outcome}`)]);
    const field = choice('outcome', t('chat.outcome'), outcomes, 'answered');
    field.classList.add('column');
    this.#ask(t('chat.close'), [el('p', {}, t('chat.close_words')), field], t('chat.close'), async (form) => {
      await this.desk.close(chat.id, new FormData(form).get('outcome'));
      announce(t('chat.closed'));
    });
  }

  /** A small question with one field; Enter and Ctrl+Enter do it. */
  #ask(title, content, words, act) {
    const problem = el('p', { class: 'problem', role: 'alert' });
    const form = el('form', {
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          await act(form);
          node.close();
          this.onnext();
        } catch (failure) {
          if (!(failure instanceof Failure)) throw failure;
          put(problem, failure.words);
        }
      },
      onkeydown: (event) => { if (event.key === 'Enter' && event.target.type === 'radio') { event.preventDefault(); form.requestSubmit(); } },
    }, content, problem, el('div', { class: 'row end' },
      button(t('dialog.cancel'), () => node.close()),
      el('button', { class: 'primary' }, words)));
    const node = dialog(title, form);
    (form.querySelector('input:checked') ?? form.querySelector('button.primary')).focus();
  }

  // ---------------------------------------------------------------- writing

  #input() {
    const { chat } = this;
    if (!chat) return;
    this.desk.keepDraft(chat.id, this.field.value);
    if (!this.field.value) chat.used = null;
    this.#counted();
    if (this.field.value && Date.now() - this.#typed > TYPING_EVERY_MS) {
      this.#typed = Date.now();
      this.stream.send({ type: 'typing', conversation: chat.id });
    }
  }

  #counted() {
    const count = characters(this.field.value);
    put(this.count, count > COUNT_FROM ? t('chat.count', { count, most: LIMIT }) : '');
    this.count.classList.toggle('over', count > LIMIT);
  }
}
