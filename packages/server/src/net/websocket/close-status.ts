// The status numbers of WebSocket's close frame (RFC 6455, section 7.4), and what a peer's close frame says.

import type { Farewell } from "@myelin/platform";

export const STATUS_PROTOCOL_ERROR = 1002;
export const STATUS_INVALID_PAYLOAD = 1007;
export const STATUS_TOO_BIG = 1009;
export const STATUS_INTERNAL_ERROR = 1011;

/** Statuses that only mean something to the side that reads them: none was sent, the connection broke, TLS failed. */
const NEVER_SENT = [1004, 1005, 1006, 1015];
const RESERVED_MIN = 1016;
const RESERVED_MAX = 2999;

/** What a close frame asks for: the answer to it, or what is wrong with it. */
export type CloseFrame = { readonly answer: Farewell | null } | { readonly problem: string };

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the payload of a peer's close frame (websocket.go wsHandleControlFrame). Its status and text are sent back. */
export function readCloseFrame(payload: Uint8Array): CloseFrame {
  if (payload.length === 0) return { answer: null };
  if (payload.length === 1) return { problem: "close frame payload cannot be 1 byte" };
  const status = ((payload[0] as number) << 8) | (payload[1] as number);
  if (!mayBeSent(status)) return { problem: `invalid close status code ${status}` };
  try {
    return { answer: { status, text: utf8.decode(payload.subarray(2)) } };
  } catch {
    // Not UTF-8, which is the peer's mistake and has a status of its own.
    return { answer: { status: STATUS_INVALID_PAYLOAD, text: "invalid utf8 body in close frame" } };
  }
}

function mayBeSent(status: number): boolean {
  if (status < 1000 || status >= 5000 || NEVER_SENT.includes(status)) return false;
  return status < RESERVED_MIN || status > RESERVED_MAX;
}
