import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import fc from "fast-check";
import { OriginRules, parseAllowedOrigin } from "./origins.ts";
import { judgeUpgrade, type Upgrade, type UpgradeRefusal } from "./upgrade.ts";

const GOOD: Readonly<Record<string, string>> = {
  host: "h:1",
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

/** A request with these headers over the good ones; undefined takes one away. */
function judge(
  changes: Readonly<Record<string, string | undefined>> = {},
  url = "/",
  compression = true,
): Upgrade | UpgradeRefusal {
  const headers = Object.fromEntries(
    Object.entries({ ...GOOD, ...changes }).filter(([, value]) => value !== undefined),
  );
  const headersDistinct = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const request = { method: "GET", url, headers, headersDistinct } as unknown as IncomingMessage;
  const origins = new OriginRules(false, []);
  return judgeUpgrade(request, { origins, compression, headers: {}, isSecure: false });
}

function accepted(changes: Readonly<Record<string, string>>, url = "/", compression = true): Upgrade {
  const upgrade = judge(changes, url, compression);
  assert.ok("answer" in upgrade);
  return upgrade;
}

describe("judgeUpgrade()", () => {
  test("answers with the accept key of RFC 6455", () => {
    const answer = Buffer.from(accepted({}).answer).toString();
    assert.equal(
      answer,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
  });

  for (const [offer, compression] of [
    ["permessage-deflate", true],
    ["permessage-deflate; client_max_window_bits", true],
    ["permessage-deflate; client_max_window_bits=10", true],
    ["x-webkit-deflate-frame, permessage-deflate", true],
    ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", true],
    ["permessage-deflate; server_max_window_bits=10", false],
    ["permessage-deflate; server_max_window_bits=10, permessage-deflate", true],
    ["permessage-deflate; unknown", false],
    ["permessage-deflate; client_max_window_bits=99", false],
    ["deflate-frame", false],
    ["permessage-deflate;;;", false],
    ['permessage-deflate; a="', false],
  ] as const) {
    test(`${compression ? "takes" : "declines"} the offer ${offer}`, () => {
      const upgrade = accepted({ "sec-websocket-extensions": offer });
      assert.equal(upgrade.compression, compression);
      const isTold = Buffer.from(upgrade.answer).includes("\r\nSec-WebSocket-Extensions: permessage-deflate; ");
      assert.equal(isTold, compression);
      assert.equal(accepted({ "sec-websocket-extensions": offer }, "/", false).compression, false);
    });
  }

  test("does not let clients leave the mask out", () => {
    const { answer } = accepted({ "nats-no-masking": "true" });
    assert.ok(!Buffer.from(answer).toString().toLowerCase().includes("nats-no-masking"));
  });

  test("takes an address from X-Forwarded-For, and nothing else", () => {
    for (const [header, address] of [
      ["203.0.113.7", "203.0.113.7"],
      ["2001:db8::1", "2001:db8::1"],
      ["203.0.113.7, 10.0.0.1", null],
      ["fe80::1%eth0", null],
      ["unknown", null],
      ["<script>", null],
    ] as const) {
      assert.equal(accepted({ "x-forwarded-for": header }).forwardedFor, address);
    }
    assert.equal(accepted({}).forwardedFor, null);
  });

  test("reads cookies as they come", () => {
    const { cookies } = accepted({ cookie: 'a=1; b="two words"; c=x=y; =nameless; alone; a=last; d=' });
    assert.deepEqual(Object.fromEntries(cookies), { a: "last", b: "two words", c: "x=y", d: "" });
  });

  test("knows the paths of leafnodes and MQTT wherever they stand", () => {
    assert.equal(accepted({}, "/behind/proxy/leafnode?x=/mqtt").isLeafnode, true);
    assert.equal(accepted({}, "/leafnodes").isLeafnode, false);
    assert.deepEqual(judge({}, "/behind/mqtt"), { status: 404, problem: "mqtt websocket endpoint not enabled" });
  });

  test("takes any headers without failing", () => {
    const names = [
      ...Object.keys(GOOD),
      "origin",
      "cookie",
      "sec-websocket-extensions",
      "x-forwarded-for",
      "user-agent",
    ];
    const headers = fc.dictionary(fc.constantFrom(...names), fc.string());
    fc.assert(
      fc.property(headers, fc.webPath(), (changes, url) => {
        const upgrade = judge(changes, url);
        if ("answer" in upgrade) assert.doesNotMatch(Buffer.from(upgrade.answer).toString(), /\r\n\r\n./s);
        else assert.ok([400, 403, 404].includes(upgrade.status));
      }),
      { numRuns: 500 },
    );
  });
});

describe("OriginRules", () => {
  const refusal = (rules: OriginRules, origin: string, host = "h.example:8080", isSecure = false): string | null =>
    rules.refusalOf({ origin, host, isSecure });

  test("without rules takes every page, with them still every program", () => {
    assert.equal(refusal(new OriginRules(false, []), "http://anywhere"), null);
    assert.equal(refusal(new OriginRules(true, ["https://a"]), ""), null);
  });

  test("same origin means scheme, host and port", () => {
    const rules = new OriginRules(true, []);
    assert.equal(refusal(rules, "http://h.example:8080"), null);
    assert.equal(refusal(rules, "http://H.EXAMPLE:8080"), null);
    assert.equal(refusal(rules, "https://h.example", "h.example", true), null);
    assert.equal(refusal(rules, "https://h.example:443", "h.example", true), null);
    assert.equal(refusal(rules, "http://[::1]:8080", "[::1]:8080"), null);
    for (const origin of ["https://h.example:8080", "http://h.example", "http://h.example.evil:8080", "http://evil"]) {
      assert.equal(refusal(rules, origin), "not same origin");
    }
    assert.match(refusal(rules, "null") ?? "", /invalid URI for request/);
    assert.match(refusal(rules, "http://a:1:2") ?? "", /too many colons/);
  });

  test("a page that is allowed has to be of the same origin too, where both are asked for", () => {
    const rules = new OriginRules(true, ["http://h.example:8080", "http://other"]);
    assert.equal(refusal(rules, "http://h.example:8080"), null);
    assert.equal(refusal(rules, "http://other"), "not same origin");
    assert.equal(refusal(new OriginRules(true, ["http://other"]), "http://h.example:8080"), "not in the allowed list");
  });

  for (const [text, problem] of [
    ["", /: parse "": empty url$/],
    ["example.com", /invalid URI for request/],
    ["*", /invalid URI for request/],
    ["/path", /must be absolute URLs/],
    ["ws://h", /must be absolute URLs/],
    ["https://", /host is required/],
    ["https://a:1:2", /too many colons/],
    ["https://a:b:c", /: parse "https:\/\/a:b:c": invalid port ":c" after host$/],
    ["http://a:80x", /invalid port ":80x" after host$/],
    ["http://[::1]x", /invalid port "x" after host$/],
    ["http://[::1", /missing '\]' in host$/],
    ["http://a b", /invalid character " " in host name$/],
    ["http://a|b", /invalid character "\|" in host name$/],
    ["http://a%41", /invalid URL escape "%41"$/],
    ["http://a\u0001b", /net\/url: invalid control character in URL$/],
  ] as const) {
    test(`parseAllowedOrigin() refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseAllowedOrigin(text), problem);
    });
  }
});
