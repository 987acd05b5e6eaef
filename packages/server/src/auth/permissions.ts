// What a user may do, compiled: made once for a user, shared by all its connections. The rules are the reference's
// (client.go canSubscribe, pubAllowedFullCheck, checkDenySub); where they differ, docs/compatibility.md says so.

import { isDeepStrictEqual } from "node:util";
import type { Random } from "@myelin/platform";
import type { PermissionOptions, ResponsePermission, SubjectPermission } from "./permission-options.ts";
import { SubjectPatterns } from "./subject-patterns.ts";

/** Compiled permissions. Subjects are asked for as bytes; asking allocates nothing. */
export class Permissions {
  /** What it was made of. */
  readonly options: PermissionOptions;
  /** Whether, and how, requests may be answered whose reply subject {@link mayPublish} does not allow. */
  readonly responses: ResponsePermission | null;
  readonly #publish: Sides;
  readonly #subscribe: Sides;
  #compared: { readonly with: Permissions; readonly isLike: boolean } | null = null;

  /** Compiles what a user was given; null when nothing is restricted. */
  static of(options: PermissionOptions | null, random: Random): Permissions | null {
    if (options === null) return null;
    const { publish, responses, subscribe } = options;
    return publish === null && subscribe === null && responses === null ? null : new Permissions(options, random);
  }

  /** @throws TypeError when an entry is no subject; options.ts has checked them all. */
  constructor(options: PermissionOptions, random: Random) {
    this.options = options;
    this.responses = options.responses;
    this.#publish = compile(publishSide(options), random);
    this.#subscribe = compile(options.subscribe, random);
  }

  /** Whether others say the same. The last answer is kept: after a reload all connections of a user ask the same. */
  isLike(others: Permissions): boolean {
    if (this.#compared?.with !== others) {
      others.#compared = null; // or each would keep the one before it, reload after reload
      this.#compared = { with: others, isLike: isDeepStrictEqual(this.options, others.options) };
    }
    return this.#compared.isLike;
  }

  /** Whether a message may be published to a subject, responses aside. */
  mayPublish(view: DataView, start: number, end: number): boolean {
    const { allow, deny } = this.#publish;
    return (allow === null || allow.has(view, start, end)) && (deny === null || !deny.has(view, start, end));
  }

  /**
   * Whether a subscription may be made. Its subject may have wildcards: what is allowed has to cover all of it; what is forbidden
   * refuses it only when it covers it, and is else kept back message by message, see {@link needsFilter}.
   */
  maySubscribe(view: DataView, start: number, end: number, queue: string | null): boolean {
    const { allow, deny } = this.#subscribe;
    return (
      (allow === null || allow.allows(view, start, end, queue)) &&
      (deny === null || !deny.denies(view, start, end, queue))
    );
  }

  /** Whether some messages for a subscription that may be made have to be kept back. Asked once, when it is made. */
  needsFilter(subject: string): boolean {
    return this.#subscribe.deny?.overlaps(subject) ?? false;
  }

  /** Whether a message has to be kept back from a subscription that {@link needsFilter}. */
  mayNotReceive(view: DataView, start: number, end: number, queue: string | null): boolean {
    return this.#subscribe.deny?.denies(view, start, end, queue) ?? false;
  }
}

interface Sides {
  /** Null: everything. */
  readonly allow: SubjectPatterns | null;
  /** Null: nothing. */
  readonly deny: SubjectPatterns | null;
}

/** Who may answer and has no list of what to publish publishes nothing else (opts.go parseUserPermissions). */
function publishSide({ publish, responses }: PermissionOptions): SubjectPermission | null {
  if (responses === null) return publish;
  return { allow: publish?.allow ?? [], deny: publish?.deny ?? [] };
}

function compile(permission: SubjectPermission | null, random: Random): Sides {
  if (permission === null) return { allow: null, deny: null };
  const { allow, deny } = permission;
  return {
    allow: allow === null ? null : new SubjectPatterns(allow, random.uint32()),
    deny: deny.length === 0 ? null : new SubjectPatterns(deny, random.uint32()),
  };
}
