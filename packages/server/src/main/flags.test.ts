import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAGS, FlagError, type FlagValue, readFlags } from "./flags.ts";

const READABLE: ReadonlyArray<{ args: string[]; values: Record<string, FlagValue>; words?: string[] }> = [
  { args: [], values: {} },
  { args: ["-p", "4333"], values: { port: 4333 } },
  { args: ["-p=4333"], values: { port: 4333 } },
  { args: ["--p", "4333"], values: { port: 4333 } },
  { args: ["--p=4333"], values: { port: 4333 } },
  { args: ["-port", "-1"], values: { port: -1 } },
  { args: ["--port=-1"], values: { port: -1 } },
  { args: ["-p", "1", "--port", "2"], values: { port: 2 } },
  { args: ["-net", "::1", "-a", "::"], values: { addr: "::" } },
  { args: ["-p", "+0x1f90"], values: { port: 8080 } },
  { args: ["-p", "010000"], values: { port: 4096 } },
  { args: ["-p", "0o17"], values: { port: 15 } },
  { args: ["-p", "0B11"], values: { port: 3 } },
  { args: ["-p", "1_0000"], values: { port: 10000 } },
  { args: ["-p", "0x_ff"], values: { port: 255 } },
  { args: ["-p", "-9223372036854775808"], values: { port: -(2 ** 63) } },
  { args: ["-D"], values: { debug: true } },
  { args: ["--debug=false"], values: { debug: false } },
  { args: ["-D=T"], values: { debug: true } },
  { args: ["-D=0"], values: { debug: false } },
  { args: ["-DV", "-T=false"], values: { DV: true, logtime: false } },
  { args: ["-D", "true"], values: { debug: true }, words: ["true"] },
  { args: ["-n", "-D"], values: { server_name: "-D" } },
  { args: ["--name", ""], values: { server_name: "" } },
  { args: ["--auth=a=b"], values: { auth: "a=b" } },
  { args: ["--user", '"quoted"'], values: { user: '"quoted"' } },
  { args: ["--", "-D"], values: {}, words: ["-D"] },
  { args: ["-", "-D"], values: {}, words: ["-", "-D"] },
  { args: ["-sd", "x", "-js", "-ms", "1"], values: { store_dir: "x", jetstream: true, https_port: 1 } },
  { args: ["--cluster_listen", "nats://h:1"], values: { cluster: "nats://h:1" } },
];

for (const { args, values, words } of READABLE) {
  test(`readFlags() ${JSON.stringify(args)}`, () => {
    const read = readFlags(args);
    assert.deepEqual(Object.fromEntries(read.values), values);
    assert.deepEqual(read.words, words ?? []);
  });
}

const UNREADABLE: ReadonlyArray<{ args: string[]; message: string }> = [
  { args: ["-xyz"], message: "flag provided but not defined: -xyz" },
  { args: ["--xyz=1"], message: "flag provided but not defined: -xyz" },
  { args: ["-p"], message: "flag needs an argument: -p" },
  { args: ["-p="], message: 'invalid value "" for flag -p: parse error' },
  { args: ["--port", "abc"], message: 'invalid value "abc" for flag -port: parse error' },
  { args: ["-p", "09"], message: 'invalid value "09" for flag -p: parse error' },
  { args: ["-p", "1__0"], message: 'invalid value "1__0" for flag -p: parse error' },
  { args: ["-p", "1_"], message: 'invalid value "1_" for flag -p: parse error' },
  {
    args: ["-p", "9223372036854775808"],
    message: 'invalid value "9223372036854775808" for flag -p: value out of range',
  },
  { args: ["-D=maybe"], message: 'invalid boolean value "maybe" for -D: parse error' },
  { args: ["-D="], message: 'invalid boolean value "" for -D: parse error' },
  { args: ["---p"], message: "bad flag syntax: ---p" },
  { args: ["-=3"], message: "bad flag syntax: -=3" },
  { args: ["--=3"], message: "bad flag syntax: --=3" },
  { args: ["-D", "-nope", "-p"], message: "flag provided but not defined: -nope" },
];

for (const { args, message } of UNREADABLE) {
  test(`readFlags() refuses ${JSON.stringify(args)}`, () => {
    assert.throws(
      () => readFlags(args),
      (error) => error instanceof FlagError && error.message === message,
    );
  });
}

test("FLAGS has no name twice", () => {
  const names = FLAGS.flatMap(({ name, aliases }) => [name, ...aliases]);
  assert.equal(new Set(names).size, names.length);
});
