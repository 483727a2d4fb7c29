/** What runs in the browser: the client's portable entry, and a function of the page for the test to call. */
import {
  getInitialTicket,
  getServiceTicket,
  makeApReq,
  nameOf,
  parsePrincipal,
  portableClient,
  RealmwardError,
  showPrincipal,
} from '../../../src/client/portable.ts';

export interface PageLogin {
  readonly user: string;
  readonly password: string;
  readonly service: readonly string[];
  /** Servers of the user's realm. */
  readonly servers: readonly string[];
}

/** Plain data: it travels from the page to the test. */
export interface PageResult {
  readonly error?: string;
  readonly server?: string;
  readonly endtime?: number;
  /** An AP-REQ for the service. */
  readonly apReq?: readonly number[];
}

async function logIn({ user, password, service, servers }: PageLogin): Promise<PageResult> {
  const client = parsePrincipal(user);
  const context = portableClient({ realms: { [client.realm]: servers } });
  try {
    const tgt = await getInitialTicket(context, { client, proof: { password } });
    const { credential } = await getServiceTicket(context, tgt, { name: nameOf(...service) });
    const { message } = makeApReq(context.crypto, context.clock, credential);
    return { server: showPrincipal(credential.server), endtime: credential.endtime, apReq: [...message] };
  } catch (error) {
    if (error instanceof RealmwardError) return { error: error.code };
    throw error;
  }
}

Object.assign(globalThis, { logIn });
