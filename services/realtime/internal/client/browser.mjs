// Uses the Socket.IO client that a server offers, in a real browser:
//
//   node browser.mjs FOLDER http://127.0.0.1:1234
//
// FOLDER holds browser.mjs of the page's tests, which knows how to start one.
import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, url] = process.argv.slice(2);
const { launch } = await import(pathToFileURL(join(folder, "browser.mjs")));

const browser = await launch();
try {
  const page = await browser.newPage();
  await page.goto(url);
  for (const transports of [["polling", "websocket"], ["websocket"], ["polling"]]) {
    const seen = await page.evaluate(async (transports) => {
      const socket = io({ transports, forceNew: true });
      await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
      const bytes = (...values) => new Uint8Array(values).buffer;
      const [deep, file] = await new Promise((resolve) => {
        socket.emit("echo", { a: [1, { b: bytes(1, 2, 255) }], t: "é" }, bytes(9), (...answer) => resolve(answer));
      });
      const end = Date.now() + 10_000;
      while (socket.io.engine.transport.name !== transports.at(-1) && Date.now() < end) await new Promise((r) => setTimeout(r, 10));
      const name = socket.io.engine.transport.name;
      socket.disconnect();
      return { name, inner: [...new Uint8Array(deep.a[1].b)], one: deep.a[0], text: deep.t, file: [...new Uint8Array(file)] };
    }, transports);
    assert.deepEqual(seen, { name: transports.at(-1), inner: [1, 2, 255], one: 1, text: "é", file: [9] });
  }
  const back = await page.evaluate(async () => {
    const socket = io({ transports: ["websocket"], forceNew: true, reconnectionDelay: 300, randomizationFactor: 0 });
    await new Promise((resolve) => socket.once("connect", resolve));
    const id = socket.id;
    const said = new Promise((resolve) => socket.once("said", resolve));
    socket.emit("later", "while you were away");
    await new Promise((resolve) => socket.emit("echo", resolve)); // it has arrived
    socket.io.engine.transport.ws.close();
    return { text: await said, same: socket.id === id, recovered: socket.recovered };
  });
  assert.deepEqual(back, { text: "while you were away", same: true, recovered: true });
  console.log("all seen");
} finally {
  await browser.close();
}
