// Checks a round with the house's own code, compiled for browsers: see
// services/actions/cmd/verify.

const byId = (id) => document.getElementById(id);

function say(text, kind) {
  byId('verdict').textContent = text;
  byId('verdict').dataset.kind = kind;
}

/** show lists what was found. */
function show(report) {
  byId('findings').replaceChildren(...(report.findings ?? []).map((finding) => {
    const line = document.createElement('li');
    line.dataset.ok = finding.ok;
    line.textContent = `${finding.ok ? '✓' : '✗'} ${finding.check}${finding.why ? `: ${finding.why}` : ''}`;
    return line;
  }));
  if (report.ok) {
    say(`The round is as the house says: staked ${report.staked}, paid ${report.payout}, by ${report.rules}.`, 'good');
  } else {
    say(report.error ? `This is no bundle: ${report.error}` : 'The round is not as the house says.', 'bad');
  }
}

byId('check').addEventListener('submit', (event) => {
  event.preventDefault();
  show(JSON.parse(globalThis.verifyRound(byId('bundle').value.trim())));
});

try {
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiateStreaming(fetch('/verify/verify.wasm'), go.importObject);
  go.run(instance); // goes on as long as the page does
  byId('go').disabled = false;
  say('Ready.', 'wait');
} catch (error) {
  say(`The rules could not be loaded: ${error.message}`, 'bad');
}
