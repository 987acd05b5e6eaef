// Makes up what a hostile or broken client might send: operations that are nearly right, sessions of the transcripts
// with something changed, and noise. The same seed gives the same bytes.

import type { Random } from "@myelin/platform";
import { escapeBytes } from "../support/escape.ts";

/** Names that are something in JavaScript, bytes that are no UTF-8, and what has a meaning in NATS. */
const NAMES: readonly string[] = [
  ..."foo bar a b foo.bar a.b.c jobs.eu _INBOX.x.y __proto__ constructor toString hasOwnProperty valueOf".split(" "),
  ..."prototype __defineGetter__ undefined null NaN length then 0 1 2 -1 1e3 9007199254740993 [object".split(" "),
  ..."* > foo.* foo.> *.* > fo* f>o foo.*.bar . .. a..b .a a. $SYS.x $NRG.x _GR_.x _R_.x $JS.ACK.x $SRV.PING".split(
    " ",
  ),
  ..."_sys_ $G NATS/1.0 PUB {} '\" + | \u2028 é ☃ 💥".split(" "),
  "\xff\xfe",
  "\x00",
  "\x7f\x0b",
  "\xc3(",
  "x".repeat(255),
  `${"t.".repeat(127)}t`,
  "y".repeat(4200),
];
const NUMBERS: readonly string[] = [
  ..."0 1 2 5 12 14 05 000 1e3 0x10 +5 -1 1.0 999999999 0000000001 2147483648 4294967296".split(" "),
  ..."9007199254740993 9223372036854775807 18446744073709551616 NaN Infinity ٣ -".split(" "),
  "",
];
const CONNECT_VALUES: readonly string[] = [
  ...'true false null 0 1 2 -1 1.5 1e999 "" "x" "1" [] {} [[]] "\\u0000" "\\ud800" "__proto__"'.split(" "),
  '{"__proto__":{"verbose":true}}',
];
const CONNECT_KEYS: readonly string[] = (
  "verbose pedantic echo headers no_responders protocol name user pass auth_token jwt nkey sig lang version account " +
  "new_account tls_required __proto__ constructor VERBOSE Protocol import export unknown"
).split(" ");
const OTHER_LINES: readonly string[] = [
  ..."PING PONG +OK -ERR ping pInG PINGx +OKx A+ RS+ LS- MSG HMSG INFO C CONNECT SUB PUB HPUB UNSUB P S".split(" "),
  "-ERR 'x'",
  "INFO {}",
  'INFO {"proto":"x"}',
  "MSG foo 1 2",
  "",
  " ",
];
const LINE_ENDS: readonly string[] = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "", "\r\r\n", "\n\r\n"];
const BLANKS: readonly string[] = [" ", " ", " ", " ", "\t", "  ", " \t ", "", "\x00"];

/** One connection's input, in the writes in which it goes out. */
export type Input = readonly Buffer[];

/** Shows an input in one line. */
export function describeInput(input: Input): string {
  return input.map((bytes) => `"${escapeBytes(bytes)}"`).join(" | ");
}

/** Makes inputs from chance and a corpus. */
export class Generator {
  readonly #random: Random;
  readonly #corpus: readonly Buffer[];
  readonly #connect: Buffer;

  /**
   * @param corpus - Whole sessions of one client each.
   * @param connect - A CONNECT that the server accepts.
   */
  constructor(random: Random, corpus: readonly Buffer[], connect: string) {
    this.#random = random;
    this.#corpus = corpus;
    this.#connect = Buffer.from(connect);
  }

  /** The input of one connection. */
  input(): Input {
    const kind = this.below(10);
    if (kind < 6) return this.#cut(this.#operations(1 + this.below(12)));
    if (kind < 9) return this.#cut(this.#mutated());
    return this.#cut(this.#noise(1 + this.below(200)));
  }

  /** A number from 0 to `end - 1`. */
  below(end: number): number {
    return this.#random.uint32() % end;
  }

