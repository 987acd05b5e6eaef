import assert from "node:assert/strict";
import { test } from "node:test";
import { BcryptQueue } from "./bcrypt-queue.ts";

/** Work that ends when the test says so. */
class Work {
  readonly started: string[] = [];
  readonly #ends: Array<(isRight: boolean) => void> = [];
  readonly verify = (password: string): Promise<boolean> => {
    this.started.push(password);
    return new Promise((resolve) => this.#ends.push(resolve));
  };

  async end(isRight = true): Promise<void> {
    this.#ends.shift()?.(isRight);
    await new Promise(setImmediate);
  }
}

const isWanted = (): boolean => true;

test("verify() knows passwords of every kind of hash, and takes what is no hash for a no", async () => {
  const queue = new BcryptQueue();
  const hash = "$04$D0T2vHfDZXGsfPaSrdyLiulfgUyMUOCgFEgAVnV8KwhBn6lOBEj4K";
  const { hash: make } = await import("@node-rs/bcrypt");
  const own = await make("s3cret", { cost: 4 });
  for (const kind of ["$2a", "$2b", "$2y"]) {
    const same = kind + own.slice(3);
    assert.equal(await queue.verify("s3cret", same, isWanted), true, kind);
    assert.equal(await queue.verify("s3cre", same, isWanted), false, kind);
  }
  assert.equal(await queue.verify("no such password", `$2a${hash}`, isWanted), false);
  for (const none of ["$2a$04$abc", "$2a$99$", "", "plain"])
    assert.equal(await queue.verify("", none, isWanted), false, none);
});

test("verify() runs two at a time, in the order of arrival", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify);
  const results: Array<readonly [string, boolean]> = [];
  for (const name of ["a", "b", "c", "d"])
    void queue.verify(name, "", isWanted).then((right) => results.push([name, right]));
  await new Promise(setImmediate);
  assert.deepEqual(work.started, ["a", "b"]);
  assert.equal(queue.waitingCount, 2);
  await work.end();
  assert.deepEqual(work.started, ["a", "b", "c"]);
  await work.end(false);
  await work.end();
  await work.end();
  assert.deepEqual(results, [
    ["a", true],
    ["b", false],
    ["c", true],
    ["d", true],
  ]);
  assert.equal(queue.waitingCount, 0);
});

test("verify() spares the work for who has gone", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify);
  let isHere = true;
  void queue.verify("a", "", isWanted);
  void queue.verify("b", "", isWanted);
  const gone = queue.verify("c", "", () => isHere);
  const last = queue.verify("d", "", isWanted);
  isHere = false;
  await work.end();
  assert.equal(await gone, false);
  assert.deepEqual(work.started, ["a", "b", "d"]);
  await work.end();
  await work.end();
  assert.equal(await last, true);
});

test("verify() refuses who comes when 256 wait, and goes on after a failure", async () => {
  let fails = 0;
  const work = new Work();
  const queue = new BcryptQueue((password) => {
    if (password !== "bad") return work.verify(password);
    fails++;
    return Promise.reject(new Error("broken"));
  });
  void queue.verify("a", "", isWanted);
  void queue.verify("b", "", isWanted);
  const bad = queue.verify("bad", "", isWanted);
  const waiting = Array.from({ length: 255 }, (_, at) => queue.verify(String(at), "", isWanted));
  await assert.rejects(queue.verify("x", "", isWanted), { code: "TOO_MANY_LOGINS" });
  const failed = assert.rejects(bad, /broken/);
  await work.end();
  await failed;
  assert.equal(fails, 1);
  for (let i = 0; i < 256; i++) await work.end();
  assert.equal((await Promise.all(waiting)).every(Boolean), true);
});

test("verify() does the work once for all who ask the same at the same time", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify);
  const same = Array.from({ length: 1_000 }, () => queue.verify("a", "hash", isWanted));
  const other = queue.verify("a", "another hash", isWanted);
  assert.deepEqual(work.started, ["a", "a"]);
  await work.end();
  assert.ok((await Promise.all(same)).every(Boolean));
  await work.end();
  assert.equal(await other, true);
  // The answer is not kept.
  const later = queue.verify("a", "hash", isWanted);
  assert.equal(work.started.length, 3);
  await work.end();
  assert.equal(await later, true);
});

test("verify() spares the work only when none of those who ask is there any more", async () => {
  const work = new Work();
  const queue = new BcryptQueue(work.verify);
  void queue.verify("a", "", isWanted);
  void queue.verify("b", "", isWanted);
  const gone = queue.verify("c", "", () => false);
  const here = queue.verify("c", "", isWanted);
  await work.end();
  assert.deepEqual(work.started, ["a", "b", "c"]);
  await work.end();
  await work.end();
  assert.deepEqual(await Promise.all([gone, here]), [true, true]);
});
