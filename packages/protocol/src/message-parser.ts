// Turns a server's bytes into operations for a client. No I/O, no clock, no string per message.
//
//   INFO {...}\r\n   MSG <subject> <sid> [reply] <bytes>\r\n<payload>\r\n   PING\r\n  PONG\r\n  +OK\r\n
//   -ERR '...'\r\n   HMSG <subject> <sid> [reply] <header bytes> <total bytes>\r\n<headers><payload>\r\n
//
// A read may stop anywhere. What is fed is copied once into a block of its own, which the sink and its messages keep, or
// comes in such a block already (`feedOwned`). What is incomplete at the end of a block waits in `#incomplete`: bytes are looked at again only when their
// line or their message is complete, so a server that sends byte by byte costs no more than its bytes.
// Most messages come with the subject and the sid of the one before: `MSG subject sid ` is compared with the last one's, in
// place, before it is read.
// Invariant: never more bytes wait than a line or a message may have; a size that lies allocates nothing ahead.

import { CR, copyOf, LF, SPACE, ZERO } from "./bytes.ts";
import { IncompleteOperation } from "./incomplete-operation.ts";
import { numberIn, skipBlanks, tokenize } from "./message-line.ts";
import { badLine, MessageParseError, tooLong } from "./message-parse-error.ts";
import { sameBytes, viewOf, wordEnd } from "./scan.ts";

/** Limits of what a server may send; beyond them the parser throws. */
export interface MessageLimits {
  /** Bytes of one line, INFO excepted. */
  readonly lineBytesMax: number;
  readonly infoBytesMax: number;
  /** Bytes of one message, headers and payload together. */
  readonly messageBytesMax: number;
}

/** 64 KiB lines, 1 MiB INFO, messages of 64 MiB: the largest that the reference server can be configured for. */
export const DEFAULT_MESSAGE_LIMITS: MessageLimits = {
  lineBytesMax: 64 * 1024,
  infoBytesMax: 1024 * 1024,
  messageBytesMax: 64 * 1024 * 1024,
};

/** Takes what the parser finds. Byte ranges lie in blocks that nobody overwrites: keep them as long as you like. */
export interface MessageSink {
  /** The JSON of an INFO line. */
  info(bytes: Uint8Array, start: number, end: number): void;
  /**
   * A message. `bytes[lineStart]` is the first byte of its protocol line (see {@link messageLine}), headers are
   * `bytes[bodyStart, payloadStart)` (empty for MSG), the payload is `bytes[payloadStart, end)`.
   */
  message(
    bytes: Uint8Array,
    lineStart: number,
    sid: number,
    bodyStart: number,
    payloadStart: number,
    end: number,
  ): void;
  ping(): void;
  pong(): void;
  ok(): void;
  /** The text of -ERR, without its quotes. */
  error(bytes: Uint8Array, start: number, end: number): void;
}

/** A message longer than this is put together by itself; a shorter one goes in front of the next block. */
const COLLECT_BYTES_MIN = 64 * 1024;
/** The last line of a block that is larger is not remembered: it would keep the block alive. */
const BLOCK_KEPT_BYTES_MAX = 256 * 1024;
const INCOMPLETE = -1;
const EMPTY_VIEW: DataView = /* @__PURE__ */ new DataView(new ArrayBuffer(0));

/** Parses one connection's incoming bytes; see the head of this file. */
export class MessageParser {
  readonly #sink: MessageSink;
  readonly #limits: MessageLimits;
  readonly #allocate: (size: number) => Uint8Array;
  #stopped = false;
  readonly #incomplete: IncompleteOperation;
  /** Set by a parse step that found its operation incomplete: see `IncompleteOperation.wantBytes`. */
  #missing = 0;
  /** The bytes of the block that is being parsed, for reading four at a time. */
  #view: DataView = EMPTY_VIEW;
  #viewedBlock: Uint8Array | null = null;
  /** Where the last plain message's `MSG subject sid ` stands; its block is kept alive for it. No bytes: none is known. */
  #headView: DataView = EMPTY_VIEW;
  #headStart = 0;
  #headBytes = 0;
  #headSid = 0;
  /** Starts and ends of a line's tokens. */
  readonly #tokens: Int32Array = new Int32Array(12);

