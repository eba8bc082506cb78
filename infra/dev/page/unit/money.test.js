import assert from 'node:assert/strict';
import { test } from 'node:test';

import { format, parse } from '../js/money.js';

test('amounts are shown with two decimals', () => {
  for (const [minor, want] of [[0, '0.00'], [5, '0.05'], [100000, '1,000.00'], [-1, '−0.01'], [123456789, '1,234,567.89']]) {
    assert.equal(format(minor), want);
  }
});

test('a stake is read exactly or not at all', () => {
  for (const [text, want] of [
    ['1', 100], ['1.5', 150], ['1,5', 150], ['0.01', 1], [' 1,000.00 ', 100000], ['12 000', 1200000],
    ['1.005', null], ['', null], ['-1', null], ['1e3', null], ['NaN', null], ['١', null], ['999999999999', null],
  ]) {
    assert.equal(parse(text), want, text);
  }
});
