// What the parts of the probe share.

import type { CellBook } from "./cells.ts";
import { fieldsOf, type Identity, nameOf } from "./identity.ts";
import { ProbeClient } from "./probe-client.ts";
import type { ProbeFile } from "./probe-file.ts";
import type { ProbeServer } from "./probe-server.ts";

/** A server that is asked, and where the answers go. */
export interface Probe {
  readonly file: ProbeFile;
  readonly server: ProbeServer;
  readonly book: CellBook;
  /** Those who got in. */
  readonly members: readonly Identity[];
}

/** Logs in somebody of whom it is known that he may. */
export async function logIn(server: ProbeServer, identity: Identity): Promise<ProbeClient> {
  const client = await ProbeClient.open(server, identity);
  const answer = await client.logIn(fieldsOf(identity, client.nonce));
  if (!answer.startsWith("in ")) throw new Error(`${nameOf(identity)} got in before and not now: ${answer}`);
  return client;
}
