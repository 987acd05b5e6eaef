import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { formatIp, parseIp } from "./ip-address.ts";

const CASES: ReadonlyArray<readonly [text: string, canonical: string | null]> = [
  ["192.0.2.1", "192.0.2.1"],
  ["0.0.0.0", "0.0.0.0"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:DB8::0001", "2001:db8::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::FFFF:c000:0207", "192.0.2.7"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["001.2.3.4", null],
  ["256.1.1.1", null],
  ["1.2.3", null],
  ["1.2.3.4.5", null],
  ["1.2.3.-4", null],
  ["1.2.3.4 ", null],
  ["", null],
  [":", null],
  [":::", null],
  ["1::2::3", null],
  ["1:2:3:4:5:6:7", null],
  ["1:2:3:4:5:6:7:8:9", null],
  ["1:2:3:4:5:6:7::8", null],
  ["12345::", null],
  ["g::", null],
  ["::1.2.3.4:5", null],
  ["1.2.3.4::", null],
  ["fe80::1%eth0", null],
  ["[::1]", null],
];

for (const [text, canonical] of CASES) {
  test(`parseIp() takes "${text}" for ${canonical ?? "no address"}`, () => {
    const bytes = parseIp(text);
    assert.equal(bytes === null ? null : formatIp(bytes), canonical);
  });
}

test("parseIp() knows an address when Node does, and formatIp() writes what it reads", () => {
  const character = fc.constantFrom(..."0123456789abcdefF.:".split(""));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.array(character, { maxLength: 40 }).map((all) => all.join("")),
      ),
      (text) => {
        const bytes = parseIp(text);
        assert.equal(bytes !== null, isIP(text) !== 0, text);
        if (bytes === null) return;
        const again = parseIp(formatIp(bytes));
        assert.ok(again !== null);
        assert.equal(formatIp(again), formatIp(bytes));
        if (again.length === bytes.length) assert.deepEqual(again, bytes);
      },
    ),
    { numRuns: 2000 },
  );
});
