// Starts the system's Chromium and opens pages that report what a person would not
// see: errors on the console, breaches of the content policy, failed requests.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** launch starts a browser with a fresh profile, offline but for the page's host. */
export async function launch() {
  const executablePath = places.find((place) => place && existsSync(place));
  if (!executablePath) throw new Error('no Chromium found: apt-get install -y chromium, or set CHROMIUM to its path');
  return chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-quic'],
  });
}

/** open opens the URL in a context of its own; complaints collects what is wrong. */
export async function open(browser, url, complaints, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    // A refused request is logged by the browser itself; the steps judge those.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complaints.push(`console: ${message.text()}`);
    }
  });
  page.on('request', (request) => {
    if (new URL(request.url()).host !== new URL(url).host) complaints.push(`foreign request: ${request.url()}`);
  });
  await page.goto(url);
  return page;
}
