// Plays a random reload against a server and writes down what every client saw.

import { TEXT_OPTION } from "../support/configuration.ts";
import type { ReloadableServer, Target } from "../support/target.ts";
import { WireClient } from "../support/wire-client.ts";
import type { ReloadPair } from "./pairs.ts";

/** Tells of refused logins, which Myelin has not yet. */
const EVENT = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";
/** What comes before it is each server's own. */
const REASON = /config reload not supported.*|no_auth_user: .*/;

/** @returns Lines to compare: how the reloads went, and what came to each client, in order. */
export async function playPair({ before, clients, reloads }: ReloadPair, target: Target): Promise<string[]> {
  const server = await target.start(new Map([[TEXT_OPTION, before]]));
  const wires = new Map<string, WireClient>();
  const settle = async (): Promise<void> => {
    for (const client of wires.values()) await client.settle();
  };
  try {
    for (const { lines, name } of clients) {
      const client = await WireClient.connect(name, server.wires);
      wires.set(name, client);
      await client.send(Buffer.from(lines.map((line) => `${line}\r\n`).join("")));
      await settle();
    }
    const outcomes: string[] = [];
    for (const { configuration, publishes } of reloads) {
      outcomes.push(await reload(server, configuration));
      await settle();
      for (const { client, subject } of publishes) {
        await wires.get(client)?.send(Buffer.from(`PUB ${subject} 2\r\nhi\r\n`));
        await settle();
      }
    }
    return [...outcomes, ...[...wires.values()].flatMap(seenBy)];
  } finally {
    for (const client of wires.values()) client.destroy();
    await server.stop();
  }
}

async function reload(server: ReloadableServer, configuration: string): Promise<string> {
  const refusal = await server.reload(new Map([[TEXT_OPTION, configuration]]));
  return refusal === null ? "reloaded" : `refused ${REASON.exec(refusal)?.[0] ?? ""}`;
}

function seenBy({ closed, name, received }: WireClient): string[] {
  const lines = received.lines.filter(
    ({ kind, text }) => (kind === "msg" || kind === "other") && !text.includes(EVENT),
  );
  return [...lines.map(({ text }) => `${name} < ${text}`), ...(closed ? [`${name} closed`] : [])];
}
