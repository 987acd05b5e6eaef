// Sockets that read into one shared buffer: no allocation and no copy per read.

import { type OnReadOpts, Socket } from "node:net";

/** A semi-private thing: an accepted socket's handle, to give it a read buffer of our own. */
interface HandleHolder {
  _handle: unknown;
}

/**
 * Makes an accepted socket read into `buffer`, by moving its handle into a new socket that is created that way. It reads at once.
 *
 * @param received - Told how much was read; says whether to go on reading in this turn.
 * @returns The new socket; null where this Node has no such handle, and the socket is as it was.
 */
export function readInto(buffer: Uint8Array, accepted: Socket, received: (length: number) => boolean): Socket | null {
  const holder = accepted as unknown as HandleHolder;
  const handle = holder._handle;
  if (handle === null || typeof handle !== "object") return null;
  const onread: OnReadOpts = { buffer, callback: received };
  const options = { handle, onread, allowHalfOpen: true };
  const socket = new Socket(options);
  // The empty shell still counts as a connection of its server until it is destroyed.
  holder._handle = null;
  accepted.destroy();
  return socket;
}

/** More that is semi-private: what `net.Socket` keeps of its option `onread`, which a TLSSocket over another socket cannot be given. */
interface BufferedHandle {
  readonly useUserBuffer?: (buffer: Uint8Array) => void;
}

/** Where every socket keeps them; undefined where this Node keeps these things otherwise. */
const [BUFFER_KEY, CALLBACK_KEY] = keysOfSocket("kBuffer", "kBufferCb");

function keysOfSocket(...names: string[]): Array<symbol | undefined> {
  const symbols = Object.getOwnPropertySymbols(new Socket());
  return names.map((name) => symbols.find(({ description }) => description === name));
}

/**
 * Makes a TLS socket that has not read anything yet read into `buffer`.
 *
 * @param received - As for {@link readInto}.
 * @returns False where this Node keeps these things otherwise; the socket then has to be read by 'data' events.
 */
export function readSecureInto(buffer: Uint8Array, socket: Socket, received: (length: number) => boolean): boolean {
  const handle = (socket as unknown as { readonly _handle?: BufferedHandle | null })._handle;
  if (BUFFER_KEY === undefined || CALLBACK_KEY === undefined || typeof handle?.useUserBuffer !== "function")
    return false;
  handle.useUserBuffer(buffer);
  const kept = socket as unknown as Record<symbol, unknown>;
  kept[BUFFER_KEY] = buffer;
  kept[CALLBACK_KEY] = received;
  return true;
}
