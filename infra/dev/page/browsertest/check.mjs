// Checks rounds on the page /verify/ of a running stack, in a browser:
//
//   node check.mjs http://localhost:8080 BUNDLE...
//
// Each bundle must be found true, and false when its payout is another one or a byte is
// missing. The exit code is 0 when all of it was seen, 1 otherwise.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { launch, open } from './browser.mjs';

const [url, ...files] = process.argv.slice(2);
if (!files.length) {
  console.error('usage: node check.mjs URL BUNDLE...');
  process.exit(2);
}
const complaints = [];

/** check passes a text to the page and returns what it says. */
async function check(page, text) {
  await page.locator('#bundle').fill(text);
  await page.locator('#verdict').evaluate((element) => { element.textContent = ''; });
  await page.locator('#go').click();
  await page.waitForFunction(() => document.getElementById('verdict').textContent !== '');
  return page.locator('#verdict').evaluate((element) => [element.dataset.kind, element.textContent]);
}

const browser = await launch();
try {
  const page = await open(browser, `${url}/verify/`, complaints);
  await page.locator('#go:enabled').waitFor({ timeout: 60_000 });
  for (const file of files) {
    const text = (await readFile(file, 'utf8')).trim();
    const [kind, said] = await check(page, text);
    assert.equal(kind, 'good', `${file}: ${said}`);
    const payout = JSON.parse(text).payout;
    const [lie, why] = await check(page, text.replace(`"payout":${payout},`, `"payout":${payout + 1},`));
    assert.equal(lie, 'bad', `${file} with another payout: ${why}`);
    assert.ok(await page.locator('#findings li[data-ok="false"]').count() > 0, 'what is wrong is listed');
    const [cut] = await check(page, text.slice(1));
    assert.equal(cut, 'bad', `${file}, cut`);
    console.log(`ok - ${said}`);
  }
  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
}
