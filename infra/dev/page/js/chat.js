// The chat of the table. Messages are shown as text and nothing else.

import { byId, clock, el, name } from './dom.js';

const keep = 200; // messages
const remember = 1000; // ids

export class Chat {
  #me;
  #seen = new Set(); // ids of messages that are or were shown

  /** send(text) resolves when the server has taken the message. */
  constructor(me, send, signal) {
    this.#me = me;
    byId('say').addEventListener('submit', async (event) => {
      event.preventDefault();
      const input = byId('text');
      const text = input.value.trim();
      if (!text) return;
      input.value = '';
      try {
        await send(text);
      } catch (problem) {
        if (!input.value) input.value = text;
        this.note(`Not sent. ${problem.message}`);
      }
      input.focus();
    }, { signal });
  }

  /** add shows a message of anyone at the table, once: it may be in a history, too. */
  add({ id, from, text, at }) {
    if (id) {
      if (this.#seen.has(id)) return;
      this.#seen.add(id);
      if (this.#seen.size > remember) this.#seen.delete(this.#seen.values().next().value);
    }
    const row = el('li', { className: from?.id === this.#me.id ? 'mine' : '' });
    row.append(clock(at), name(from?.name ?? 'Someone', 'who'), el('bdi', { className: 'said', textContent: String(text ?? '') }));
    this.#append(row);
  }

  /** note shows a remark of the page itself. */
  note(text) {
    this.#append(el('li', { className: 'remark', textContent: text }));
  }

  #append(row) {
    const lines = byId('lines');
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    lines.append(row);
    while (lines.children.length > keep) lines.firstElementChild.remove();
    if (atEnd) lines.scrollTop = lines.scrollHeight;
  }
}
