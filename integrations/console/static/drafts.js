/** Drafts of topics: made in the chat, looked through by an editor; and how good the suggestions were. */

import { Failure, adjust, get, post } from './api.js';
import { announce, button, dateAndTime, el, percentage, query } from './elements.js';
import { t } from './texts.js';

/** Keeps an answer, or a question without one, as the draft of a topic. Nothing goes live by itself. */
export async function makeDraft(body) {
  try {
    await post('drafts', body);
    announce(t('draft.made'));
    query('#toast').replaceChildren(t('draft.made'));
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    announce(failure.words);
    query('#toast').replaceChildren(failure.words);
  }
  setTimeout(() => query('#toast').replaceChildren(), 5000);
}

async function into(place, fill) {
  try {
    place.replaceChildren(...(await fill()));
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    place.replaceChildren(el('p', { class: 'problem', role: 'alert' }, failure.words));
  }
}

/** The editor's list. */
export function showDrafts(place) {
  return into(place, async () => {
    const { drafts } = await get('drafts');
    if (!drafts.length) return [el('p', {}, t('draft.none'))];
    return [el('ul', { class: 'rows' }, drafts.map((draft) => el('li', {},
      el('div', { class: 'grow' },
        el('h3', {}, draft.title),
        el('p', { class: 'quiet' }, [t(`draft.origin.${draft.origin}`), draft.topic, t(`language.${draft.language}`), dateAndTime(draft.created_at)].filter(Boolean).join(' · ')),
        el('ul', {}, draft.questions.map((question) => el('li', {}, question.text ?? question)))),
      el('a', { class: 'plain', href: `/console/api/drafts/${draft.id}.md`, download: `${draft.id}.md` }, t('draft.download')),
      button(t('draft.done'), () => settle(draft, 'done', place), { 'aria-label': t('draft.done_one', { title: draft.title }) }),
      button(t('draft.drop'), () => settle(draft, 'dropped', place), { 'aria-label': t('draft.drop_one', { title: draft.title }) }))))];
  });
}

async function settle(draft, state, place) {
  try {
    await adjust(`drafts/${draft.id}`, { state });
    announce(t(`draft.is_${state}`, { title: draft.title }));
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    announce(failure.words);
  }
  await showDrafts(place);
}

const share = (part) => (part == null ? t('report.nothing') : percentage(part));

function row(name, week, of) {
  return el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, week),
    el('td', {}, share(of.at_one)), el('td', {}, of.first), el('td', {}, share(of.at_three)), el('td', {}, of.shown),
    el('td', {}, of.edited), el('td', {}, of.distance == null ? t('report.nothing') : of.distance.toFixed(2)));
}

function table(caption, rows) {
  const names = ['topic', 'week', 'at_one', 'of_first', 'at_three', 'of_shown', 'edited', 'distance'];
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    el('table', {}, el('caption', {}, caption),
      el('thead', {}, el('tr', {}, names.map((name) => el('th', { scope: 'col' }, t(`report.${name}`))))),
      el('tbody', {}, rows)));
}

/** How often the first, or one of the three, was used: per week and per topic. */
export function showReport(place) {
  return into(place, async () => {
    const found = await get('suggestion-report');
    if (!found.total.shown) return [el('p', {}, t('report.none'))];
    const all = t('report.all');
    return [
      el('p', {}, t(found.reranking_is_on ? 'report.reranking_on' : 'report.reranking_off')),
      table(t('report.by_week'), [row(all, t('report.whole', { weeks: found.weeks_asked }), found.total), ...found.weeks.map((of) => row(all, of.week, of))]),
      table(t('report.by_topic'), found.topics.map((of) => row(of.title, t('report.whole', { weeks: found.weeks_asked }), of))),
      el('details', {}, el('summary', {}, t('report.by_topic_and_week')),
        table(t('report.by_topic_and_week'), found.topics_by_week.map((of) => row(of.title, of.week, of)))),
    ];
  });
}
