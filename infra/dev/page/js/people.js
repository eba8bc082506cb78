// Who is at the table: the list from joining, kept up to date by presence events.
// Each event carries the count; when it differs from ours, the list is asked for again.
// A long list is cut by the server: the count is of all.

import { byId, el, name } from './dom.js';

export class People {
  #me;
  #here = new Map(); // id -> name
  #more = 0; // players whom the list leaves out
  #refresh;
  #timer;

  constructor(me, refresh) {
    this.#me = me;
    this.#refresh = refresh;
  }

  /** set takes the list, and how many players there are. */
  set(members, players) {
    this.#here = new Map(members.filter((one) => one?.id).map((one) => [one.id, one.name]));
    this.#more = Math.max(0, players - this.#here.size);
    this.#show();
  }

  /** change takes a presence event. */
  change({ joined, left, members }) {
    if (joined?.id) this.#here.set(joined.id, joined.name);
    if (left?.id) this.#here.delete(left.id);
    this.#show();
    clearTimeout(this.#timer);
    if (Number.isInteger(members) && members !== this.#here.size + this.#more) {
      this.#timer = setTimeout(this.#refresh, 1000);
    }
  }

  /** stop ends the wait for a new list. */
  stop() {
    clearTimeout(this.#timer);
  }

  #show() {
    const everyone = [...this.#here].sort(([a, one], [b, other]) => (b === this.#me.id) - (a === this.#me.id) || one.localeCompare(other));
    byId('people').replaceChildren(...everyone.slice(0, 100).map(([id, text]) => {
      const row = el('li', { className: id === this.#me.id ? 'mine' : '' }, name(text));
      row.dataset.id = id;
      if (id === this.#me.id) row.append(el('small', { textContent: 'you' }));
      return row;
    }));
    const count = everyone.length + this.#more;
    byId('count').textContent = count === 1 ? '1 player' : `${count} players`;
  }
}
