// PROXY protocol headers on the client port, against the servers that are here: which are taken, what address a client then
// has, and which end the connection.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinServer } from "../support/myelin-server.ts";
import { forEveryTarget } from "../support/targets.ts";
import { WireClient } from "../support/wire-client.ts";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const CLIENT = 'CONNECT {"verbose":false,"protocol":1,"headers":true}\r\nPING\r\n';
const HERE = "127.0.0.1";
const CLOSED = "closed";

function binary(versionAndCommand: number, familyAndProtocol: number, rest: string | Uint8Array): Buffer {
  const bytes = typeof rest === "string" ? Buffer.from(rest, "hex") : Buffer.from(rest);
  const head = Buffer.of(versionAndCommand, familyAndProtocol, bytes.length >> 8, bytes.length & 0xff);
  return Buffer.concat([SIGNATURE, head, bytes]);
}

const V4 = "c0000209c000020a1234107e";
const V6 = "20010db8000000000000000000000001".concat("20010db8000000000000000000000002", "1234107e");
const MAPPED = "00000000000000000000ffffc0000205".concat("20010db8000000000000000000000002", "1234107e");

/** What is sent first, and the address in the INFO behind the first PONG; or that the server closes. */
const CASES: ReadonlyArray<readonly [what: string, header: string | Buffer, outcome: string]> = [
  ["no header", "", HERE],
  ["version 1, IPv4", "PROXY TCP4 192.0.2.1 192.0.2.2 5555 4222\r\n", "192.0.2.1"],
  ["version 1, IPv6", "PROXY TCP6 2001:DB8::0001 2001:db8::2 5555 4222\r\n", "2001:db8::1"],
  ["version 1, IPv4 in IPv6", "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.8 5555 4222\r\n", "192.0.2.7"],
  ["version 1, unknown", "PROXY UNKNOWN\r\n", HERE],
  ["version 1, unknown with more", "PROXY UNKNOWN ffff::1 x y z a\r\n", HERE],
  ["version 1 of 107 bytes", `PROXY UNKNOWN ${"x".repeat(91)}\r\n`, HERE],
  ["version 1 of 108 bytes", `PROXY UNKNOWN ${"x".repeat(92)}\r\n`, CLOSED],
  ["version 1 without an end", `PROXY ${"x".repeat(120)}`, CLOSED],
  ["version 1, more blanks", "PROXY   TCP4\t1.2.3.4  1.2.3.5 5 5 \r\n", "1.2.3.4"],
  ["version 1, port 0", "PROXY TCP4 192.0.2.3 192.0.2.2 0 0\r\n", "192.0.2.3"],
  ["version 1, no such address", "PROXY TCP4 192.0.2.300 192.0.2.2 5555 4222\r\n", CLOSED],
  ["version 1, no such other address", "PROXY TCP4 192.0.2.3 192.0.2 5555 4222\r\n", CLOSED],
  ["version 1, leading zeros", "PROXY TCP4 001.2.3.4 1.2.3.5 5 5\r\n", CLOSED],
  ["version 1, a zone", "PROXY TCP6 fe80::1%eth0 ::1 5 5\r\n", CLOSED],
  ["version 1, port too large", "PROXY TCP4 192.0.2.3 192.0.2.2 65536 4222\r\n", CLOSED],
  ["version 1, port with a sign", "PROXY TCP4 192.0.2.3 192.0.2.2 +5 5\r\n", CLOSED],
  ["version 1, port that is none", "PROXY TCP4 192.0.2.3 192.0.2.2 5555 x\r\n", CLOSED],
  ["version 1, IPv6 as TCP4", "PROXY TCP4 ::1 ::2 5 5\r\n", CLOSED],
  ["version 1, IPv4 as TCP6", "PROXY TCP6 1.2.3.4 1.2.3.5 5 5\r\n", CLOSED],
  ["version 1, UDP", "PROXY UDP4 1.2.3.4 1.2.3.5 5 5\r\n", CLOSED],
  ["version 1, in small letters", "PROXY tcp4 1.2.3.4 1.2.3.5 5 5\r\n", CLOSED],
  ["all in small letters", "proxy TCP4 1.2.3.4 1.2.3.5 5 5\r\n", CLOSED],
  ["version 1, too short", "PROXY TCP4 1.2.3.4\r\n", CLOSED],
  ["version 1, too long", "PROXY TCP4 1.2.3.4 1.2.3.5 5 5 5\r\n", CLOSED],
  ["version 1, empty", "PROXY \r\n", CLOSED],
  ["version 1, only a line feed", "PROXY TCP4 1.2.3.4 1.2.3.5 5 5\n", CLOSED],
  ["version 2, IPv4", binary(0x21, 0x11, V4), "192.0.2.9"],
  ["version 2, IPv4 and more", binary(0x21, 0x11, `${V4}04000141`), "192.0.2.9"],
  [
    "version 2, IPv4 and much more",
    binary(0x21, 0x11, Buffer.concat([Buffer.from(V4, "hex"), Buffer.alloc(60_000)])),
    "192.0.2.9",
  ],
  ["version 2, IPv6", binary(0x21, 0x21, V6), "2001:db8::1"],
  ["version 2, IPv4 in IPv6", binary(0x21, 0x21, MAPPED), "192.0.2.5"],
  ["version 2, local", binary(0x20, 0x00, ""), HERE],
  ["version 2, local with an address", binary(0x20, 0x11, V4), HERE],
  ["version 2, local for datagrams", binary(0x20, 0x12, V4), HERE],
  ["version 2, no family", binary(0x21, 0x01, "00000000000000"), HERE],
  ["version 2, no family and no protocol", binary(0x21, 0x00, ""), CLOSED],
  ["version 2, a Unix socket", binary(0x21, 0x31, Buffer.alloc(216)), CLOSED],
  ["version 2, family 4", binary(0x21, 0x41, V4), CLOSED],
  ["version 2, datagrams", binary(0x21, 0x12, V4), CLOSED],
  ["version 2, short IPv4", binary(0x21, 0x11, V4.slice(0, -2)), CLOSED],
  ["version 2, short IPv6", binary(0x21, 0x21, V6.slice(0, -2)), CLOSED],
  ["version 2, another version", binary(0x11, 0x11, V4), CLOSED],
  ["version 2, another command", binary(0x22, 0x11, V4), CLOSED],
  ["version 2, a wrong signature", Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.of(0, 0x21, 0x11, 0, 0)]), CLOSED],
];

