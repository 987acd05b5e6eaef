import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import {
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { SERVERS } from "./fixtures/servers.ts";
import { connect, SILENT_LOGGER } from "./node.ts";
import { contextOf, traced } from "./otel/index.ts";

interface Recorded {
  name: string;
  attributes: Record<string, unknown>;
  spanId: string;
  parentId: string | undefined;
  traceId: string;
  ended: boolean;
  error: string | undefined;
}

/** A tracer that writes down what it is told. */
function recorder(): { tracer: Tracer; spans: Recorded[] } {
  const spans: Recorded[] = [];
  let last = 0;
  const id = (length: number): string => (++last).toString(16).padStart(length, "0");
  const startSpan = (name: string, options: SpanOptions = {}, parent: Context = ROOT_CONTEXT): Span => {
    const above = trace.getSpanContext(parent);
    const spanContext: SpanContext = { traceId: above?.traceId ?? id(32), spanId: id(16), traceFlags: 1 };
    const record: Recorded = {
      name,
      attributes: { ...options.attributes },
      spanId: spanContext.spanId,
      parentId: above?.spanId,
      traceId: spanContext.traceId,
      ended: false,
      error: undefined,
    };
    spans.push(record);
    const span = {
      spanContext: () => spanContext,
      setAttribute: (key: string, value: unknown) => {
        record.attributes[key] = value;
        return span;
      },
      recordException: (error: Error) => {
        record.error = error.message;
      },
      setStatus: () => span,
      end: () => {
        record.ended = true;
      },
    };
    return span as unknown as Span;
  };
  return { tracer: { startSpan } as unknown as Tracer, spans };
}

for (const kind of SERVERS) {
  test(`traced() carries one trace from a request through its handler and back, ${kind.name}`, {
    skip: kind.skip,
  }, async () => {
    const storage = new AsyncLocalStorage<Context>();
    const manager: ContextManager = {
      active: () => storage.getStore() ?? ROOT_CONTEXT,
      with: (ctx, run, self, ...args) => storage.run(ctx, () => run.apply(self as never, args)),
      bind: (_ctx, target) => target,
      enable: () => manager,
      disable: () => manager,
    };
    context.setGlobalContextManager(manager);
    propagation.setGlobalPropagator({
      fields: () => ["traceparent"],
      inject(ctx, carrier, setter) {
        const span = trace.getSpanContext(ctx);
        if (span !== undefined) setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-01`);
      },
      extract(ctx, carrier, getter) {
        const [, traceId, spanId] = String(getter.get(carrier, "traceparent") ?? "").split("-");
        if (traceId === undefined || spanId === undefined) return ctx;
        return trace.setSpanContext(ctx, { traceId, spanId, traceFlags: 1, isRemote: true });
      },
    });
    const { tracer, spans } = recorder();
    await using server = await kind.start();
    const plain = await connect({ port: server.port, logger: SILENT_LOGGER });
    const nc = traced(plain, { tracer, template: (subject) => subject.replace(/\d+/, "*") });
    nc.subscribe("audit");
    const audit = plain.subscribe("audit");
    nc.subscribe("orders.*", {
      queue: "w",
      callback: async (_error, msg) => {
        await Promise.resolve();
        nc.publish("audit", "seen", { headers: { mine: "1" } });
        msg.respond("ok");
      },
    });
    assert.equal((await nc.request("orders.17", "x")).string(), "ok");
    const seen = await audit.nextMsg({ timeout: 2000 });
    assert.equal(seen.headers?.get("mine"), "1");
    const [request, process, publish] = spans as [Recorded, Recorded, Recorded];
    assert.deepEqual(
      spans.map(({ name, ended }) => [name, ended]),
      [
        ["request orders.*", true],
        ["process orders.*", true],
        ["publish audit", true],
      ],
    );
    assert.equal(process.parentId, request.spanId);
    assert.equal(publish.parentId, process.spanId);
    assert.equal(trace.getSpanContext(contextOf(seen))?.traceId, request.traceId);
    assert.equal(process.attributes["messaging.consumer.group.name"], "w");
    assert.equal(request.attributes["messaging.destination.template"], "orders.*");
    await assert.rejects(nc.request("nobody"));
    assert.match(spans.at(-1)?.error ?? "", /no responders/);
    await nc.close();
    assert.equal(nc.state, "closed");
  });
}
