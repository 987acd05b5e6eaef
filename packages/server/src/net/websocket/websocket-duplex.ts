// A WebSocket as a duplex: what a client sends in frames arrives as one stream of bytes, and each write leaves as frames.
// net/websocket/upgrade.ts makes it when the handshake is done; it works over any other duplex (TCP, TLS, a pair in a test).
//
//   inner duplex -> FrameReader -> (decompress) -> sink           write -> (compress) -> frames in a stage -> inner duplex
//
// Frames and messages mean nothing to NATS: an operation may be spread over several, and one may hold many.

import type { Clock, Duplex, DuplexSink, Endpoint, Farewell, Timer, TlsSession } from "@myelin/platform";
import { copyOf } from "@myelin/protocol";
import {
  readCloseFrame,
  STATUS_INTERNAL_ERROR,
  STATUS_INVALID_PAYLOAD,
  STATUS_PROTOCOL_ERROR,
  STATUS_TOO_BIG,
} from "./close-status.ts";
import { FrameReader, type FrameSink, OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PING, OPCODE_PONG } from "./frame-reader.ts";
import {
  closeFrame,
  controlFrame,
  type FrameForm,
  STAGE_PAYLOAD_BYTES,
  type StagePool,
  stageCompressed,
  stageMessages,
} from "./frame-writer.ts";
import type { CodecPool, MessageCodec } from "./message-codec.ts";
import type { Unmasker } from "./unmask.ts";

/** Writes up to this size are not compressed (websocket.go wsCompressThreshold). */
const UNCOMPRESSED_BYTES_MAX = 64;
/** Compressed bytes that are decompressed at a time: a thousandfold bomb comes to 4 MiB before it is noticed. */
const PIECE_BYTES_MAX = 4 * 1024;
/** A peer that does not take the close frame is let go after this long. */
const CLOSE_MS_MAX = 1_000;

const NO_BYTES = new Uint8Array(0);

/** What the WebSockets of one server share. */
export interface WebSocketParts {
  readonly clock: Clock;
  readonly unmasker: Unmasker;
  readonly stages: StagePool;
  readonly codecs: CodecPool;
}

/** What the handshake has come to. */
export interface WebSocketForm extends FrameForm {
  readonly compression: boolean;
  /** The client's address as a proxy gives it; null without one. */
  readonly forwardedFor: string | null;
  /** What TLS came to; null without it. */
  readonly tls: TlsSession | null;
}

/** A peer broke the WebSocket protocol. */
export class WebSocketError extends Error {
  override readonly name = "WebSocketError";
  readonly code = "WEBSOCKET_PROTOCOL";
  /** As the close frame tells it. */
  readonly status: number;

  constructor(status: number, problem: string) {
    super(problem);
    this.status = status;
  }
}

/** The server's side of a WebSocket. */
export class WebSocketDuplex implements Duplex, DuplexSink, FrameSink {
  readonly transport = "websocket";
  readonly remote: Endpoint | null;
  readonly local: Endpoint | null;
  readonly forwardedFor: string | null;
  readonly tls: TlsSession | null;

  readonly #inner: Duplex;
  readonly #parts: WebSocketParts;
  readonly #form: WebSocketForm;
  readonly #reader: FrameReader;
  #sink: DuplexSink | null = null;

  /** The answer to the handshake, until it is sent. */
  #answer: Uint8Array | null;
  /** What the owner has given to be sent; null when it may give more. */
  #source: Uint8Array | null = null;
  #sourceAt = 0;
  #owesWritten = false;
  /** Whether the inner duplex is busy with a write, and the stage that it reads from. */
  #isBlocked = false;
  #stage: Uint8Array | null = null;
  #isCompressing = false;
  #pong: Uint8Array | null = null;

  /** The codec of a compressed message that has begun and not ended. */
  #inflater: MessageCodec | null = null;
  #isInflating = false;
  #codecIsBusy = false;
  #inflatedBytes = 0;
  /** Compressed bytes that wait for the codec; then frames that wait until it is done. */
  #compressed: Uint8Array = NO_BYTES;
  #compressedIsLast = false;
  #held: Uint8Array[] = [];
  #isPaused = false;

  /** What the close frame says. Once it is set nothing more is read. */
  #farewell: Farewell | null = null;
  #hasFarewell = false;
  #isClosing = false;
  #isFinished = false;
  #closeTimer: Timer | null = null;
  /** The peer ended while a message was decompressed: what it sent before counts. */
  #endsLater = false;
  /** Whether the owner knows that it is over. */
  #isTold = false;

