// What the parts of the probe share.

import type { RunningServer } from "../support/target.ts";
import type { CellBook } from "./cells.ts";
import { fieldsOf, type Identity, nameOf } from "./identity.ts";
import { ProbeClient } from "./probe-client.ts";
import type { ProbeFile } from "./probe-file.ts";

/** A server that is asked, and where the answers go. */
export interface Probe {
  readonly file: ProbeFile;
  readonly server: RunningServer;
  readonly book: CellBook;
  /** Those who got in. */
  readonly members: readonly Identity[];
}

/** Logs in somebody of whom it is known that he may. */
export async function logIn(server: RunningServer, identity: Identity): Promise<ProbeClient> {
  const client = await ProbeClient.open(server);
  const answer = await client.logIn(fieldsOf(identity, client.nonce));
  if (!answer.startsWith("in ")) throw new Error(`${nameOf(identity)} got in before and not now: ${answer}`);
  return client;
}
