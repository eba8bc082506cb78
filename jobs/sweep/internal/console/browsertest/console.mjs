// Looks at the console as an operator does:
//
//   node console.mjs http://localhost:9090/console/ TOKEN [folder for screenshots]
//
// While it looks, the test writes one round more on "more" in its output. The exit code
// is 0 when all of it was seen, 1 otherwise.

import assert from 'node:assert/strict';
import path from 'node:path';

import { launch, open } from '../../../../../infra/dev/page/browsertest/browser.mjs';

const [url, token, shots] = process.argv.slice(2);
const complaints = [];

const value = (page, tile) => page.locator(`[data-tile="${tile}"] b`).textContent();

async function signIn(page, text) {
  await page.locator('#token').fill(text);
  await page.keyboard.press('Enter');
}

/** contrast of the text of an element against the first background behind it. */
function contrast(page, selector) {
  return page.evaluate((wanted) => { // at once: the page replaces what changes
    const element = document.querySelector(wanted);
    const light = (text) => {
      const [r, g, b] = text.match(/[\d.]+/g).map((n) => n / 255).map((n) => (n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
    const [a, b] = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }, selector);
}

async function look(browser) {
  const dark = await open(browser, url, complaints, { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
  await signIn(dark, 'not the token of anybody');
  await dark.locator('#refused', { hasText: 'not the console' }).waitFor();
  assert.equal(await dark.locator('#board').isVisible(), false, 'nothing is shown without the token');

  await signIn(dark, token);
  await dark.locator('#link[data-state="on"]').waitFor();
  assert.equal(await value(dark, 'containers'), '2');
  assert.equal(await value(dark, 'sockets'), '127');
  assert.equal(await value(dark, 'rooms'), '9');
  assert.equal(await value(dark, 'healthy'), '1 of 3');
  assert.equal(await value(dark, 'unsent'), '2');
  assert.equal(await value(dark, 'frozen'), '1');
  const containers = dark.locator('#containers tr');
  assert.equal(await containers.count(), 3, 'a head and two containers');
  assert.match(await containers.nth(1).textContent(), /actions a1healthy90 s––5\.0\.1<img.*4 of 51123.*7 ms/);
  assert.match(await containers.nth(2).textContent(), /realtime r1degraded0 ms645<img/);
  const services = dark.locator('#services tr');
  assert.equal(await services.count(), 4, 'a head and three services');
  assert.match(await services.nth(1).textContent(), /healthy5\.0\.0.*4 of 51.*25 %/);
  assert.match(await services.nth(2).textContent(), /degraded.*redis_unavailable/);
  assert.match(await services.nth(3).textContent(), /silent/);
  const games = dark.locator('#games tr');
  assert.match(await games.nth(2).textContent(), /dice4040\.0039\.600\.4099\.00 %1,00098\.00 %99\.00 %.*in band/);
  assert.match(await games.nth(1).textContent(), /<img src=x.*9,000200\.00 %99\.00 %.*out of band/);
  assert.match(await dark.locator('#tables').textContent(), /dice-1.*dice/);
  assert.match(await dark.locator('#rollouts').textContent(), /actions.*5\.0\.0/);
  assert.match(await dark.locator('#migrations').textContent(), /00\d\d.*expand/);
  assert.match(await dark.locator('#swept').textContent(), /ledger.*well.*full pass/);
  assert.equal(await dark.locator('main img').count(), 0, 'names are shown as text');
  assert.equal(await dark.title(), 'VegasCore console', 'nothing that was written elsewhere has run');
  assert.equal(await dark.locator('#tables tr', { hasText: 'dice-8' }).count(), 0, 'older than an hour');

  const before = await dark.locator('#tables tr', { hasText: 'dice-2' }).count();
  assert.equal(before, 0);
  console.log('more');
  await dark.locator('#tables tr', { hasText: 'dice-2' }).waitFor(); // without anybody's reload

  const light = await open(browser, `${url}#${token}`, complaints, { viewport: { width: 360, height: 740 }, colorScheme: 'light' });
  await light.locator('#link[data-state="on"]').waitFor();
  assert.equal(light.url(), url, 'the token is gone from the address');
  const back = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.notEqual(await back(light), await back(dark), 'light and dark differ');
  for (const [name, page] of [['dark', dark], ['light', light]]) {
    for (const selector of ['h1', '.tile span', '[data-mood="good"]', '[data-mood="warn"]', '[data-mood="bad"]']) {
      const ratio = await contrast(page, selector);
      assert.ok(ratio >= 4.5, `${name}: contrast of ${selector} is ${ratio.toFixed(2)}`);
    }
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= window, `${name}: content of ${wide} px in a window of ${window} px`);
    if (shots) await page.screenshot({ path: path.join(shots, `console-${name}.png`), fullPage: true });
  }
  await light.locator('#leave').click();
  assert.equal(await light.locator('#board').isVisible(), false, 'signed out');
  await light.reload();
  assert.equal(await light.locator('#door').isVisible(), true, 'the token is not kept');
}

const browser = await launch();
let failure = null;
try {
  await look(browser);
  assert.deepEqual(complaints, [], 'the browser has no complaint');
} catch (error) {
  failure = error;
} finally {
  await browser.close();
}
if (failure) {
  console.error(failure);
  for (const complaint of complaints) console.error(`# ${complaint}`);
}
process.exit(failure ? 1 : 0);
