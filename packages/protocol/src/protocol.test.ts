import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1Bytes, parseSize } from "./bytes.ts";
import { ConnectSyntaxError, DEFAULT_CONNECT_OPTIONS, parseConnect } from "./connect-options.ts";
import { infoLine, isInfoJson } from "./info.ts";
import { jsonMembers } from "./json-members.ts";
import { quote } from "./quote.ts";
import { viewOf } from "./scan.ts";
import { countTokens, isLiteral, isSubscribable } from "./subject.ts";

const CONNECT_FIELDS = Object.keys(DEFAULT_CONNECT_OPTIONS);

for (const [text, wanted] of [
  ["0", 0],
  ["5", 5],
  ["005", 5],
  ["999999999", 999_999_999],
  ["1000000000", -1],
  ["", -1],
  ["+5", -1],
  ["-1", -1],
  [" 5", -1],
  ["1e3", -1],
  ["0x10", -1],
  ["1.0", -1],
  ["5\u0000", -1],
] as const) {
  test(`parseSize() reads ${JSON.stringify(text)} as ${wanted}`, () => {
    assert.equal(parseSize(latin1Bytes(text), 0, text.length), wanted);
  });
}

for (const [subject, subscribable, literal] of [
  ["a", true, true],
  ["a.b.c", true, true],
  ["", false, false],
  [".", false, false],
  [".a", false, false],
  ["a.", false, false],
  ["a..b", false, false],
  ["*", true, false],
  [">", true, false],
  ["a.*.b", true, false],
  ["a.>", true, false],
  ["a.>.b", false, false],
  [">.a", false, false],
  ["fo*", true, true],
  ["a>", true, true],
  ["**", true, true],
  ["a.\u00ff", true, true],
] as const) {
  test(`isSubscribable() and isLiteral() of ${JSON.stringify(subject)}`, () => {
    const bytes = latin1Bytes(subject);
    assert.equal(isSubscribable(viewOf(bytes), 0, bytes.length), subscribable);
    assert.equal(isLiteral(bytes, 0, bytes.length), literal);
  });
}

test("countTokens() counts empty tokens too", () => {
  assert.equal(countTokens(latin1Bytes("a.b..c"), 0, 6), 4);
});

for (const [text, wanted] of [
  ["foo", '"foo"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ["\r\n\t\u0000\u007f", '"\\r\\n\\t\\x00\\x7f"'],
  ["über", '"über"'],
  ["\u2028", '"\\u2028"'],
  ["😀", '"😀"'],
  ["\u00a0", '"\\u00a0"'],
] as const) {
  test(`quote() writes ${JSON.stringify(text)} as Go's %q does`, () => {
    const bytes = Buffer.from(text);
    assert.equal(quote(bytes, 0, bytes.length), wanted);
  });
}

test("quote() escapes bytes that are not UTF-8", () => {
  const bytes = Uint8Array.from([0x61, 0xff, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xe2, 0x82]);
  assert.equal(quote(bytes, 0, bytes.length), '"a\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82"');
});

test("parseConnect() sets only what is named, in any case, and ignores what it does not know", () => {
  const options = parseConnect('{"VERBOSE":false,"name":null,"lang":"ts","x":1,"protocol":1}', DEFAULT_CONNECT_OPTIONS);
  assert.deepEqual(options, { ...DEFAULT_CONNECT_OPTIONS, verbose: false, lang: "ts", protocol: 1 });
  assert.equal(parseConnect("{}", options).lang, "ts");
});

for (const json of [
  "",
  "[]",
  "1",
  '"x"',
  "{",
  '{"verbose":1}',
  '{"user":{}}',
  '{"protocol":1.5}',
  '{"protocol":1.0}',
]) {
  test(`parseConnect() refuses ${json === "" ? "an empty text" : json}`, () => {
    assert.throws(() => parseConnect(json, DEFAULT_CONNECT_OPTIONS), ConnectSyntaxError);
  });
}

for (const json of [
  '{"headers":0,"headers":true}',
  '{"import":2}',
  '{"export":{"deny":[1]}}',
  '{"protocol":9223372036854775808}',
]) {
  test(`parseConnect() refuses ${json}`, () => {
    assert.throws(() => parseConnect(json, DEFAULT_CONNECT_OPTIONS), ConnectSyntaxError);
  });
}

test("parseConnect() takes the last of two values, and integers of 64 bits", () => {
  const json = '{ "name" : "a\\"}{" , "name":"b", "import":{"allow":["a"]},"protocol":9007199254740993}';
  const options = parseConnect(json, DEFAULT_CONNECT_OPTIONS);
  assert.equal(options.name, "b");
  assert.ok(options.protocol > 1);
});

test("jsonMembers() gives every member of any object, with values that parse to what JSON.parse gives", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.boolean(), (object, spaced) => {
      const json = JSON.stringify(object, null, spaced ? 2 : 0);
      const again = jsonMembers(json).map(({ key, text }) => [key, JSON.parse(text) as unknown]);
      assert.deepEqual(again, Object.entries(JSON.parse(json) as object));
    }),
  );
});

test("parseConnect() reads the same from a text with blanks as from one without", () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(true, "x", 1, null, 2 ** 63, 1e21, -1, 1.5));
  const field = fc.oneof(fc.string(), fc.constantFrom("USER", "import", "remote_account", ...CONNECT_FIELDS));
  const read = (json: string): unknown => {
    try {
      return parseConnect(json, DEFAULT_CONNECT_OPTIONS);
    } catch (error) {
      assert.ok(error instanceof ConnectSyntaxError);
      return error.message;
    }
  };
  fc.assert(
    fc.property(fc.dictionary(field, value, { maxKeys: 3 }), (object) => {
      assert.deepEqual(read(JSON.stringify(object)), read(JSON.stringify(object, null, 1)));
    }),
  );
});

test("parseConnect() does not quote what it could not read", () => {
  const secret = '{"pass":"s3cret",}';
  assert.throws(
    () => parseConnect(secret, DEFAULT_CONNECT_OPTIONS),
    (error: Error) => !error.message.includes("s3cret"),
  );
});

for (const magic of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
  test(`parseConnect() treats the field ${magic} as unknown`, () => {
    const options = parseConnect(`{"${magic}":{"verbose":false}}`, DEFAULT_CONNECT_OPTIONS);
    assert.deepEqual(options, DEFAULT_CONNECT_OPTIONS);
  });
}

test("infoLine() leaves out what is false, zero or empty, and keeps the reference's order", () => {
  const line = infoLine({
    xkey: "X",
    server_id: "N",
    server_name: "n",
    version: "2.15.1",
    proto: 1,
    go: "node",
    host: "0.0.0.0",
    port: 0,
    headers: false,
    auth_required: false,
    max_payload: 5,
    client_id: 7,
    connect_urls: [],
  });
  assert.equal(
    line,
    'INFO {"server_id":"N","server_name":"n","version":"2.15.1","proto":1,"go":"node","host":"0.0.0.0","port":0,' +
      '"headers":false,"max_payload":5,"client_id":7,"xkey":"X"} \r\n',
  );
});

test("isInfoJson() wants an object with fields of their types", () => {
  for (const json of ["{}", "null", '{"proto":1,"unknown":[]}', '{"connect_urls":["a"]}']) assert.ok(isInfoJson(json));
  for (const json of ["[]", "1", "x", '{"proto":"1"}', '{"headers":1}']) assert.ok(!isInfoJson(json));
});
