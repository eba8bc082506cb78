// What went wrong, as a code and as a sentence for the player. The server's codes are
// stable; its "detail" is shown only where no sentence of ours fits.

const sentences = {
  account_frozen: 'Your account is being looked into. Nothing can be bet meanwhile.',
  network: 'The table could not be reached. Check your connection.',
  timeout: 'The table did not answer in time.',
  body_too_large: 'That is too long.',
  busy: 'The table is very busy. Try again in a moment.',
  conflict: 'That is no longer possible.',
  draining: 'The table is moving to another server. Try again in a moment.',
  forbidden: 'You may not do that.',
  insufficient_funds: 'Your balance does not cover this stake.',
  internal: 'Something failed at the table. Nothing was lost.',
  key_reused: 'This bet was already sent with other values. Place it anew.',
  name_invalid: 'This name cannot be used: 1 to 32 visible characters, please.',
  not_found: 'That does not exist, or it is not yours.',
  params_invalid: 'This bet is outside the rules of the game. Change the target.',
  seed_invalid: 'A client seed has 1 to 64 letters, digits, - or _.',
  stake_out_of_range: 'This stake is below the least or above the most of the table.',
  token_expired: 'Your seat has expired. Sit down again to go on.',
  token_invalid: 'Your seat is no longer valid. Sit down again to go on.',
  token_missing: 'Sit down first.',
  too_many_requests: 'That was too fast. Wait a moment.',
  unavailable: 'The table is out of reach for the moment. It comes back by itself.',
  unknown_game: 'This game is not played here.',
  unknown_table: 'There is no such table.',
};

/** Problem is an answer that is no success. status 0: no answer came. */
export class Problem extends Error {
  constructor(status, code, detail = '', retryAfter = 0) {
    super(sentences[code] ?? (detail || `The table answered with an error (${code || status}).`));
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter; // ms
  }

  /** unsettled: whether the request took effect is unknown; ask again with its key. */
  get unsettled() {
    return this.status === 0 || this.status >= 500;
  }

  /** expired: the token is of no use any more. */
  get expired() {
    return this.status === 401 || this.code?.startsWith('token_');
  }
}

/** fromResponse reads an RFC 9457 document, or makes do without one. */
export async function fromResponse(response) {
  const seconds = Number(response.headers.get('Retry-After') ?? 0);
  const retryAfter = Number.isFinite(seconds) ? seconds * 1000 : 0;
  let document = {};
  try {
    document = (await response.json()) ?? {};
  } catch {
    // A proxy's own page: the status says enough.
  }
  const code = typeof document.code === 'string' ? document.code : response.status >= 500 ? 'unavailable' : '';
  return new Problem(response.status, code, String(document.detail ?? document.title ?? ''), retryAfter);
}
