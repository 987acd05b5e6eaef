// What the client takes from the machine it runs on. The entries `node.ts` and `web.ts` bring one each; tests bring their own.

import type { Clock, Random } from "@myelin/platform";
import type { Diagnostics } from "./diagnostics.ts";
import type { Dialer } from "./transport/dialer.ts";

/** Text and bytes, as fast as the platform has them. */
export interface TextBytes {
  /** A block of exactly `size` bytes, of any content. */
  allocate(size: number): Uint8Array;
  /** Reads UTF-8. */
  decode(bytes: Uint8Array, start: number, end: number): string;
  /** Bytes of `text` in UTF-8. */
  byteLength(text: string): number;
  /** Writes `text` as UTF-8 into `into`, which has room for it; returns how many bytes that were. */
  write(text: string, into: Uint8Array, at: number): number;
}

/** Signs for nkeys; asynchronous where the platform's cryptography is. */
export interface Signer {
  /** The Ed25519 signature of `data` by the 32 bytes of a private seed. */
  sign(rawSeed: Uint8Array, data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** The 32 bytes of the public key of a private seed. */
  publicKey(rawSeed: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Everything that differs between Node and the web. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly text: TextBytes;
  readonly dialer: Dialer;
  readonly diagnostics: Diagnostics;
  /** Runs something when the event loop has dealt with what is ready now: how writes of one turn become one. */
  endOfTurn(run: () => void): void;
  /** The addresses of a name; null where the platform resolves names itself. */
  readonly resolveHost: ((host: string) => Promise<string[]>) | null;
}
