// Looks at the first bytes of a socket that nobody reads from yet.

import type { Socket } from "node:net";

const NOTHING = Buffer.alloc(0);

/**
 * Shows `look` what comes until it has seen enough, and puts what it does not take back into the socket's buffer.
 *
 * @param look - See `Duplex.peek`.
 * @returns Stops looking, with everything that was not taken back in its place.
 */
export function peekSocket(
  socket: Socket,
  look: (bytes: Uint8Array) => number,
  done: (gone: boolean) => void,
): () => void {
  let seen: Buffer = NOTHING;
  const stop = (): void => {
    socket.off("readable", read).off("end", gone).off("close", gone);
    if (seen.length > 0) socket.unshift(seen);
    seen = NOTHING;
  };
  const gone = (): void => {
    stop();
    done(true);
  };
  const read = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return; // 'end' follows
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const taken = look(seen);
    if (taken < 0) return;
    seen = seen.subarray(taken);
    stop();
    done(false);
  };
  socket.on("readable", read).on("end", gone).on("close", gone);
  return stop;
}
