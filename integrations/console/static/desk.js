/**
 * What the console knows: hand-overs, the chats that were opened, drafts, and what is still to be sent. No page here.
 *
 * It tells with events: `hand-over` {conversation, before}, `messages` {conversation, messages, fresh}, `outbox`,
 * `details`, `suggestions`, `typing`, `erased`, `notes` {conversation}, `presence`, `board`.
 * Frames may come twice, or before what they belong to was fetched: messages are known by their id, and ordered by it.
 */

import { Failure, get, post } from './api.js';
import { newKey } from './elements.js';

const OVERLAP = 20;            // what two agents store at once may get its place in another order than it arrives
const DETAILS_AFTER_MS = 250;
const TYPING_LASTS_MS = 6_000;
const LONGEST_WAIT_SECONDS = 15;
const MOST_KEPT = 40;
const DRAFTS = 'wegwijzer-console:drafts';

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

class Chat {
  constructor(id) {
    Object.assign(this, {
      id, loaded: false, gone: false, isWhole: true, messages: [], notes: [], earlier: [], references: [], guide: null,
      company: null, language: 'nl', channel: '', referrer: null, draft: '', used: null, outbox: [], suggested: null,
      typing: false, from: new Map(), epoch: 0,
    });
    this.ids = new Set();
  }

  /** Takes messages in; gives those that were not there yet. What is known of one that was, is added to. */
  take(messages) {
    const fresh = [];
    for (const message of messages) {
      if (this.ids.has(message.id)) {
        const known = this.messages.find(({ id }) => id === message.id);
        Object.assign(known, message.decision === undefined ? { ...message, decision: known.decision, agent: known.agent } : message);
        continue;
      }
      this.ids.add(message.id);
      fresh.push(message);
    }
    if (fresh.length) {
      this.messages.push(...fresh);
      this.messages.sort((one, other) => (one.id < other.id ? -1 : 1));
    }
    return fresh;
  }

  get last() { return this.messages.at(-1); }

  get lastOfVisitor() { return this.messages.findLast(({ sender }) => sender === 'visitor'); }
}

export class Desk extends EventTarget {
  #details = new Map();
  #typing = new Map();
  #asked = 0;
  #drafts = {};

  constructor(me) {
    super();
    try { this.#drafts = JSON.parse(sessionStorage.getItem(DRAFTS)) ?? {}; } catch { /* none */ }
    this.me = me;
    this.handOvers = new Map();
    this.chats = new Map();
    this.present = {};
    this.openRequests = {};
    this.current = null;
  }

  tell(type, detail = {}) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  on(types, listener) {
    for (const type of types.split(' ')) this.addEventListener(type, (event) => listener(event.detail, type));
  }

  // ---------------------------------------------------------------- lists

  #sorted(which, by) {
    const order = (handOver) => `${handOver[by]} ${handOver.conversation_id}`;
    return [...this.handOvers.values()].filter(which).sort((one, other) => (order(one) < order(other) ? -1 : 1));
  }

