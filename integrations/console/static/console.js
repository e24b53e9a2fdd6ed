/** Puts the console together: who is signed in, what is shown, and what each key and button does. */

import { get, post, useToken, Failure } from './api.js';
import { Canned } from './canned.js';
import { ChatView } from './chat.js';
import { findCompany } from './companies.js';
import { Desk } from './desk.js';
import { Details } from './details.js';
import { showDrafts, showReport } from './drafts.js';
import { announce, put, query, show } from './elements.js';
import { Keys } from './keys.js';
import { Lists } from './lists.js';
import { Notices } from './notices.js';
import { Questions } from './questions.js';
import { Requests } from './requests.js';
import { Stream } from './stream.js';
import { loadTexts, t } from './texts.js';

const LOST_AFTER_MS = 700;

function signedOut() {
  show(query('#connection'), true);
  query('#connection').replaceChildren(t('connection.signed_out'), ' ', Object.assign(document.createElement('a'), {
    href: '/console/sign-in', textContent: t('connection.sign_in'),
  }));
}

function connection(stream) {
  const bar = query('#connection');
  let timer = 0;
  return (state) => {
    clearTimeout(timer);
    if (state === 'ok') {
      if (!bar.hidden) announce(t('connection.back'));
      show(bar, false);
      document.documentElement.dataset.connection = 'ok';
      return;
    }
    document.documentElement.dataset.connection = 'lost';
    // A moment's break is not worth a word.
    timer = setTimeout(() => {
      show(bar, true);
      const again = Object.assign(document.createElement('button'), { type: 'button', textContent: t('connection.again') });
      again.addEventListener('click', () => stream().hurry());
      bar.replaceChildren(t('connection.lost'), ' ', again);
    }, LOST_AFTER_MS);
  };
}

function views(shown) {
  const names = [...document.querySelectorAll('.view')].map(({ id }) => id);
  const turn = () => {
    const wanted = location.hash.slice(1).split('/')[0];
    const name = names.includes(`view-${wanted}`) ? wanted : names[0].replace('view-', '');
    for (const view of document.querySelectorAll('.view')) show(view, view.id === `view-${name}`);
    for (const link of document.querySelectorAll('#views a')) {
      if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    shown[name]?.();
  };
  addEventListener('hashchange', turn);
  turn();
}

async function start() {
  document.addEventListener('signed-out', signedOut);
  const me = await get('me');
  useToken(me.csrf);
  await loadTexts(get);
  const isAgent = me.may.includes('agent');
  const shown = {};
  if (isAgent) Object.assign(shown, startAgent(me));
  if (me.may.includes('editor')) shown.drafts = () => showDrafts(query('#draft-list'));
  if (query('#view-report')) shown.report = () => showReport(query('#report'));
  views(shown);
  document.documentElement.dataset.ready = 'yes';
}

function startAgent(me) {
  const desk = new Desk(me);
  const canned = new Canned();
  const questions = new Questions(desk);
  const requests = new Requests(desk);
  const toChats = () => { if (location.hash && location.hash !== '#chats') location.hash = '#chats'; };
  let stream = null;
  const onstate = connection(() => stream);
  stream = new Stream((frame) => {
    desk.take(frame);
    if (frame.type === 'board') desk.flushAll();
  }, onstate);
  const lists = new Lists(desk, (id) => open(id));
  const view = new ChatView(desk, stream, canned, () => lists.update());
  const open = (id) => {
    toChats();
    return view.open(id);
  };
  const details = new Details(desk, view);
  new Notices(desk, open);
  const inChats = (what) => () => {
    toChats();
    what();
  };
  const keys = new Keys({
    claim_next: inChats(() => view.claimNext()),
    next: inChats(() => view.step(1)),
    previous: inChats(() => view.step(-1)),
    insert_1: () => details.insert(1),
    insert_2: () => details.insert(2),
    insert_3: () => details.insert(3),
    hand_back: () => view.handBack(),
    close: () => view.close(),
    question: () => questions.open(),
    company: () => query('#do-company')?.click(),
    send: () => view.send(),
  });
  const does = {
    'claim-next': () => view.claimNext(), next: () => view.step(1), previous: () => view.step(-1),
    question: () => questions.open(), help: () => keys.help(), canned: () => canned.manage(), company: findCompany,
  };
  for (const [name, act] of Object.entries(does)) query(`#do-${name}`)?.addEventListener('click', act);
  takesChats(me);
  canned.load().catch(() => {});
  addEventListener('beforeunload', (event) => { if (desk.unsent) event.preventDefault(); });
  stream.open();
  return { requests: () => requests.show(), questions: () => questions.open() };
}

/** The agent's own switch. It shows what the server knows. */
function takesChats(me) {
  const box = query('#takes-chats');
  box.checked = me.takes_chats;
  box.addEventListener('change', async () => {
    try {
      const { takes_chats: now } = await post('me/takes-chats', { takes_chats: box.checked });
      box.checked = now;
      announce(t(now ? 'top.takes_chats_on' : 'top.takes_chats_off'));
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      box.checked = !box.checked;
      announce(failure.words);
    }
  });
}

start().catch((failure) => {
  if (!(failure instanceof Failure)) throw failure;
  if (failure.status !== 401) {
    show(query('#connection'), true);
    put(query('#connection'), failure.words);
  } else {
    location.assign('/console/sign-in');
  }
});
