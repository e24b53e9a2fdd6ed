/** Building blocks of the page: elements, icons, times, dialogs, and what is said to screen readers. */

import { language, t } from './texts.js';

/** An element; `on…` functions become listeners, null and false are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else if (value != null && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

const ICONS = {
  claim: 'M12 5v14M5 12h14',
  send: 'M4 12h15M13 5.5 19.5 12 13 18.5',
  back: 'M9 14 4 9l5-5M4 9h9a7 7 0 0 1 0 14h-2',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  close: 'M6 6l12 12M18 6L6 18',
  phone: 'M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 6a2 2 0 0 1 2-2',
  bell: 'M18 9a6 6 0 1 0-12 0c0 6-2 7-2 7h16s-2-1-2-7M10 20a2 2 0 0 0 4 0',
  note: 'M5 4h14v11l-5 5H5zM14 20v-5h5',
  insert: 'M12 4v11M7 10l5 5 5-5M5 20h14',
};

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'icon');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button with the key that does the same. `keys` is shown small, and told to screen readers by aria-keyshortcuts. */
export function button(words, onclick, { keys, kind = 'plain', icon: name, ...attributes } = {}) {
  return el('button', { type: 'button', class: kind, onclick, 'aria-keyshortcuts': keys, ...attributes },
    name && icon(name), el('span', {}, words), keys && el('kbd', { 'aria-hidden': 'true' }, keys));
}

export const query = (selector) => document.querySelector(selector);

/** Shows or hides; an element that is hidden while it has the focus would lose it. */
export function show(node, yes) { node.hidden = !yes; }

/** Puts the nodes into the parent in this order, touching only what is not there yet. */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, place) => {
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
  });
}

export function put(node, words) { if (node.textContent !== words) node.textContent = words; }

/** Not crypto.randomUUID: that one is missing on pages without https. */
export const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Characters as the server counts them: code points, not UTF-16 units. */
export const characters = (words) => [...words].length;

// ---------------------------------------------------------------- times

const locale = () => (language() === 'nl' ? 'nl-NL' : 'en-GB');
const ZONE = 'Europe/Amsterdam';

export function clock(moment) {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', timeZone: ZONE }).format(new Date(moment));
}

export function dateAndTime(moment) {
  const options = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', timeZone: ZONE };
  return new Intl.DateTimeFormat(locale(), options).format(new Date(moment));
}

/** 4:07, or 1:04:07. */
export function howLong(since, until = Date.now()) {
  const seconds = Math.max(0, Math.floor((until - new Date(since)) / 1000));
  const two = (number) => String(number).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}:${two(seconds % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

export function minutesSince(moment) { return Math.floor((Date.now() - new Date(moment)) / 60_000); }

// ---------------------------------------------------------------- how sure

export function percentage(score) { return `${Math.round(score * 100)}%`; }

export function inWords(score) {
  if (score >= 0.85) return t('sure.very');
  if (score >= 0.6) return t('sure.probably');
  return score >= 0.3 ? t('sure.maybe') : t('sure.hardly');
}

// ---------------------------------------------------------------- screen readers

/** Says something once, politely. Two messages in one moment are both said. */
export function announce(words) {
  const line = el('p', {}, words);
  query('#announcements').append(line);
  setTimeout(() => line.remove(), 8000);
}

// ---------------------------------------------------------------- dialogs

/** A dialog that closes with Escape; the browser gives the focus back to where it was. */
export function dialog(title, content, { kind = 'small', onclose } = {}) {
  const id = `dialog-${newKey()}`;
  const node = el('dialog', { class: kind, 'aria-labelledby': id },
    el('div', { class: 'dialog-head' },
      el('h2', { id }, title),
      el('button', { type: 'button', class: 'tool', 'aria-label': t('dialog.close'), onclick: () => node.close() }, icon('close'))),
    el('div', { class: 'dialog-body' }, content));
  node.addEventListener('close', () => {
    node.remove();
    onclose?.();
  });
  document.body.append(node);
  node.showModal();
  return node;
}

/** A labelled field; `control` has an id. */
export function labelled(words, control, note) {
  const hint = note && el('span', { class: 'note', id: `${control.id}-note` }, note);
  if (hint) control.setAttribute('aria-describedby', hint.id);
  return el('div', { class: 'labelled' }, el('label', { for: control.id }, words), hint, control);
}

/** Radio buttons in a row: options are [value, words]. */
export function choice(name, legend, options, chosen, { keys, onchange } = {}) {
  return el('fieldset', { class: 'choice', onchange },
    el('legend', {}, legend, keys && ' ', keys && el('kbd', { 'aria-hidden': 'true' }, keys)),
    options.map(([value, words]) => el('label', {},
      el('input', { type: 'radio', name, value, checked: value === chosen, 'aria-keyshortcuts': keys }), el('span', {}, words))));
}