  /** Who waits longest comes first. */
  get waiting() { return this.#sorted(({ state }) => state === 'waiting', 'asked_at'); }

  get mine() { return this.#sorted((handOver) => this.holds(handOver), 'claimed_at'); }

  get others() { return this.#sorted((handOver) => handOver.state === 'claimed' && !this.holds(handOver), 'claimed_at'); }

  holds(handOver) { return handOver?.state === 'claimed' && handOver.claimed_by === this.me.id; }

  handOver(id) { return this.handOvers.get(id) ?? null; }

  chat(id) {
    if (!this.chats.has(id)) {
      const chat = new Chat(id);
      chat.draft = this.#drafts[id] ?? '';
      this.chats.set(id, chat);
      this.#forgetOld();
    }
    return this.chats.get(id);
  }

  /** Chats that are over, and hold nothing that is still to be sent, need not stay all day. */
  #forgetOld() {
    for (const [id, chat] of this.chats) {
      if (this.chats.size <= MOST_KEPT) return;
      if (id !== this.current && !chat.outbox.length && !this.holds(this.handOver(id))) this.chats.delete(id);
    }
  }

  // ---------------------------------------------------------------- from the server

  /** Everything anew: at the start, and after a lost connection. */
  setBoard(board) {
    const known = [...board.waiting, ...board.mine, ...board.open];
    const before = this.handOvers;
    this.handOvers = new Map(known.map((handOver) => [handOver.conversation_id, handOver]));
    const shown = this.current && before.get(this.current);
    // What ended meanwhile is asked for below.
    if (shown && !this.handOvers.has(this.current)) this.handOvers.set(this.current, { ...shown, state: 'ended' });
    this.present = board.present;
    this.openRequests = board.requests_open;
    this.tell('board');
    for (const chat of this.chats.values()) {
      if (!chat.loaded || chat.gone) continue;
      if (this.handOvers.get(chat.id)?.state === 'ended') this.load(chat.id, { anew: true });
      else if (this.handOvers.has(chat.id)) this.catchUp(chat.id);
      else chat.loaded = false;
    }
  }

  take(frame) {
    if (frame.type === 'board') this.setBoard(frame.board);
    if (frame.type === 'hand_over') this.#takeHandOver(frame.hand_over);
    if (frame.type === 'message') this.#takeMessage(frame.conversation, frame.message);
    if (frame.type === 'typing') this.#takeTyping(frame.conversation);
    if (frame.type === 'erased') this.#erased(frame.conversation);
    if (frame.type === 'notes') this.#laterDetails(frame.conversation);
    if (frame.type === 'presence') {
      this.present = { ...this.present, [frame.desk]: frame.present };
      this.tell('presence');
    }
    if (frame.type === 'requests' || frame.type === 'here') {
      this.openRequests = frame.type === 'here' ? frame.requests_open : { ...this.openRequests, [frame.desk]: frame.open };
      this.tell('presence');
    }
  }

  #takeHandOver(handOver) {
    const id = handOver.conversation_id;
    const before = this.handOver(id);
    const ended = handOver.state !== 'waiting' && handOver.state !== 'claimed';
    if (ended && id !== this.current) this.handOvers.delete(id);
    else this.handOvers.set(id, handOver);
    this.tell('hand-over', { conversation: id, before, handOver });
    const chat = this.chats.get(id);
    if (chat?.loaded && before?.state !== handOver.state) this.#laterDetails(id);
  }

  #takeMessage(id, message) {
    const chat = this.chats.get(id);
    if (message.sender === 'visitor') this.#stopTyping(id);
    if (!chat?.loaded) return;
    const fresh = chat.take([message]);
    this.#settle(chat);
    if (fresh.length) this.tell('messages', { conversation: id, messages: fresh, fresh: true });
    // Frames hold what the visitor may see; what the assistant tried is fetched.
    if (message.sender === 'assistant' || message.kind === 'status' || message.sender === 'system') this.#laterDetails(id);
  }

  #takeTyping(id) {
    const chat = this.chats.get(id);
    if (!chat) return;
    clearTimeout(this.#typing.get(id));
    this.#typing.set(id, setTimeout(() => this.#stopTyping(id), TYPING_LASTS_MS));
    chat.typing = true;
    this.tell('typing', { conversation: id });
  }

  #stopTyping(id) {
    clearTimeout(this.#typing.get(id));
    const chat = this.chats.get(id);
    if (!chat?.typing) return;
    chat.typing = false;
    this.tell('typing', { conversation: id });
  }

