/** The connection that tells what happens. When it is lost it comes back by itself, and the board comes with it. */

const HEARTBEAT_MS = 30_000;
const QUIET_MS = 75_000;        // the server answers each heartbeat: so long without a word, and the line is dead
const LONGEST_WAIT_SECONDS = 15;
const SIGNED_OUT = 4401;

export class Stream {
  #socket = null;
  #tries = 0;
  #timer = 0;
  #heartbeat = 0;
  #heard = 0;
  #active = true;

  /** onframe(frame); onstate('ok'|'lost'). */
  constructor(onframe, onstate) {
    Object.assign(this, { onframe, onstate });
    addEventListener('online', () => this.hurry());
    addEventListener('offline', () => this.#drop());
    for (const sign of ['keydown', 'pointerdown', 'pointermove']) addEventListener(sign, () => { this.#active = true; }, { passive: true });
  }

  open() {
    clearTimeout(this.#timer);
    if (this.#socket) return;
    const address = new URL('/console/api/stream', location);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heard = Date.now();
      const frame = JSON.parse(data);
      if (frame.type === 'board') {
        this.#tries = 0;
        this.onstate('ok');
      }
      this.onframe(frame);
    };
    socket.onclose = ({ code }) => {
      if (socket !== this.#socket) return;
      if (code === SIGNED_OUT) document.dispatchEvent(new CustomEvent('signed-out'));
      else this.#drop();
    };
    this.#heard = Date.now();
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  #beat() {
    if (Date.now() - this.#heard > QUIET_MS) this.#drop();
    else this.send({ type: 'here', active: this.#active });
    this.#active = false;
  }

  send(frame) { if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame)); }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    this.onstate('lost');
    this.#tries += 1;
    const seconds = Math.min(2 ** (this.#tries - 1), LONGEST_WAIT_SECONDS) * (0.8 + 0.4 * Math.random());
    this.#timer = setTimeout(() => this.open(), seconds * 1000);
  }

  /** Tries at once. */
  hurry() {
    this.#tries = 0;
    if (!this.#socket || this.#socket.readyState > WebSocket.OPEN) {
      this.#socket = null;
      this.open();
    }
  }
}
