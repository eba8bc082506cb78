// The fairness panel: the seeds in use, their rotation, and the recomputing of a
// round in this browser.

import { call, persist } from './api.js';
import { outcomes, show } from './dice.js';
import { byId } from './dom.js';
import { draw, hash } from './fair.js';
import { reveal, revealed } from './seat.js';

export class Fairness {
  #token;
  #onProblem;
  #nonce = 0;
  #hash = '';

  constructor(token, onProblem, signal) {
    this.#token = token;
    this.#onProblem = onProblem;
    byId('rotate').addEventListener('submit', (event) => (event.preventDefault(), this.#rotate()), { signal });
    byId('check').addEventListener('submit', (event) => (event.preventDefault(), this.#check()), { signal });
    this.load();
  }

  /** load shows the seeds in use. */
  async load() {
    try {
      this.#show(await persist(() => call('GET', '/v1/me/seeds', { token: this.#token })));
    } catch (problem) {
      this.#onProblem(problem);
    }
  }

  /** played takes the nonce of a round that was settled with the seeds in use. */
  played(round) {
    if (round.server_seed_hash !== this.#hash || round.nonce < this.#nonce) return;
    this.#nonce = round.nonce + 1;
    byId('nonce').textContent = String(this.#nonce);
  }

  /** verify recomputes a round of this player and says what came out. */
  async verify(round) {
    try {
      let seed = revealed()[round.server_seed_hash];
      if (!seed) {
        const { round: told } = await persist(() => call('GET', `/v1/rounds/${encodeURIComponent(round.id)}`, { token: this.#token }));
        seed = told?.server_seed;
      }
      if (!seed) return this.#say('The seed of this round is still in use, so it is secret. Rotate to reveal it, then verify.', 'wait');
      reveal(round.server_seed_hash, seed);
      this.#fill(seed, round.server_seed_hash, round.client_seed, round.nonce);
      await this.#recompute(seed, round.server_seed_hash, round.client_seed, round.nonce, round.outcome?.roll);
    } catch (problem) {
      this.#say(problem.message, 'bad');
    }
  }

  async #rotate() {
    const input = byId('new-seed');
    const wanted = input.value.trim() || randomSeed();
    const button = byId('rotate-go');
    button.disabled = true;
    try {
      // Not repeated by itself: a second rotation would reveal the new seed too.
      const answer = await call('POST', '/v1/me/seeds', { token: this.#token, body: { client_seed: wanted } });
      input.value = '';
      const old = answer.revealed;
      this.#show(answer);
      if (old?.server_seed) {
        reveal(old.server_seed_hash, old.server_seed);
        this.#fill(old.server_seed, old.server_seed_hash, old.client_seed, Math.max(0, old.nonce - 1));
        this.#say('The old server seed is revealed. Every round made with it can be verified now.', 'good');
      }
    } catch (problem) {
      this.#say(problem.message, 'bad');
      this.load(); // it may have happened all the same
    } finally {
      button.disabled = false;
    }
  }

  async #check() {
    const field = (name) => byId('check').elements[name].value.trim();
    try {
      await this.#recompute(field('server'), field('hash'), field('client'), field('nonce'));
    } catch (error) {
      this.#say(error.message, 'bad');
    }
  }

  async #recompute(seed, published, client, nonce, rolled) {
    if (published && (await hash(seed)) !== published) {
      return this.#say('The seed does not match its published hash.', 'bad');
    }
    const roll = await draw(seed, client, nonce, outcomes);
    if (Number.isInteger(rolled) && roll !== rolled) {
      return this.#say(`Not the same: recomputed ${show(roll)}, the table said ${show(rolled)}.`, 'bad');
    }
    const same = Number.isInteger(rolled) ? ', as the table said' : '';
    const matched = published ? ' The seed matches its hash.' : '';
    this.#say(`Verified: nonce ${nonce} rolls ${show(roll)}${same}.${matched}`, 'good');
  }

  #show(seeds) {
    this.#nonce = seeds.nonce;
    this.#hash = seeds.server_seed_hash;
    byId('client-seed').textContent = seeds.client_seed;
    byId('server-hash').textContent = seeds.server_seed_hash;
    byId('next-hash').textContent = seeds.next_server_seed_hash;
    byId('nonce').textContent = String(seeds.nonce);
  }

  #fill(server, published, client, nonce) {
    const { elements } = byId('check');
    Object.assign(elements.server, { value: server });
    Object.assign(elements.hash, { value: published });
    Object.assign(elements.client, { value: client });
    Object.assign(elements.nonce, { value: String(nonce) });
  }

  #say(text, kind) {
    const verdict = byId('verdict');
    verdict.textContent = text;
    verdict.dataset.kind = kind;
  }
}

function randomSeed() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
