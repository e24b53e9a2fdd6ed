/** What the console says, in the agent's language. The server has the texts; they come with the page's start. */

let texts = {};

export async function loadTexts(get) { texts = (await get('texts')).texts; }

export const language = () => document.documentElement.lang;

/** One text, its {places} filled in. A text that is missing shows its key: a test keeps that from happening. */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}
