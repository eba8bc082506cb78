// Loads the check as a page does and passes it the texts of the input, a JSON array;
// prints the array of reports.
//
//   node run.cjs WASM_EXEC VERIFY_WASM < texts.json

'use strict';

const fs = require('node:fs');

require(process.argv[2]); // defines Go

async function main() {
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(process.argv[3]), go.importObject);
  go.run(instance); // does not end: the function stays defined
  const texts = JSON.parse(fs.readFileSync(0, 'utf8'));
  process.stdout.write(JSON.stringify(texts.map((text) => globalThis.verifyRound(text))), () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
