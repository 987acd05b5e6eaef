// Where the bodies of messages come from: the command line, or stdin, whole or line by line.

import { createInterface } from "node:readline";
import { Readable } from "node:stream";

/** How stdin is cut into bodies. */
export type SendOn = "eof" | "newline";

/** What decides where the body comes from. */
export interface BodySource {
  /** As given on the command line; "-" means stdin. */
  readonly body: string | undefined;
  readonly forceStdin: boolean;
  readonly sendOn: SendOn;
  /** A person is there to type. */
  readonly isTerminal: boolean;
}

/** Whether bodies are read from stdin. Without a terminal it must be asked for: the stdin of a job may never end. */
export function readsStdin({ body, forceStdin, isTerminal }: BodySource): boolean {
  return body === "-" || (body === undefined && (forceStdin || isTerminal));
}

/**
 * Gives the bodies, one or many. Bytes of a whole stdin stay as they are; lines are UTF-8 and come without their ends.
 *
 * @param signal - Aborting it ends the reading.
 */
export async function* bodiesOf(
  source: BodySource,
  stdin: NodeJS.ReadableStream,
  signal: AbortSignal,
): AsyncGenerator<string | Uint8Array> {
  if (!readsStdin(source)) {
    yield source.body ?? "";
    return;
  }
  const stop = (): void => {
    if (stdin instanceof Readable) stdin.destroy();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (source.sendOn === "newline") yield* createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
    else {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
      yield Buffer.concat(chunks);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
