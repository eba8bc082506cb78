// The table's page: signs a guest in, joins table:dice-1 and hands what arrives to
// the parts of the page.

import { BetForm } from './js/bet.js';
import { Board } from './js/board.js';
import { Chat } from './js/chat.js';
import { byId } from './js/dom.js';
import { Fairness } from './js/fairness.js';
import { library, Table } from './js/live.js';
import { People } from './js/people.js';
import { Purse } from './js/purse.js';
import { Rounds } from './js/rounds.js';
import { current, leave, take } from './js/seat.js';

const room = 'table:dice-1';
let end = () => {}; // of the seat at the table

function say(text) {
  byId('alert').textContent = text;
  byId('alert').hidden = !text;
}

function state(text, kind) {
  byId('link').textContent = text;
  byId('link').dataset.state = kind;
}

function standUp(text = '') {
  end();
  end = () => {};
  leave();
  state('Not connected', 'off');
  for (const id of ['rounds', 'people', 'lines', 'board']) byId(id).replaceChildren();
  byId('table').hidden = true;
  byId('purse').hidden = true;
  byId('door').hidden = false;
  say(text);
  byId('name').focus();
}

async function sitDown(seat) {
  const gone = new AbortController(); // ends every listener of this seat
  byId('door').hidden = true;
  byId('table').hidden = false;
  byId('purse').hidden = false;
  byId('me').textContent = seat.player.name;
  say('');

  const me = seat.player;
  const expired = (problem) => standUp(problem.message);
  const report = (problem) => (problem.expired ? expired(problem) : say(problem.message));
  const purse = new Purse(seat);
  const board = new Board(me);
  const fairness = new Fairness(seat.token, report, gone.signal);
  const rounds = new Rounds(me, (round) => fairness.verify(round));
  let table = null;
  const people = new People(me, () => table?.who().catch(() => {})); // the next event asks again
  const chat = new Chat(me, (text) => table.say(text), gone.signal);
  const bets = new BetForm(seat.token, purse, {
    settled(round) {
      say('');
      purse.after(round.id, round.balance);
      rounds.add({ ...round, player: me, settled_at: round.settled_at ?? new Date().toISOString() }, 'answer');
      fairness.played(round);
      bets.shown(round);
      board.soon();
    },
    failed: (problem) => problem.code === 'insufficient_funds' && purse.read().catch(report),
    expired,
  }, gone.signal);

  end = () => {
    gone.abort();
    table?.close();
    board.stop();
    people.stop();
  };

  const io = await library(() => state('Waiting for the realtime service', 'wait'));
  if (gone.signal.aborted) return;
  table = new Table(io, room, seat.token, {
    state,
    expired,
    members: (list, players) => people.set(list, players),
    history: (messages) => messages.forEach((message) => chat.add(message)),
    presence: (event) => people.change(event),
    chat: (message) => chat.add(message),
    balance: (event) => purse.after(event.round, event.balance),
    round(round) {
      rounds.add(round, 'event');
      if (round.player?.id === me.id) fairness.played(round); // perhaps from another tab
      board.soon();
    },
    joined(away) {
      if (away) rounds.gap(away);
      purse.read().catch(report);
      bets.resume();
    },
  });
}

byId('guest').addEventListener('submit', async (event) => {
  event.preventDefault();
  byId('enter').disabled = true;
  try {
    const seat = await take(byId('name').value.trim());
    await sitDown(seat);
  } catch (problem) {
    say(problem.message);
  } finally {
    byId('enter').disabled = false;
  }
});
byId('leave').addEventListener('click', () => standUp());

const seat = current();
if (seat) sitDown(seat);
else standUp();
