// The real world, for Node.

export { createPlainArena, sharedArena } from "./arena.ts";
export { NodeClock } from "./clock.ts";
export { NodeDisk } from "./disk.ts";
export { nodeHttpFetch } from "./http.ts";
export { NodeNetwork, socketDuplex } from "./network.ts";
export { NodeRandom } from "./random.ts";
export { NodeTlsServer, type NodeTlsServerHooks } from "./tls.ts";