  /** how: `erased` by the visitor, or `away`: not for this agent any more. */
  #erased(id, how = 'erased') {
    const chat = this.chats.get(id);
    // What was asked for before must not bring anything back.
    if (chat) Object.assign(chat, { epoch: chat.epoch + 1, gone: chat.gone || how, loaded: false, messages: [], notes: [], company: null, suggested: null, outbox: [] });
    chat?.ids.clear();
    if (chat) this.keepDraft(id, '');
    this.handOvers.delete(id);
    this.tell('erased', { conversation: id });
    this.tell('hand-over', { conversation: id, before: null, handOver: null });
  }

  // ---------------------------------------------------------------- reading

  /** All of one conversation. Asked for by several at once, it is fetched once. */
  load(id, { anew = false } = {}) {
    const chat = this.chat(id);
    if (chat.loading) return chat.loading;
    if (chat.loaded && !anew) return Promise.resolve(chat);
    chat.loading = this.#load(chat).finally(() => { chat.loading = null; });
    return chat.loading;
  }

  async #load(chat) {
    let found;
    const { epoch } = chat;
    try {
      found = await get(`conversations/${chat.id}`);
      if (epoch !== chat.epoch) return chat;
    } catch (failure) {
      if (failure.status === 404) this.#erased(chat.id, 'away');
      throw failure;
    }
    const { messages, is_whole: isWhole, hand_over: handOver, ...rest } = found;
    const first = !chat.loaded;
    Object.assign(chat, rest, { loaded: true, gone: false, isWhole: first ? isWhole : chat.isWhole });
    const fresh = chat.take(messages);
    this.#settle(chat);
    this.#untilItExpires(chat);
    if (['waiting', 'claimed'].includes(handOver.state) || chat.id === this.current) {
      const before = this.handOver(chat.id);
      this.handOvers.set(chat.id, handOver);
      this.tell('hand-over', { conversation: chat.id, before, handOver });
    }
    this.tell('messages', { conversation: chat.id, messages: fresh, fresh: !first });
    this.tell('details', { conversation: chat.id });
    return chat;
  }

  /** A company's status is shown only while it may be: here too. */
  #untilItExpires(chat) {
    clearTimeout(chat.expiry);
    if (chat.company) chat.expiry = setTimeout(() => this.#laterDetails(chat.id), Math.max(0, new Date(chat.company.until) - Date.now()) + 1000);
  }

  /** What was said since: asked for with some overlap, and known by id, so that nothing is missing and nothing double. */
  async catchUp(id) {
    const chat = this.chats.get(id);
    if (!chat?.loaded) return;
    try {
      const { epoch } = chat;
      for (let after = chat.messages.at(-OVERLAP)?.id ?? chat.messages[0]?.id; after;) {
        const { messages } = await get(`conversations/${id}/messages?after=${after}`);
        if (epoch !== chat.epoch) return;
        const fresh = chat.take(messages);
        this.#settle(chat);
        if (fresh.length) this.tell('messages', { conversation: id, messages: fresh, fresh: true });
        after = messages.length >= 200 ? messages.at(-1).id : null;
      }
      await this.load(id, { anew: true });
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
    }
  }

  async earlier(id) {
    const chat = this.chat(id);
    const { epoch } = chat;
    const { messages } = await get(`conversations/${id}/messages?before=${chat.messages[0].id}`);
    if (epoch !== chat.epoch) return;
    chat.isWhole = messages.length < 200;
    const fresh = chat.take(messages);
    this.tell('messages', { conversation: id, messages: fresh, fresh: false });
  }

  #laterDetails(id) {
    clearTimeout(this.#details.get(id));
    this.#details.set(id, setTimeout(() => {
      this.#details.delete(id);
      if (this.chats.get(id)?.loaded) this.load(id, { anew: true }).catch(() => {});
    }, DETAILS_AFTER_MS));
  }

  /** Three answers to what was asked last. Of two requests under way the last one counts. */
  async suggest(id) {
    const chat = this.chat(id);
    const turn = (this.#asked += 1);
    const { epoch } = chat;
    chat.asking = turn;
    try {
      const suggested = await get(`conversations/${id}/suggestions`);
      if (chat.asking !== turn || epoch !== chat.epoch) return;
      chat.suggested = suggested;
    } catch (failure) {
      if (chat.asking !== turn || epoch !== chat.epoch) return;
      chat.suggested = { failed: failure.words, suggestions: [] };
    }
    this.tell('suggestions', { conversation: id });
  }

  async markRead(id) {
    const handOver = this.handOver(id);
    const last = this.chat(id).last;
    if (!this.holds(handOver) || !handOver.unread || !last) return;
    handOver.unread = 0;
    this.tell('hand-over', { conversation: id, before: handOver, handOver });
    await post(`conversations/${id}/read`, { message_id: last.id }).catch(() => {});
  }

  // ---------------------------------------------------------------- doing

  async claim(id) {
    const { hand_over: handOver } = await post(`conversations/${id}/claim`);
    this.#takeHandOver(handOver);
    return handOver;
  }

  /** Sends, and goes on trying for as long as it takes: the key sees to it that it is said once. */
  say(id, words) {
    const chat = this.chat(id);
    const { used } = chat;
    const suggestion = used ? { batch: used.batch, id: used.id } : this.#ignored(chat);
    chat.outbox.push({
      key: newKey(), text: words, suggestion, topic: used?.topic, edited: Boolean(used) && used.insert !== words,
      after: chat.last?.id ?? '', state: 'sending',
    });
    chat.used = null;
    this.keepDraft(id, '');
    this.tell('outbox', { conversation: id });
    this.flush(id);
  }

  /** Suggestions stood there, and the agent wrote something else. */
  #ignored(chat) {
    const batch = chat.suggested?.suggestions[0]?.batch;
    if (!batch || chat.settled === batch) return null;
    chat.settled = batch;
    return { batch };
  }

  flush(id) {
    const chat = this.chat(id);
    chat.pump ??= this.#flush(chat).finally(() => { chat.pump = null; });
    return chat.pump;
  }

  flushAll() { for (const chat of this.chats.values()) if (chat.outbox.length) { chat.hurry?.(); this.flush(chat.id); } }

  async #flush(chat) {
    for (let tries = 0; chat.outbox.some(({ state }) => state !== 'refused');) {
      const item = chat.outbox.find(({ state }) => state !== 'refused');
      try {
        const { key, text, suggestion } = item;
        const { message } = await post(`conversations/${chat.id}/say`, { key, text, suggestion });
        tries = 0;
        chat.outbox = chat.outbox.filter((other) => other !== item);
        chat.from.set(message.id, item);
        const fresh = chat.take([message]);
        this.tell('outbox', { conversation: chat.id });
        if (fresh.length) this.tell('messages', { conversation: chat.id, messages: fresh, fresh: true });
      } catch (failure) {
        if (!(failure instanceof Failure)) throw failure;
        tries += 1;
        Object.assign(item, failure.temporary ? { state: 'waiting' } : { state: 'refused', detail: failure.words });
        // Signed out: the words are there again after signing in.
        if (failure.status === 401) this.drop(chat.id, item.key);
        this.tell('outbox', { conversation: chat.id });
        if (failure.temporary) {
          const seconds = failure.retryAfterSeconds || Math.min(2 ** tries, LONGEST_WAIT_SECONDS);
          await Promise.race([pause(seconds * 1000), new Promise((resolve) => { chat.hurry = resolve; })]);
          if (item.state === 'waiting') item.state = 'sending';
        }
      }
    }
  }

  /** A message of ours that came by the stream before the answer to sending it: it is not shown twice. */
  #settle(chat) {
    if (!chat.outbox.length) return;
    const said = chat.messages.slice(-OVERLAP * 2).filter(({ sender }) => sender === 'agent');
    for (const item of chat.outbox) item.arrived = said.some(({ id, text }) => id > item.after && text === item.text);
    this.tell('outbox', { conversation: chat.id });
  }

  drop(id, key) {
    const chat = this.chat(id);
    const item = chat.outbox.find((one) => one.key === key);
    chat.outbox = chat.outbox.filter((one) => one !== item);
    if (item && !chat.draft) this.keepDraft(id, item.text);
    this.tell('outbox', { conversation: id });
  }

  /** What is half written survives switching and a reload; it goes with the tab, and with the conversation. */
  keepDraft(id, words) {
    this.chat(id).draft = words;
    if (words) this.#drafts[id] = words;
    else delete this.#drafts[id];
    try { sessionStorage.setItem(DRAFTS, JSON.stringify(this.#drafts)); } catch { /* in memory only */ }
  }

  get unsent() { return [...this.chats.values()].some(({ outbox }) => outbox.some(({ state }) => state !== 'refused')); }

  handBack(id) { return post(`conversations/${id}/hand-back`); }

  close(id, outcome) { return post(`conversations/${id}/close`, { outcome }); }

  async addNote(id, text) {
    const { note } = await post(`conversations/${id}/notes`, { text });
    const chat = this.chat(id);
    if (!chat.notes.some((known) => known.id === note.id)) chat.notes = [...chat.notes, note];
    this.tell('details', { conversation: id });
  }
}
