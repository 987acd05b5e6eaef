// INFO as the clients of one listener get it, encoded once for each account and anew when what is told changes.

import { infoTemplate, type ServerInfo } from "@myelin/protocol";
import type { InfoFace, InfoParts } from "./connection/context.ts";
import type { Account } from "./routing/account.ts";

/** The INFO lines of one listener. */
export class InfoLines {
  readonly #tell: (face: InfoFace) => ServerInfo;
  readonly #known: Record<InfoFace, Map<Account | null, InfoParts>> = {
    client: new Map(),
    "tls-first": new Map(),
    "no-tls": new Map(),
    later: new Map(),
    "later-no-tls": new Map(),
  };

  /** @param tell - Makes what every client here is told, as it stands. */
  constructor(tell: (face: InfoFace) => ServerInfo) {
    this.#tell = tell;
  }

  /** See ConnectionContext.info. */
  parts(account: Account | null, face: InfoFace): InfoParts {
    const known = this.#known[face].get(account);
    if (known !== undefined) return known;
    const info = this.#tell(face);
    if (account !== null) {
      info.connect_info = true;
      info.remote_account = account.name;
      info.acc_is_sys = account.isSystem;
    }
    const { head, tail } = infoTemplate(info);
    const parts = { head: Buffer.from(head), tail: Buffer.from(tail) };
    this.#known[face].set(account, parts);
    return parts;
  }

  /** What is told has changed. */
  forget(): void {
    for (const known of Object.values(this.#known)) known.clear();
  }
}
