import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeNetwork } from "@myelin/platform/node";
import { SILENT_LOGGER } from "../logger.ts";
import { ClientListener } from "./listener.ts";

test("close() says that nobody is accepted any more, once", async () => {
  const lines: string[] = [];
  const listener = new ClientListener(new NodeNetwork(), { ...SILENT_LOGGER, debug: (text) => void lines.push(text) });
  await listener.open("127.0.0.1", 0, new Uint8Array(1024), () => {});
  await listener.close(true);
  await listener.close(true);
  assert.deepEqual(lines, ["Client accept loop exiting.."]);
  await listener.open("127.0.0.1", 0, new Uint8Array(1024), () => {});
  await listener.close(false);
  assert.equal(lines.length, 1);
});
