// Turns the bytes of a client connection into operations. No I/O, no clock; called by connection/inbound.ts with each chunk,
// hands each operation to a ClientSink (connection/dispatch.ts).
//
//   PUB <subject> [reply] <bytes>\r\n<payload>\r\n
//   HPUB <subject> [reply] <header bytes> <total bytes>\r\n<headers><payload>\r\n
//   SUB <subject> [queue] <sid>\r\n        UNSUB <sid> [max]\r\n       CONNECT {json}\r\n       PING\r\n   ...
//
// A chunk may stop anywhere. `feed` returns where the first operation begins that is not whole; the caller keeps the bytes
// from there on and puts them in front of the next chunk. `needed` tells how many it will take, once the line is known.
// The line of a publish is read in one pass where it has the usual form (single blanks, \r\n); any other form that is legal
// is rewritten in place to the usual one, which is what receivers have to get anyway.
//
// Invariant: nothing that arrives makes this throw, and no more than a control line or a message is ever asked to be kept.

import { CR, LF, latin1, latin1Bytes, parseSize, SIZE_DIGITS_MAX, SPACE, TAB, ZERO } from "./bytes.ts";
import type { Arguments, ClientSink } from "./client-sink.ts";
import type { ProtocolErrorCode } from "./errors.ts";
import { CONTROL_LINE_BYTES_MAX, PAYLOAD_BYTES_MAX, SUBJECT_MEMO_BYTES_MAX } from "./limits.ts";
import {
  CLIENT_OPERATIONS,
  matchOperation,
  NO_OPERATION,
  OP_CONNECT,
  OP_ERR,
  OP_HPUB,
  OP_INFO,
  OP_PING,
  OP_PONG,
  OP_PUB,
  OP_SUB,
  OP_UNSUB,
  type Operation,
  PARTIAL_OPERATION,
} from "./operations.ts";
import { Publication } from "./publication.ts";
import { quote } from "./quote.ts";
import { indexOfByte, sameBytes, viewOf, wordEnd } from "./scan.ts";

/** Longest snippet of the peer's bytes that an error for the log quotes. */
const SNIPPET_BYTES_MAX = 32;
/** So many different subjects in a row, and only one in as many is remembered from then on. */
const MEMO_MISSES_MAX = 16;
/** More arguments than any operation takes; further ones are only counted. */
const ARGUMENTS_MAX = 6;
const NO_BYTES = new Uint8Array(0);
const NO_VIEW = viewOf(NO_BYTES);
/** `\r\n` as a word. */
const CRLF = 0x0a0d;
/** Letters in lower case, as the message path compares them. */
const LOWER_C = 0x63;
const LOWER_H = 0x68;
const LOWER_P = 0x70;
const TO_LOWER = 0x20;
/** `pub ` as a word, and what makes its letters, and only these, lower case. */
const PUB_LOWER = 0x20627570;
const PUB_TO_LOWER = 0x00202020;

/** What a parser fills and hands to its sink. */
export interface ParserScratch {
  readonly message: Publication;
  readonly args: Arguments;
}

/** Makes the scratch objects of a parser. */
export function createParserScratch(): ParserScratch {
  return {
    message: new Publication(NO_BYTES),
    args: { bytes: NO_BYTES, view: NO_VIEW, count: 0, ranges: new Int32Array(2 * ARGUMENTS_MAX) },
  };
}

/** Parses one client connection. Holds a few numbers and, after the first publish, the last subject. */
export class ClientParser {
  /** Longest line of arguments. */
  maxControlLineBytes: number = CONTROL_LINE_BYTES_MAX;
  /** Largest message, headers and payload together. */
  maxPayloadBytes: number = PAYLOAD_BYTES_MAX;
  /** While set, anything but CONNECT is an authorization violation. */
  expectsConnect = false;
  /** HPUB is accepted: both sides speak headers. */
  acceptsHeaders = false;
  /** Call {@link ClientSink.publishLine} for each publish: for pedantic and traced connections. */
  watchesLines = false;
  /** The parser takes nothing more: the peer broke the protocol, or the owner called {@link stop} or {@link suspend}. */
  stopped = false;
  /** The parser takes nothing until {@link resume}; `feed` said where it stopped. */
  suspended = false;
  /** Bytes that the unfinished operation will have in all, counted from where `feed` said it begins; 0 while unknown. */
  needed = 0;

