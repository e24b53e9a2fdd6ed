/** Paragraphs, lists, bold and links, built as elements: nothing that is typed ever becomes markup by itself. */

import { el } from './elements.js';
import { t } from './texts.js';

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

function inline(text, parent) {
  let done = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, bold, label, address] = match;
    const node = bold ? el('strong') : anchor(address);
    // A link that cannot be shown, such as one to a form of the widget, is its words.
    if (!node && !label) continue;
    parent.append(text.slice(done, match.index));
    inline(bold ?? label, node ?? parent);
    if (node?.target) node.append(el('span', { class: 'hidden' }, ` ${t('message.new_tab')}`));
    if (node) parent.append(node);
    done = match.index + whole.length;
  }
  parent.append(text.slice(done));
}

export function markdown(text) {
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
      inline(item[2], block.lastChild);
      blank = false;
    } else {
      const goesOn = block && !blank;
      if (!goesOn) {
        block = el('p');
        result.append(block);
      }
      const target = block.localName === 'p' ? block : block.lastChild;
      if (goesOn) target.append(el('br'));
      inline(line.trim(), target);
      blank = false;
    }
  }
  return result;
}
