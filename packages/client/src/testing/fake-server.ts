// A server that says exactly what a test tells it to: for hostile and broken servers.

import { createServer, type Server, type Socket } from "node:net";

/** INFO of a harmless server; fields can be replaced. */
export function infoLine(fields: Record<string, unknown> = {}): string {
  const info = {
    server_id: "FAKE",
    server_name: "fake",
    version: "2.15.1",
    go: "none",
    host: "127.0.0.1",
    port: 4222,
    headers: true,
    max_payload: 1_048_576,
    proto: 1,
    client_id: 1,
    ...fields,
  };
  return `INFO ${JSON.stringify(info)}\r\n`;
}

/** What a test does with one connection. `line` gives the next line that the client sends. */
export type Script = (socket: Socket, line: () => Promise<string>) => Promise<void> | void;

/** Listens on a free port and runs a script per connection. */
export class FakeServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly port: number;
  accepted = 0;

  private constructor(server: Server, script: Script) {
    this.#server = server;
    const address = server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    server.on("connection", (socket) => {
      this.accepted++;
      this.#sockets.add(socket);
      socket.on("error", () => {}); // clients that are cut off are the point of these tests
      socket.on("close", () => this.#sockets.delete(socket));
      void Promise.resolve(script(socket, lineReader(socket)));
    });
  }

  static async start(script: Script): Promise<FakeServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new FakeServer(server, script);
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The whole greeting: INFO, then PONG once CONNECT and PING have come; afterwards PINGs are answered. */
export async function greet(
  socket: Socket,
  line: () => Promise<string>,
  fields?: Record<string, unknown>,
): Promise<string> {
  socket.write(infoLine(fields));
  const connect = await line();
  await line();
  socket.write("PONG\r\n");
  return connect;
}

function lineReader(socket: Socket): () => Promise<string> {
  let text = "";
  let wake: (() => void) | null = null;
  socket.setEncoding("latin1");
  socket.on("data", (more: string) => {
    text += more;
    wake?.();
  });
  return async () => {
    for (;;) {
      const end = text.indexOf("\r\n");
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        return line;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}
