// A process that touches memory and ends, which gives it back: takes `{ "bytes": N }` as its only argument. See memory.ts.

const PIECE_BYTES = 64 * 1024 ** 2;

const { bytes } = JSON.parse(process.argv[2] ?? '{ "bytes": 0 }') as { bytes: number };
const held: Buffer[] = [];
for (let touched = 0; touched < bytes; touched += PIECE_BYTES) held.push(Buffer.alloc(PIECE_BYTES, 1));
process.stdout.write(JSON.stringify({ pieces: held.length }));