  /**
   * @param inner - Carries the frames. Not opened yet.
   * @param answer - Goes out before everything else: the answer to the handshake.
   */
  constructor(inner: Duplex, answer: Uint8Array, form: WebSocketForm, parts: WebSocketParts) {
    this.remote = inner.remote;
    this.local = inner.local;
    this.forwardedFor = form.forwardedFor;
    this.tls = form.tls;
    this.#inner = inner;
    this.#answer = answer;
    this.#form = form;
    this.#parts = parts;
    this.#reader = new FrameReader(this, parts.unmasker, form.compression);
  }

  open(sink: DuplexSink): void {
    this.#sink = sink;
    this.#inner.open(this);
    const answer = this.#answer as Uint8Array;
    this.#answer = null;
    this.#isBlocked = !this.#inner.write(answer);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosing || this.#isTold || bytes.length === 0) return true;
    this.#source = bytes;
    this.#sourceAt = 0;
    if (this.#pump()) return true;
    this.#owesWritten = true;
    return false;
  }

  pause(): void {
    this.#isPaused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isInflating && !this.#hasFarewell) this.#inner.resume();
  }

  close(farewell?: Farewell): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (!this.#hasFarewell) this.#setFarewell(farewell ?? null);
    this.#closeTimer = this.#parts.clock.setTimer(CLOSE_MS_MAX, () => this.#inner.destroy());
    if (this.#pump()) this.#finish();
  }

  destroy(): void {
    this.#isClosing = true;
    this.#source = null;
    this.#inner.destroy();
  }

  // From the inner duplex.

  received(bytes: Uint8Array, start: number, end: number): void {
    if (this.#hasFarewell) return;
    if (this.#isInflating) {
      this.#held.push(copyOf(bytes, start, end));
      return;
    }
    const at = this.#reader.feed(bytes, start, end);
    if (at < end && this.#isInflating) this.#held.push(copyOf(bytes, at, end));
  }

  written(): void {
    this.#isBlocked = false;
    if (this.#stage !== null) this.#parts.stages.give(this.#stage);
    this.#stage = null;
    this.#goOn();
  }

  ended(): void {
    if (this.#isInflating) this.#endsLater = true;
    else if (!this.#hasFarewell) this.#sink?.ended();
  }

  closed(error: Error | null): void {
    this.#closeTimer?.cancel();
    this.#isClosing = true;
    this.#isFinished = true;
    this.#source = null;
    this.#held = [];
    this.#dropInflater();
    this.#tellClosed(error);
  }

  // From the frame reader.

  data(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isClosing) this.#sink?.received(bytes, start, end);
  }

  compressed(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    this.#compressed = copyOf(bytes, start, end);
    this.#compressedIsLast = isLast;
    this.#isInflating = true;
    this.#reader.halted = true;
    this.#inner.pause();
    this.#inflate();
  }

  control(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE_PING) {
      // Of several that could not be answered yet only the last one is (RFC 6455, section 5.5.3).
      this.#pong = controlFrame(OPCODE_PONG, payload);
      this.#sendPong();
    } else if (opcode === OPCODE_CLOSE) {
      const frame = readCloseFrame(payload);
      if ("problem" in frame) {
        this.broken(frame.problem);
        return;
      }
      this.#setFarewell(frame.answer);
      this.#sink?.ended();
    }
  }

  broken(problem: string): void {
    this.#fail(STATUS_PROTOCOL_ERROR, problem);
  }

  /** Sends what can be sent now. @returns Whether nothing is left. */
  #pump(): boolean {
    while (!this.#isBlocked && !this.#isCompressing) {
      const source = this.#source;
      if (source === null) return true;
      const start = this.#sourceAt;
      const end = Math.min(start + STAGE_PAYLOAD_BYTES, source.length);
      this.#sourceAt = end;
      if (end === source.length) this.#source = null;
      if (this.#form.compression && source.length > UNCOMPRESSED_BYTES_MAX) {
        this.#compress(source.subarray(start, end));
      } else {
        const stage = this.#parts.stages.take();
        const { frameBytesMax } = this.#form;
        this.#send(stage, stageMessages(stage, source, start, end, OPCODE_BINARY, frameBytesMax));
      }
    }
    return false;
  }

  #send(stage: Uint8Array, length: number): void {
    if (this.#inner.write(stage.subarray(0, length))) {
      this.#parts.stages.give(stage);
      return;
    }
    this.#isBlocked = true;
    this.#stage = stage;
  }

  #compress(bytes: Uint8Array): void {
    const codec = this.#parts.codecs.take();
    this.#isCompressing = true;
    codec.compress(bytes, true, (error, compressed) => {
      this.#isCompressing = false;
      this.#parts.codecs.give(codec);
      if (this.#isFinished) return;
      if (error !== null) {
        this.#fail(STATUS_INTERNAL_ERROR, error.message);
        return;
      }
      const stage = this.#parts.stages.take();
      this.#send(stage, stageCompressed(stage, compressed, OPCODE_BINARY, this.#form));
      this.#goOn();
    });
  }

  /** Something that was waited for is done. */
  #goOn(): void {
    this.#sendPong();
    if (!this.#pump()) return;
    if (this.#isClosing) {
      this.#finish();
    } else if (this.#owesWritten) {
      this.#owesWritten = false;
      this.#sink?.written();
    }
  }

  #sendPong(): void {
    const pong = this.#pong;
    if (pong === null || this.#isBlocked) return;
    this.#pong = null;
    this.#isBlocked = !this.#inner.write(pong);
  }

  /** Takes the next piece of a compressed message. Nothing else is read meanwhile. */
  #inflate(): void {
    const codec = (this.#inflater ??= this.#parts.codecs.take());
    const piece = this.#compressed.subarray(0, PIECE_BYTES_MAX);
    this.#compressed = this.#compressed.subarray(PIECE_BYTES_MAX);
    const isLast = this.#compressedIsLast && this.#compressed.length === 0;
    this.#codecIsBusy = true;
    codec.decompress(piece, isLast, (error, bytes) => {
      this.#codecIsBusy = false;
      if (this.#isTold || this.#isClosing || this.#hasFarewell) this.#dropInflater();
      else if (error !== null) this.#failInflating(error);
      else this.#inflated(bytes, isLast);
    });
  }

  #inflated(bytes: Buffer, isLast: boolean): void {
    this.#inflatedBytes += bytes.length;
    if (this.#inflatedBytes > this.#parts.codecs.maxMessageBytes) {
      this.#tooLarge();
      return;
    }
    if (isLast) {
      this.#parts.codecs.give(this.#inflater as MessageCodec);
      this.#inflater = null;
      this.#inflatedBytes = 0;
    }
    if (bytes.length > 0) this.#sink?.received(bytes, 0, bytes.length);
    if (this.#isTold || this.#isClosing) this.#dropInflater();
    else if (this.#compressed.length > 0) this.#inflate();
    else this.#readOn();
  }

  /** Reads what came while a message was decompressed, as far as the next compressed one. */
  #readOn(): void {
    this.#isInflating = false;
    this.#reader.halted = false;
    const held = this.#held;
    this.#held = [];
    for (let i = 0; i < held.length && !this.#hasFarewell && !this.#isClosing; i++) {
      const bytes = held[i] as Uint8Array;
      const at = this.#reader.feed(bytes, 0, bytes.length);
      // A call of the sink, so the type checker's knowledge of the field is out of date.
      if (!(this.#isInflating as boolean)) continue;
      this.#held = at < bytes.length ? [bytes.subarray(at), ...held.slice(i + 1)] : held.slice(i + 1);
      return;
    }
    if (this.#hasFarewell) return;
    if (this.#endsLater) this.#sink?.ended();
    else if (!this.#isPaused) this.#inner.resume();
  }

  #failInflating(error: Error): void {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") this.#tooLarge();
    else this.#fail(STATUS_INVALID_PAYLOAD, error.message);
  }

  #tooLarge(): void {
    const { maxMessageBytes } = this.#parts.codecs;
    this.#fail(STATUS_TOO_BIG, `compressed message of more than ${maxMessageBytes} bytes`);
  }

  /** A codec at work is dropped when it is done. */
  #dropInflater(): void {
    if (this.#codecIsBusy) return;
    this.#inflater?.cleanup();
    this.#inflater = null;
  }

  /** The connection cannot go on: tells the peer why, and the owner that it is over. What was not sent yet is lost. */
  #fail(status: number, problem: string): void {
    if (this.#hasFarewell) return;
    this.#dropInflater();
    this.#source = null;
    this.close({ status, text: problem });
    this.#tellClosed(new WebSocketError(status, problem));
  }

  #setFarewell(farewell: Farewell | null): void {
    this.#hasFarewell = true;
    this.#farewell = farewell;
    this.#reader.halted = true;
    this.#held = [];
  }

  /** Everything that was to be sent is: says farewell, and closes. */
  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#inner.write(closeFrame(this.#farewell));
    this.#inner.close();
  }

  #tellClosed(error: Error | null): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#sink?.closed(error);
  }
}
