import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSession, parseSessions, type Session, stepsOf } from "./session.ts";

const FILE = `# One thing. And more about it,
# on two lines.
options: max_payload=64 user=joe
choose: a 1, b 2
a: SUB foo 1
b: PUB foo 2 "hi"
a: "PU" | "B foo 3\\r\\n" + "x"*3 + "\\r\\n"
a waits for "MSG\\r\\n"
a is closed
----
a < MSG foo 1 2 "hi"
a closed

# Another thing.
connect: no
each size: 1e3 "" "\\t5"
a: PUB foo {size}
----
`;

function parsed(): [Session, Session] {
  const [first, second, ...more] = parseSessions("file.txt", FILE);
  assert.ok(first !== undefined && second !== undefined && more.length === 0);
  return [first, second];
}

function sent(session: Session, value: string | null = null): string[][] {
  return stepsOf(session, value).map((step) => (step.kind === "send" ? step.writes.map(String) : [step.kind]));
}

test("parseSessions() reads heads, steps and answers", () => {
  const [first, second] = parsed();
  assert.equal(first.title, "One thing.");
  assert.equal(first.place, "file.txt:1");
  assert.deepEqual(Object.fromEntries(first.options), { max_payload: "64", user: "joe" });
  assert.equal(first.choices.length, 2);
  assert.equal(first.connects, false, "a server that asks for a user gets no CONNECT of the runner");
  assert.deepEqual(first.expected, ['a < MSG foo 1 2 "hi"', "a closed"]);
  assert.equal(second.place, "file.txt:14");
  assert.equal(second.connects, false);
});

test("stepsOf() adds line ends, cuts writes and repeats bytes", () => {
  const [first] = parsed();
  assert.deepEqual(sent(first), [
    ["SUB foo 1\r\n"],
    ["PUB foo 2\r\nhi\r\n"],
    ["PU", "B foo 3\r\nxxx\r\n"],
    ["waits"],
    ["is closed"],
  ]);
});

test("stepsOf() puts a value in its place", () => {
  const [, second] = parsed();
  const values = second.each?.values ?? [];
  assert.deepEqual(values, ["1e3", "", "\\t5"]);
  assert.deepEqual(
    values.map((value) => sent(second, value)),
    [[["PUB foo 1e3\r\n"]], [["PUB foo \r\n"]], [["PUB foo \\t5\r\n"]]],
  );
});

test("formatSession() leaves alone what stands above the line", () => {
  const rewritten = parsed().map((session) => formatSession(session, session.expected));
  assert.equal(rewritten.join("\n"), FILE);
});

for (const wrong of ["a SUB foo", 'a: "foo', 'a: "foo" "bar"', "colour: red", "a waits for PING", 'a: "x"*']) {
  test(`parseSessions() refuses the step ${wrong} and says where`, () => {
    assert.throws(() => parseSessions("file.txt", `# Wrong.\n${wrong}\n----\n`), /^Error: file\.txt:1: /);
  });
}

test("parseSessions() refuses a session without its line", () => {
  assert.throws(() => parseSessions("file.txt", "# Wrong.\na: PING\n"), /no line ----/);
});