  /** @param allocate - Gives a block of exactly that many bytes, of any content. */
  constructor(
    sink: MessageSink,
    limits: MessageLimits = DEFAULT_MESSAGE_LIMITS,
    allocate: (size: number) => Uint8Array = (size) => new Uint8Array(size),
  ) {
    this.#sink = sink;
    this.#limits = limits;
    this.#allocate = allocate;
    this.#incomplete = new IncompleteOperation(allocate);
  }

  /** True between operations: nothing incomplete is waiting. */
  get atBoundary(): boolean {
    return this.#incomplete.bytes === 0;
  }

  /** Ends parsing, also from inside a call of the sink: the rest of the block under way is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#incomplete.clear();
  }

  /**
   * Parses `bytes[start, end)`, calling the sink for each operation that is complete. The bytes are borrowed until this returns.
   *
   * @throws MessageParseError when the server broke the protocol or a limit, and whatever the sink throws. The parser is
   *   stopped then.
   */
  feed(bytes: Uint8Array, start: number, end: number): void {
    if (this.#stopped) return;
    try {
      const at = this.#incomplete.bytes > 0 ? this.#complete(bytes, start, end) : start;
      if (at >= end || this.#stopped) return;
      const block = this.#allocate(end - at);
      block.set(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end), 0);
      this.#run(block, 0, block.length);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /**
   * As {@link feed}, for bytes that nobody will overwrite: messages are ranges of them, and nothing is copied as long as
   * each read lies right behind the one before it, in the same block.
   */
  feedOwned(block: Uint8Array, start: number, end: number): void {
    if (this.#stopped) return;
    try {
      if (this.#incomplete.bytes === 0) this.#run(block, start, end);
      else if (this.#incomplete.goesOnAt(block, start)) this.#continueTail(block, start, end);
      else {
        const at = this.#completeAlone(block, start, end);
        if (at < end && !this.#stopped) this.#run(block, at, end);
      }
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /**
   * Copies what is incomplete to the front of `block`, which the next read will be in, right behind it; then the message can
   * be parsed in place. Does nothing when it would not fit, or did not come in a block itself.
   *
   * @param block - A fresh one: nobody overwrites what is copied.
   * @returns How many bytes were copied.
   */
  carryOver(block: Uint8Array): number {
    return this.#incomplete.carryOver(block);
  }

  /** Copies no more than what is incomplete still lacks: first its line, then its body. Returns where the fresh bytes begin. */
  #completeAlone(block: Uint8Array, start: number, end: number): number {
    const incomplete = this.#incomplete;
    let at = start;
    while (at < end && incomplete.bytes > 0 && !this.#stopped) {
      const want = incomplete.wantBytes;
      const lineEnd = want > 0 ? -1 : indexOfLf(block, at, end);
      if (want === 0 && lineEnd < 0) return this.#complete(block, at, end);
      const stop = want > 0 ? Math.min(end, at + want - incomplete.bytes) : lineEnd + 1;
      incomplete.add(copyOf(block, at, stop));
      at = stop;
      if (want > 0 && incomplete.bytes < want) return end;
      const whole = incomplete.take(0);
      this.#run(whole, 0, whole.length);
    }
    return at;
  }

  /** The rest of the read before and this one are one range. */
  #continueTail(block: Uint8Array, start: number, end: number): void {
    const incomplete = this.#incomplete;
    const from = start - incomplete.bytes;
    const want = incomplete.wantBytes;
    if (want > 0 ? end - from >= want : indexOfLf(block, start, end) >= 0) {
      incomplete.clear();
      this.#run(block, from, end);
      return;
    }
    incomplete.setTail(block, from, end);
    if (want === 0) this.#checkLine(block, from, end);
  }

  /** Adds to what is incomplete; once that is a whole, parses it. Returns where the fresh bytes begin. */
  #complete(bytes: Uint8Array, start: number, end: number): number {
    const incomplete = this.#incomplete;
    const want = incomplete.wantBytes;
    const fresh = end - start;
    const isWhole = want > 0 ? incomplete.bytes + fresh >= want : indexOfLf(bytes, start, end) >= 0;
    if (!isWhole) {
      incomplete.add(copyOf(bytes, start, end));
      if (want === 0) this.#checkLine(incomplete.first(), 0, incomplete.bytes);
      return end;
    }
    if (want > COLLECT_BYTES_MIN) {
      // A large message gets a block of its own, so that nothing behind it is kept as long as it is.
      const stop = start + want - incomplete.bytes;
      incomplete.add(copyOf(bytes, start, stop));
      const whole = incomplete.take(0);
      this.#run(whole, 0, whole.length);
      return stop;
    }
    const block = incomplete.take(fresh);
    block.set(bytes.subarray(start, end), block.length - fresh);
    this.#run(block, 0, block.length);
    return end;
  }

  /** Parses a range of a block and puts aside what is incomplete at its end. */
  #run(block: Uint8Array, start: number, end: number): void {
    const rest = this.#parse(block, start, end);
    if (rest >= end || this.#stopped) return;
    this.#incomplete.setTail(block, rest, end);
    this.#incomplete.wantBytes = this.#missing;
  }

  /** Returns where the first incomplete operation begins. */
  #parse(block: Uint8Array, start: number, end: number): number {
    if (this.#viewedBlock !== block) {
      this.#view = viewOf(block);
      this.#viewedBlock = block.length > BLOCK_KEPT_BYTES_MAX ? null : block;
    }
    let at = start;
    while (at < end && !this.#stopped) {
      const first = block[at] as number;
      let next: number;
      // M and H first: nearly everything is a message.
      if (first === 0x4d || first === 0x6d) next = this.#msg(block, at, end, false);
      else if (first === 0x48 || first === 0x68) next = this.#msg(block, at, end, true);
      else next = this.#control(block, at, end);
      if (next === INCOMPLETE) return at;
      at = next;
    }
    return at;
  }

  #msg(block: Uint8Array, lineStart: number, end: number, withHeaders: boolean): number {
    const view = this.#view;
    const known = this.#headBytes;
    // The same subject and sid as before, mostly: then neither has to be read.
    if (known > 0 && lineStart + known < end && sameBytes(view, lineStart, this.#headView, this.#headStart, known)) {
      return withHeaders
        ? this.#hmsgRest(block, lineStart, lineStart + known, end, this.#headSid)
        : this.#msgRest(block, lineStart, lineStart + known, end, this.#headSid);
    }
    const subjectStart = lineStart + (withHeaders ? 5 : 4);
    const subjectEnd = wordEnd(view, subjectStart, end);
    let at = subjectEnd + 1;
    let code = 0;
    let sid = 0;
    while (at < end && (code = (block[at] as number) - ZERO) >= 0 && code <= 9) {
      sid = sid * 10 + code;
      at++;
    }
    const plain =
      at < end &&
      block[at] === SPACE &&
      block[subjectStart - 1] === SPACE &&
      block[subjectEnd] === SPACE &&
      subjectEnd > subjectStart &&
      at > subjectEnd + 1 &&
      isMessageName(block, lineStart, withHeaders);
    if (!plain) return this.#slowMsg(block, lineStart, end, withHeaders);
    // A large block is not kept alive for the few bytes of a line.
    this.#headBytes = block.length > BLOCK_KEPT_BYTES_MAX ? 0 : at + 1 - lineStart;
    if (this.#headBytes > 0) {
      this.#headView = view;
      this.#headStart = lineStart;
      this.#headSid = sid;
    }
    return withHeaders
      ? this.#hmsgRest(block, lineStart, at + 1, end, sid)
      : this.#msgRest(block, lineStart, at + 1, end, sid);
  }

  /** What stands behind the sid of MSG: perhaps a reply, and the size. */
  #msgRest(block: Uint8Array, lineStart: number, start: number, end: number, sid: number): number {
    let at = start;
    let code = 0;
    let size = 0;
    while (at < end && (code = (block[at] as number) - ZERO) >= 0 && code <= 9) {
      size = size * 10 + code;
      at++;
    }
    let sizeStart = start;
    if (at < end && (block[at] as number) >= SPACE) {
      // The third token is a reply, of digits or not; the size is the fourth.
      at = wordEnd(this.#view, at, end);
      if (at >= end || block[at] !== SPACE) return this.#slowMsg(block, lineStart, end, false);
      sizeStart = ++at;
      size = 0;
      while (at < end && (code = (block[at] as number) - ZERO) >= 0 && code <= 9) {
        size = size * 10 + code;
        at++;
      }
    }
    const plain = at > sizeStart && at + 1 < end && block[at] === CR && block[at + 1] === LF;
    if (!plain) return this.#slowMsg(block, lineStart, end, false);
    return this.#deliver(block, lineStart, end, sid, at + 2, 0, size);
  }

  /** The same of HMSG: perhaps a reply, the bytes of the headers, and those of headers and payload. */
  #hmsgRest(block: Uint8Array, lineStart: number, start: number, end: number, sid: number): number {
    let at = start;
    let code = 0;
    let first = 0;
    while (at < end && (code = (block[at] as number) - ZERO) >= 0 && code <= 9) {
      first = first * 10 + code;
      at++;
    }
    if (at < end && block[at] !== SPACE) {
      first = -1; // a reply that is no number
      at = wordEnd(this.#view, at, end);
    }
    if (at === start || at >= end || block[at] !== SPACE) return this.#slowMsg(block, lineStart, end, true);
    let numberStart = ++at;
    let headerBytes = first;
    let size = 0;
    while (at < end && (code = (block[at] as number) - ZERO) >= 0 && code <= 9) {
      size = size * 10 + code;
      at++;
    }
    if (at < end && block[at] === SPACE && at > numberStart) {
      numberStart = ++at;
      headerBytes = size;
      size = 0;
      while (at < end && (code = (block[at] as number) - ZERO) >= 0 && code <= 9) {
        size = size * 10 + code;
        at++;
      }
    }
    const plain =
      at > numberStart &&
      at + 1 < end &&
      block[at] === CR &&
      block[at + 1] === LF &&
      headerBytes >= 0 &&
      headerBytes <= size;
    if (!plain) return this.#slowMsg(block, lineStart, end, true);
    return this.#deliver(block, lineStart, end, sid, at + 2, headerBytes, size);
  }

  /** Any legal form of MSG and HMSG: tabs, several blanks, a bare LF, small letters. */
  #slowMsg(block: Uint8Array, lineStart: number, end: number, withHeaders: boolean): number {
    const lineEnd = indexOfLf(block, lineStart, end);
    if (lineEnd < 0) return this.#lineIncomplete(block, lineStart, end);
    if (lineEnd - lineStart > this.#limits.lineBytesMax) throw tooLong("line", this.#limits.lineBytesMax);
    const tokens = this.#tokens;
    const count = tokenize(block, lineStart, lineEnd, tokens);
    const numbers = withHeaders ? 2 : 1;
    const nameBytes = withHeaders ? 4 : 3;
    const known = (tokens[1] as number) - lineStart === nameBytes && isMessageName(block, lineStart, withHeaders);
    if (!known || (count !== 3 + numbers && count !== 4 + numbers)) throw badLine(block, lineStart, lineEnd);
    const sid = numberIn(block, tokens[4] as number, tokens[5] as number);
    const total = numberIn(block, tokens[count * 2 - 2] as number, tokens[count * 2 - 1] as number);
    const headerBytes = withHeaders
      ? numberIn(block, tokens[count * 2 - 4] as number, tokens[count * 2 - 3] as number)
      : 0;
    if (sid < 0 || total < 0 || headerBytes < 0 || headerBytes > total) throw badLine(block, lineStart, lineEnd);
    return this.#deliver(block, lineStart, end, sid, lineEnd + 1, headerBytes, total);
  }

  #deliver(
    block: Uint8Array,
    lineStart: number,
    end: number,
    sid: number,
    bodyStart: number,
    headerBytes: number,
    size: number,
  ): number {
    if (size > this.#limits.messageBytesMax) throw tooLong("message", this.#limits.messageBytesMax, size);
    const bodyEnd = bodyStart + size;
    if (bodyEnd + 2 > end) {
      this.#missing = bodyEnd + 2 - lineStart;
      return INCOMPLETE;
    }
    if (block[bodyEnd] !== CR || block[bodyEnd + 1] !== LF) {
      throw new MessageParseError(`The server announced a message of ${size} bytes, and no line end follows them`);
    }
    this.#sink.message(block, lineStart, sid, bodyStart, bodyStart + headerBytes, bodyEnd);
    return bodyEnd + 2;
  }

  #control(block: Uint8Array, lineStart: number, end: number): number {
    const found = indexOfLf(block, lineStart, end);
    if (found < 0) return this.#lineIncomplete(block, lineStart, end);
    this.#checkLine(block, lineStart, found);
    const lineEnd = found > lineStart && block[found - 1] === CR ? found - 1 : found;
    const second = (block[lineStart + 1] as number) | 0x20;
    const length = lineEnd - lineStart;
    switch ((block[lineStart] as number) | 0x20) {
      case 0x70: // p
        if (length === 4 && second === 0x69 && endsNg(block, lineStart)) this.#sink.ping();
        else if (length === 4 && second === 0x6f && endsNg(block, lineStart)) this.#sink.pong();
        else throw badLine(block, lineStart, lineEnd);
        break;
      case 0x69: // i
        if (!startsWith(block, lineStart, lineEnd, "info")) throw badLine(block, lineStart, lineEnd);
        this.#sink.info(block, skipBlanks(block, lineStart + 4, lineEnd), lineEnd);
        break;
      case 0x2b: // +
        if (!startsWith(block, lineStart, lineEnd, "+ok")) throw badLine(block, lineStart, lineEnd);
        this.#sink.ok();
        break;
      case 0x2d: // -
        if (!startsWith(block, lineStart, lineEnd, "-err")) throw badLine(block, lineStart, lineEnd);
        this.#error(block, skipBlanks(block, lineStart + 4, lineEnd), lineEnd);
        break;
      default:
        throw badLine(block, lineStart, lineEnd);
    }
    return found + 1;
  }

  #error(block: Uint8Array, start: number, end: number): void {
    const quoted = end - start >= 2 && block[start] === 0x27 && block[end - 1] === 0x27;
    this.#sink.error(block, quoted ? start + 1 : start, quoted ? end - 1 : end);
  }

  #lineIncomplete(block: Uint8Array, lineStart: number, end: number): number {
    this.#checkLine(block, lineStart, end);
    this.#missing = 0;
    return INCOMPLETE;
  }

  /** Throws when the line that begins here has more bytes than its kind may have. */
  #checkLine(block: Uint8Array, lineStart: number, lineEnd: number): void {
    const isInfo = ((block[lineStart] as number) | 0x20) === 0x69;
    const max = isInfo ? this.#limits.infoBytesMax : this.#limits.lineBytesMax;
    if (lineEnd - lineStart > max) throw tooLong(isInfo ? "INFO line" : "line", max);
  }
}

function indexOfLf(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) if (bytes[at] === LF) return at;
  return -1;
}

function isMessageName(bytes: Uint8Array, start: number, withHeaders: boolean): boolean {
  const at = withHeaders ? start + 1 : start; // the H of HMSG is known already
  return (
    ((bytes[at] as number) | 0x20) === 0x6d &&
    ((bytes[at + 1] as number) | 0x20) === 0x73 &&
    ((bytes[at + 2] as number) | 0x20) === 0x67
  );
}

function endsNg(bytes: Uint8Array, start: number): boolean {
  return ((bytes[start + 2] as number) | 0x20) === 0x6e && ((bytes[start + 3] as number) | 0x20) === 0x67;
}

/** Compares with a word of small letters, folding case. */
function startsWith(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start < word.length) return false;
  for (let i = 0; i < word.length; i++) {
    const code = bytes[start + i] as number;
    const folded = code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
    if (folded !== word.charCodeAt(i)) return false;
  }
  return true;
}