  readonly #sink: ClientSink;
  readonly #message: Publication;
  readonly #arguments: Arguments;
  /** The last subject published to; made at the first publish. */
  #memo: DataView = NO_VIEW;
  #memoLength = 0;
  /** Subjects in a row that were not the remembered one. */
  #memoMisses = 0;
  /** The unfinished publish in front has had its line checked and told. */
  #lineAccepted = false;
  /** An operation without arguments was recognised and what follows up to the line end is being skipped; 0: none. */
  #skipping = 0;

  /** @param scratch - May be shared by all parsers that are fed one at a time: nothing in it outlives a call of `feed`. */
  constructor(sink: ClientSink, scratch: ParserScratch = createParserScratch()) {
    this.#sink = sink;
    this.#message = scratch.message;
    this.#arguments = scratch.args;
  }

  /** Makes `feed` take no further operation, not even from the chunk it is in. */
  stop(): void {
    this.stopped = true;
    this.suspended = false;
  }

  /**
   * Makes `feed` return behind the operation that is being handed on, as if the rest of the chunk were unfinished, and
   * take nothing until {@link resume}: for a CONNECT whose answer is still awaited. Costs nothing per operation.
   */
  suspend(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.suspended = true;
  }

  /** Ends what {@link suspend} began; the owner feeds what it kept. Does nothing when the parser was stopped meanwhile. */
  resume(): void {
    if (!this.suspended) return;
    this.stopped = false;
    this.suspended = false;
  }

  /**
   * Parses `bytes[start, end)`.
   *
   * @param bytes - Belongs to the parser until this returns: odd lines are rewritten in place, and `bytes[start - 1]` must
   *   exist and be writable.
   * @param ownsBytes - Nobody else writes to `bytes`, now or later, so receivers may keep parts of it.
   * @returns Where the first unfinished operation begins; `end` when there is none. Costs some 25 ns for a small publish, plus the sink.
   */
  feed(bytes: Uint8Array, start: number, end: number, ownsBytes: boolean = false): number {
    this.needed = 0;
    const message = this.#message;
    message.ownsBytes = ownsBytes;
    if (message.bytes !== bytes) {
      message.bytes = bytes;
      message.view = viewOf(bytes);
    }
    let at = start;
    if (this.#skipping !== 0) at = this.#skipLine(at, end);
    while (at < end && !this.stopped) {
      const next = this.#operation(bytes, at, end);
      if (next === at) return at;
      at = next;
    }
    return this.stopped && !this.suspended ? end : at;
  }

  /** One operation; returns where the next begins, or `at` when this one is unfinished. */
  #operation(bytes: Uint8Array, at: number, end: number): number {
    const { view } = this.#message;
    const first = view.getUint8(at) | TO_LOWER;
    if (this.expectsConnect) {
      if (first !== LOWER_C) return this.#fail("AUTHORIZATION_VIOLATION", "operation before CONNECT", end);
    } else if (first === LOWER_P) {
      if (end - at > 4 && isPub(view, at)) return this.#publish(bytes, at, at + 4, end);
    } else if (first === LOWER_H && end - at > 5 && isPub(view, at + 1)) {
      return this.#publishWithHeaders(bytes, at, at + 5, end);
    }
    return this.#otherOperation(bytes, at, end);
  }

