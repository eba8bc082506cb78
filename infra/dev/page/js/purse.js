// The balance. It comes from three sides: answers to bets, balance events (of other
// tabs too), and reads of /v1/me. Round ids grow with time, so the newest round wins
// and a late message cannot bring back an old balance.

import { call, persist } from './api.js';
import { byId } from './dom.js';
import { format } from './money.js';

export class Purse {
  #token;
  #newest = '';
  #changes = 0;
  #shown = null;

  constructor(seat) {
    this.#token = seat.token;
    if (Number.isInteger(seat.balance)) this.#show(seat.balance);
  }

  /** amount is the balance in minor units, or null while it is unknown. */
  get amount() {
    return this.#shown;
  }

  /** after takes the balance that a round left. */
  after(round, balance) {
    if (!Number.isInteger(balance) || round < this.#newest) return;
    this.#newest = round;
    this.#changes++;
    this.#show(balance);
  }

  /** read asks the server; what arrived in the meantime is newer than the answer. */
  async read() {
    const before = this.#changes;
    const me = await persist(() => call('GET', '/v1/me', { token: this.#token }));
    if (before === this.#changes) this.#show(me.balance);
    return me;
  }

  #show(balance) {
    const output = byId('balance');
    if (this.#shown !== null && balance !== this.#shown) {
      output.dataset.moved = balance > this.#shown ? 'up' : 'down';
      output.getAnimations?.().forEach((animation) => animation.cancel());
    }
    this.#shown = balance;
    output.textContent = format(balance);
  }
}
