// Every transcript against the servers that are here: Myelin always, the reference when there is one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinServer } from "../support/myelin-server.ts";
import type { Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";
import { readTranscripts } from "./files.ts";
import { playSession } from "./runner.ts";

const CONCURRENCY = 4;
const files = await readTranscripts();

function playAll(target: Target): void {
  for (const file of files) {
    describe(`${file.name} against ${target.name}`, { concurrency: CONCURRENCY }, () => {
      for (const session of file.sessions) {
        test(`${session.place} ${session.title}`, async () => {
          assert.deepEqual(await playSession(session, target), [...session.expected]);
        });
      }
    });
  }
}

forEveryTarget("transcripts", new MyelinServer(), playAll);
