// The leaderboard of the day. It follows the rounds by a moment, since it is made
// from the facts that the rounds leave behind.

import { call } from './api.js';
import { byId, el, name } from './dom.js';
import { format } from './money.js';

const every = 15_000; // ms between reads
const shown = 10;

export class Board {
  #me;
  #timer;
  #due = Infinity;
  #stopped = false;

  constructor(me) {
    this.#me = me;
    this.read();
  }

  /** soon reads the board within a moment: a round was settled. */
  soon() {
    this.#schedule(1500);
  }

  /** stop ends the reading. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** read shows the present board; a failure leaves the old one. */
  async read() {
    this.#due = Infinity;
    try {
      const answer = await call('GET', '/v1/leaderboard');
      if (!this.#stopped) this.#show(answer.entries ?? []);
    } catch {
      // The connection's state is shown elsewhere; the next read is on its way.
    }
    this.#schedule(every);
  }

  #schedule(ms) {
    const due = Date.now() + ms;
    if (this.#stopped || due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.read(), ms);
  }

  #show(entries) {
    byId('board').replaceChildren(...entries.slice(0, shown).map((entry) => {
      const mine = entry.player?.id === this.#me.id;
      const row = el('li', { className: mine ? 'mine' : '' });
      row.append(
        name(entry.player?.name ?? ''),
        el('small', { textContent: entry.rounds === 1 ? '1 round' : `${entry.rounds} rounds` }),
        el('span', { className: `net ${entry.net > 0 ? 'up' : 'down'}`, textContent: `${entry.net > 0 ? '+' : ''}${format(entry.net)}` }),
      );
      return row;
    }));
  }
}
