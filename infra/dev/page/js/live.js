// The live connection: one Socket.IO socket that stays at one table. The client
// library comes from the realtime service, so page and server always fit.

import { Problem } from './problem.js';

const script = '/socket.io/socket.io.js';
const ackWithin = 5000; // ms

/** library loads the Socket.IO client; it tries again until the service answers. */
export async function library(onWait) {
  for (let number = 1; !globalThis.io; number++) {
    const loaded = await new Promise((resolve) => {
      const tag = document.createElement('script');
      tag.src = script;
      tag.onload = () => resolve(true);
      tag.onerror = () => resolve(false);
      document.head.append(tag);
    });
    if (loaded && globalThis.io) break;
    onWait(number);
    await new Promise((resolve) => setTimeout(resolve, Math.min(500 * number, 5000)));
  }
  return globalThis.io;
}

/**
 * Table is a seat's connection to one table. on has the callbacks: state(text, kind),
 * members(list, number), history(messages), joined(ms away), expired(problem), and one
 * per server event: round, balance, chat, presence. A connection that the server
 * recovered missed nothing: it is joined with 0 ms and brings no history.
 */
export class Table {
  #socket;
  #room;
  #on;
  #attempts = 0;
  #lostAt = 0;
  #seated = false;
  #again;

  constructor(io, room, token, on) {
    this.#room = room;
    this.#on = on;
    this.#socket = io({
      transports: ['websocket'],
      auth: (give) => give({ token }),
      reconnectionDelay: 300,
      reconnectionDelayMax: 5000,
      randomizationFactor: 0.5,
    });
    const socket = this.#socket;
    socket.on('connect', () => this.#connected());
    socket.on('disconnect', (reason) => this.#disconnected(reason));
    socket.on('connect_error', (error) => this.#refused(error));
    socket.on('resync', (data) => data?.room === room && this.#resync());
    for (const event of ['round', 'balance']) {
      socket.on(event, (data) => data && on[event](data));
    }
    for (const event of ['chat', 'presence']) { // of the table; the socket is in the lobby, too
      socket.on(event, (data) => data?.room === room && on[event](data));
    }
    on.state('Connecting', 'wait');
  }

  /**
   * say sends a chat message and resolves once the server has taken it. Without an
   * answer it sends it once more: the key keeps it from being posted twice.
   */
  async say(text) {
    const key = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    try {
      return await this.#ask('chat', this.#room, text, key);
    } catch (problem) {
      if (problem.code !== 'timeout') throw problem;
      return this.#ask('chat', this.#room, text, key);
    }
  }

  /** who asks for the present list of members. */
  async who() {
    this.#here(await this.#ask('presence', this.#room));
  }

  async #join() {
    const answer = await this.#ask('join', this.#room);
    this.#seated = true;
    this.#here(answer);
    this.#on.history(Array.isArray(answer.history) ? answer.history : []);
  }

  #here({ members, players }) {
    const list = Array.isArray(members) ? members : [];
    this.#on.members(list, Number.isInteger(players) ? players : list.length);
  }

  /** close ends the connection for good. */
  close() {
    clearTimeout(this.#again);
    this.#socket.removeAllListeners();
    this.#socket.disconnect();
  }

  async #ask(event, ...args) {
    let answer;
    try {
      answer = await this.#socket.timeout(ackWithin).emitWithAck(event, ...args);
    } catch {
      throw new Problem(0, 'timeout');
    }
    if (!answer?.ok) throw new Problem(422, answer?.code ?? '', answer?.detail);
    return answer;
  }

  async #connected() {
    const recovered = this.#socket.recovered && this.#seated;
    const away = this.#lostAt && !recovered ? Date.now() - this.#lostAt : 0;
    this.#attempts = 0;
    try {
      await (recovered ? this.who() : this.#join());
    } catch (error) {
      if (!this.#socket.connected) return; // the next connection joins
      this.#on.state(`Not at the table: ${error.message}`, 'wait');
      clearTimeout(this.#again);
      this.#again = setTimeout(() => this.#socket.connected && this.#connected(), 1500);
      return;
    }
    this.#lostAt = 0;
    this.#on.state('Live', 'on');
    this.#on.joined(away);
  }

  /** Events may be lost: the table is loaded again, not by all pages at the same moment. */
  #resync() {
    this.#lostAt ||= Date.now();
    this.#seated = false;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#socket.connected && this.#connected(), 2000 * Math.random());
  }

  #disconnected(reason) {
    this.#lostAt ||= Date.now();
    this.#on.state('Connection lost, reconnecting', 'wait');
    // After the server's own goodbye the library does not come back by itself.
    if (reason === 'io server disconnect') this.#retry();
  }

  #refused(error) {
    this.#attempts++;
    const code = error?.data?.code;
    if (code?.startsWith('token_')) {
      this.close();
      this.#on.expired(new Problem(401, code));
      return;
    }
    this.#on.state(`Reconnecting (try ${this.#attempts})`, 'wait');
    if (!this.#socket.active) this.#retry(); // refused by the server, not by the network
  }

  #retry() {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#socket.connect(), Math.min(500 * (this.#attempts + 1), 5000) * (0.5 + Math.random()));
  }
}
