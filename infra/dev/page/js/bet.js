// The bet form. Every attempt has a key of its own; while its outcome is unknown the
// form is locked and the same body is sent again with the same key, so a bet can
// neither be lost nor be taken twice.

import { call, newKey, persist } from './api.js';
import { chance, multiplier, pays, possible, show } from './dice.js';
import { byId } from './dom.js';
import { format, parse } from './money.js';
import { keepBet, pendingBet } from './seat.js';

const percent = new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });

export class BetForm {
  #token;
  #purse;
  #on; // settled(round), failed(problem), expired(problem)
  #busy = false;

  constructor(token, purse, on, signal) {
    this.#token = token;
    this.#purse = purse;
    this.#on = on;
    const listen = (id, event, run) => byId(id).addEventListener(event, run, { signal });
    listen('bet', 'submit', (event) => (event.preventDefault(), this.#submit()));
    listen('bet', 'input', (event) => this.#changed(event.target));
    for (const button of document.querySelectorAll('[data-stake]')) {
      button.addEventListener('click', () => this.#scaleStake(button.dataset.stake), { signal });
    }
    window.addEventListener('online', () => this.resume(), { signal });
    this.#lock(false, 'Bet');
    this.#say('Pick a side and bet.', '');
    this.#changed();
    this.resume();
  }

  /** resume sends the bet under way again, if there is one and nobody is at it. */
  resume() {
    const bet = pendingBet();
    if (bet && !this.#busy) this.#send(bet);
  }

  #read() {
    const direction = byId('bet').elements.direction.value;
    return { direction, target: parse(byId('target').value), stake: parse(byId('stake').value) };
  }

  #changed(source) {
    if (source === byId('slider')) byId('target').value = show(byId('slider').value * 100);
    const { direction, target, stake } = this.#read();
    const good = target !== null && possible(direction, target);
    if (target !== null && source !== byId('slider')) byId('slider').value = Math.round(target / 100);
    byId('target').setAttribute('aria-invalid', String(!good));
    byId('stake').setAttribute('aria-invalid', String(!stake));
    byId('chance').textContent = good ? percent.format(chance(direction, target)) : '–';
    const times = good ? multiplier(direction, target) : 0;
    byId('multiplier').textContent = good ? `${(times / 10000).toFixed(4)}×` : '–';
    byId('pays').textContent = good && stake ? format(pays(stake, times)) : '–';
    const zone = byId('zone');
    const at = Math.min(target ?? 0, 10000) / 10000;
    zone.style.setProperty('--from', direction === 'under' ? 0 : at);
    zone.style.setProperty('--to', direction === 'under' ? at : 1);
  }

  #scaleStake(how) {
    const stake = parse(byId('stake').value) ?? 100;
    const wanted = how === 'half' ? Math.floor(stake / 2) : stake * 2;
    const most = this.#purse.amount || wanted;
    byId('stake').value = format(Math.max(1, Math.min(wanted, most))).replaceAll(',', '');
    this.#changed();
  }

  #submit() {
    if (this.#busy) return;
    const waiting = pendingBet();
    if (waiting) return void this.#send(waiting);
    const { direction, target, stake } = this.#read();
    if (target === null || !possible(direction, target)) {
      return this.#refuse('target', `Roll ${direction}: the target is a number from ${direction === 'under' ? '0.01 to 99.00' : '1.00 to 99.99'}.`);
    }
    if (!stake) return this.#refuse('stake', 'The stake is an amount such as 1.00.');
    this.#send({ key: newKey(), body: { game: 'dice', table: 'dice-1', stake, params: { direction, target } } });
  }

  async #send(bet) {
    keepBet(bet);
    this.#lock(true, 'Rolling…');
    try {
      const answer = await persist(() => call('POST', '/v1/bets', { token: this.#token, key: bet.key, body: bet.body }), {
        onWait: (number) => this.#say(`No answer yet. Asking again with the same key (${number}) …`, 'wait'),
      });
      keepBet(null);
      this.#lock(false, 'Bet');
      this.#on.settled(answer.round);
    } catch (problem) {
      this.#failed(problem);
    }
  }

  #failed(problem) {
    if (problem.expired) return this.#on.expired(problem);
    if (problem.unsettled || problem.status === 429) {
      this.#lock(false, 'Ask again for this bet');
      byId('bet-fields').disabled = true; // the values belong to the key
      this.#say(`${problem.message} Your bet is kept: ask again, it counts only once.`, 'lost');
      return;
    }
    keepBet(null);
    this.#lock(false, 'Bet');
    this.#say(problem.message, 'lost');
    this.#on.failed(problem);
  }

  #lock(busy, label) {
    this.#busy = busy;
    byId('bet-fields').disabled = busy;
    byId('go').textContent = label;
    byId('go').setAttribute('aria-disabled', String(busy)); // stays focusable for the next bet
  }

  #refuse(id, text) {
    this.#say(text, 'lost');
    byId(id).focus();
  }

  #say(text, kind) {
    const result = byId('result');
    result.textContent = text;
    result.dataset.kind = kind;
  }

  /** shown draws the roll of a settled round of this player. */
  shown(round) {
    const roll = round.outcome?.roll;
    const net = round.payout - round.stake;
    const mark = byId('mark');
    byId('roll').textContent = Number.isInteger(roll) ? show(roll) : '–';
    if (Number.isInteger(roll)) {
      mark.hidden = false;
      mark.style.setProperty('--at', roll / 10000);
      mark.dataset.kind = round.payout > 0 ? 'won' : 'lost';
    }
    const rolled = Number.isInteger(roll) ? `Rolled ${show(roll)}. ` : '';
    if (round.payout > 0) this.#say(`${rolled}You won ${format(round.payout)} (${net < 0 ? '' : '+'}${format(net)}).`, 'won');
    else this.#say(`${rolled}You lost ${format(round.stake)}.`, 'lost');
  }
}
