// Plays the page against a running stack:
//
//   node play.mjs http://localhost:8080 [folder for screenshots]
//
// Two guests sit down in two browsers' contexts, bet, chat, rotate and verify. The
// exit code is 0 when all of it was seen, 1 otherwise.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { launch, open } from './browser.mjs';
import * as step from './steps.mjs';

const url = process.argv[2];
const shots = process.argv[3] ?? '';
if (!url) {
  console.error('usage: node play.mjs URL [FOLDER]');
  process.exit(2);
}
if (shots) await mkdir(shots, { recursive: true });

const complaints = [];
const started = Date.now();
let done = 0;

async function run(what, action) {
  const from = Date.now();
  const result = await action();
  done++;
  console.log(`ok ${done} - ${what} (${Date.now() - from} ms)`);
  return result;
}

async function shoot(page, name) {
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

async function play(browser) {
  const mark = Math.random().toString(36).slice(2, 7);
  const [ada, bob] = [`Ada ${mark}`, `Bob ${mark}`];
  const one = await open(browser, url, complaints, { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
  const two = await open(browser, url, complaints, { viewport: { width: 360, height: 740 }, colorScheme: 'light', hasTouch: true });
  await shoot(one, 'door');

  await run('a guest sits down', () => step.sitDown(one, ada));
  await run('a second guest sits down', () => step.sitDown(two, bob));
  await run('both see who is there', () => Promise.all([step.seesPlayer(one, bob), step.seesPlayer(two, ada)]));

  const first = await run('a bet is settled', () => step.bet(one, { direction: 'under', target: '2.00', stake: '2.50' }));
  await run('the balance follows', async () => step.balanceIs(one, step.sum('1,000.00', await step.net(one, first))));
  const id = await run('a bet on the other side is settled', () => step.bet(one, { direction: 'over', target: '1.00', stake: '1.00' }));
  const [a, b] = await run('both see the round', () => Promise.all([step.seesRound(one, id), step.seesRound(two, id)]));
  assert.equal(a, b, 'both see the same roll');
  await run('the earlier round came as an event too', () => step.seesRound(two, first));

  const text = `<img src=x onerror=alert(1)> hello ${mark} & good luck`;
  await run('a chat message arrives as text, at the sender too', async () => {
    await step.says(two, text);
    await Promise.all([step.hears(one, bob, text), step.hears(two, bob, text)]);
  });

  await run('the seed is rotated and revealed', () => step.rotate(one, `browser-${mark}`));
  const verdict = await run('both rounds verify in the browser', async () => {
    await step.verify(one, first);
    return step.verify(one, id);
  });
  console.log(`# ${verdict}`);

  await run('the leaderboard names the player', () => one.locator('#board li', { hasText: ada }).waitFor({ timeout: 20_000 }));
  await run('a reload keeps the seat and what was said', async () => {
    const balance = await one.locator('#balance').textContent();
    await one.reload();
    await one.locator('#link[data-state="on"]').waitFor();
    await step.balanceIs(one, balance);
    await step.hears(one, bob, text);
    assert.equal(await one.locator('#lines li', { hasText: mark }).count(), 1, 'the message is listed once');
  });
  await run('the page fits 360 and 1280 px', () => Promise.all([step.fits(two, 'narrow'), step.fits(one, 'wide')]));
  await step.bet(one, { direction: 'under', target: '50', stake: '5' });
  await shoot(one, 'table-dark-wide');
  await shoot(two, 'table-light-narrow');
  await run('signing out takes the player off the list', async () => {
    await two.locator('#leave').click();
    await one.locator('#people li', { hasText: bob }).waitFor({ state: 'detached', timeout: 60_000 });
  });
}

const browser = await launch();
let failure = null;
try {
  await play(browser);
  assert.deepEqual(complaints, [], 'the browser has no complaint');
} catch (error) {
  failure = error;
  for (const [number, context] of browser.contexts().entries()) {
    for (const page of context.pages()) await shoot(page, `failed-${number + 1}`).catch(() => {});
  }
} finally {
  await browser.close();
}
if (failure) {
  console.error(failure);
  for (const complaint of complaints) console.error(`# ${complaint}`);
}
console.log(`${done} passed, ${failure ? 1 : 0} failed`);
console.log(`# ${((Date.now() - started) / 1000).toFixed(1)} s`);
process.exit(failure ? 1 : 0);
