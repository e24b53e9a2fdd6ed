/** Finds a company by its name or KVK number in the Handelsregister, while the caller spells it. */

import { Failure, get } from './api.js';
import { announce, dialog, el, labelled, put } from './elements.js';
import { t } from './texts.js';

export function findCompany() {
  let asked = 0;
  const field = el('input', { id: 'company-query', name: 'q', maxlength: 120, autocomplete: 'off', spellcheck: false, required: true });
  const problem = el('p', { class: 'problem', role: 'alert' });
  const found = el('ul', { class: 'plain-list', id: 'companies' });
  const look = async (event) => {
    event.preventDefault();
    const mine = ++asked;
    put(problem, '');
    if (!field.value.trim()) return;
    try {
      const { companies } = await get(`companies?q=${encodeURIComponent(field.value)}`);
      if (mine !== asked) return; // another search was begun meanwhile
      found.replaceChildren(...companies.map(({ name, kvk_number: number, town }) =>
        el('li', {}, el('strong', {}, name), ` · KVK ${number}`, town ? ` · ${town}` : '')));
      const words = t('companies.found', { count: companies.length });
      if (companies.length) announce(words);
      else put(problem, t('companies.none'));
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      found.replaceChildren();
      put(problem, failure.words);
    }
  };
  const form = el('form', { class: 'stack', novalidate: true, onsubmit: look },
    labelled(t('companies.query'), field, t('companies.hint')),
    el('div', { class: 'row' }, el('button', { class: 'primary' }, t('companies.search'))), problem, found);
  dialog(t('companies.title'), form);
  field.focus();
}