  /** A PUB whose name and first blank are there. */
  #publish(bytes: Uint8Array, at: number, argStart: number, end: number): number {
    const message = this.#message;
    const { view } = message;
    let p = this.#matchMemo(argStart, end);
    const same = p !== argStart;
    if (!same) {
      p = wordEnd(view, p, end);
      if (p >= end) return this.#partialLine(bytes, at, argStart, end);
      if (p === argStart || view.getUint8(p) !== SPACE) return this.#publishOdd(bytes, at, argStart, end, false);
    }
    const subjectEnd = p;
    let tokenStart = ++p;
    let size = 0;
    let digit = 0;
    // The size, unless a reply comes first; a reply may begin with digits.
    while (p < end && (digit = view.getUint8(p) - ZERO) >= 0 && digit <= 9) {
      size = size * 10 + digit;
      p++;
    }
    if (p >= end) return this.#partialLine(bytes, at, argStart, end);
    let replyEnd = tokenStart;
    if (view.getUint8(p) !== CR) {
      p = wordEnd(view, p, end);
      if (p >= end) return this.#partialLine(bytes, at, argStart, end);
      if (p === tokenStart || view.getUint8(p) !== SPACE) return this.#publishOdd(bytes, at, argStart, end, false);
      replyEnd = p;
      tokenStart = ++p;
      size = 0;
      while (p < end && (digit = view.getUint8(p) - ZERO) >= 0 && digit <= 9) {
        size = size * 10 + digit;
        p++;
      }
      if (p >= end) return this.#partialLine(bytes, at, argStart, end);
    }
    if (p + 1 >= end) return this.#partialLine(bytes, at, argStart, end);
    if (view.getUint16(p, true) !== CRLF || p === tokenStart || p - tokenStart > SIZE_DIGITS_MAX) {
      return this.#publishOdd(bytes, at, argStart, end, false);
    }

