// Waits for a subscriber elsewhere to come or to go, on the server's own word: a request to a subject without subscribers
// is answered with 503.

import { overTcp } from "./wire.ts";
import { WireClient } from "./wire-client.ts";

/** Where a server is. */
interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

const NO_RESPONDERS = "NATS/1.0 503";
const CONNECT = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB _READY 1\r\n';
const DEADLINE_MS = 10_000;

/**
 * Resolves when somebody subscribes to `subject`. The subscriber gets one message more than its own: empty, with the
 * reply `_READY`.
 *
 * @throws Error when nobody has subscribed after ten seconds.
 */
export function untilInterest(server: ServerAddress, subject: string): Promise<void> {
  return probe(server, subject, true);
}

/**
 * Resolves when nobody subscribes to `subject` any more. Until then the subscribers get such messages again and again.
 *
 * @throws Error when somebody still subscribes after ten seconds.
 */
export function untilNoInterest(server: ServerAddress, subject: string): Promise<void> {
  return probe(server, subject, false);
}

async function probe(server: ServerAddress, subject: string, wanted: boolean): Promise<void> {
  const client = await WireClient.connect("interest", overTcp(server));
  const deadline = Date.now() + DEADLINE_MS;
  try {
    await client.send(Buffer.from(CONNECT));
    for (;;) {
      const seen = client.received.lines.length;
      await client.send(Buffer.from(`PUB ${subject} _READY 0\r\n\r\n`));
      await client.settle();
      const answers = client.received.lines.slice(seen);
      if (wanted !== answers.some((line) => line.text.includes(NO_RESPONDERS))) return;
      if (Date.now() > deadline) {
        const state = wanted ? "nobody subscribes" : "somebody still subscribes";
        throw new Error(`after ${DEADLINE_MS} ms ${state} to ${subject}`);
      }
    }
  } finally {
    client.destroy();
  }
}
