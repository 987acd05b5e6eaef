import assert from "node:assert/strict";
import { test } from "node:test";
import { lineAt, scan } from "./scan.mjs";

const CASES = [
  { name: "a line comment", text: "a(); // b()\nc();", code: "a();       \nc();" },
  { name: "a block comment over two lines", text: "a /* b\nc */ d", code: "a     \n     d" },
  { name: "a string with an escaped quote", text: 'x = "a\\"b"; y', code: 'x = "    "; y' },
  { name: "a comment's beginning in a string", text: "x = '//'; y", code: "x = '  '; y" },
  { name: "a regular expression with a quote and a slash", text: 'x.match(/"[/]/g); y', code: "x.match(/    /g); y" },
  { name: "a division", text: "a / b / c // d", code: "a / b / c     " },
  { name: "code inside a template", text: "`a ${b({ c: 1 })} d` + e", code: "`   {b({ c: 1 })}  ` + e" },
  { name: "a template inside a template", text: "`${`x${y}z`}` + w", code: null },
];

for (const { name, text, code } of CASES) {
  test(`scan() ${name}`, () => {
    const views = scan(text);
    if (code !== null) assert.equal(views.code, code);
    for (const view of Object.values(views)) {
      assert.equal(view.length, text.length);
      assert.equal(view.split("\n").length, text.split("\n").length);
    }
  });
}

test("scan() finds its way out of nested templates", () => {
  assert.match(scan("`${`x${y}z`}` + w; // t").code, /\+ w; {5}$/);
});

test("lineAt() counts from one", () => {
  assert.equal(lineAt("a\nb\nc", 0), 1);
  assert.equal(lineAt("a\nb\nc", 2), 2);
  assert.equal(lineAt("a\nb\nc", 4), 3);
});
