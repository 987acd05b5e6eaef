// OpenTelemetry for a connection: spans for publish, request and process, and the W3C trace context in message headers.
//
// Works with any provider of @opentelemetry/api, and costs nothing for connections that are not wrapped. Attribute names
// follow the messaging conventions of OpenTelemetry.

import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapSetter,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { type HeadersInput, type MsgHdrs, MsgHdrsImpl } from "../headers.ts";
import type { Msg, Payload, PublishOptions } from "../message.ts";
import type { NatsConnection } from "../nats-connection.ts";
import type { RequestOptions } from "../request/options.ts";
import type { MsgCallback, SubscriptionOptions } from "../subscription/options.ts";
import type { Subscription } from "../subscription/subscription.ts";
import { version } from "../version.ts";

/** How to trace. */
export interface TracingOptions {
  /** Makes the spans; that of the global provider unless told otherwise. */
  tracer?: Tracer;
  /** The name that a subject stands for in span names, where subjects hold ids: `orders.17` as `orders.*`. */
  template?: (subject: string) => string;
}

const setter: TextMapSetter<MsgHdrs> = { set: (headers, key, value) => headers.set(key, value) };
const getter: TextMapGetter<MsgHdrs | undefined> = {
  keys: (headers) => headers?.keys() ?? [],
  get: (headers, key) => headers?.get(key) || undefined,
};

/**
 * Wraps a connection: what is published and requested through the wrapper gets spans and carries the trace on; callbacks
 * of its subscriptions run inside a span that continues the message's trace. Iterators are not wrapped: take
 * {@link contextOf} of each message.
 *
 * @example
 * const nc = traced(await connect());
 */
export function traced(nc: NatsConnection, options: TracingOptions = {}): NatsConnection {
  const spans = new Spans(nc, options);
  const overrides: Partial<NatsConnection> = {
    publish: (subject, payload, publishOptions) => spans.publish(subject, payload, publishOptions),
    request: (subject, payload, requestOptions) => spans.request(subject, payload, requestOptions),
    subscribe: (subject, subscriptionOptions) => spans.subscribe(subject, subscriptionOptions),
  };
  return new Proxy(nc, {
    get(target, name) {
      if (Object.hasOwn(overrides, name)) return overrides[name as keyof NatsConnection];
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** The trace that a message belongs to, for work that is done with it outside a callback. */
export function contextOf(msg: Msg): Context {
  return propagation.extract(ROOT_CONTEXT, msg.headers, getter);
}

class Spans {
  readonly #nc: NatsConnection;
  readonly #tracer: Tracer;
  readonly #template: (subject: string) => string;

  constructor(nc: NatsConnection, options: TracingOptions) {
    this.#nc = nc;
    this.#tracer = options.tracer ?? trace.getTracer("@myelin/client", version);
    this.#template = options.template ?? ((subject) => subject);
  }

  publish(subject: string, payload?: Payload, options?: PublishOptions): void {
    const span = this.#start("publish", "send", SpanKind.PRODUCER, subject, payload, context.active());
    try {
      this.#nc.publish(subject, payload, { ...options, headers: this.#carry(span, options?.headers) });
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  async request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg> {
    const span = this.#start("request", "send", SpanKind.CLIENT, subject, payload, context.active());
    try {
      return await this.#nc.request(subject, payload, { ...options, headers: this.#carry(span, options?.headers) });
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  subscribe(subject: string, options: SubscriptionOptions = {}): Subscription {
    const { callback } = options;
    if (callback === undefined) return this.#nc.subscribe(subject, options);
    return this.#nc.subscribe(subject, { ...options, callback: this.#wrap(callback, options.queue) });
  }

  #wrap(callback: MsgCallback<Msg>, queue: string | undefined): MsgCallback<Msg> {
    return (error, msg) => {
      if (error !== null) return callback(error, msg);
      const parent = contextOf(msg);
      const span = this.#start("process", "process", SpanKind.CONSUMER, msg.subject, msg.data, parent);
      if (queue !== undefined) span.setAttribute("messaging.consumer.group.name", queue);
      return context.with(trace.setSpan(parent, span), () => {
        try {
          const result = callback(null, msg);
          if (!(result instanceof Promise)) {
            span.end();
            return result;
          }
          return result.then(
            () => span.end(),
            (cause: unknown) => {
              fail(span, cause);
              span.end();
              throw cause;
            },
          );
        } catch (cause) {
          fail(span, cause);
          span.end();
          throw cause;
        }
      });
    };
  }

  #start(
    name: string,
    type: string,
    kind: SpanKind,
    subject: string,
    payload: Payload | undefined,
    parent: Context,
  ): Span {
    const template = this.#template(subject);
    const info = this.#nc.info;
    const attributes: Attributes = {
      "messaging.system": "nats",
      "messaging.operation.name": name,
      "messaging.operation.type": type,
      "messaging.destination.name": subject,
      "messaging.message.body.size":
        typeof payload === "string" ? new TextEncoder().encode(payload).length : (payload?.length ?? 0),
    };
    if (template !== subject) attributes["messaging.destination.template"] = template;
    if (info !== undefined) {
      attributes["server.address"] = info.host;
      attributes["server.port"] = info.port;
      attributes["messaging.client.id"] = String(info.client_id);
    }
    return this.#tracer.startSpan(`${name} ${template}`, { kind, attributes }, parent);
  }

  /** Headers with the trace of `span` in them; the caller's are not changed. */
  #carry(span: Span, given: HeadersInput | undefined): MsgHdrs {
    const headers = MsgHdrsImpl.copyOf(given);
    propagation.inject(trace.setSpan(context.active(), span), headers, setter);
    return headers;
  }
}

function fail(span: Span, error: unknown): void {
  const cause = error as Error & { code?: string };
  span.recordException(cause);
  span.setAttribute("error.type", cause.code ?? cause.name);
  span.setStatus({ code: SpanStatusCode.ERROR, message: cause.message });
}
