// Reads the files that the TLS options name.

import { readFile } from "node:fs/promises";
import { TlsError } from "../errors.ts";
import type { TlsOptions } from "../options.ts";

/**
 * Loads `certFile`, `keyFile` and `caFile` into the options that Node's TLS takes.
 *
 * @throws TlsError naming the option and the file that cannot be read.
 */
export async function readTlsFiles(tls: TlsOptions): Promise<{ cert?: Buffer; key?: Buffer; ca?: Buffer }> {
  const files: { cert?: Buffer; key?: Buffer; ca?: Buffer } = {};
  for (const name of ["cert", "key", "ca"] as const) {
    const path = tls[`${name}File`];
    if (path === undefined) continue;
    try {
      files[name] = await readFile(path);
    } catch (cause) {
      throw new TlsError(
        `Cannot read the TLS option ${name}File '${path}': ${(cause as Error).message}`,
        "ERR_NATS_TLS",
        {
          cause,
        },
      );
    }
  }
  return files;
}
