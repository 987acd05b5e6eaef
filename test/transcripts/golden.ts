// Rewrites what stands below `----` in every transcript from the reference server. Run by `npm run golden`; the
// difference is reviewed like code.
//
//   npm run golden -- [file-name-part...]

import { writeFile } from "node:fs/promises";
import { findReferenceServer, ReferenceServer } from "../support/reference-server.ts";
import { readTranscripts } from "./files.ts";
import { playSession } from "./runner.ts";
import { formatSession } from "./session.ts";

const program = findReferenceServer();
if (program === null) {
  console.error("Transcripts are recorded from nats-server: put it on the PATH, or name its file in REFERENCE_SERVER");
  process.exit(1);
}
const reference = new ReferenceServer(program);
const wanted = process.argv.slice(2);
let failures = 0;
for (const file of await readTranscripts()) {
  if (wanted.length > 0 && !wanted.some((part) => file.name.includes(part))) continue;
  const parts: string[] = [];
  for (const session of file.sessions) {
    try {
      parts.push(formatSession(session, await playSession(session, reference)));
    } catch (error) {
      failures++;
      parts.push(formatSession(session, session.expected));
      console.error(session.title, error);
    }
  }
  await writeFile(file.path, parts.join("\n"));
}
process.exitCode = failures === 0 ? 0 : 1;
