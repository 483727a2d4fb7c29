import { fileURLToPath } from 'node:url';
import type { Session } from './session.ts';

/** What a service learned of a client whose tickets are in the session's cache. */
export interface Accepted {
  readonly client: string;
  readonly established: boolean;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly sealed: string;
}

/** Lets the session's owner speak to a service by MIT's GSS-API; rejects when they do not come to terms. */
export async function speakTo(session: Session, principal: string, keytab: string): Promise<Accepted> {
  const { code, stdout, output } = await session.run('/usr/bin/python3', [ACCEPTOR, principal, keytab]);
  if (code !== 0) throw new Error(output);
  return JSON.parse(stdout) as Accepted;
}

const ACCEPTOR = fileURLToPath(new URL('acceptor.py', import.meta.url));
