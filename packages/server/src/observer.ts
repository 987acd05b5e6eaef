// What happens to a server's connections, told to whoever embeds it. Nothing here is called per message.

import type { ClientConnection } from "./connection/client-connection.ts";
import type { CloseReason } from "./connection/close-reasons.ts";

/** Is told of connections. Calls come from inside the server's own work: they must not throw, nor call back into it. */
export interface ServerObserver {
  /** A client's CONNECT was accepted for the first time. */
  connected(connection: ClientConnection): void;
  /** A client of whom `connected` told is gone. */
  disconnected(connection: ClientConnection, reason: CloseReason): void;
  /** A client takes its messages too slowly and is about to be closed. */
  slowConsumer(connection: ClientConnection, reason: CloseReason): void;
}
