/** What calls the agent back to the console: the number in the page's title, and the browser's notifications. */

import { announce, put, query, show } from './elements.js';
import { nameOf } from './lists.js';
import { t } from './texts.js';

export class Notices {
  #title = document.title;

  constructor(desk, onopen) {
    Object.assign(this, { desk, onopen });
    this.button = query('#notify');
    // Never asked by itself: the browser's question comes only after this button.
    this.button.addEventListener('click', () => Notification.requestPermission().then(() => this.#offer()));
    this.#offer();
    desk.on('board hand-over erased', () => this.#count());
    desk.on('hand-over', ({ before, handOver }) => this.#tell(before, handOver));
  }

  #offer() { show(this.button, 'Notification' in window && Notification.permission === 'default'); }

  #count() {
    const unread = this.desk.mine.reduce((sum, handOver) => sum + handOver.unread, 0);
    const count = this.desk.waiting.length + unread;
    document.title = count ? `(${count}) ${this.#title}` : this.#title;
    put(query('#chats-count'), count ? String(count) : '');
    show(query('#chats-count'), count > 0);
  }

  #tell(before, handOver) {
    if (!handOver) return;
    const id = handOver.conversation_id;
    if (handOver.state === 'waiting' && before?.state !== 'waiting') this.#notify(id, t('notices.waiting', { name: nameOf(id) }));
    else if (this.desk.holds(handOver) && before && handOver.unread > before.unread && (id !== this.desk.current || !document.hasFocus())) {
      this.#notify(id, t('notices.unread', { name: nameOf(id) }));
    }
  }

  /** The words of a visitor do not stand in a notification: others may see the screen. */
  #notify(id, words) {
    announce(words);
    if (document.hasFocus() || !('Notification' in window) || Notification.permission !== 'granted') return;
    const notice = new Notification(words, { tag: id, icon: '/static/favicon.svg' });
    notice.onclick = () => {
      window.focus();
      notice.close();
      this.onopen(id);
    };
  }
}
