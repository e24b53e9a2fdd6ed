/*
 * Wegwijzer's chat widget: one custom element, one script tag.
 *
 *   <script src="https://host/widget.js" defer></script>
 *   <wegwijzer-chat language="en" referrer="awvn"></wegwijzer-chat>      (optional; without it the script adds one)
 *
 * Attributes: language (nl|en), channel, referrer, topic, open, server. In the page's address `wegwijzer-topic`,
 * `wegwijzer-referrer` and `wegwijzer-form` open the chat; the first two win over the attributes. Methods: open(),
 * close(). Events: wegwijzer:open, wegwijzer:close.
 *
 * One classic script on purpose: modules from another host would need CORS headers. It runs under a strict
 * Content-Security-Policy: no markup from strings, no inline style or script.
 *
 * Store is what survives a reload, Conversation talks to the server and knows no DOM, Form is a form over the
 * conversation, WegwijzerChat is everything else that people see.
 */
(() => {
  'use strict';

  if (customElements.get('wegwijzer-chat')) return;

  // `currentScript` is null when a page loads us with type="module".
  const SCRIPT = document.currentScript ?? document.querySelector('script[src$="/widget.js"], script[src*="/widget.js?"]');
  const HOME = new URL('.', SCRIPT?.src ?? document.baseURI);

  const LANGUAGES = { nl: 'Nederlands', en: 'English' };
  const LIMIT = 2000;
  const COUNT_FROM = 1800;
  const TIMEOUT_MS = 15_000;
  const TYPING_AFTER_MS = 300;
  const TYPING_LASTS_MS = 6_000;
  const TYPING_EVERY_MS = 2_000;
  const LONGEST_WAIT_SECONDS = 30;
  const LONGEST_WAIT_FOR_A_PERSON_SECONDS = 5;
  const MOST_TRIES = 10;
  const PAGE = 100;
  const FILE_KEPT_MS = 5_000;
  const STATUS_SHOWN_MS = 30 * 60_000;

  // ---------------------------------------------------------------- building blocks

  /** An element; `on…` functions become listeners, null and false are left out. */
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === 'function') node.addEventListener(name.slice(2), value);
      else if (value != null && value !== false) node.setAttribute(name, value === true ? '' : value);
    }
    node.append(...children.filter((child) => child != null));
    return node;
  }

  /** As the server takes it: VNO-NCW becomes vno-ncw, what is no name at all is left out. */
  const referrerCode = (name) => name?.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-/, '').slice(0, 40) || undefined;

  const ICONS = {
    signpost: 'M12 2v20M8 22h8M12 4h6l3 2.5L18 9h-6M12 11H6l-3 2.5L6 16h6',
    send: 'M4 12h15M13 5.5 19.5 12 13 18.5',
    erase: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
    minimise: 'M6 6l12 12M18 6L6 18',
    down: 'M12 5v14M6 13l6 6 6-6',
    thumb: 'M7 11v9H4v-9h3l4-8c1.7 0 2.5 1 2.5 2.5L13 9h6c1.2 0 2 1 1.7 2.2l-1.7 7c-.2 1-1 1.8-2 1.8H7',
    chevron: 'M9 5l7 7-7 7',
    check: 'M5 12.5l4.5 4.5L19 7.5',
  };

  function icon(name) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    svg.setAttribute('class', 'icon');
    path.setAttribute('d', ICONS[name]);
    svg.append(path);
    return svg;
  }

  /** Characters as the server counts them: code points, not UTF-16 units. */
  const characters = (text) => [...text].length;

  /** Not crypto.randomUUID: that one is missing on pages without https. */
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

  const elsewhere = (event) => Boolean(event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

  const languageOf = (tag) => (tag ? (/^en\b/i.test(tag) ? 'en' : 'nl') : null);

  /** 1, 2, 4, 8, … seconds, a little random: a thousand widgets must not come back in the same second. */
  const backOff = (tries, longest = LONGEST_WAIT_SECONDS) =>
    Math.min(2 ** Math.max(tries - 1, 0), longest) * (0.8 + 0.4 * Math.random()) * 1000;

  /** A wait that can be cut short. */
  class Pause {
    #waiting = new Set();

    wait(milliseconds) {
      return new Promise((resolve) => {
        const end = () => { clearTimeout(timer); this.#waiting.delete(end); resolve(); };
        const timer = setTimeout(end, milliseconds);
        this.#waiting.add(end);
      });
    }

    cut() { for (const end of [...this.#waiting]) end(); }
  }

  /** Status 0: no answer at all. */
  class Failure extends Error {
    constructor(status, detail = '', retryAfterSeconds = 0) {
      super(detail || `status ${status}`);
      Object.assign(this, { status, detail, retryAfterSeconds });
    }

    get gone() { return [401, 403, 404, 410].includes(this.status); }

    get temporary() { return [0, 408, 409, 425, 429].includes(this.status) || this.status >= 500; }
  }

  async function request(url, { method = 'GET', token, key, body, as = 'json' } = {}) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    const headers = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (key) headers['Idempotency-Key'] = key;
    if (body) headers['Content-Type'] = 'application/json';
    try {
      const response = await fetch(url, {
        method, headers, body: body && JSON.stringify(body), signal: abort.signal, credentials: 'omit',
      });
      if (response.ok) return response.status === 204 ? null : await response[as]();
      const problem = await response.json().catch(() => ({}));
      throw new Failure(response.status, problem.detail, Number(response.headers.get('Retry-After')) || 0);
    } catch (error) {
      throw error instanceof Failure ? error : new Failure(0);
    } finally {
      clearTimeout(timer);
    }
  }

  // ---------------------------------------------------------------- Markdown

  const INLINE = /\*\*(?=\S)(.+?)\*\*|\[([^[\]]+)\]\(([^\s()]+)\)/g;
  const ITEM = /^\s*(?:[-*]|(\d{1,3})[.)])\s+(.*)$/;

  /** A link, or null: only full addresses with a scheme that cannot run anything. */
  function anchor(address) {
    let url;
    try { url = new URL(address); } catch { return null; }
    if (['http:', 'https:'].includes(url.protocol)) {
      return el('a', { href: url.href, target: '_blank', rel: 'noopener noreferrer' });
    }
    return ['mailto:', 'tel:'].includes(url.protocol) ? el('a', { href: url.href }) : null;
  }

  function inline(text, parent, newTab, link) {
    let done = 0;
    for (const match of text.matchAll(INLINE)) {
      const [whole, bold, label, address] = match;
      const node = bold ? el('strong') : link(address);
      if (!node) continue;
      inline(bold ?? label, node, newTab, link);
      if (node.target) node.append(el('span', { class: 'hidden' }, ` ${newTab}`));
      parent.append(text.slice(done, match.index), node);
      done = match.index + whole.length;
    }
    parent.append(text.slice(done));
  }

  /** Paragraphs, lists, bold and links (made by `link`); the rest is shown as it stands. */
  function markdown(text, newTab, link) {
    const result = document.createDocumentFragment();
    let block = null;
    let blank = false;
    for (const line of text.split(/\r?\n/)) {
      const item = ITEM.exec(line);
      if (!line.trim()) {
        blank = true;
      } else if (item) {
        const tag = item[1] ? 'ol' : 'ul';
        if (block?.localName !== tag) {
          block = el(tag, { start: item[1] > 1 && item[1] });
          result.append(block);
        }
        block.append(el('li'));
        inline(item[2], block.lastChild, newTab, link);
        blank = false;
      } else {
        const goesOn = block && !blank;
        if (!goesOn) {
          block = el('p');
          result.append(block);
        }
        const target = block.localName === 'p' ? block : block.lastChild;
        if (goesOn) target.append(el('br'));
        inline(line.trim(), target, newTab, link);
        blank = false;
      }
    }
    return result;
  }

  // ---------------------------------------------------------------- what survives a reload

  /**
   * {id, token, language, asked, chosen, topic, open, draft, outbox, pressed, votes, until} under one key per server.
   * Every change reads first, because another tab may have written; in private mode it lives in memory only.
   */
  class Store {
    #memory = {};

    constructor(key) { this.key = key; }

    read() {
      try { return JSON.parse(localStorage.getItem(this.key)) ?? this.#memory; } catch { return this.#memory; }
    }

    write(changes) {
      this.#memory = { ...this.read(), ...changes };
      try { localStorage.setItem(this.key, JSON.stringify(this.#memory)); } catch { /* memory only */ }
    }
  }

  // ---------------------------------------------------------------- the conversation

  /**
   * Everything between the widget and the server. It tells its listener:
   * messages(list, restored) · item(outgoing) · connection('ok'|'lost'|'given-up'|'busy', seconds) ·
   * mode(mode, position) · typing(sender) · busy(yes) · language(code) · reset(reason) · failed(detail).
   *
   * An outgoing item is {key, text|payload, title, after, state}, its state: queued, sending, waiting (for the next
   * try), unsent (given up), refused (by the server, with `detail`), sent.
   */
  class Conversation {
    #opening = null;    // what is under way, so that it is never under way twice
    #pump = null;
    #ready = null;
    #catching = null;
    #stream = null;
    #streamTries = 0;
    #streamTimer = 0;
    #pause = new Pause();
    #seen = new Set();
    #cursor = '';       // up to here the feed (stream or GET) has told us everything
    #newest = '';
    #mode = 'assistant';
    #typedAt = 0;
    #epoch = 0;         // goes up when the conversation is dropped: what was under way then no longer counts

    constructor(server, opening, listener) {
      this.server = server;
      this.opening = opening; // {language, channel, referrer, topic} for a conversation still to be made
      this.listener = listener;
      this.store = new Store(`wegwijzer:${server}`);
      const kept = this.store.read();
      this.id = kept.id ?? null;
      this.token = kept.token ?? null;
      this.outbox = (kept.outbox ?? []).map((item) => ({ ...item, state: 'queued' }));
      this.wanted = false; // is anybody looking?
    }

    get asked() { return Boolean(this.store.read().asked); }

    get #withPerson() { return ['queue', 'agent'].includes(this.#mode); }

    // -- opening and closing

    open() {
      this.wanted = true;
      this.#pause.cut();
      this.#opening ??= this.#openUp().finally(() => { this.#opening = null; });
    }

    async #openUp() {
      for (let tries = 1; this.wanted; tries += 1) {
        const epoch = this.#epoch;
        try {
          await this.#prepare();
          if (epoch !== this.#epoch) continue;
          this.flush();
          this.#listen();
          return;
        } catch (failure) {
          if (epoch !== this.#epoch) tries = 0;
          else if (failure.gone && this.id) this.#forget('expired', { keepOutbox: true });
          else if (!(await this.#patience(failure, tries))) return;
        }
      }
    }

    close() {
      if (this.#withPerson) return; // who waits for somebody hears it when they come
      this.wanted = false;
      this.#hangUp();
    }

    hurry() {
      for (const item of this.outbox) {
        item.tries = 0;
        if (item.state === 'unsent') this.#mark(item, 'queued');
      }
      this.#streamTries = 0;
      this.#pause.cut();
      if (!this.wanted) return;
      if (!this.#ready) {
        this.open();
      } else {
        this.flush();
        this.#hangUp();
        this.#listen();
        this.catchUp();
      }
    }

    async #patience(failure, tries) {
      if (failure.status === 429) {
        const seconds = Math.max(failure.retryAfterSeconds, 1);
        this.listener.connection('busy', seconds);
        await this.#pause.wait(seconds * 1000);
        this.listener.connection('ok');
        return true;
      }
      if (!failure.temporary) {
        this.listener.failed(failure.detail);
        return false;
      }
      if (tries > MOST_TRIES) {
        this.listener.connection('given-up');
        return false;
      }
      await this.#pause.wait(backOff(tries));
      return true;
    }

    #call(path, options = {}) {
      const address = new URL(`api/v1/conversations${path}`, this.server);
      return request(address, options).then(
        (answer) => { this.listener.connection('ok'); return answer; },
        (failure) => {
          if (failure.status === 0 || failure.status >= 500) this.listener.connection('lost');
          throw failure;
        },
      );
    }

    #prepare() {
      const epoch = this.#epoch;
      this.#ready ??= (async () => {
        this.listener.busy(true);
        try {
          // Another tab may have made one since this page was loaded.
          const kept = this.store.read();
          [this.id, this.token] = [kept.id ?? null, kept.token ?? null];
          if (!this.id) {
            await this.#create(epoch);
          } else {
            const messages = await this.#pages('');
            if (epoch === this.#epoch) this.#receive(messages, { feed: true, restored: true });
          }
        } finally {
          this.listener.busy(false);
        }
      })().catch((failure) => {
        if (epoch === this.#epoch) this.#ready = null;
        throw failure;
      });
      return this.#ready;
    }

    async #create(epoch) {
      const { topic } = this.opening;
      const made = await this.#call('', { method: 'POST', body: this.opening });
      if (epoch !== this.#epoch) return;
      delete this.opening.topic; // a topic opens one conversation, not the ones after it
      this.id = made.id;
      this.token = made.token;
      this.store.write({ id: made.id, token: made.token, asked: false, pressed: [], votes: {}, ...(topic && { topic }) });
      this.#speak(made.language);
      this.#receive(made.messages, { feed: true });
    }

    async #pages(after) {
      const all = [];
      for (;;) {
        const query = `?limit=${PAGE}${after && `&after=${encodeURIComponent(after)}`}`;
        const { messages } = await this.#call(`/${this.id}/messages${query}`, { token: this.token });
        const last = messages.at(-1)?.id;
        if (!last || last === after) return all;
        all.push(...messages);
        after = last;
      }
    }

    /** What the stream may have missed. When it fails, the next occasion tries again. */
    async catchUp() {
      if (!this.#ready || !this.id || this.#catching) return;
      const epoch = this.#epoch;
      this.#catching = this.#pages(this.#cursor);
      try {
        const messages = await this.#catching;
        if (epoch === this.#epoch) this.#receive(messages, { feed: true });
      } catch (failure) {
        if (failure.gone && epoch === this.#epoch) this.startAnew('expired', { keepOutbox: true });
      } finally {
        this.#catching = null;
      }
    }

    #receive(messages, { feed = false, restored = false } = {}) {
      const fresh = messages.filter(({ id }) => !this.#seen.has(id));
      for (const { id, sender } of messages) {
        this.#seen.add(id);
        if (id > this.#newest) this.#newest = id;
        // A POST's replies don't move the cursor: an agent may have said something before them.
        if (feed && id > this.#cursor) this.#cursor = id;
        if (sender === 'visitor' && !this.asked) this.store.write({ asked: true });
      }
      const spoken = fresh.filter(({ sender }) => sender !== 'visitor').at(-1);
      if (spoken && spoken.id >= this.#newest) this.#speak(spoken.language);
      if (fresh.length || restored) this.listener.messages(fresh, restored);
    }

    #speak(language) {
      if (!(language in LANGUAGES)) return;
      this.store.write({ language });
      this.listener.language(language);
    }

    // -- sending

    send({ text, payload, title }) {
      const item = { key: newKey(), text, payload, title, after: this.#newest, state: 'queued' };
      this.outbox.push(item);
      this.#keepOutbox(item);
      this.listener.item(item);
      this.flush();
      return item;
    }

    /** Once more, at a person's request. A refused one gets a new key, or the server would repeat its refusal. */
    sendAgain(item) {
      if (item.state === 'refused') {
        Object.assign(item, { key: newKey(), detail: '' });
        this.outbox.push(item);
        this.#keepOutbox(item);
      }
      item.tries = 0;
      this.#mark(item, 'queued');
      this.#pause.cut();
      this.flush();
    }

    static #kept({ key, text, payload, title, after }) { return { key, text, payload, title, after }; }

    #keepOutbox(added, removedKey) {
      const kept = (this.store.read().outbox ?? []).filter(({ key }) => key !== removedKey);
      this.store.write({ outbox: added ? [...kept, Conversation.#kept(added)] : kept });
    }

    #mark(item, state) {
      item.state = state;
      this.listener.item(item);
    }

    #drop(item, state) {
      this.outbox = this.outbox.filter((other) => other !== item);
      this.#keepOutbox(null, item.key);
      this.#mark(item, state);
    }

    flush() {
      this.#pump ??= this.#sendAll().finally(() => {
        this.#pump = null;
        if (this.outbox[0]?.state === 'queued') this.flush(); // it came in just now
      });
    }

    async #sendAll() {
      for (;;) {
        const item = this.outbox[0];
        if (!item || item.state === 'unsent') return;
        const epoch = this.#epoch;
        try {
          await this.#prepare();
          if (epoch !== this.#epoch || !this.outbox.includes(item)) continue;
          if (item.state === 'queued') this.#mark(item, 'sending');
          this.listener.busy(this.#mode !== 'agent');
          const body = item.payload ? { payload: item.payload } : { text: item.text };
          const { messages } = await this.#call(`/${this.id}/messages`, { method: 'POST', token: this.token, key: item.key, body });
          if (epoch !== this.#epoch) continue;
          item.before = messages[0]?.id;
          // Who talks is told by the stream; where there is none, this tells it.
          if (!messages.length && this.#mode !== 'agent') this.#turnTo('agent');
          if (messages.length && this.#mode === 'agent' && !this.#stream) this.#turnTo('assistant');
          this.store.write({ asked: true });
          this.#drop(item, 'sent');
          this.#receive(messages);
        } catch (failure) {
          this.listener.busy(false);
          if (epoch !== this.#epoch || !this.outbox.includes(item)) continue;
          if (failure.gone && this.id && !item.renewed) {
            // The old conversation's buttons mean nothing in a new one; their words do.
            if (item.payload) Object.assign(item, { text: item.title, payload: undefined });
            Object.assign(item, { renewed: true, after: '', key: newKey(), state: 'queued' });
            this.#forget('expired', { keepOutbox: true });
          } else if (failure.temporary) {
            if (failure.status !== 429) {
              item.tries = (item.tries ?? 0) + 1;
              this.#mark(item, item.tries > MOST_TRIES ? 'unsent' : 'waiting');
            }
            if (!(await this.#patience(failure, item.tries ?? 1))) return;
          } else {
            item.detail = failure.detail;
            this.#drop(item, 'refused');
          }
        } finally {
          this.listener.busy(false);
        }
      }
    }

    feedback(messageId, helpful) {
      return this.#call(`/${this.id}/feedback`, { method: 'POST', token: this.token, body: { message_id: messageId, helpful } });
    }

    /** That a link of an answer was opened: counted, without who did. Nobody waits for it, and nothing depends on it. */
    opened(messageId, url) {
      const address = new URL(`api/v1/conversations/${this.id}/opened`, this.server);
      request(address, { method: 'POST', token: this.token, body: { message_id: messageId, url } }).catch(() => {});
    }

    /** What is filled in on a form; in a new conversation if this one turns out to be gone. */
    async put(path, body, key, again = true) {
      await this.#prepare();
      const epoch = this.#epoch;
      try {
        const answer = await this.#call(`/${this.id}/${path}`, { method: 'POST', token: this.token, key, body });
        // Until then a status may be on the screen: by our clock, because the server's may be another.
        this.store.write({ asked: true, ...(answer.verified && { until: Date.now() + STATUS_SHOWN_MS }) });
        this.#receive(answer.messages ?? []);
        return answer;
      } catch (failure) {
        if (failure.gone) await this.catchUp(); // which finds out whether it is
        if (!again || epoch === this.#epoch) throw failure;
        return this.put(path, body, key, false);
      }
    }

    // -- ending

    /** Throws a Failure when the server could not be asked. */
    async erase() {
      if (this.id) {
        await this.#call(`/${this.id}`, { method: 'DELETE', token: this.token }).catch((failure) => {
          if (!failure.gone) throw failure;
        });
      }
      this.startAnew('erased');
    }

    /** Nothing has been asked in it yet, so nobody will miss it. */
    discard(changes = {}) {
      if (this.id) this.#call(`/${this.id}`, { method: 'DELETE', token: this.token }).catch(() => {});
      this.#forget('new', { keepOutbox: true });
      Object.assign(this.opening, changes);
    }

    startAnew(reason, options) {
      this.#forget(reason, options);
      if (this.wanted) this.open();
    }

    #forget(reason, { keepOutbox = false } = {}) {
      this.opening.language = this.store.read().language ?? this.opening.language;
      const outbox = keepOutbox ? this.outbox.map(Conversation.#kept) : [];
      this.store.write({ id: null, token: null, asked: false, pressed: [], votes: {}, outbox, ...(!keepOutbox && { draft: '' }) });
      this.#leave(keepOutbox);
      this.listener.reset(reason);
    }

    #leave(keepOutbox) {
      this.#hangUp();
      this.#epoch += 1;
      this.#ready = null;
      this.#seen.clear();
      this.#cursor = '';
      this.#newest = '';
      this.#mode = 'assistant';
      this.id = null;
      this.token = null;
      if (!keepOutbox) this.outbox = [];
      this.#pause.cut();
    }

    follow() {
      const id = this.store.read().id ?? null;
      if (id === this.id) return;
      const had = this.id;
      this.#leave(Boolean(id));
      if (had) this.listener.reset(id ? 'replaced' : 'erased-elsewhere');
      if (id && this.wanted) this.open();
    }

    // -- listening

    #listen() {
      if (!this.wanted || !this.id || this.#stream) return;
      const stream = `api/v1/conversations/${this.id}/stream`;
      const address = new URL(stream, this.server);
      address.protocol = address.protocol.replace('http', 'ws');
      let socket;
      try { socket = new WebSocket(address); } catch { this.#listenLater(); return; }
      this.#stream = socket;
      socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token: this.token, after: this.#cursor || null }));
      socket.onmessage = ({ data }) => {
        let frame;
        try { frame = JSON.parse(data); } catch { return; }
        if (socket !== this.#stream) return;
        this.#streamTries = 0;
        if (frame.type === 'message') this.#receive([frame.message], { feed: true });
        if (frame.type === 'typing' && frame.sender !== 'visitor') this.listener.typing(frame.sender);
        if (frame.type === 'mode') this.#turnTo(frame.mode, frame.position);
      };
      socket.onclose = () => {
        if (socket !== this.#stream) return;
        this.#stream = null;
        this.#listenLater();
      };
    }

    #turnTo(mode, position) {
      this.#mode = mode;
      this.listener.mode(mode, position);
    }

    /** Somebody who waits for the visitor's words sees that they are coming. */
    typing() {
      if (!this.#withPerson || this.#stream?.readyState !== WebSocket.OPEN || Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
      this.#typedAt = Date.now();
      this.#stream.send('{"type":"typing"}');
    }

    #listenLater() {
      if (!this.wanted) return;
      this.#streamTries += 1;
      const longest = this.#withPerson ? LONGEST_WAIT_FOR_A_PERSON_SECONDS : LONGEST_WAIT_SECONDS;
      clearTimeout(this.#streamTimer);
      this.#streamTimer = setTimeout(() => {
        // Where no WebSocket gets through, this is what brings an agent's messages.
        this.catchUp();
        this.#listen();
      }, backOff(this.#streamTries, longest));
    }

    #hangUp() {
      clearTimeout(this.#streamTimer);
      const socket = this.#stream;
      this.#stream = null;
      socket?.close();
    }
  }

  // ---------------------------------------------------------------- forms

  const CODE = { autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false' };
  const INPUTS = {
    code: CODE,
    one_time_code: { ...CODE, autocomplete: 'one-time-code' },
    name: { autocomplete: 'name' },
    email: { type: 'email', autocomplete: 'email' },
    phone: { type: 'tel', autocomplete: 'tel' },
    kvk: { inputmode: 'numeric', autocomplete: 'off' },
    organisation: { autocomplete: 'organization' },
  };
  const ROWS = { companies: { name: 'organisation', kvk_number: 'kvk' }, contacts: { name: 'name', email: 'email' } };

  /** A form as the server describes it. What is typed is about people: it is kept in here and nowhere else; codes not even here. */
  class Form {
    #key = null; // the same words once more are the same request

    constructor(form, language, chat) {
      Object.assign(this, { form, language, chat, sending: false });
      const close = { type: 'button', onclick: () => chat.close(), 'aria-label': this.#t('close') };
      this.heading = el('h3', { id: 'sheet-title', tabindex: '-1' }, form.title);
      this.outcome = el('div', { class: 'words', role: 'status' });
      this.problem = el('p', { class: 'problem', role: 'alert' });
      this.button = el('button', { class: 'primary' }, form.submit);
      this.node = el('form', {
        class: 'sheet', lang: language, novalidate: true, 'aria-labelledby': 'sheet-title',
        onsubmit: (event) => { event.preventDefault(); this.#submit(); },
        oninput: ({ target: { name } }) => {
          this.#key = null;
          for (const one of this.#together(name) ?? [name]) this.#mark(one, '');
        },
      },
        el('div', { class: 'head' }, this.heading, el('button', { ...close, class: 'tool' }, icon('minimise'))),
        el('div', { class: 'entries' },
          el('div', { class: 'words' }, chat.words(form.intro, language)),
          ...form.fields.map((field) => this.#entry(field)),
          this.outcome, this.problem, this.button, el('button', { ...close, class: 'plain' }, this.#t('close'))));
    }

    #t(key, values) { return this.chat.t(`form.${key}`, values, this.language); }

    /** By its name, as in the server's answers: `email`, `contacts.0.email`. */
    #control(name) { return this.node.getRootNode().getElementById(`form-${name}`); }

    /** Codes are not kept: not when they were sent, and not when the form closes. */
    wipe() { for (const control of this.#codes()) control.value = ''; }

    #codes() { return this.form.fields.filter(({ kind }) => kind === 'code').map(({ id }) => this.node.elements[id]); }

    #together(name) { return this.form.one_of?.find((names) => names.includes(name)); }

    #entry(field) {
      const { id, kind, options, required } = field;
      const control = kind in ROWS ? this.#rows(field)
        : kind === 'choice' ? el('fieldset', { role: 'radiogroup' }, ...options.map(({ id: value, title }) => el('label', {},
          el('input', { type: 'radio', name: id, value, required }), title)))
        : kind === 'text' ? el('textarea', { rows: 5 })
        : el('input', kind === 'consent' ? { type: 'checkbox' } : INPUTS[id] ?? INPUTS[kind]);
      return this.#labelled(id, control, field);
    }

    /** A control or a fieldset, with its label, its hint and room for what is wrong with it. */
    #labelled(name, control, { label, hint, required, most }) {
      const id = `form-${name}`;
      const group = control.localName === 'fieldset';
      const problem = el('p', { class: 'problem', id: `${id}-problem` });
      const title = el(group ? 'legend' : 'label', { for: !group && id }, label,
        required || this.#together(name) ? '' : el('span', { class: 'note' }, ` ${this.#t('optional')}`));
      const note = el('p', { class: 'note', id: `${id}-hint` }, hint ?? '');
      Object.assign(control, { id, name: group ? '' : name, required, most: most ?? Infinity });
      control.setAttribute('aria-describedby', `${id}-hint ${id}-problem`);
      if (!group) return el('div', {}, ...(control.type === 'checkbox' ? [control, title, note] : [title, note, control]), problem);
      control.prepend(title, note);
      control.append(problem);
      return control;
    }

    /** Two contacts, or any number of companies. */
    #rows({ id, kind, most, required }) {
      const many = kind === 'companies';
      const list = el('div', { class: 'rows' });
      const press = (key, onclick) => el('button', { type: 'button', class: 'plain', onclick }, this.#t(key));
      let made = 0;
      const more = () => {
        const row = el('fieldset', {}, el('legend'), ...Object.entries(ROWS[kind]).map(([key, input]) => this.#labelled(
          `${id}.${made}.${key}`, el('input', INPUTS[input]), { label: this.#t(key), required: required || (many && made > 0) })));
        if (many) {
          row.append(press('remove', () => {
            const next = row.nextSibling ?? row.previousSibling;
            row.remove();
            turn(next);
          }));
        }
        made += 1;
        list.append(row);
        turn(row);
      };
      const turn = (row) => {
        this.#key = null;
        for (const [at, { firstChild }] of [...list.children].entries()) firstChild.textContent = `${this.#t(kind)} ${at + 1}`;
        add.hidden = !many || list.childElementCount >= (most ?? Infinity);
        row.querySelector('input').focus();
      };
      const add = press('add', more);
      more();
      if (!many) more();
      return el('fieldset', {}, list, add);
    }

    #read() {
      const values = {};
      const rows = {};
      for (const [name, value] of new FormData(this.node)) {
        const words = value.trim();
        const [id, at, key] = name.split('.');
        if (words && key) {
          if (!rows[id + at]) (values[id] ??= []).push(rows[id + at] = {});
          rows[id + at][key] = words;
        } else if (words) values[id] = this.#control(id).type === 'checkbox' || words;
      }
      return values;
    }

    /** Marks what is wrong; true when nothing is. */
    #check(values) {
      const { fields, one_of: groups = [] } = this.form;
      for (const control of this.node.querySelectorAll('[aria-describedby]')) {
        const one = control.role ? control.querySelector('input') : control;
        const missing = one.validity.valueMissing || (one.required && one.value?.trim() === '');
        const long = control.value && characters(control.value.trim()) > control.most;
        const key = missing ? { radio: 'choose', checkbox: 'agree' }[one.type] ?? 'missing' : long && 'too_long';
        this.#mark(control.id.slice(5), key ? this.#t(key, control) : '');
      }
      for (const group of groups) {
        const labels = fields.filter(({ id }) => group.includes(id)).map(({ label }) => `‘${label}’`);
        if (!group.some((id) => values[id])) this.#mark(group[0], this.#t('one_of', { fields: labels.join(', ') }));
      }
      const first = this.node.querySelector('[aria-invalid="true"]');
      (first?.querySelector('input') ?? first)?.focus();
      return !first;
    }

    #mark(name, words) {
      const control = this.#control(name);
      if (!control) return;
      this.#control(`${name}-problem`).textContent = words;
      // A plain group cannot be wrong, only what is in it.
      if (control.matches(':not(fieldset), [role]')) control.ariaInvalid = String(Boolean(words));
    }

    async #submit() {
      const { form, language, chat, outcome, problem, button } = this;
      const { conversation } = chat;
      const verifies = form.sends === 'verification';
      if (this.sending) return;
      outcome.textContent = '';
      problem.textContent = '';
      const values = this.#read();
      if (!this.#check(values)) return;
      this.#key ??= newKey();
      this.sending = true;
      button.ariaDisabled = 'true'; // `disabled` would take the focus away
      outcome.textContent = this.#t('sending');
      try {
        const answer = form.sends === 'request' ? await conversation.put('requests', { kind: form.id, fields: values }, this.#key)
          : verifies ? await conversation.put(form.sends, values)
          : await request(new URL(`api/v1/${form.sends}`, conversation.server), { method: 'POST', body: { ...values, language } });
        const { reference, verified } = answer;
        if (reference || verified) {
          this.wipe();
          chat.sent(this, this.#t(verified ? 'verified' : 'sent', { reference }), reference);
        } else if (verifies) {
          outcome.textContent = this.#t('mail_sent');
          this.#codes()[0]?.focus();
        } else outcome.replaceChildren(chat.words(answer.text, language));
        for (const { field, message } of answer.problems ?? []) this.#mark(field, message);
      } catch (failure) {
        if (!failure.temporary) this.#key = null; // or the server would repeat its refusal
        outcome.textContent = '';
        problem.textContent = failure.detail || this.#t((failure.status ? 'failed' : 'lost') + (verifies ? '_code' : ''));
        this.wipe();
      }
      this.sending = false;
      button.ariaDisabled = 'false';
      button.scrollIntoView({ block: 'nearest' });
    }
  }

  // ---------------------------------------------------------------- what people see

  class WegwijzerChat extends HTMLElement {
    #texts = {};
    #language = 'nl';
    #labels = [];
    #echoes = new Map();  // outgoing key → {item, node, id: the server's id once we know it}
    #following = true;    // is the reader at the newest message?
    #unread = null;
    #typingTimer = 0;
    #mode = { mode: 'assistant' };
    #typingSaid = false;
    #connection = 'ok';
    #isOpen = false;
    #form = null;         // the one that lies over the conversation
    #forms = {};          // those that were opened, with what was typed in them: in memory only
    #answerQuestion = null;
    #listeners = null;

    connectedCallback() {
      this.#listeners = new AbortController();
      if (this.shadowRoot) { this.#listenToPage(); return; }
      const address = new URLSearchParams(location.search);
      const attribute = (name) => address.get(`wegwijzer-${name}`) ?? this.getAttribute(name) ?? undefined;
      this.server = new URL(`${(this.getAttribute('server') ?? HOME.href).replace(/\/+$/, '')}/`, document.baseURI).href;
      const pageLanguage = languageOf(this.getAttribute('language')) ?? languageOf(document.documentElement.lang) ?? 'nl';
      const opening = {
        language: pageLanguage,
        channel: attribute('channel') === 'partner' ? 'partner' : undefined,
        referrer: referrerCode(attribute('referrer')),
        topic: attribute('topic')?.slice(0, 120),
      };
      this.conversation = new Conversation(this.server, opening, {
        messages: (list, restored) => this.#showMessages(list, restored),
        item: (item) => this.#showItem(item),
        connection: (state, seconds) => this.#showConnection(state, seconds),
        mode: (mode, position) => this.#showMode(mode, position),
        typing: (sender) => this.#showTyping(sender, 0, TYPING_LASTS_MS),
        busy: (yes) => (yes ? this.#showTyping('assistant', TYPING_AFTER_MS) : this.#hideTyping()),
        language: (language) => this.#setLanguage(language),
        reset: (reason) => this.#reset(reason),
        failed: (detail) => this.#note(detail || this.#t('conversation.failed')),
      });
      const kept = this.store.read();
      this.#language = kept.id ? kept.language ?? pageLanguage : pageLanguage;
      this.#build();
      const ways = ['topic', 'referrer', 'form'].map((way) => address.get(`wegwijzer-${way}`));
      this.#appear(ways.some((way) => way !== null), ways[2], pageLanguage);
    }

    disconnectedCallback() {
      this.#listeners.abort();
      this.conversation.close();
    }

    get store() { return this.conversation.store; }

    /** Show ourselves when styles and words are there: never a bare or a wordless button. */
    async #appear(asked, form, pageLanguage) {
      const styled = new Promise((resolve) => {
        this.link.addEventListener('load', resolve);
        this.link.addEventListener('error', resolve);
      });
      const pause = new Pause();
      for (let tries = 1; !(await this.#loadTexts(this.#language)); tries += 1) await pause.wait(backOff(tries));
      await styled;
      this.#relabel();
      this.frame.hidden = false;
      this.#rise();
      this.#listenToPage();

      const kept = this.store.read();
      // A conversation in which nothing was asked yet speaks the language of the page that it is on now.
      if (kept.id && !kept.asked && !kept.chosen && kept.language !== pageLanguage) {
        this.conversation.discard({ language: pageLanguage });
        this.#setLanguage(pageLanguage);
      }
      const { topic } = this.conversation.opening;
      // On a phone the chat covers the page: on the next page it would be in the way.
      const [entry] = performance.getEntriesByType('navigation');
      const stays = kept.open && (!this.narrow.matches || entry?.type === 'reload');
      if (asked) {
        const reload = entry?.type === 'reload';
        if (kept.open === false && reload) return; // who closed it and reloads wants the page
        if (topic || !form) await this.#openOn(topic);
        if (form && !(reload && kept.asked)) this.#openForm(form); // after a reload it may have been sent
        else this.open();
      } else if (stays || (kept.open === undefined && this.hasAttribute('open'))) {
        this.open({ focus: false });
      }
    }

    #listenToPage() {
      const { signal } = this.#listeners;
      const options = { signal };
      addEventListener('online', () => this.conversation.hurry(), options);
      addEventListener('offline', () => this.#isOpen && this.#showConnection('lost'), options);
      addEventListener('storage', ({ key }) => { if (key === this.store.key) this.conversation.follow(); }, options);
      const look = () => { if (this.#isOpen && document.visibilityState === 'visible') this.conversation.catchUp(); };
      addEventListener('focus', look, options);
      document.addEventListener('visibilitychange', look, options);
      addEventListener('pagehide', () => this.#form?.wipe(), options);
      // What lies in the top layer prints on top of the page: step down, so that the words come after it.
      addEventListener('beforeprint', () => this.frame.hidePopover?.(), options);
      addEventListener('afterprint', () => this.#rise(), options);
      // Links to this very page that name a topic or a form open the chat without loading the page again.
      document.addEventListener('click', async (event) => {
        const link = event.composedPath().find((node) => node.localName === 'a' && node.href);
        if (!link || event.defaultPrevented || elsewhere(event)) return;
        const url = new URL(link.href);
        const [topic, form] = ['topic', 'form'].map((way) => url.searchParams.get(`wegwijzer-${way}`));
        if (!(topic || form) || url.origin !== location.origin || url.pathname !== location.pathname) return;
        event.preventDefault();
        if (topic) await this.#openOn(topic, link.textContent.trim());
        if (form) this.#openForm(form);
      }, options);
      const fit = () => this.#fit();
      visualViewport?.addEventListener('resize', fit, options);
      visualViewport?.addEventListener('scroll', fit, options);
      this.narrow.addEventListener('change', fit, options);
    }

    /** The browser's top layer: above every z-index, outside every transform of the page. */
    #rise() {
      if (this.frame.isConnected) try { this.frame.showPopover?.(); } catch { /* it is up already */ }
    }

    // -- words

    #t(key, values = {}, language = this.#language) {
      const text = (this.#texts[language] ?? this.#texts[this.#language])?.[key] ?? '';
      return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
    }

    async #loadTexts(language) {
      try { this.#texts[language] ??= await request(new URL(`api/v1/texts/${language}`, this.server)); } catch { /* later */ }
      return Boolean(this.#texts[language]);
    }

    async #setLanguage(language) {
      if (language === this.#language) return;
      if (!(await this.#loadTexts(language))) return;
      this.#language = language;
      this.#relabel();
    }

    #label(set) {
      this.#labels.push(set);
    }

    #relabel() {
      this.frame.lang = this.#language;
      for (const set of this.#labels) set();
    }

    #number(value) { return new Intl.NumberFormat(this.#language).format(value); }

    #date(value, language) {
      const date = new Date(value);
      if (Number.isNaN(date.getTime())) return value;
      return new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : 'nl-NL', { dateStyle: 'long', timeZone: 'UTC' }).format(date);
    }

    // -- the frame

    #build() {
      const text = (node, key) => { this.#label(() => { node.textContent = this.#t(key); }); return node; };
      const name = (node, key) => {
        this.#label(() => {
          node.ariaLabel = this.#t(key);
          if (node.localName === 'button') node.title = this.#t(key);
        });
        return node;
      };
      const press = (action) => ({ type: 'button', onclick: action });

      this.launcher = el('button', { ...press(() => this.open()), class: 'launcher', 'aria-haspopup': 'dialog', 'aria-expanded': 'false' },
        icon('signpost'), text(el('span'), 'launcher.label'));

      this.languages = Object.entries(LANGUAGES).map(([code, label]) => {
        const button = el('button', { ...press(() => this.#switchTo(code, label)), lang: code },
          code.toUpperCase(), el('span', { class: 'hidden' }, ` ${label}`));
        this.#label(() => { button.ariaPressed = String(code === this.#language); });
        return button;
      });
      this.subtitle = el('p', { id: 'subtitle' });
      this.#label(() => this.#labelMode());
      this.head = el('header', { class: 'head' },
        el('span', { class: 'mark' }, icon('signpost')),
        el('div', { class: 'names' }, text(el('h2', { id: 'title' }), 'panel.title'), this.subtitle),
        name(el('div', { class: 'languages', role: 'group' }, ...this.languages), 'panel.language'),
        name(el('button', { ...press(() => this.#askToErase()), class: 'tool' }, icon('erase')), 'panel.erase'),
        name(el('button', { ...press(() => this.close()), class: 'tool' }, icon('minimise')), 'panel.minimise'));

      this.banner = el('p', { role: 'status' });
      this.bannerButton = text(el('button', { ...press(() => this.conversation.hurry()), hidden: true }), 'connection.retry');
      this.strip = el('p', { role: 'status' });
      this.stripButton = text(el('button', { ...press(() => this.conversation.startAnew('new')), hidden: true }), 'mode.start_new');

      this.messages = el('div', { class: 'messages' });
      this.typing = el('div', { class: 'typing', 'aria-hidden': 'true', hidden: true }, el('span'), el('span'), el('span'));
      this.log = name(el('div', { class: 'log', role: 'log', 'aria-live': 'polite', tabindex: '0', onscroll: () => this.#scrolled() },
        this.messages, this.typing), 'panel.log');
      this.newest = el('button', { ...press(() => this.#toUnread()), class: 'newest', hidden: true }, text(el('span'), 'panel.newest'), icon('down'));

      this.field = el('textarea', {
        id: 'field', rows: '1', enterkeyhint: 'send', autocomplete: 'off', 'aria-describedby': 'hint problem',
        oninput: () => { this.#typed(); this.conversation.typing(); }, onkeydown: (event) => this.#keyInField(event),
      });
      this.#label(() => { this.field.placeholder = this.#t('composer.placeholder'); });
      this.counter = el('p', { class: 'counter', hidden: true });
      this.person = text(el('button', { ...press((event) => this.#askForPerson(event)), class: 'person' }), 'mode.ask');
      this.problem = el('p', { class: 'problem', id: 'problem', hidden: true });
      this.composer = el('form', { class: 'composer', novalidate: true, onsubmit: (event) => { event.preventDefault(); this.#submit(); } },
        this.newest, this.problem,
        text(el('label', { for: 'field', class: 'hidden' }), 'composer.label'),
        el('div', { class: 'field' }, this.field, name(el('button', { class: 'send' }, icon('send')), 'composer.send')),
        el('div', { class: 'below' }, text(el('p', { id: 'hint' }), 'composer.hint'), this.person, this.counter));
      this.#label(() => this.#count());

      this.body = el('div', { class: 'body' },
        el('div', { class: 'banner' }, this.banner, this.bannerButton),
        el('div', { class: 'strip' }, this.strip, this.stripButton),
        this.log, this.composer);

      this.ask = el('div', {
        class: 'ask', role: 'alertdialog', 'aria-modal': 'true', 'aria-labelledby': 'ask-title', 'aria-describedby': 'ask-body', hidden: true,
      },
        el('div', { class: 'card' },
          el('h3', { id: 'ask-title' }), el('p', { id: 'ask-body' }), el('p', { class: 'problem', role: 'alert' }),
          el('button', { ...press(() => this.#answerQuestion?.(true)), class: 'plain' }),
          el('button', { ...press(() => this.#answerQuestion?.(false)), class: 'primary' })));

      this.panel = el('div', {
        class: 'panel', role: 'dialog', 'aria-labelledby': 'title', 'aria-describedby': 'subtitle', hidden: true,
        onscroll: () => this.#scrolled(), onkeydown: (event) => this.#keyInPanel(event),
      }, this.head, this.body, this.ask);
      // Words that are not part of the conversation, said once and then gone.
      this.announcer = el('p', { class: 'hidden', role: 'status' });
      this.frame = name(el('section', { class: 'frame', popover: 'manual', hidden: true },
        this.launcher, this.panel, this.announcer), 'panel.region');
      this.link = el('link', { rel: 'stylesheet', href: new URL('widget.css', HOME).href });

      const root = this.attachShadow({ mode: 'open' });
      // Pages with single-key shortcuts would take what is typed here: to them we are no text field.
      for (const type of ['keydown', 'keypress', 'keyup']) root.addEventListener(type, (event) => event.stopPropagation());
      root.append(this.link, this.frame);

      this.narrow = matchMedia('(max-width: 30em), (max-height: 26em)');
      this.field.value = this.store.read().draft ?? '';
      new ResizeObserver(() => { if (this.#following) this.#toEnd(); }).observe(this.log);
    }

    #announce(text) {
      this.announcer.textContent = '';
      // A live region speaks when its text changes: give the emptying time to count as one.
      setTimeout(() => { this.announcer.textContent = text; }, 50);
      // Once said, it is not there to be found, nor in the former language.
      clearTimeout(this.saidEnough);
      this.saidEnough = setTimeout(() => { this.announcer.textContent = ''; }, 3000);
    }

    // -- opening, closing, keys

    open({ focus = true } = {}) {
      if (!this.#isOpen) {
        this.#isOpen = true;
        this.store.write({ open: true });
        this.#rise();
        this.panel.hidden = false;
        this.launcher.hidden = true;
        this.launcher.ariaExpanded = 'true';
        this.launcher.lastChild.textContent = this.#t('launcher.label');
        this.#fit();
        this.#typed();
        if (!navigator.onLine) this.#showConnection('lost');
        for (const language of Object.keys(LANGUAGES)) this.#loadTexts(language);
        for (const item of this.conversation.outbox) this.#showItem(item);
        this.conversation.open();
        this.dispatchEvent(new CustomEvent('wegwijzer:open', { bubbles: true, composed: true }));
      }
      if (focus) (this.#form?.heading ?? this.field).focus({ preventScroll: true });
    }

    close() {
      if (!this.#isOpen) return;
      const had = this.shadowRoot.activeElement;
      this.#answerQuestion?.(false);
      this.#closeForm();
      this.#isOpen = false;
      this.store.write({ open: false });
      this.conversation.close();
      this.panel.hidden = true;
      this.launcher.hidden = false;
      this.launcher.ariaExpanded = 'false';
      if (had || this.narrow.matches) this.launcher.focus({ preventScroll: true });
      this.dispatchEvent(new CustomEvent('wegwijzer:close', { bubbles: true, composed: true }));
    }

    /** From a link on the page (with the words of the link) or from the page's address. */
    async #openOn(topic, question) {
      const { conversation } = this;
      this.#closeForm();
      const kept = this.store.read();
      const running = kept.id && (kept.asked || conversation.outbox.length);
      if (running && question) {
        this.open();
        if (!conversation.outbox.some(({ text }) => text === question)) conversation.send({ text: question });
        return;
      }
      if (kept.id && !running && topic && (question || topic !== kept.topic)) conversation.discard({ topic, language: this.#language });
      else conversation.opening.topic = kept.id ? undefined : topic;
      if (this.#isOpen) conversation.open();
      this.open();
      if (!running || !topic || topic === kept.topic) return;
      const startsNew = await this.#question('topic', async () => {
        conversation.opening.topic = topic;
        await conversation.erase();
      });
      if (!startsNew) this.store.write({ topic }); // asked and answered: not again at the next reload
    }

    async #openForm(id) {
      this.open({ focus: false });
      const { conversation } = this;
      const language = this.#language;
      const forms = (this.#forms[id] ??= {});
      let form;
      try {
        const found = forms[language] ? null : await request(new URL(`api/v1/forms/${language}`, this.server));
        form = forms[language] ??= new Form(found.forms.find((one) => one.id === id), language, {
          conversation,
          t: (...given) => this.#t(...given),
          words: (...given) => this.#words(...given),
          close: () => this.#closeForm(),
          sent: (...given) => this.#sent(...given),
        });
      } catch {
        this.#note(this.#t('form.not_opened'));
        return;
      }
      if (form !== this.#form) {
        this.#closeForm();
        if (this.#form) return; // it is being sent
        this.back = this.shadowRoot.activeElement;
        this.#form = form;
        this.ask.before(form.node);
        this.#cover();
      }
      form.heading.focus();
    }

    /** What was typed stays for the next time. */
    #closeForm() {
      const form = this.#form;
      if (!form || form.sending) return;
      const had = form.node.contains(this.shadowRoot.activeElement);
      this.#form = null;
      form.wipe();
      form.node.remove();
      this.#cover();
      if (had) (this.back?.isConnected ? this.back : this.field).focus();
    }

    /** A confirmation that came while the form lay over the log was not heard. */
    async #sent(form, words, reference) {
      if (form !== this.#form) return; // erased meanwhile
      form.sending = false;
      this.#closeForm();
      delete this.#forms[form.form.id];
      this.field.focus({ preventScroll: true });
      this.#toEnd();
      this.#announce(words);
      if (!reference) {
        this.#reveal([...this.messages.querySelectorAll('.system')].at(-1));
        this.newest.hidden = true;
        return;
      }
      await this.conversation.catchUp();
      if (!this.messages.textContent.includes(reference)) this.#note(words);
    }

    #cover() {
      const asking = Boolean(this.#answerQuestion);
      const filling = Boolean(this.#form);
      this.head.inert = asking || filling;
      this.body.inert = asking || filling;
      if (filling) this.#form.node.inert = asking;
      this.panel.classList.toggle('filling', filling);
    }

    #keyInPanel(event) {
      if (event.key === 'Escape' && !event.isComposing) {
        event.preventDefault();
        if (this.#answerQuestion) this.#answerQuestion(false);
        else if (this.#form) this.#closeForm();
        else this.close();
      }
      // On a phone the panel covers the page, so the page must not be reached behind it.
      if (event.key === 'Tab' && this.narrow.matches) {
        const within = this.#answerQuestion ? this.ask : this.#form?.node ?? this.panel;
        const stops = [...within.querySelectorAll('button, a[href], textarea, input, select, [tabindex="0"]')]
          .filter((node) => node.getClientRects().length);
        const at = stops.indexOf(this.shadowRoot.activeElement);
        if (event.shiftKey ? at <= 0 : at === stops.length - 1) {
          event.preventDefault();
          (event.shiftKey ? stops.at(-1) : stops[0]).focus();
        }
      }
    }

    /** On a phone: fill what the on-screen keyboard leaves free (it does not shrink 100dvh), unless zoomed in. */
    #fit() {
      const narrow = this.narrow.matches;
      this.panel.ariaModal = String(narrow);
      const view = visualViewport;
      const keyboard = narrow && view && view.scale < 1.01 && view.height < innerHeight - 60;
      this.panel.style.height = keyboard ? `${view.height}px` : '';
      this.panel.style.top = keyboard ? `${view.offsetTop}px` : '';
      if (keyboard && this.#form) this.shadowRoot.activeElement?.scrollIntoView({ block: 'nearest' });
    }

    // -- composing

    #keyInField(event) {
      // While an input method composes a word, Enter picks the word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit();
    }

    #typed() {
      this.store.write({ draft: this.field.value });
      // Browsers with `field-sizing` do this in the style sheet.
      if (!CSS.supports('field-sizing', 'content')) {
        this.field.style.height = 'auto';
        this.field.style.height = `${this.field.scrollHeight + 2}px`;
      }
      this.#count();
    }

    #count() {
      const count = characters(this.field.value.trim());
      const level = count > LIMIT ? 2 : count > COUNT_FROM ? 1 : 0;
      const values = { count: this.#number(count), limit: this.#number(LIMIT), left: this.#number(LIMIT - count) };
      this.counter.hidden = !level;
      this.counter.textContent = this.#t('composer.counter', values);
      this.counter.classList.toggle('over', level === 2);
      if (level < 2) this.#complain('');
      // Said at the crossing, not at every key.
      if (level > (this.level ?? 0)) this.#announce(this.#t(level === 2 ? 'composer.too_long' : 'composer.near_limit', values));
      this.level = level;
    }

    #complain(text) {
      this.problem.hidden = !text;
      this.problem.textContent = text;
      this.field.ariaInvalid = String(Boolean(text));
    }

    #submit() {
      const text = this.field.value.trim();
      const count = characters(text);
      this.field.focus();
      if (!text) return;
      if (count > LIMIT) {
        const words = this.#t('composer.too_long', { count: this.#number(count), limit: this.#number(LIMIT) });
        this.#complain(words);
        this.#announce(words);
        return;
      }
      this.field.value = '';
      this.#typed();
      this.conversation.send({ text });
    }

    /** The words are enough: the server knows them. Not twice by a double click. */
    #askForPerson(event) {
      if (event.detail > 1) return;
      this.conversation.send({ text: this.#t('mode.ask') });
      this.field.focus(); // the button goes once the visitor waits
    }

    async #switchTo(code, label) {
      if (code === this.#language) return;
      this.store.write({ chosen: true });
      if (this.conversation.asked || this.conversation.outbox.length) {
        this.conversation.send({ text: label });
      } else {
        this.conversation.discard({ language: code });
        await this.#setLanguage(code);
        this.conversation.open();
      }
    }

    // -- messages

    #showMessages(list, restored) {
      if (list.some(({ sender }) => sender !== 'visitor')) this.#hideTyping();
      if (!this.#isOpen && !restored && list.some(({ sender }) => /agent|system/.test(sender))) {
        this.launcher.lastChild.textContent = this.#t('panel.newest');
        this.#announce(this.#t('panel.newest'));
      }
      if (restored) this.log.ariaLive = 'off';
      if (this.#form && !restored) this.#announce(this.#t('panel.newest')); // the log is silent under it
      let first = null;
      for (const message of list) {
        if (message.sender === 'visitor' && this.#claim(message)) continue;
        const node = this.#render(message);
        this.#insert(node, message.id);
        if (message.sender !== 'visitor') first ??= node;
      }
      if (restored) {
        this.#toEnd();
        // By then the screen reader has seen that nothing new was said.
        setTimeout(() => { this.log.ariaLive = 'polite'; }, 300);
      } else if (first) {
        this.#reveal(first);
      } else if (this.#following) {
        this.#toEnd();
      }
    }

    /** Ids sort by time. What has not reached the server yet stays at the end. */
    #insert(node, id) {
      let next = null;
      for (let other = this.messages.lastElementChild; other; other = other.previousElementSibling) {
        const later = other.dataset.id ? other.dataset.id > id : ['queued', 'waiting', 'unsent'].includes(other.dataset.state);
        if (!later) break;
        next = other;
      }
      node.dataset.id = id;
      this.messages.insertBefore(node, next);
    }

    /**
     * The visitor's own message comes back with the server's id: is it one that already stands here? The same words
     * decide; failing that the place in time, because the server masks what looks like a code. Then its words win.
     */
    #claim(message) {
      const open = [...this.#echoes.values()].filter((echo) => !echo.id && message.id > (echo.item.after ?? ''));
      const words = ({ item }) => item.title ?? item.text;
      const echo = open.find((one) => words(one) === message.text)
        ?? open.find(({ item }) => ['sending', 'waiting', 'sent'].includes(item.state) && (!item.before || message.id < item.before));
      if (!echo) return false;
      echo.id = message.id;
      echo.node.dataset.id = message.id;
      echo.node.querySelector('.words').textContent = message.text;
      return true;
    }

    #render(message) {
      const { id, sender, kind, language } = message;
      const t = (key, values) => this.#t(key, values, language);
      const own = sender === 'visitor';
      const opened = ({ target, button }) => {
        const link = target.closest('a[target]');
        if (link && button < 2 && message.topic) this.conversation.opened(id, link.href);
      };
      const bubble = el('div', { class: 'bubble', onclick: opened, onauxclick: opened });
      const node = el('div', { class: `message ${sender}`, lang: language, 'data-kind': kind },
        el('p', { class: own || sender === 'system' ? 'hidden' : 'tag' }, t(`sender.${sender}`)), bubble);

      if (message.progress) {
        const { step, of } = message.progress;
        const bar = el('span', { class: 'bar', 'aria-hidden': 'true' });
        for (let part = 1; part <= Math.min(of, 20); part += 1) bar.append(el('span', { class: part <= step && 'done' }));
        bubble.append(el('p', { class: 'progress' }, t('message.progress', { step, of }), bar));
      }
      const words = el('div', { class: 'words' });
      if (own) words.textContent = message.text; else words.append(this.#words(message.text, language));
      bubble.append(words);
      if (message.sources?.length) bubble.append(this.#renderSources(message));
      if (message.buttons?.length) {
        node.append(el('div', { class: 'choices' }, ...message.buttons.map((button) => this.#renderChoice(button, t))));
      }
      if (kind === 'answer' || (kind === 'handoff' && sender === 'system')) node.append(this.#renderFeedback(id, t));
      if (kind === 'status') {
        const wipe = () => {
          words.textContent = t('status.gone');
          node.querySelector('.choices')?.remove();
        };
        // Not at once: the answer to the form, with which we know until when, comes just after the message.
        setTimeout(() => {
          const left = (this.store.read().until ?? 0) - Date.now();
          setTimeout(wipe, left > 0 ? left : STATUS_SHOWN_MS);
        }, 1000);
      }
      return node;
    }

    #words(text, language) {
      return markdown(text, this.#t('message.new_tab', {}, language), (address) => this.#link(address, language));
    }

    /** What begins with a slash is the server's, and may be a form or a file. */
    #link(address, language) {
      if (!address.startsWith('/')) return anchor(address);
      const url = new URL(`.${address}`, this.server);
      const form = url.searchParams.get('wegwijzer-form');
      const [, file] = /\/guide\/(checklist\.pdf|calendar\.ics)$/.exec(url.pathname) ?? [];
      if (form) {
        return el('a', {
          class: 'go', href: url.href, onclick: (event) => {
            if (elsewhere(event)) return;
            event.preventDefault();
            this.#openForm(form);
          },
        });
      }
      // No link: an address cannot carry the token.
      return file ? el('button', { type: 'button', class: 'go', onclick: () => this.#download(url, file, language) }, icon('down')) : anchor(url.href);
    }

    async #download(url, name, language) {
      this.#announce(this.#t('download.busy', {}, language));
      try {
        const href = URL.createObjectURL(await request(url, { token: this.conversation.token, as: 'blob' }));
        el('a', { href, download: name }).click();
        setTimeout(() => URL.revokeObjectURL(href), FILE_KEPT_MS);
        this.#announce(this.#t('download.done', { name }, language));
      } catch (failure) {
        this.#note(failure.detail || this.#t('download.failed', {}, language));
      }
    }

    /** A document that the answer rests on in two places is named once, and so is a date that all of them share. */
    #renderSources({ sources, language }) {
      const documents = new Map();
      for (const source of sources) {
        const known = documents.get(source.document);
        if (known) known.where += `; ${source.where}`;
        else documents.set(source.document, { ...source });
      }
      const shown = [...documents.values()];
      for (const [at, source] of shown.entries()) {
        if (shown.slice(at + 1).some((later) => later.checked_on === source.checked_on)) source.checked_on = null;
      }
      return el('ul', { class: 'sources' }, ...shown.map(({ title, where, url, checked_on }) => {
        const link = (url && anchor(url)) || el('span');
        link.append(title);
        if (link.target) link.append(el('span', { class: 'hidden' }, ` ${this.#t('message.new_tab', {}, language)}`));
        const line = el('li', {}, `${this.#t('message.source', {}, language)} `, link);
        if (where) line.append(`, ${where}`);
        if (checked_on) line.append(` · ${this.#t('message.checked_on', { date: this.#date(checked_on, language) }, language)}`);
        return line;
      }));
    }

    /** Buttons of older messages stay usable: the server knows what they mean. */
    #renderChoice({ id, title }, t) {
      const mark = () => {
        if (button.dataset.pressed) return;
        button.dataset.pressed = 'yes';
        button.append(el('span', { class: 'hidden' }, ` ${t('message.chosen')}`));
        button.querySelector('svg').replaceWith(icon('check'));
      };
      const button = el('button', {
        type: 'button',
        onclick: (event) => {
          // A double click: the first one scrolls the log, so the second may land on another button.
          if (event.detail > 1 || this.conversation.outbox.some(({ payload }) => payload === id)) return;
          mark();
          this.store.write({ pressed: [...(this.store.read().pressed ?? []), id].slice(-50) });
          this.conversation.send({ payload: id, title });
        },
      }, el('span', {}, title), icon('chevron'));
      if (this.store.read().pressed?.includes(id)) mark();
      return button;
    }

    #renderFeedback(id, t) {
      const question = el('span', { id: `feedback-${id}` }, t('feedback.question'));
      const thanks = el('span', { class: 'thanks' });
      const vote = this.store.read().votes?.[id];
      const buttons = [true, false].map((helpful) => el('button', {
        type: 'button', class: helpful ? 'yes' : 'no', 'aria-pressed': String(vote === helpful),
        onclick: async () => {
          const [before] = buttons.filter((button) => button.ariaPressed === 'true');
          if (before === buttons[helpful ? 0 : 1]) return;
          const show = (pressed) => { for (const button of buttons) button.ariaPressed = String(button === pressed); };
          show(buttons[helpful ? 0 : 1]);
          let said = t('feedback.thanks');
          try {
            await this.conversation.feedback(id, helpful);
            this.store.write({ votes: { ...this.store.read().votes, [id]: helpful } });
          } catch (failure) {
            show(before);
            said = failure.detail || t('feedback.failed');
          }
          thanks.textContent = said;
          this.#announce(said);
        },
      }, icon('thumb'), t(helpful ? 'feedback.helpful' : 'feedback.not_helpful')));
      // Inside the log, but not read out with every answer.
      return el('div', { class: 'feedback', role: 'group', 'aria-labelledby': `feedback-${id}`, 'aria-live': 'off' },
        question, ...buttons, thanks);
    }

    /** Quiet for screen readers (who just typed it), loud when it fails. */
    #showItem(item) {
      let echo = [...this.#echoes.values()].find((one) => one.item === item);
      if (!echo) {
        const node = el('div', { class: 'message visitor', 'aria-live': 'off' },
          el('p', { class: 'hidden' }, this.#t('sender.visitor')),
          el('div', { class: 'bubble' }, el('div', { class: 'words' }, item.title ?? item.text)),
          el('p', { class: 'trouble', hidden: true }, el('span'), ' ',
            el('button', { type: 'button', onclick: () => this.conversation.sendAgain(item) })));
        echo = { item, node };
        this.#echoes.set(item.key, echo);
        this.messages.append(node);
        this.#typingSaid = false;
        this.#toEnd();
      }
      const { node } = echo;
      const trouble = node.querySelector('.trouble');
      const before = node.dataset.state;
      node.dataset.state = item.state;
      trouble.hidden = !['waiting', 'unsent', 'refused'].includes(item.state);
      if (!trouble.hidden) {
        const words = item.state === 'waiting'
          ? this.#t('message.unsent_retrying')
          : `${this.#t('message.unsent')} ${item.detail ?? ''}`.trim();
        trouble.firstChild.textContent = words;
        trouble.lastChild.textContent = this.#t('message.retry');
        if (before !== item.state) this.#announce(words);
        if (this.#following) this.#toEnd();
      }
    }

    #note(text) {
      const node = el('div', { class: 'message system' },
        el('p', { class: 'hidden' }, this.#t('sender.system')), el('div', { class: 'bubble' }, el('div', { class: 'words' }, text)));
      this.messages.append(node);
      this.#toEnd();
    }

    #reset(reason) {
      this.messages.textContent = '';
      this.#echoes.clear();
      this.#unread = null;
      this.newest.hidden = true;
      if (/erased|replaced/.test(reason)) {
        if (this.#form) this.#form.sending = false;
        this.#closeForm();
        this.#forms = {};
      }
      this.#hideTyping();
      this.#showMode('assistant');
      const notes = { expired: 'conversation.expired', erased: 'erase.done', 'erased-elsewhere': 'conversation.erased_elsewhere' };
      if (notes[reason]) this.#note(this.#t(notes[reason]));
      if (reason === 'erased') { this.field.value = ''; this.#typed(); }
      if (this.#isOpen) for (const item of this.conversation.outbox) this.#showItem(item);
    }

    // -- scrolling

    /** On a very low screen header, log and field scroll as one. */
    get #scroller() {
      return getComputedStyle(this.log).overflowY === 'visible' ? this.panel : this.log;
    }

    #toEnd() {
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
      this.#following = true;
    }

    #scrolled() {
      if (this.#form) return;
      const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
      this.#following = scrollHeight - scrollTop - clientHeight < 48;
      if (this.#following) this.newest.hidden = true;
    }

    /** Never past the beginning of what is new; a reader who is elsewhere is only told. */
    #reveal(node) {
      if (!this.#following) {
        if (this.newest.hidden) this.#unread = node;
        this.newest.hidden = false;
        return;
      }
      const scroller = this.#scroller;
      scroller.scrollTop += node.getBoundingClientRect().top - scroller.getBoundingClientRect().top - 12;
      this.#scrolled();
    }

    #toUnread() {
      this.#following = true;
      this.newest.hidden = true;
      if (this.#unread?.isConnected) this.#reveal(this.#unread); else this.#toEnd();
      this.log.focus({ preventScroll: true }); // the button that had the focus is gone
    }

    // -- typing, connection, mode

    #showTyping(sender, afterMs, lastsMs) {
      clearTimeout(this.#typingTimer);
      this.#typingTimer = setTimeout(() => {
        this.typing.hidden = false;
        if (this.#following) this.#toEnd();
        if (!this.#typingSaid && this.messages.childElementCount) {
          this.#typingSaid = true;
          this.#announce(this.#t(sender === 'agent' ? 'message.typing_agent' : 'message.typing'));
        }
        if (lastsMs) this.#typingTimer = setTimeout(() => this.#hideTyping(), lastsMs);
      }, afterMs);
    }

    #hideTyping() {
      clearTimeout(this.#typingTimer);
      this.typing.hidden = true;
    }

    #showConnection(state, seconds) {
      if (state === this.#connection && state !== 'busy') return;
      const was = this.#connection;
      this.#connection = state;
      const key = { lost: 'connection.lost', 'given-up': 'connection.given_up', busy: 'connection.busy' }[state];
      this.banner.textContent = key ? this.#t(key, { seconds }) : '';
      this.bannerButton.hidden = state !== 'lost' && state !== 'given-up';
      if (state === 'ok' && was !== 'busy') this.#announce(this.#t('connection.back'));
    }

    #showMode(mode, position) {
      this.#mode = { mode, position };
      this.stripButton.hidden = mode !== 'closed';
      this.person.hidden = mode === 'queue' || mode === 'agent';
      this.#labelMode();
    }

    #labelMode() {
      const { mode, position } = this.#mode;
      this.subtitle.textContent = this.#t(mode === 'agent' ? 'sender.agent' : 'panel.subtitle');
      const key = { queue: position ? 'mode.queue' : 'mode.queue_unknown', agent: 'mode.agent', closed: 'mode.closed' }[mode];
      const words = key ? this.#t(key, { position }) : '';
      if (this.strip.textContent !== words) this.strip.textContent = words;
    }

    // -- questions inside the panel

    #askToErase() {
      return this.#question('erase', () => this.conversation.erase());
    }

    /** On yes do it, and stay with an explanation when that fails. */
    #question(name, act) {
      const [title, body, problem, yes, no] = this.ask.firstChild.children;
      const back = this.shadowRoot.activeElement;
      title.textContent = this.#t(`${name}.title`);
      body.textContent = this.#t(`${name}.body`);
      yes.textContent = this.#t(`${name}.confirm`);
      no.textContent = this.#t(`${name}.cancel`);
      problem.textContent = '';
      this.ask.hidden = false;
      no.focus();
      return new Promise((resolve) => {
        let under = false;
        this.#answerQuestion = async (agreed) => {
          if (under) return;
          if (agreed) {
            under = true;
            try {
              await act();
            } catch (failure) {
              under = false;
              problem.textContent = failure.detail || this.#t('erase.failed');
              return;
            }
          }
          this.#answerQuestion = null;
          this.ask.hidden = true;
          this.#cover();
          (agreed ? this.field : back ?? this.field).focus({ preventScroll: true });
          resolve(agreed);
        };
        this.#cover();
      });
    }
  }

  customElements.define('wegwijzer-chat', WegwijzerChat);

  const addOne = () => {
    if (!document.querySelector('wegwijzer-chat')) document.body.append(document.createElement('wegwijzer-chat'));
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', addOne); else addOne();
})();