  #one<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** True once in `times`. */
  #rarely(times: number): boolean {
    return this.below(times) === 0;
  }

  #operations(count: number): Buffer {
    const parts: Buffer[] = [];
    if (!this.#rarely(8)) parts.push(this.#connect);
    for (let index = 0; index < count; index++) parts.push(this.#operation());
    return Buffer.concat(parts);
  }

  #operation(): Buffer {
    const kind = this.below(40);
    if (kind < 17) return this.#publish(this.#rarely(3));
    if (kind < 29) return this.#line("SUB", this.#name(), ...(this.#rarely(3) ? [this.#name()] : []), this.#sid());
    if (kind < 37) return this.#line("UNSUB", this.#sid(), ...(this.#rarely(2) ? [this.#one(NUMBERS)] : []));
    if (kind < 39) return bytesOf(`${this.#one(OTHER_LINES)}${this.#lineEnd()}`);
    return this.#strangeConnect();
  }

  #publish(withHeaders: boolean): Buffer {
    const header = withHeaders ? "NATS/1.0\r\nKey: Value\r\n\r\n" : "";
    const payload = this.#rarely(20) ? "p".repeat(this.below(100_000)) : `${header}${this.#name()}`;
    const total = String(bytesOf(payload).length);
    const sizes = withHeaders ? [this.#nearly(String(header.length)), this.#nearly(total)] : [this.#nearly(total)];
    const reply = this.#rarely(3) ? [this.#name()] : [];
    const end = this.#rarely(60) ? this.#lineEnd() : "\r\n";
    return Buffer.concat([
      this.#line(withHeaders ? "HPUB" : "PUB", this.#name(), ...reply, ...sizes),
      bytesOf(`${payload}${end}`),
    ]);
  }

  #strangeConnect(): Buffer {
    const fields: string[] = [];
    for (let count = this.below(5); count > 0; count--) {
      fields.push(`${JSON.stringify(this.#one(CONNECT_KEYS))}:${this.#one(CONNECT_VALUES)}`);
    }
    const json = `{${fields.join(",")}}`;
    return this.#line("CONNECT", this.#rarely(10) ? json.slice(0, this.below(json.length)) : json);
  }

  #line(...words: string[]): Buffer {
    const [op = "", ...rest] = words;
    let line = this.#rarely(10) ? op.toLowerCase() : op;
    for (const word of rest) line += `${this.#rarely(40) ? this.#one(BLANKS) : " "}${word}`;
    return bytesOf(`${line}${this.#lineEnd()}`);
  }

  #lineEnd(): string {
    return this.#rarely(50) ? this.#one(LINE_ENDS) : "\r\n";
  }

  #name(): string {
    return this.#rarely(2) ? this.#one(NAMES.slice(0, 8)) : this.#one(NAMES);
  }

  #sid(): string {
    return this.#rarely(5) ? this.#one(NAMES) : String(this.below(5));
  }

  #nearly(number: string): string {
    return this.#rarely(30) ? this.#one(NUMBERS) : number;
  }

  #mutated(): Buffer {
    let bytes: Buffer = Buffer.concat([this.#rarely(2) ? this.#connect : Buffer.alloc(0), this.#one(this.#corpus)]);
    for (let count = this.below(4); count >= 0; count--) bytes = this.#mutate(bytes);
    return bytes;
  }

  #mutate(bytes: Buffer): Buffer {
    const at = this.below(bytes.length + 1);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    const some = 1 + this.below(20);
    switch (this.below(8)) {
      case 0:
        return Buffer.concat([head, this.#noise(1 + this.below(4)), tail]);
      case 1:
        return Buffer.concat([head, tail.subarray(some)]);
      case 2:
        return Buffer.concat([head, this.#noise(1), tail.subarray(1)]);
      case 3:
        return Buffer.concat([head, tail.subarray(0, some), tail]);
      case 4:
        return Buffer.concat([head, this.#one(this.#corpus)]);
      case 5:
        return Buffer.concat([head, this.#operation(), tail]);
      case 6:
        return Buffer.from(bytes.toString("latin1").replace(/\d+/, this.#one(NUMBERS)), "latin1");
      default:
        return Buffer.concat([head, bytesOf(this.#name()), tail]);
    }
  }

  #noise(length: number): Buffer {
    const noise = Buffer.alloc(length);
    for (let at = 0; at < length; at++) noise[at] = this.#rarely(3) ? this.below(256) : 0x20 + this.below(0x5f);
    return noise;
  }

  #cut(bytes: Buffer): Buffer[] {
    if (!this.#rarely(2)) return [bytes];
    const places = Array.from({ length: 1 + this.below(4) }, () => this.below(bytes.length + 1)).toSorted(
      (x, y) => x - y,
    );
    return [0, ...places].map((place, index) => bytes.subarray(place, places[index] ?? bytes.length));
  }
}

/** Text with characters beyond latin1 as UTF-8, else one byte for each character. */
function bytesOf(text: string): Buffer {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of latin1
  return Buffer.from(text, /^[\x00-\xff]*$/.test(text) ? "latin1" : "utf8");
}
