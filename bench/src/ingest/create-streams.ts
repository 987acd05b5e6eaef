// Makes the streams of a load, by the JetStream API's own request.

import { BenchError } from "../errors.ts";
import type { LoadConnection } from "../load/connection.ts";
import { INBOX } from "./ack-reader.ts";
import { streamName, streamSubject } from "./spec.ts";

/** Requests under way at once. */
const OUTSTANDING_MAX = 32;

/**
 * Makes that many streams, each with one subject, on disk, without limits.
 * @param connection - Subscribed to everything below {@link INBOX}; its chunks go elsewhere afterwards.
 */
export function createStreams(connection: LoadConnection, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let asked = 0;
    let answered = 0;
    let text = "";
    const ask = (): void => {
      for (; asked < count && asked - answered < OUTSTANDING_MAX; asked++) {
        const request = JSON.stringify({ name: streamName(asked), subjects: [streamSubject(asked)], storage: "file" });
        const bytes = Buffer.from(
          `PUB $JS.API.STREAM.CREATE.${streamName(asked)} ${INBOX}create ${request.length}\r\n${request}\r\n`,
        );
        connection.write(bytes);
      }
    };
    connection.onChunk = (chunk, length) => {
      text += chunk.toString("latin1", 0, length);
      for (let line = text.indexOf("\n"); line >= 0; line = text.indexOf("\n")) {
        const head = text.slice(0, line).trimEnd();
        const end = head.startsWith("MSG ") ? line + 1 + Number(head.split(" ").at(-1)) + 2 : line + 1;
        if (text.length < end) break;
        const body = text.slice(line + 1, end);
        text = text.slice(end);
        if (!head.startsWith("MSG ")) {
          connection.takeControl(head);
          continue;
        }
        if (!body.includes("stream_create_response") || body.includes('"error"'))
          reject(new BenchError("LOAD_FAILED", `A stream could not be made: ${body.trimEnd()}`));
        if (++answered === count) resolve();
      }
      ask();
    };
    ask();
  });
}
