// What the parser of a client connection calls. Ranges are borrowed from the chunk and die when the call returns.

import type { ProtocolErrorCode } from "./errors.ts";
import type { Publication } from "./publication.ts";

/** Arguments of an operation, as ranges of a chunk: `[start0, end0, start1, end1, ...]`. */
export interface Arguments {
  bytes: Uint8Array;
  /** The same bytes. */
  view: DataView;
  count: number;
  readonly ranges: Int32Array;
}

/** Takes the operations of one client connection, in order. */
export interface ClientSink {
  /** A whole PUB or HPUB. */
  publish(message: Publication): void;
  /**
   * The line of a PUB or HPUB was accepted, its payload is still to come (ranges of subject, reply and sizes are set).
   * Called only while {@link ClientParser.watchesLines} is set, and once per message.
   */
  publishLine(message: Publication): void;
  /** `SUB subject [queue] sid`: two or three arguments. */
  subscribe(args: Arguments): void;
  /** `UNSUB sid [max]`: one or two arguments. */
  unsubscribe(args: Arguments): void;
  /** `CONNECT {json}`. */
  connect(bytes: Uint8Array, start: number, end: number): void;
  /** `INFO {json}`: clients have no business sending it. */
  info(bytes: Uint8Array, start: number, end: number): void;
  ping(): void;
  pong(): void;
  /** `-ERR text` from the peer. */
  peerError(bytes: Uint8Array, start: number, end: number): void;
  /**
   * The peer broke the protocol; the parser has stopped and will take nothing more.
   *
   * @param detail - For the log: what was wrong, with the bytes quoted.
   */
  failed(code: ProtocolErrorCode, detail: string): void;
}