    message.subjectStart = argStart;
    message.subjectEnd = subjectEnd;
    message.tailStart = subjectEnd + 1;
    message.replyStart = replyEnd === tokenStart ? replyEnd : subjectEnd + 1;
    message.replyEnd = replyEnd;
    message.headerSize = -1;
    message.size = size;
    message.sameSubject = same;
    return this.#payload(bytes, at, p - argStart, p + 2, end);
  }

  /** An HPUB whose name and first blank are there. */
  #publishWithHeaders(bytes: Uint8Array, at: number, argStart: number, end: number): number {
    if (!this.acceptsHeaders) return this.#otherOperation(bytes, at, end);
    const message = this.#message;
    const { view } = message;
    let p = this.#matchMemo(argStart, end);
    const same = p !== argStart;
    if (!same) p = wordEnd(view, p, end);
    const subjectEnd = p;
    if (p < end && (p === argStart || bytes[p] !== SPACE)) return this.#publishOdd(bytes, at, argStart, end, true);

    // Two or three more words, each behind one blank.
    const second = Math.min(p + 1, end);
    p = wordEnd(view, second, end);
    const secondEnd = p;
    const third = Math.min(p + 1, end);
    if (p < end && bytes[p] === SPACE) p = wordEnd(view, third, end);
    const thirdEnd = p;
    const emptyWord = secondEnd === second || thirdEnd === third;
    let sizeStart = third;
    let headerStart = second;
    let headerEnd = secondEnd;
    if (p < end && bytes[p] === SPACE) {
      headerStart = third;
      headerEnd = thirdEnd;
      sizeStart = p + 1;
      p = wordEnd(view, sizeStart, end);
    }
    if (p + 1 >= end) return this.#partialLine(bytes, at, argStart, end);
    const headerSize = parseSize(bytes, headerStart, headerEnd);
    const size = parseSize(bytes, sizeStart, p);
    if (emptyWord || bytes[p] !== CR || bytes[p + 1] !== LF || headerSize < 0 || size < headerSize) {
      return this.#publishOdd(bytes, at, argStart, end, true);
    }
    message.subjectStart = argStart;
    message.subjectEnd = subjectEnd;
    message.tailStart = subjectEnd + 1;
    message.replyStart = second;
    message.replyEnd = headerStart === second ? second : secondEnd;
    message.headerSize = headerSize;
    message.size = size;
    message.sameSubject = same;
    return this.#payload(bytes, at, p - argStart, p + 2, end);
  }

  /**
   * The part after the line, the same for every publish.
   *
   * @param argBytes - Length of the line's arguments, for the limit.
   */
  #payload(bytes: Uint8Array, at: number, argBytes: number, payloadStart: number, end: number): number {
    const message = this.#message;
    // A line that was accepted stays so while its payload comes, though the limits may have fallen meanwhile.
    if (argBytes > this.maxControlLineBytes && !this.#lineAccepted) {
      return this.#failControlLine(bytes, payloadStart - 2 - argBytes, end);
    }
    if (message.size > this.maxPayloadBytes && !this.#lineAccepted) {
      return this.#fail("MAX_PAYLOAD", `maximum payload exceeded: ${message.size} vs ${this.maxPayloadBytes}`, end);
    }
    const messageEnd = payloadStart + message.size + 2;
    message.payloadStart = payloadStart;
    message.end = messageEnd;
    if (this.watchesLines && !this.#lineAccepted) {
      this.#lineAccepted = true;
      this.#sink.publishLine(message);
    }
    if (messageEnd > end) {
      // One byte short: the payload's line end can be told wrong already.
      if (messageEnd === end + 1 && bytes[end - 1] !== CR) return this.#failOperation(bytes, at, end);
      this.#lineAccepted = true;
      this.needed = messageEnd - at;
      return at;
    }
    if (message.view.getUint16(messageEnd - 2, true) !== CRLF) return this.#failOperation(bytes, at, end);
    this.#lineAccepted = false;
    if (!message.sameSubject) this.#memorize(message.subjectStart, message.subjectEnd);
    this.#sink.publish(message);
    return messageEnd;
  }

  /** Where the subject at `start` ends if it is the last one published to, else `start`. */
  #matchMemo(start: number, end: number): number {
    const length = this.#memoLength;
    const subjectEnd = start + length;
    const { view } = this.#message;
    if (length === 0 || subjectEnd >= end || view.getUint8(subjectEnd) !== SPACE) return start;
    if (!sameBytes(view, start, this.#memo, 0, length)) return start;
    this.#memoMisses = 0;
    return subjectEnd;
  }

  /** Remembers the subject; where every message has another one, only now and then. */
  #memorize(start: number, end: number): void {
    const length = end - start;
    if (++this.#memoMisses > MEMO_MISSES_MAX && this.#memoMisses % MEMO_MISSES_MAX !== 0) return this.#forget();
    if (length > SUBJECT_MEMO_BYTES_MAX) return this.#forget();
    if (this.#memo.byteLength === 0) this.#memo = new DataView(new ArrayBuffer(SUBJECT_MEMO_BYTES_MAX));
    const memo = this.#memo;
    const { view } = this.#message;
    let k = 0;
    for (; k + 4 <= length; k += 4) memo.setInt32(k, view.getInt32(start + k, true), true);
    for (; k < length; k++) memo.setUint8(k, view.getUint8(start + k));
    this.#memoLength = length;
  }

  #forget(): void {
    this.#memoLength = 0;
  }

  /** A publish that is not of the usual form: read it patiently, and rewrite it to that form if it is legal. */
  #publishOdd(bytes: Uint8Array, at: number, argStart: number, end: number, withHeaders: boolean): number {
    const lineEnd = indexOfByte(this.#message.view, LF, argStart, end);
    if (lineEnd === end) return this.#partialLine(bytes, at, argStart, end);
    const firstWord = skipBlanks(bytes, argStart, lineEnd);
    const argEnd = dropCarriageReturn(this.#message.view, firstWord, lineEnd);
    if (argEnd - firstWord > this.maxControlLineBytes) return this.#failControlLine(bytes, firstWord, end);
    if (withHeaders && !this.acceptsHeaders) {
      return this.#fail("HEADERS_NOT_SUPPORTED", "message headers not supported", end);
    }
    const args = this.#splitArguments(bytes, firstWord, argEnd, false);
    const problem = checkPublishArguments(args, withHeaders);
    if (problem !== null) {
      const operation = withHeaders ? "processHeaderPub" : "processPub";
      return this.#fail("BAD_ARGUMENTS", `${operation} ${problem}: ${quote(bytes, firstWord, argEnd)}`, end);
    }
    // Written so that it ends where the odd line ended: the payload stays where it is. The usual form may be one byte longer
    // (\r\n for \n), hence the byte in front that `feed` asks for.
    const line = usualForm(withHeaders ? "HPUB" : "PUB", args);
    const start = lineEnd + 1 - line.length;
    bytes.set(line, start);
    return this.#operation(bytes, start, end);
  }

  /** An operation other than a publish of the usual form. */
  #otherOperation(bytes: Uint8Array, at: number, end: number): number {
    const operation = matchOperation(CLIENT_OPERATIONS, bytes, at, end);
    if (operation === PARTIAL_OPERATION) return at;
    if (operation === NO_OPERATION) return this.#failOperation(bytes, at, end);
    const nameEnd = at + operation.name.length;
    if (operation.style === "none") {
      this.#skipping = operation.code;
      return this.#skipLine(nameEnd, end);
    }
    if (nameEnd >= end) return at;
    if (operation.style === "spaced" && !isBlank(bytes[nameEnd] as number)) {
      return this.#failOperation(bytes, at, end);
    }
    const argStart = skipBlanks(bytes, nameEnd, end);
    if (argStart >= end) return keepName(bytes, operation, end);
    if (operation.code === OP_PUB || operation.code === OP_HPUB) {
      return this.#publishOdd(bytes, at, argStart, end, operation.code === OP_HPUB);
    }
    const lineEnd = indexOfByte(this.#message.view, LF, argStart, end);
    if (lineEnd === end) return this.#partialLine(bytes, at, argStart, end);
    const argEnd = dropCarriageReturn(this.#message.view, argStart, lineEnd);
    if (argEnd - argStart > this.maxControlLineBytes) return this.#failControlLine(bytes, argStart, end);
    this.#lineOperation(operation, bytes, argStart, argEnd);
    return lineEnd + 1;
  }

  #lineOperation(operation: Operation, bytes: Uint8Array, argStart: number, argEnd: number): void {
    const sink = this.#sink;
    switch (operation.code) {
      case OP_SUB: {
        const args = this.#splitArguments(bytes, argStart, argEnd, true);
        if (args.count === 2 || args.count === 3) sink.subscribe(args);
        else this.#fail("BAD_ARGUMENTS", `processSub Parse Error: ${quote(bytes, argStart, argEnd)}`, 0);
        return;
      }
      case OP_UNSUB: {
        const args = this.#splitArguments(bytes, argStart, argEnd, true);
        if (args.count === 1 || args.count === 2) sink.unsubscribe(args);
        else this.#fail("BAD_ARGUMENTS", `processUnsub Parse Error: ${quote(bytes, argStart, argEnd)}`, 0);
        return;
      }
      case OP_CONNECT:
        sink.connect(bytes, argStart, argEnd);
        return;
      case OP_INFO:
        sink.info(bytes, argStart, argEnd);
        return;
      case OP_ERR:
        sink.peerError(bytes, argStart, argEnd);
        return;
      default:
        throw new Error(`the operation ${operation.name} has a line but no handler`);
    }
  }

  /** Skips to behind the line end; the operation takes effect there. Keeps nothing, however long the line is. */
  #skipLine(at: number, end: number): number {
    const lineEnd = indexOfByte(this.#message.view, LF, at, end);
    if (lineEnd === end) return end;
    const code = this.#skipping;
    this.#skipping = 0;
    if (code === OP_PING) this.#sink.ping();
    else if (code === OP_PONG) this.#sink.pong();
    return lineEnd + 1;
  }

  /** A line that has not ended yet: kept by the caller, unless it is too long already. */
  #partialLine(bytes: Uint8Array, at: number, argStart: number, end: number): number {
    const firstWord = skipBlanks(bytes, argStart, end);
    const last = bytes[end - 1] === CR ? 1 : 0;
    if (end - firstWord - last > this.maxControlLineBytes) return this.#failControlLine(bytes, firstWord, end);
    return at;
  }

  /** Splits at blanks; at line ends too where the operation is one that the reference splits so. */
  #splitArguments(bytes: Uint8Array, start: number, end: number, atLineEnds: boolean): Arguments {
    const args = this.#arguments;
    args.bytes = bytes;
    args.view = this.#message.view;
    args.count = 0;
    let wordStart = -1;
    for (let i = start; i <= end; i++) {
      const byte = i < end ? (bytes[i] as number) : SPACE;
      const splits = isBlank(byte) || (atLineEnds && byte === CR);
      if (!splits) {
        if (wordStart < 0) wordStart = i;
        continue;
      }
      if (wordStart < 0) continue;
      if (args.count < ARGUMENTS_MAX) {
        args.ranges[2 * args.count] = wordStart;
        args.ranges[2 * args.count + 1] = i;
      }
      args.count++;
      wordStart = -1;
    }
    return args;
  }

  #failControlLine(bytes: Uint8Array, argStart: number, end: number): number {
    const snippet = quote(bytes, argStart, Math.min(end, argStart + SNIPPET_BYTES_MAX));
    const detail = `maximum control line exceeded: limit ${this.maxControlLineBytes} bytes (snip: ${snippet}...)`;
    return this.#fail("CONTROL_LINE", detail, end);
  }

  #failOperation(bytes: Uint8Array, at: number, end: number): number {
    const snippet = quote(bytes, at, Math.min(end, at + SNIPPET_BYTES_MAX));
    return this.#fail("UNKNOWN_OPERATION", `Client parser ERROR: proto='${snippet}...'`, end);
  }

  #fail(code: ProtocolErrorCode, detail: string, end: number): number {
    this.stopped = true;
    this.#sink.failed(code, detail);
    return end;
  }
}

