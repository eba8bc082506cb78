import assert from 'node:assert/strict';
import { test } from 'node:test';

import { multiplier, pays, possible } from '../js/dice.js';

test('odds are those of the table: one per cent for the house, rounded down', () => {
  assert.equal(multiplier('under', 5000), 19801);
  assert.equal(multiplier('over', 5000), 19801);
  assert.equal(multiplier('under', 1), 99009900);
  assert.equal(multiplier('over', 9999), 99009900);
  assert.equal(pays(100, 19801), 198);
  assert.equal(pays(9_007_199_254_740_000, 10001), 9_008_099_974_665_474);
});

test('a bet must be able to win, and a win must pay more than the stake', () => {
  for (const [direction, target, want] of [
    ['under', 0, false], ['under', 1, true], ['under', 9900, true], ['under', 9901, false],
    ['over', 99, false], ['over', 100, true], ['over', 9999, true], ['over', 10000, false], ['over', 1e6, false],
  ]) {
    assert.equal(possible(direction, target), want, `${direction} ${target}`);
    if (want) assert.ok(multiplier(direction, target) > 10000, `${direction} ${target} pays more than the stake`);
  }
});
