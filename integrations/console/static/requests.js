/** Requests: what visitors left for a desk, answered by mail from a template, and closed. */

import { Failure, get, post } from './api.js';
import { announce, button, dateAndTime, el, labelled, put, query } from './elements.js';
import { deskName } from './lists.js';
import { t } from './texts.js';

const FILTERS = { state: ['open', 'closed'], assigned: ['', 'me', 'none'] };

export class Requests {
  #opened = null;
  #page = 1;

  constructor(desk) {
    Object.assign(this, { desk });
    this.list = query('#request-list');
    this.one = query('#request');
    this.filters = query('#request-filters');
    this.status = query('#request-status');
    const options = (name) => FILTERS[name].map((value) => el('option', { value }, t(`requests.${name}.${value || 'all'}`)));
    this.filters.replaceChildren(
      labelled(t('requests.state.label'), el('select', { id: 'filter-state', name: 'state' }, options('state'))),
      labelled(t('requests.assigned.label'), el('select', { id: 'filter-assigned', name: 'assigned' }, options('assigned'))),
      desk.me.desks.length > 1 ? labelled(t('requests.desk'), el('select', { id: 'filter-desk', name: 'desk' },
        el('option', { value: '' }, t('requests.both')), desk.me.desks.map((one) => el('option', { value: one }, deskName(one))))) : '');
    this.filters.addEventListener('change', () => {
      this.#page = 1;
      this.show();
    });
  }