/** Whether `PUB ` stands at `at`, in either case. */
function isPub(view: DataView, at: number): boolean {
  return (view.getInt32(at, true) | PUB_TO_LOWER) === PUB_LOWER;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && isBlank(bytes[p] as number)) p++;
  return p;
}

/** Where a line's arguments end. Like the reference, drops the last byte when there is a carriage return anywhere in the line. */
function dropCarriageReturn(view: DataView, start: number, lineEnd: number): number {
  return indexOfByte(view, CR, start, lineEnd) === lineEnd ? lineEnd : lineEnd - 1;
}

/** Only blanks came after the name so far: keep the name and one blank, however many there were. */
function keepName(bytes: Uint8Array, operation: Operation, end: number): number {
  const kept = latin1Bytes(operation.style === "spaced" ? `${operation.name} ` : operation.name);
  bytes.set(kept, end - kept.length);
  return end - kept.length;
}

/** What is wrong with the arguments of a publish, in the reference's words; null when nothing is. */
function checkPublishArguments(args: Arguments, withHeaders: boolean): string | null {
  const { bytes, count, ranges } = args;
  const least = withHeaders ? 3 : 2;
  if (count !== least && count !== least + 1) return "Parse Error";
  const last = 2 * (count - 1);
  const wordsEnd = ranges[last - 1] as number;
  if (indexOfByte(args.view, CR, ranges[0] as number, wordsEnd) < wordsEnd) return "Parse Error";
  const size = parseSize(bytes, ranges[last] as number, ranges[last + 1] as number);
  if (!withHeaders) return size < 0 ? "Bad or Missing Size" : null;
  const headerSize = parseSize(bytes, ranges[last - 2] as number, ranges[last - 1] as number);
  if (headerSize < 0) return "Bad or Missing Header Size";
  if (size < 0) return "Bad or Missing Total Size";
  return headerSize > size ? "Header Size larger then TotalSize" : null;
}

/** A publish line in the usual form: upper case, single blanks, `\r\n`. */
function usualForm(name: string, args: Arguments): Uint8Array {
  const { bytes, count, ranges } = args;
  let text = name;
  for (let i = 0; i < count; i++) {
    text += ` ${latin1(bytes, ranges[2 * i] as number, ranges[2 * i + 1] as number)}`;
  }
  return latin1Bytes(`${text}\r\n`);
}
