// The arena over one WebAssembly memory, or over a plain ArrayBuffer where that cannot be had.

import { type Arena, SLAB_CLASS_MAX } from "../arena.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const WASM_PAGE = 64 * KIB;

/** Reserved, mostly untouched: only slabs that were used once take real memory. */
const ARENA_BYTES = 128 * MIB;
const READ_BYTES = 64 * KIB;
const HEADROOM_BYTES = 128 * KIB;
/** Small slabs are cut out of the arena this many bytes at a time, so that classes do not interleave. */
const CHUNK_BYTES = 128 * KIB;

/** Test runners load modules more than once; the arena must not be. */
const ARENA_KEY = Symbol.for("myelin.arena.2");

// (module
//   (memory (import "m" "m") 1)
//   (func (export "c") (param $to i32) (param $from i32) (param $length i32)
//     (memory.copy (local.get $to) (local.get $from) (local.get $length)))
//   (func (export "x") (param $at i32) (param $end i32) (param $word i32)
//     sixteen bytes at a time, then four, then one by one))
// biome-ignore format: one section of the module, or one step, per line
const MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // magic, version
  0x01, 0x07, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x00, // types: (i32 i32 i32) -> ()
  0x02, 0x08, 0x01, 0x01, 0x6d, 0x01, 0x6d, 0x02, 0x00, 0x01, // imports: memory "m"."m", at least one page
  0x03, 0x03, 0x02, 0x00, 0x00, // functions: two of type 0
  0x07, 0x09, 0x02, 0x01, 0x63, 0x00, 0x00, 0x01, 0x78, 0x00, 0x01, // exports: function 0 as "c", 1 as "x"
  0x0a, 0x93, 0x01, 0x02, // code: two bodies
  0x0c, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfc, 0x0a, 0x00, 0x00, 0x0b, // the copy
  0x83, 0x01, 0x01, 0x01, 0x7b, 0x20, 0x02, 0xfd, 0x11, 0x21, 0x03, // the xor: a local of 128 bits, the word four times
  0x02, 0x40, 0x03, 0x40, 0x20, 0x00, 0x41, 0x10, 0x6a, 0x20, 0x01, 0x4b, 0x0d, 0x01, // while $at + 16 <= $end
  0x20, 0x00, 0x20, 0x00, 0xfd, 0x00, 0x00, 0x00, 0x20, 0x03, 0xfd, 0x51, 0xfd, 0x0b, 0x00, 0x00, // sixteen bytes
  0x20, 0x00, 0x41, 0x10, 0x6a, 0x21, 0x00, 0x0c, 0x00, 0x0b, 0x0b, // $at += 16
  0x02, 0x40, 0x03, 0x40, 0x20, 0x00, 0x41, 0x04, 0x6a, 0x20, 0x01, 0x4b, 0x0d, 0x01, // while $at + 4 <= $end
  0x20, 0x00, 0x20, 0x00, 0x28, 0x00, 0x00, 0x20, 0x02, 0x73, 0x36, 0x00, 0x00, // four bytes
  0x20, 0x00, 0x41, 0x04, 0x6a, 0x21, 0x00, 0x0c, 0x00, 0x0b, 0x0b, // $at += 4
  0x02, 0x40, 0x03, 0x40, 0x20, 0x00, 0x20, 0x01, 0x4f, 0x0d, 0x01, // while $at < $end
  0x20, 0x00, 0x20, 0x00, 0x2d, 0x00, 0x00, 0x20, 0x02, 0x73, 0x3a, 0x00, 0x00, // one byte
  0x20, 0x02, 0x41, 0x08, 0x76, 0x21, 0x02, // the next byte of the word
  0x20, 0x00, 0x41, 0x01, 0x6a, 0x21, 0x00, 0x0c, 0x00, 0x0b, 0x0b, 0x0b, // $at += 1
]);

type Copy = (to: number, from: number, length: number) => void;
type Xor = (start: number, end: number, word: number) => void;

