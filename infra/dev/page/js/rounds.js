// The list of rounds at the table, newest first. A round comes as the answer to the
// player's own bet, as an event, or both, and is listed once.

import { show } from './dice.js';
import { byId, clock, el, name, prepend } from './dom.js';
import { format } from './money.js';

const keep = 60; // rows

export class Rounds {
  #me;
  #verify;
  #known = new Map(); // id -> row, at most keep of them are on the page

  constructor(me, verify) {
    this.#me = me;
    this.#verify = verify;
  }

  /** add lists a round; source 'event' marks a row as seen by everyone. */
  add(round, source) {
    if (!round?.id) return;
    const known = this.#known.get(round.id);
    if (known) {
      if (source === 'event') known.dataset.seen = 'event';
      return;
    }
    const row = this.#row(round);
    row.dataset.seen = source;
    this.#known.set(round.id, row);
    prepend(byId('rounds'), row, keep);
    if (this.#known.size > 4 * keep) this.#known.delete(this.#known.keys().next().value);
  }

  /** gap says that rounds may be missing above this line. */
  gap(ms) {
    const seconds = Math.max(1, Math.round(ms / 1000));
    prepend(byId('rounds'), el('li', { className: 'gap', textContent: `You were away for ${seconds} s; rounds of that time are not listed.` }), keep);
  }

  #row(round) {
    const mine = round.player?.id === this.#me.id;
    const net = round.payout - round.stake;
    const outcome = round.outcome ?? {};
    const row = el('li', { className: `round ${net > 0 ? 'won' : net < 0 ? 'lost' : 'even'}${mine ? ' mine' : ''}` });
    row.dataset.id = round.id;
    const who = name(mine ? 'You' : (round.player?.name ?? 'Someone'));
    const roll = el('span', { className: 'rolled', textContent: Number.isInteger(outcome.roll) ? show(outcome.roll) : '' });
    const sum = el('span', { className: 'net', textContent: `${net > 0 ? '+' : ''}${format(net)}` });
    const stake = `${format(round.stake)} at ${outcome.multiplier ?? '?'}×`;
    const more = el('span', { className: 'more' }, el('span', { textContent: stake }), round.settled_at ? clock(round.settled_at) : null);
    if (mine) {
      const button = el('button', { type: 'button', className: 'quiet small', textContent: 'Verify' });
      button.setAttribute('aria-label', `Verify the round with nonce ${round.nonce}`);
      button.addEventListener('click', () => this.#verify(round));
      more.append(button);
    }
    row.append(who, roll, sum, more);
    return row;
  }
}
