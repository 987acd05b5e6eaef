// Numbers at their edges, and what only looks like a number: in every numeric directive of a configuration, every numeric option
// and every field of CONNECT. A value is refused, or means exactly what it says; none is wrapped, cut or coerced.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import {
  ConfigError,
  completeOptions,
  createServer,
  DEFAULT_OPTIONS,
  loadConfig,
  OptionsError,
  type PartialServerOptions,
} from "@myelin/server";
import { inProcess } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";

/** As they stand in a file or in JSON. */
const NUMBERS: readonly string[] = [
  ...[
    "-1",
    "0",
    "1",
    "-0",
    "00",
    "007",
    "+5",
    "1.0",
    "1.5",
    "1e3",
    "1E3",
    "1e999",
    "-1e999",
    "0x10",
    "1_000",
    ".5",
    "5.",
  ],
  ...["255", "256", "65535", "65536", "2147483646", "2147483647", "2147483648", "-2147483648", "-2147483649"],
  ...["4294967295", "4294967296", "4294967297", "9007199254740991", "9007199254740992", "9007199254740993"],
  ...["9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616"],
  ...[
    "99999999999999999999999999",
    "NaN",
    "Infinity",
    "-Infinity",
    '"5"',
    '""',
    '" 5"',
    '"5 "',
    "null",
    "[]",
    "[5]",
    "{}",
    "true",
    "false",
  ],
];

/** Directive, and the option that it sets. */
const DIRECTIVES: ReadonlyArray<readonly [directive: string, option: keyof PartialServerOptions]> = [
  ["port", "port"],
  ["max_connections", "maxConnections"],
  ["max_payload", "maxPayloadBytes"],
  ["max_pending", "maxPendingBytes"],
  ["max_control_line", "maxControlLineBytes"],
  ["max_subscriptions", "maxSubscriptions"],
  ["max_subscription_tokens", "maxSubscriptionTokens"],
  ["ping_max", "pingMax"],
];

describe("numbers", () => {
  test("in a configuration are refused, or become options that a server can run with", () => {
    for (const [directive, option] of DIRECTIVES) {
      for (const number of NUMBERS) {
        const text = `${directive}: ${number}`;
        let value: number | undefined;
        try {
          value = loadConfig({ text }).options[option] as number | undefined;
        } catch (error) {
          assert.ok(error instanceof ConfigError, `${text}: ${String(error)}`);
          continue;
        }
        if (value === undefined) continue; // the directive says: as without it
        assert.ok(Number.isSafeInteger(value), `${text} became ${inspect(value)}`);
        // What was taken is what was written, but for what means "no limit".
        const written = Number(number);
        const isBounded = Math.abs(written) <= 0x7fffffff;
        if (isBounded && written > 0) assert.equal(value, written, text);
        assert.ok(value >= -1 && value <= Math.max(written, 65_536), `${text} became ${inspect(value)}`);
      }
    }
  });

  test("as options of a program are refused, or taken as they are", () => {
    const numeric = Object.entries(DEFAULT_OPTIONS).filter(([, value]) => typeof value === "number");
    assert.ok(numeric.length >= 12);
    const values: unknown[] = NUMBERS.flatMap((text) => [text, Number(text)]);
    values.push(
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -0.5,
      2 ** 53,
      5n,
      [5],
      { valueOf: () => 5 },
      null,
      true,
      "5",
      Symbol.iterator,
    );
    for (const [name] of numeric) {
      for (const value of values) {
        let taken: unknown;
        try {
          const complete: object = completeOptions({ [name]: value });
          taken = Object.entries(complete).find(([key]) => key === name)?.[1];
        } catch (error) {
          assert.ok(error instanceof OptionsError, `${name} ${inspect(value)}: ${String(error)}`);
          continue;
        }
        assert.ok(Number.isSafeInteger(taken), `${name} ${inspect(value)} was taken`);
        assert.equal(taken, value);
      }
    }
  });

  test("in any field of CONNECT cost at most the connection, and say what they said", async () => {
    const server = await createServer({ listen: false });
    const fields = [
      "protocol",
      "verbose",
      "headers",
      "user",
      "pass",
      "name",
      "version",
      "client_id",
      "max_payload",
      "unknown",
    ];
    for (const field of fields) {
      for (const number of NUMBERS) {
        const client = await WireClient.connect(
          field,
          inProcess(() => server.connectInProcess()),
        );
        await client.send(Buffer.from(`CONNECT {"${field}":${number}}\r\n`));
        await client.send(Buffer.from("PUB foo 1\r\nx\r\n"));
        await client.settle();
        const said = client.received.lines.slice(1).filter(({ kind }) => kind === "other");
        const told = said.map(({ text }) => text);
        const isProtocol = field === "protocol" && !["0", "1", "-0", "null"].includes(number);
        if (isProtocol) assert.equal(client.closed, true, `protocol ${number} was taken`);
        for (const text of told) assert.match(text, /^(?:\+OK|-ERR 'invalid client protocol')$/, `${field}: ${number}`);
        client.destroy();
      }
    }
    while (server.core.connectionCount > 0) await new Promise(setImmediate);
    await server.close();
  });

  test("as sizes, maxima and sids of operations are refused, or count as they are written", async () => {
    const server = await createServer({ listen: false });
    const bare = NUMBERS.filter((number) => !/[\s"[{]/.test(number));
    for (const number of bare) {
      const client = await WireClient.connect(
        number,
        inProcess(() => server.connectInProcess()),
      );
      await client.send(Buffer.from('CONNECT {"verbose":false,"headers":true}\r\nSUB foo 1\r\n'));
      // Payload enough for what may pass for a size of a few bytes, and nothing that could pass for an operation.
      await client.send(Buffer.from(`PUB foo ${number}\r\n`));
      await client.send(Buffer.from(`${"x".repeat(300)}\r\n`));
      await client.close();
      for (const { words } of client.received.lines.filter(({ kind }) => kind === "msg"))
        assert.equal(words[3], number);
    }
    for (const number of bare) {
      const client = await WireClient.connect(
        number,
        inProcess(() => server.connectInProcess()),
      );
      await client.send(Buffer.from(`CONNECT {"verbose":false}\r\nSUB foo ${number}\r\nPUB foo 0\r\n\r\n`));
      await client.settle();
      // A sid is a word like any other.
      assert.equal(client.received.lines.at(-2)?.words[2], number);
      client.destroy();
    }
    await server.close();
  });
});
