// What Myelin takes from outside, as interfaces: time, chance, disk, network, memory. Little code here, and no `node:` module,
// so that the client can use it in a browser. Real forms: `@myelin/platform/node`; simulated ones: `@myelin/platform/sim`.

export { type Arena, SLAB_CLASS_MAX, SLAB_CLASS_MIN, slabClassOf } from "./arena.ts";
export type { Clock, Timer } from "./clock.ts";
export type { Disk, DiskClaim, DiskEntry, DiskEntryKind, DiskFile, DiskStat, OpenMode } from "./disk.ts";
export { duplexPair } from "./duplex-pair.ts";
export type { HttpAnswer, HttpFetch, HttpRequest } from "./http.ts";
export type {
  Duplex,
  DuplexSink,
  Endpoint,
  Farewell,
  Listener,
  ListenOptions,
  Network,
  TlsHandshake,
  TlsServer,
  TlsSession,
} from "./network.ts";
export type { Random } from "./random.ts";
export { replaceFile } from "./replace-file.ts";
