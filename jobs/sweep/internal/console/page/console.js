// The operators' page: signs in with a token that this tab alone keeps, asks for the
// figures every second and shows them as text.

import { cells } from './cells.js';
import { show } from './tables.js';

const period = 1000; // ms
const patience = 10000; // ms for one answer
const byId = (id) => document.getElementById(id);

let token = '';
let timer = 0;

function link(state, text) {
  byId('link').dataset.state = state;
  byId('link').textContent = text;
}

function leave(why = '') {
  clearTimeout(timer);
  token = '';
  byId('board').hidden = true;
  byId('leave').hidden = true;
  byId('door').hidden = false;
  byId('refused').textContent = why;
  link('off', 'signed out');
  byId('token').focus();
}

async function look() {
  const mine = token;
  try {
    const answer = await fetch('state', {
      headers: { Authorization: `Bearer ${mine}` }, cache: 'no-store', signal: AbortSignal.timeout(patience),
    });
    if (mine !== token) return;
    if (answer.status === 401) return leave('This token is not the console\'s.');
    if (!answer.ok) throw new Error(`the console answered ${answer.status}`);
    const state = await answer.json();
    if (mine !== token) return;
    byId('door').hidden = true;
    byId('board').hidden = false;
    byId('leave').hidden = false;
    show(state, byId);
    link('on', `live, as of ${cells.clock(state.at)}`);
  } catch (error) {
    if (mine !== token) return;
    link('lost', `not live: ${error.message}`);
  }
  timer = setTimeout(look, period);
}

function enter(shown) {
  clearTimeout(timer);
  token = shown;
  byId('token').value = '';
  byId('refused').textContent = '';
  link('off', 'asking');
  look();
}

/** fromAddress signs in with a token behind the #, which no browser sends, and removes it. */
function fromAddress() {
  const shown = location.hash.slice(1);
  if (!shown) return;
  history.replaceState(null, '', location.pathname);
  enter(shown);
}

byId('door').addEventListener('submit', (event) => {
  event.preventDefault();
  enter(byId('token').value);
});
byId('leave').addEventListener('click', () => leave());
addEventListener('hashchange', fromAddress);
fromAddress();
