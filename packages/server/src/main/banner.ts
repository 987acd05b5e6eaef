// What a person at a terminal sees when the server is ready. Tools read the log instead.

import { SERVER_VERSION } from "@myelin/protocol";
import { MYELIN_VERSION } from "../version.ts";

/**
 * The text, with an empty line before and after.
 *
 * @param url - Where clients connect.
 */
export function bannerText(url: string): string {
  // With the default address `myelin` needs no --server.
  const server = url === "nats://127.0.0.1:4222" ? "" : ` --server ${url}`;
  return `
  Myelin ${MYELIN_VERSION}, a NATS server (speaks as nats-server ${SERVER_VERSION})

  Clients      ${url}
  Subscribe    npx myelin sub${server} '>'
  Publish      npx myelin pub${server} hello world
  Stop         Ctrl+C

`;
}
