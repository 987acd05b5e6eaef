import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { type TestContext, test } from "node:test";
import { hashSync } from "@node-rs/bcrypt";
import { BcryptThread } from "./bcrypt-thread.ts";

function startThread(t: TestContext): BcryptThread {
  const thread = new BcryptThread();
  t.after(() => thread.stop());
  return thread;
}

/** The nice values of this process's threads, by number. */
function prioritiesOfThreads(): Map<string, number> {
  // The name of a thread, in brackets, may hold anything; behind it the nice value is the seventeenth field.
  const niceOf = (tid: string): number => {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, "latin1");
    return Number((stat.split(") ").at(-1) ?? "").split(" ")[16]);
  };
  const priorities = new Map<string, number>();
  for (const tid of readdirSync("/proc/self/task")) {
    try {
      priorities.set(tid, niceOf(tid));
    } catch (error) {
      // It has ended meanwhile: some other thread of Node's, or one that an earlier test has stopped.
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return priorities;
}

test("verify() knows passwords of every kind of hash, and takes what is no hash for a no", async (t) => {
  const thread = startThread(t);
  const hash = hashSync("s3cret", { cost: 4 });
  for (const kind of ["$2a", "$2b", "$2x", "$2y"]) {
    const same = kind + hash.slice(3);
    assert.equal(await thread.verify("s3cret", same), true, kind);
    assert.equal(await thread.verify("s3cre", same), false, kind);
  }
  for (const none of ["$2a$04$abc", "$2a$99$", "", "plain"]) assert.equal(await thread.verify("", none), false, none);
});

test("the thread has the lowest priority from its second check on, and no other thread has", {
  skip: process.platform !== "linux",
}, async (t) => {
  const own = getPriority();
  const before = prioritiesOfThreads();
  const thread = startThread(t);
  const changes = (): number[] =>
    [...prioritiesOfThreads()].filter(([tid, nice]) => nice !== (before.get(tid) ?? own)).map(([, nice]) => nice);
  await thread.verify("", "");
  assert.deepEqual(changes(), []);
  await thread.verify("", "");
  assert.deepEqual(changes(), [19]);
});

test("verify() rejects when the thread dies, and from then on", async (t) => {
  const thread = startThread(t);
  // A password that is no text ends the thread by an exception.
  await assert.rejects(thread.verify(null as unknown as string, ""), { code: "HASH_THREAD_ENDED" });
  assert.equal(thread.isOver, true);
  await assert.rejects(thread.verify("", ""), { code: "HASH_THREAD_ENDED" });
});

test("stop() answers no, and does not wait for the work", async (t) => {
  const thread = startThread(t);
  const hash = hashSync("s3cret", { cost: 4 });
  const answer = thread.verify("s3cret", hash);
  thread.stop();
  assert.equal(await answer, false);
  assert.equal(thread.isOver, true);
});
