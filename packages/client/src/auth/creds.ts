// Credentials files: a user JWT and the seed that signs for it, between lines of dashes.
//
//   -----BEGIN NATS USER JWT-----
//   eyJ0eXAi...
//   ------END NATS USER JWT------
//   -----BEGIN USER NKEY SEED-----
//   SUAI...
//   ------END USER NKEY SEED------

import { CredentialsError } from "../errors.ts";

/**
 * Reads a credentials file.
 *
 * @returns The JWT, and the seed in bytes of its own, to be wiped after use.
 * @throws CredentialsError, which never repeats what stands in the file.
 */
export function parseCreds(creds: Uint8Array): { jwt: string; seed: Uint8Array } {
  const text = new TextDecoder().decode(creds);
  const sections = sectionsOf(text);
  const jwt = sections.find((section) => section.split(".").length === 3);
  const seed = sections.find((section) => section.startsWith("S") && !section.includes("."));
  if (jwt === undefined) throw new CredentialsError("Cannot use the credentials: there is no user JWT in them");
  if (seed === undefined) throw new CredentialsError("Cannot use the credentials: there is no nkey seed in them");
  return { jwt, seed: new TextEncoder().encode(seed) };
}

/** What stands alone between two lines of dashes. */
function sectionsOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter(
    (line, index) => /^[\w\-.=]+$/.test(line) && isBorder(lines[index - 1]) && isBorder(lines[index + 1]),
  );
}

function isBorder(line: string | undefined): boolean {
  return line !== undefined && line.length >= 6 && line.startsWith("---") && line.endsWith("---");
}
