import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { useServer, waitFor } from "@myelin/testing";
import { connect } from "@nats-io/transport-node";

const server = useServer({ before, after, beforeEach }, { run: "in-process" });

test("an order is confirmed", async () => {
  const nc = await connect({ servers: server.url });
  nc.subscribe("orders.new", { callback: (_error, order) => order.respond(`confirmed: ${order.string()}`) });
  const answer = await nc.request("orders.new", "two cups");
  assert.equal(answer.string(), "confirmed: two cups");
  await nc.close();
});

test("a client that was cut off comes back", async () => {
  const nc = await connect({ servers: server.url, reconnectTimeWait: 10 });
  const { port } = server;
  const cut = server.faults.cut();
  await waitFor(() => server.server.connectionCount === 0);
  cut.undo();
  await waitFor(() => server.server.connectionCount === 1);
  assert.equal(server.port, port);
  await nc.close();
});

test("an hour passes in no time", async () => {
  const nc = await connect({ servers: server.url });
  server.clock.stop();
  await server.clock.advance("1h");
  assert.equal(nc.isClosed(), false);
  await nc.close();
});
