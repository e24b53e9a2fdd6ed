/** The left column: who waits, whose chats are mine, and what colleagues hold. Each line is made once, and kept up. */

import { arrange, clock, el, howLong, minutesSince, put, query, show } from './elements.js';
import { language, t } from './texts.js';

const LONG_MINUTES = 3;
const TOO_LONG_MINUTES = 8;

/** What to call somebody who has no name: the end of the conversation's id, which is random. */
export const nameOf = (id) => t('list.visitor', { code: id.slice(-4).toUpperCase() });

export const deskName = (desk) => t(`desk.${desk}`);

class Line {
  constructor(id, desk, onopen) {
    Object.assign(this, { id, desk });
    this.name = el('span', { class: 'who' }, nameOf(id));
    this.marks = el('span', { class: 'marks' });
    this.time = el('span', { class: 'time' });
    this.badge = el('span', { class: 'badge' });
    this.badgeWords = el('span', { class: 'hidden' });
    this.words = el('span', { class: 'said' });
    this.button = el('button', { type: 'button', class: 'line', onclick: () => onopen(id) },
      el('span', { class: 'first' }, this.name, this.marks, this.time, this.badge, this.badgeWords), this.words);
    this.node = el('li', { 'data-conversation': id }, this.button);
  }

  update(handOver, current) {
    this.handOver = handOver;
    const marks = [
      this.desk.me.desks.length > 1 && deskName(handOver.desk),
      handOver.language !== language() && handOver.language.toUpperCase(),
      handOver.state === 'claimed' && !this.desk.holds(handOver) && handOver.claimed_by_name,
    ].filter(Boolean);
    put(this.marks, marks.join(' · '));
    const unread = this.desk.holds(handOver) ? handOver.unread : 0;
    show(this.badge, unread > 0);
    put(this.badge, String(unread));
    this.badge.setAttribute('aria-hidden', 'true');
    put(this.badgeWords, unread ? t('list.unread', { count: unread }) : '');
    put(this.words, handOver.last_text ?? t('list.nothing_said'));
    if (current) this.button.setAttribute('aria-current', 'true');
    else this.button.removeAttribute('aria-current');
    this.tick();
  }

  /** Once a second; only the time is written. */
  tick() {
    const { state, asked_at: askedAt, last_at: lastAt, claimed_at: claimedAt } = this.handOver;
    const waits = state === 'waiting';
    put(this.time, waits ? howLong(askedAt) : clock(lastAt ?? claimedAt ?? askedAt));
    const minutes = waits ? minutesSince(askedAt) : 0;
    const level = minutes >= TOO_LONG_MINUTES ? 'too-long' : minutes >= LONG_MINUTES ? 'long' : '';
    if (this.time.dataset.level !== level) this.time.dataset.level = level;
    this.time.title = waits ? t('list.waits_since', { at: clock(askedAt) }) : '';
  }
}

export class Lists {
  #lines = new Map();

  constructor(desk, onopen) {
    Object.assign(this, { desk, onopen });
    this.places = { waiting: query('#waiting'), mine: query('#mine'), others: query('#others') };
    desk.on('board hand-over erased current', () => this.#later());
    desk.on('presence board', () => this.#present());
    setInterval(() => { for (const line of this.#lines.values()) line.tick(); }, 1000);
  }

  /** Many frames in one moment are one update. */
  #later() {
    if (this.soon) return;
    this.soon = requestAnimationFrame(() => {
      this.soon = 0;
      this.update();
    });
    // Browsers draw no frames for a page in the background, and the lists must be right when it comes back.
    if (document.hidden) {
      cancelAnimationFrame(this.soon);
      this.soon = 0;
      this.update();
    }
  }

  update() {
    const known = new Set();
    for (const [name, place] of Object.entries(this.places)) {
      const handOvers = this.desk[name];
      arrange(place.querySelector('ul'), handOvers.map((handOver) => {
        const id = handOver.conversation_id;
        known.add(id);
        if (!this.#lines.has(id)) this.#lines.set(id, new Line(id, this.desk, this.onopen));
        const line = this.#lines.get(id);
        line.update(handOver, id === this.desk.current);
        return line.node;
      }));
      put(place.querySelector('.count'), String(handOvers.length));
      show(place.querySelector('.none'), handOvers.length === 0);
    }
    for (const id of this.#lines.keys()) if (!known.has(id)) this.#lines.delete(id);
  }

  #present() {
    const parts = this.desk.me.desks.map((desk) => `${deskName(desk)} ${this.desk.present[desk] ?? 0}`);
    put(query('#present'), parts.length ? t('top.present', { desks: parts.join(' · ') }) : '');
    const open = Object.values(this.desk.openRequests).reduce((sum, count) => sum + count, 0);
    for (const count of document.querySelectorAll('[data-count="requests"]')) {
      put(count, open ? String(open) : '');
      show(count, open > 0);
    }
  }
}
