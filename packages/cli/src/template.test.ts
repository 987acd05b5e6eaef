import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTemplate, TemplateError } from "./template.ts";

const CASES: ReadonlyArray<{ text: string; filled: string | RegExp }> = [
  { text: "plain", filled: "plain" },
  { text: '{"a":{"b":1}}', filled: '{"a":{"b":1}}' },
  { text: "{{Count}} {{.Count}} {{ Cnt }} {{ .Cnt }}", filled: "7 7 7 7" },
  { text: "a {{- Count -}} b", filled: "a7b" },
  { text: '{{"{{"}}{{`x`}}', filled: "{{x" },
  { text: "{{/* nothing */}}x", filled: "x" },
  { text: "{{ID}}", filled: /^[0-9A-Za-z]{22}$/ },
  { text: "{{Random 3 3}}", filled: /^[0-9A-Za-z]{3}$/ },
  { text: "{{ Random 5 2 }}", filled: /^[0-9A-Za-z]{2,5}$/ },
  { text: "{{Random 0 0}}", filled: "" },
  { text: "{{Unix}}", filled: /^\d{10}$/ },
  { text: "{{.UnixNano}}", filled: /^\d{19}$/ },
  { text: "{{TimeStamp}}", filled: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/ },
  { text: "{{Time}}", filled: /^\d{1,2}:\d\d(AM|PM)$/ },
  { text: "{{Request}}-{{.Request}}", filled: "body-body" },
  { text: "{{1}} {{9}}", filled: "eu 9" },
];

for (const { text, filled } of CASES) {
  test(`parseTemplate() fills in ${text}`, () => {
    const result = parseTemplate(text)({ count: 7, request: "body", tokens: ["orders", "eu"] });
    if (typeof filled === "string") assert.equal(result, filled);
    else assert.match(result, filled);
  });
}

for (const text of [
  "{{Foo}}",
  "{{Count",
  "{{Count 1}}",
  "{{Random 1}}",
  "{{Random a b}}",
  "{{Random 1 99999999999}}",
  "{{}}",
]) {
  test(`parseTemplate() refuses ${text}`, () => assert.throws(() => parseTemplate(text), TemplateError));
}

test("parseTemplate() fills in anew for each message", () => {
  const template = parseTemplate("{{ID}}");
  assert.notEqual(template({ count: 1 }), template({ count: 1 }));
});