/** The part of the WebAssembly API that is used here; Node's type package does not have it. */
interface WasmApi {
  Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
}

class NodeArena implements Arena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly readStart: number = WASM_PAGE + HEADROOM_BYTES;
  readonly readSize: number = READ_BYTES;
  readonly headroom: number = HEADROOM_BYTES;
  readonly kind: "wasm" | "plain";
  readonly copy: Copy;
  readonly xor: Xor;
  /** Offsets of free slabs, one stack per class. */
  readonly #free: number[][] = [];
  #top: number;
  #taken = 0;

  constructor(bytes: Uint8Array, kind: "wasm" | "plain", copy: Copy, xor: Xor) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.kind = kind;
    this.copy = copy;
    this.xor = xor;
    this.#top = this.readStart + READ_BYTES;
    for (let sizeClass = 0; sizeClass <= SLAB_CLASS_MAX; sizeClass++) this.#free.push([]);
  }

  take(sizeClass: number): number {
    const free = this.#free[sizeClass] as number[];
    if (free.length === 0 && !this.#cut(sizeClass, free)) return 0;
    this.#taken += 1 << sizeClass;
    return free.pop() as number;
  }

  give(offset: number, sizeClass: number): void {
    this.#taken -= 1 << sizeClass;
    (this.#free[sizeClass] as number[]).push(offset);
  }

  takenBytes(): number {
    return this.#taken;
  }

  /** Cuts a fresh chunk into slabs of one class; false when the arena is used up. */
  #cut(sizeClass: number, free: number[]): boolean {
    if (this.#top + CHUNK_BYTES > this.bytes.length) return false;
    const size = 1 << sizeClass;
    for (let offset = this.#top + CHUNK_BYTES - size; offset >= this.#top; offset -= size) free.push(offset);
    this.#top += CHUNK_BYTES;
    return true;
  }
}

/** An arena of its own, with `copyWithin` for the copies; also what tests use to see that nothing depends on WebAssembly. */
export function createPlainArena(size: number = ARENA_BYTES): Arena {
  const bytes = new Uint8Array(size);
  const copy: Copy = (to, from, length) => {
    bytes.copyWithin(to, from, from + length);
  };
  return new NodeArena(bytes, "plain", copy, plainXor(bytes));
}

function plainXor(bytes: Uint8Array): Xor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return (start, end, word) => {
    let at = start;
    for (; at + 4 <= end; at += 4) view.setInt32(at, view.getInt32(at, true) ^ word, true);
    for (let rest = word; at < end; at++, rest >>>= 8) view.setUint8(at, view.getUint8(at) ^ (rest & 0xff));
  };
}

function createWasmArena(wasm: WasmApi): Arena {
  const pages = ARENA_BYTES / WASM_PAGE;
  const memory = new wasm.Memory({ initial: pages, maximum: pages });
  const instance = new wasm.Instance(new wasm.Module(MODULE), { m: { m: memory } });
  const { c: copy, x: xor } = instance.exports;
  return new NodeArena(new Uint8Array(memory.buffer), "wasm", copy as Copy, xor as Xor);
}

/**
 * The arena of this process (of this thread, in a worker); made at the first call.
 * Where the address space is limited or WebAssembly is switched off, it is the plain one.
 * `MYELIN_ARENA=plain` in the environment asks for that.
 */
export function sharedArena(): Arena {
  const holder = globalThis as { [ARENA_KEY]?: Arena };
  return (holder[ARENA_KEY] ??= makeArena());
}

function makeArena(): Arena {
  const wasm = (globalThis as { WebAssembly?: WasmApi }).WebAssembly;
  if (wasm === undefined || process.env["MYELIN_ARENA"] === "plain") return createPlainArena();
  try {
    return createWasmArena(wasm);
  } catch {
    return createPlainArena(); // no room for WebAssembly's guard pages: `ulimit -v`, small containers
  }
}
