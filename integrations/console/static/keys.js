/**
 * The keys of the console. They go by the place of the key, with Alt alone: AltGr, which is Ctrl and Alt, types signs;
 * screen readers listen to other keys. Whoever wants none switches them off in the help.
 */

import { dialog, el, query } from './elements.js';
import { t } from './texts.js';

const OFF = 'wegwijzer-console:keys-off';

export const KEYS = [
  ['Alt+N', 'KeyN', 'claim_next'], ['Alt+J', 'KeyJ', 'next'], ['Alt+K', 'KeyK', 'previous'],
  ['Alt+1', 'Digit1', 'insert_1'], ['Alt+2', 'Digit2', 'insert_2'], ['Alt+3', 'Digit3', 'insert_3'],
  ['Alt+H', 'KeyH', 'hand_back'], ['Alt+W', 'KeyW', 'close'], ['Alt+P', 'KeyP', 'question'],
  ['Alt+B', 'KeyB', 'company'],
];
const OTHERS = [['Ctrl+Enter', 'send'], ['/', 'canned'], ['?', 'help']];

const remembered = () => { try { return localStorage.getItem(OFF) === 'yes'; } catch { return false; } };
const remember = (off) => { try { localStorage.setItem(OFF, off ? 'yes' : 'no'); } catch { /* for this page only */ } };

export class Keys {
  #off = remembered();

  /** does: what each key does, by its name. */
  constructor(does) {
    this.does = does;
    document.addEventListener('keydown', (event) => this.#key(event));
  }

  #key(event) {
    // Ctrl+Enter belongs to the field that one writes in, and can be used whatever is switched off.
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target === query('#answer')) {
      event.preventDefault();
      this.does.send();
      return;
    }
    if (this.#off || event.defaultPrevented || event.isComposing || query('dialog[open]')) return;
    const writes = event.target.closest?.('input:not([type="checkbox"], [type="radio"]), textarea, select');
    if (event.key === '?' && !writes && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.help();
      return;
    }
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.getModifierState('AltGraph')) return;
    const found = KEYS.find(([, code]) => code === event.code);
    if (!found) return;
    event.preventDefault();
    if (!event.repeat) this.does[found[2]]();
  }

  help() {
    const off = el('input', {
      type: 'checkbox', checked: !this.#off,
      onchange: () => {
        this.#off = !off.checked;
        remember(this.#off);
      },
    });
    const rows = [...KEYS.map(([keys, , name]) => [keys, name]), ...OTHERS];
    dialog(t('keys.title'), [
      el('table', { class: 'keys' },
        el('caption', { class: 'hidden' }, t('keys.title')),
        el('thead', { class: 'hidden' }, el('tr', {}, el('th', { scope: 'col' }, t('keys.key')), el('th', { scope: 'col' }, t('keys.does')))),
        el('tbody', {}, rows.map(([keys, name]) => el('tr', {}, el('th', { scope: 'row' }, el('kbd', {}, keys)), el('td', {}, t(`keys.${name}`)))))),
      el('p', {}, t('keys.in_questions')),
      el('label', { class: 'check' }, off, el('span', {}, t('keys.use'))),
    ]);
  }
}