forEveryTarget("PROXY protocol", new MyelinServer(), (target) => {
  describe(`PROXY protocol, ${target.name}`, () => {
    test("headers are taken or refused as they should be, in one write with the client's own bytes and in another", async () => {
      const server = await target.start(new Map([["proxy_protocol", "true"]]));
      const play = async (name: string, header: Buffer, isOneWrite: boolean): Promise<string> => {
        const client = await WireClient.connect(name, server.wires);
        assert.equal(client.received.lines[0]?.info?.["client_ip"], undefined, name);
        const own = Buffer.from(CLIENT);
        await client.send(...(isOneWrite ? [Buffer.concat([header, own])] : [header, own]));
        await client.until(() => client.closed || infoOf(client) !== undefined, "an end or INFO");
        const outcome = client.closed ? CLOSED : String(infoOf(client)?.["client_ip"]);
        client.destroy();
        return outcome;
      };
      const wanted = CASES.flatMap(([what, , outcome]) => [
        [what, outcome],
        [`${what}, by itself`, outcome],
      ]);
      const got = await Promise.all(
        CASES.flatMap(([what, header]) => {
          const bytes = typeof header === "string" ? Buffer.from(header, "latin1") : header;
          return [
            play(what, bytes, true).then((outcome) => [what, outcome]),
            play(what, bytes, false).then((outcome) => [`${what}, by itself`, outcome]),
          ];
        }),
      );
      await server.stop();
      assert.deepEqual(got, wanted);
    });

    test("without proxy_protocol a header is what any nonsense is", async () => {
      const server = await target.start(new Map());
      const client = await WireClient.connect("a", server.wires);
      assert.equal(client.received.lines[0]?.info?.["client_ip"], HERE);
      await client.send(Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.2 5555 4222\r\n"));
      await client.untilClosed();
      assert.deepEqual(
        client.received.lines.slice(1).map((line) => line.text),
        ["-ERR 'Unknown Protocol Operation'"],
      );
      client.destroy();
      await server.stop();
    });

    test("a header counts once: a second one is no operation", async () => {
      const server = await target.start(new Map([["proxy_protocol", "true"]]));
      const client = await WireClient.connect("a", server.wires);
      const header = "PROXY TCP4 192.0.2.1 192.0.2.2 5555 4222\r\n";
      await client.send(Buffer.from(header + header));
      await client.untilClosed();
      assert.deepEqual(
        client.received.lines.slice(1).map((line) => line.text),
        ["-ERR 'Unknown Protocol Operation'"],
      );
      client.destroy();
      await server.stop();
    });
  });
});

function infoOf(client: WireClient): Readonly<Record<string, unknown>> | null | undefined {
  return client.received.lines.slice(1).find((line) => line.kind === "info")?.info;
}
