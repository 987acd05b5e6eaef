// The operations of a client connection, as data for the parser. Names are matched in either case.

/** Operation numbers; plain constants, compared on the message path. */
export const OP_PUB = 1;
export const OP_HPUB = 2;
export const OP_SUB = 3;
export const OP_UNSUB = 4;
export const OP_CONNECT = 5;
export const OP_INFO = 6;
export const OP_PING = 7;
export const OP_PONG = 8;
export const OP_OK = 9;
export const OP_ERR = 10;

/**
 * What follows an operation's name:
 * `spaced`: at least one blank, then a line of arguments; `line`: a line, blanks before it optional; `none`: nothing, what stands
 * before the line end is skipped.
 */
export type ArgumentStyle = "spaced" | "line" | "none";

/** One operation that a kind of connection accepts. */
export interface Operation {
  readonly code: number;
  /** In upper case. */
  readonly name: string;
  readonly style: ArgumentStyle;
}

/** What clients may send. Source: parser.go; A+, R and L operations belong to server links and are refused. */
export const CLIENT_OPERATIONS: readonly Operation[] = Object.freeze([
  { code: OP_PUB, name: "PUB", style: "spaced" },
  { code: OP_HPUB, name: "HPUB", style: "spaced" },
  { code: OP_SUB, name: "SUB", style: "spaced" },
  { code: OP_UNSUB, name: "UNSUB", style: "spaced" },
  { code: OP_CONNECT, name: "CONNECT", style: "line" },
  { code: OP_INFO, name: "INFO", style: "line" },
  { code: OP_PING, name: "PING", style: "none" },
  { code: OP_PONG, name: "PONG", style: "none" },
  { code: OP_OK, name: "+OK", style: "none" },
  { code: OP_ERR, name: "-ERR", style: "spaced" },
]);

/** No operation begins with what arrived. */
export const NO_OPERATION: Operation = Object.freeze({ code: 0, name: "", style: "none" });
/** More bytes are needed to tell which operation this is. */
export const PARTIAL_OPERATION: Operation = Object.freeze({ code: -1, name: "", style: "none" });

/**
 * Finds the operation whose name stands at `at`.
 *
 * @returns The operation, {@link NO_OPERATION}, or {@link PARTIAL_OPERATION} when `end` comes before that is decided.
 */
export function matchOperation(
  operations: readonly Operation[],
  bytes: Uint8Array,
  at: number,
  end: number,
): Operation {
  let partial = false;
  for (const operation of operations) {
    const { name } = operation;
    const available = Math.min(name.length, end - at);
    let k = 0;
    while (k < available && upper(bytes[at + k] as number) === name.charCodeAt(k)) k++;
    if (k === name.length) return operation;
    if (k === available) partial = true;
  }
  return partial ? PARTIAL_OPERATION : NO_OPERATION;
}

function upper(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}
