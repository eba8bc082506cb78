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
 * members(list), joined(ms away), expired(problem), and one per server event: round,
 * balance, chat, presence.
 */
export class Table {
  #socket;
  #room;
  #on;
  #attempts = 0;
  #lostAt = 0;
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
    for (const event of ['round', 'balance', 'chat', 'presence']) {
      socket.on(event, (data) => data && on[event](data));
    }
    on.state('Connecting', 'wait');
  }

  /** say sends a chat message and resolves once the server has taken it. */
  say(text) {
    return this.#ask('chat', this.#room, text);
  }

  /** join enters the room again, which brings the present list of members. */
  async join() {
    const answer = await this.#ask('join', this.#room);
    this.#on.members(Array.isArray(answer.members) ? answer.members : []);
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
    const away = this.#lostAt ? Date.now() - this.#lostAt : 0;
    this.#attempts = 0;
    try {
      await this.join();
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
