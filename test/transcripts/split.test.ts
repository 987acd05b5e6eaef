// Where a client's bytes are cut into reads must not matter: every transcript again, byte by byte, and cut at single
// places. In one process and without sockets, so that every write of a client is exactly one read of the server.
//
//   SPLIT=all node --test test/dist/transcripts/split.test.js      cuts at every byte, not only at every eleventh

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ReusedMyelinServer } from "../support/myelin-server.ts";
import { readTranscripts } from "./files.ts";
import { type Cutter, playSession } from "./runner.ts";
import { type Session, stepsOf } from "./session.ts";

const STRIDE = process.env["SPLIT"] === "all" ? 1 : 11;
/** Longer sessions are cut into pieces instead of bytes, and at a few single places. */
const CUT_BYTES_MAX = 6000;
const PIECE_BYTES = 997;
/** Without a socket there is no address. */
const CLIENT_IP = '"client_ip":"127.0.0.1",';

for (const file of await readTranscripts()) {
  describe(`${file.name}, cut`, { concurrency: 4 }, () => {
    for (const [index, session] of file.sessions.entries()) {
      if (isTimed(session) || isReloading(session)) continue;
      test(`${session.place} ${session.title}`, async () => {
        const target = new ReusedMyelinServer();
        const expected = session.expected.map((line) => line.replace(CLIENT_IP, ""));
        for (const { cutter, how } of cutters(longestPlay(session), index)) {
          assert.deepEqual(await playSession(session, target, cutter), expected, how);
        }
        await target.close();
      });
    }
  });
}

/** The ways in which a session of `length` bytes is cut; `offset` spreads single cuts over the sessions. */
function* cutters(length: number, offset: number): Generator<{ readonly cutter: () => Cutter; readonly how: string }> {
  const pieceLength = length > CUT_BYTES_MAX ? PIECE_BYTES : 1;
  yield { cutter: () => (bytes) => pieces(bytes, pieceLength), how: `in pieces of ${pieceLength}` };
  const stride = Math.ceil(length / CUT_BYTES_MAX) * STRIDE;
  for (let at = 1 + (offset % stride); at < length; at += stride) {
    yield { cutter: () => cutAt(at), how: `cut at ${at}` };
  }
}

/** Sessions that wait for timers say nothing about cuts, and take their time. */
function isTimed(session: Session): boolean {
  return session.options.has("ping_interval") || session.options.has("auth_timeout");
}

/** The server is the same for all plays of a session. */
function isReloading(session: Session): boolean {
  return session.stepLines.some((line) => line.startsWith("reload: "));
}

function longestPlay(session: Session): number {
  const lengths = (session.each?.values ?? [null]).map((value) => {
    const writes = stepsOf(session, value).flatMap((step) => (step.kind === "send" ? step.writes : []));
    return Buffer.concat(writes).length;
  });
  return Math.max(...lengths);
}

function pieces(bytes: Buffer, length: number): Buffer[] {
  const cut: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += length) cut.push(bytes.subarray(start, start + length));
  return cut;
}

/** Cuts once in a play, before its byte number `at`. */
function cutAt(at: number): Cutter {
  let seen = 0;
  return (bytes) => {
    const place = at - seen;
    seen += bytes.length;
    return place > 0 && place < bytes.length ? [bytes.subarray(0, place), bytes.subarray(place)] : [bytes];
  };
}
