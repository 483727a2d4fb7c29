/** What anybody may know: whether the server works, and where the realm is. */
import type { FastifyPluginAsync } from 'fastify';
import type { Clock } from '../base/ports.ts';
import { HttpError } from './errors.ts';

/** What a device may know before it has joined. It cannot know yet whom it asks: `ca` is worth what its fingerprint is compared with. */
export interface RealmInfo {
  readonly realm: string;
  /** As clients write them: `realm1.example:88`, `[2001:db8::1]:88`; of `https` the beginnings of URLs, and of `kdcProxy` whole ones. */
  readonly servers: {
    readonly kdc: readonly string[];
    readonly kpasswd: readonly string[];
    readonly https: readonly string[];
    readonly kdcProxy: readonly string[];
  };
  /** PEM of the CA behind the server's certificate; `null` where it is none that the server has. */
  readonly ca: string | null;
  /** SHA-256 of that certificate, or of the server's own: what `--fingerprint` of `realmward join` wants. */
  readonly fingerprint: string;
}

export interface RealmRoutesOptions {
  readonly info: () => RealmInfo;
  readonly clock: Clock;
  /** Resolves where the realm can answer; rejects where it cannot. */
  readonly check: () => Promise<void>;
}

/** `GET /v1/realm` and `GET /v1/health`. */
export function realmRoutes({ info, clock, check }: RealmRoutesOptions): FastifyPluginAsync {
  return async (app) => {
    app.get('/v1/realm', async () => ({
      ...info(),
      time: new Date(Math.floor(clock.microseconds() / 1000)).toISOString(),
    }));

    app.get('/v1/health', async () => {
      try {
        await check();
        return { status: 'ok' };
      } catch (cause) {
        throw new HttpError(503, 'unhealthy', 'The realm cannot answer at the moment.', {
          hint: 'The log of the server says why.',
          cause,
        });
      }
    });
  };
}
