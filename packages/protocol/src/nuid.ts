// Unique ids of 22 characters, as every NATS client makes them: unpredictable in front, counted behind.
//
//   VUBDVMPQ0MLQ 8DVBMLW6JZ
//   | 12 secret  | 10 of a sequence that starts and steps at random
//
// Ids of one generator never repeat: when the sequence is used up, a new prefix is drawn.

/** Where a generator gets its unpredictable bytes; `Random` of the platform package fits. */
export interface SecretSource {
  fillSecret(bytes: Uint8Array): Uint8Array;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX_CHARS = 12;
const SEQUENCE_CHARS = 10;
/** The sequence is written with 36 digits, so that it stays an exact number. */
const SEQUENCE_BASE = 36;
const SEQUENCE_END = SEQUENCE_BASE ** SEQUENCE_CHARS;
const STEP_MIN = 33;
const STEP_MAX = 333;
/** The largest multiple of 62 that a byte holds: bytes beyond it would favour the first digits. */
const UNBIASED_BYTE_END = 248;

/** Makes ids. Cheap: one short string per id, randomness only for a new prefix. */
export class Nuid {
  #source: SecretSource;
  #prefix = "";
  #sequence = 0;
  #step = 0;

  constructor(source: SecretSource) {
    this.#source = source;
    this.reset();
  }

  /** The next id: 22 characters of `0-9A-Za-z`, so it may stand in a subject as one token. */
  next(): string {
    this.#sequence += this.#step;
    if (this.#sequence >= SEQUENCE_END) this.reset();
    let rest = this.#sequence;
    let digits = "";
    for (let i = 0; i < SEQUENCE_CHARS; i++) {
      digits = DIGITS.charAt(rest % SEQUENCE_BASE) + digits;
      rest = Math.floor(rest / SEQUENCE_BASE);
    }
    return this.#prefix + digits;
  }

  /** Draws a new prefix, start and step. */
  reset(): void {
    this.#prefix = secretChars(this.#source, PREFIX_CHARS);
    const bytes = this.#source.fillSecret(new Uint8Array(8));
    let start = 0;
    for (let i = 0; i < 6; i++) start = start * 256 + (bytes[i] as number);
    this.#sequence = start; // below 2^48, so the sequence lasts a long time
    this.#step = STEP_MIN + ((((bytes[6] as number) << 8) | (bytes[7] as number)) % (STEP_MAX - STEP_MIN));
  }
}

function secretChars(source: SecretSource, count: number): string {
  let chars = "";
  while (chars.length < count) {
    for (const byte of source.fillSecret(new Uint8Array(count))) {
      if (byte < UNBIASED_BYTE_END && chars.length < count) chars += DIGITS.charAt(byte % DIGITS.length);
    }
  }
  return chars;
}