  /** The list, by the filters. */
  async show() {
    const query_ = new URLSearchParams([...new FormData(this.filters)].filter(([, value]) => value));
    if (this.#page > 1) query_.set('page', String(this.#page));
    try {
      const { requests, pages = 1 } = await get(`requests?${query_}`);
      put(this.status, requests.length ? '' : t('requests.none'));
      this.list.replaceChildren(...requests.map((request) => this.#line(request)), this.#paging(pages));
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      put(this.status, failure.words);
    }
  }

  #paging(pages) {
    if (pages < 2) return '';
    const to = (page) => {
      this.#page = page;
      this.show();
    };
    return el('li', { class: 'row' },
      button(t('requests.previous'), () => to(this.#page - 1), { disabled: this.#page <= 1 }),
      t('requests.page', { page: this.#page, of: pages }),
      button(t('requests.next'), () => to(this.#page + 1), { disabled: this.#page >= pages }));
  }

  #line(request) {
    const failed = request.tickets?.some(({ state }) => state === 'failed');
    return el('li', { 'data-request': request.id },
      el('button', { type: 'button', class: 'line', 'aria-current': request.id === this.#opened && 'true', onclick: () => this.open(request.id) },
        el('span', { class: 'first' }, el('span', { class: 'who' }, request.reference),
          el('span', { class: 'marks' }, [deskName(request.desk), request.language.toUpperCase(), request.assigned_name].filter(Boolean).join(' · ')),
          el('span', { class: 'time' }, dateAndTime(request.created_at))),
        el('span', { class: 'said' }, request.title, request.answered_at && ` · ${t('requests.answered')}`, failed && ` · ${t('requests.ticket_failed')}`)));
  }

  async open(id, { focus = true } = {}) {
    try {
      const [request, templates] = await Promise.all([get(`requests/${id}`), get(`requests/${id}/templates`)]);
      this.#opened = id;
      this.#show(request.request ?? request, templates.templates ?? templates);
      if (focus) this.one.querySelector('h2').focus();
      this.show();
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      this.one.replaceChildren(el('p', { class: 'problem', role: 'alert' }, failure.words));
    }
  }

  #show(request, templates) {
    const problem = el('p', { class: 'problem', role: 'alert' });
    const act = (path, body, words) => async () => {
      try {
        await post(`requests/${request.id}/${path}`, body);
        announce(words);
        await this.open(request.id);
      } catch (failure) {
        if (!(failure instanceof Failure)) throw failure;
        put(problem, failure.words);
      }
    };
    const mine = request.assigned_to === this.desk.me.id;
    const closed = request.state === 'closed';
    this.one.replaceChildren(
      el('div', { class: 'panel-head' },
        el('h2', { tabindex: '-1' }, `${request.reference} · ${request.title}`),
        el('p', { class: 'quiet' }, [deskName(request.desk), t(`language.${request.language}`), dateAndTime(request.created_at),
          request.assigned_name ? t('requests.with', { name: request.assigned_name }) : t('requests.with_nobody'), closed && t('requests.is_closed')].filter(Boolean).join(' · ')),
        el('div', { class: 'row' },
          this.#colleagues(request, act),
          !mine && button(t('requests.take'), act('assign', { to: 'me' }, t('requests.taken'))),
          mine && button(t('requests.give_back'), act('assign', { to: 'nobody' }, t('requests.given_back'))),
          closed ? button(t('requests.reopen'), act('reopen', {}, t('requests.reopened')))
            : button(t('requests.close'), act('close', {}, t('requests.closed')), { icon: 'check' }),
          request.tickets?.some(({ state }) => state === 'failed') && button(t('requests.send_again'), act('send-again', {}, t('requests.sending_again'))))),
      problem,
      el('dl', { class: 'fields' }, request.fields.map(({ label, value }) => [el('dt', {}, label), el('dd', {}, this.#value(value))]),
        request.company && [el('dt', {}, t('details.company')), el('dd', {}, request.company.name ? `${request.company.name} (KVK ${request.company.kvk_number})` : String(request.company))]),
      request.tickets?.length ? el('p', { class: 'quiet' }, request.tickets.map((ticket) => t('requests.ticket', {
        target: ticket.target ?? '–', state: t(`outbox.${ticket.state}`), number: ticket.external_id ?? '',
      })).join(' · ')) : '',
      ...this.#replies(request),
      closed ? '' : this.#answerForm(request, templates));
  }

  /** Gives it to a colleague of the desk. */
  #colleagues(request, act) {
    const others = (request.agents ?? []).filter(({ id }) => id !== this.desk.me.id && id !== request.assigned_to);
    if (!others.length) return null;
    const select = el('select', { id: 'request-to', 'aria-label': t('requests.give_to') },
      el('option', { value: '' }, t('requests.give_to')), others.map(({ id, name }) => el('option', { value: id }, name)));
    const give = button(t('requests.give'), () => select.value && act('assign', { to: select.value }, t('requests.given'))());
    return el('span', { class: 'row' }, select, give);
  }

  #value(value) {
    if (Array.isArray(value)) return el('ul', { class: 'plain-list' }, value.map((one) => el('li', {}, typeof one === 'object' ? Object.values(one).join(', ') : String(one))));
    return String(value ?? '–');
  }

  #replies(request) {
    if (!request.replies?.length) return [];
    return [el('h3', {}, t('requests.replies')), el('ul', { class: 'rows' }, request.replies.map((reply) => el('li', {}, el('div', { class: 'grow' },
      el('p', { class: 'tag' }, el('strong', {}, reply.subject), ` · ${reply.account_name ?? reply.by ?? ''} · ${dateAndTime(reply.created_at)} · ${t(`outbox.${reply.state}`)}`),
      el('p', { class: 'note-words' }, reply.text)))))];
  }

  #answerForm(request, templates) {
    if (request.can_be_answered === false) return el('p', { class: 'quiet' }, t('requests.no_address'));
    const problem = el('p', { class: 'problem', role: 'alert' });
    const subject = el('input', { id: 'answer-subject', maxlength: 180, required: true, autocomplete: 'off' });
    const words = el('textarea', { id: 'answer-text', rows: 10, maxlength: 10000, required: true });
    const use = (template) => {
      subject.value = template?.subject ?? '';
      words.value = template?.text ?? '';
    };
    use(templates[0]);
    const select = el('select', { id: 'answer-template', onchange: () => use(templates.find(({ id }) => id === select.value)) },
      templates.map((template) => el('option', { value: template.id }, template.title)));
    return el('form', {
      class: 'stack',
      onkeydown: (event) => { if (event.key === 'Enter' && event.ctrlKey) event.currentTarget.requestSubmit(); },
      onsubmit: async (event) => {
        event.preventDefault();
        const sending = event.currentTarget.querySelector('button.primary');
        sending.disabled = true;
        try {
          await post(`requests/${request.id}/answer`, { subject: subject.value.trim(), text: words.value.trim(), answered_at: request.answered_at });
          announce(t('requests.sent'));
          await this.open(request.id);
        } catch (failure) {
          if (!(failure instanceof Failure)) throw failure;
          put(problem, failure.words);
        } finally {
          sending.disabled = false;
        }
      },
    },
    el('h3', {}, t('requests.answer')),
    templates.length > 1 ? labelled(t('requests.template'), select) : '',
    labelled(t('requests.subject'), subject),
    labelled(t('requests.text'), words),
    problem,
    el('div', { class: 'row end' }, el('button', { class: 'primary', 'aria-keyshortcuts': 'Control+Enter' }, t('requests.send'), ' ', el('kbd', { 'aria-hidden': 'true' }, 'Ctrl+Enter'))));
  }
}
