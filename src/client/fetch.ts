/** KDC proxies by `fetch`, as browsers and other engines have it: MS-KKDCP without Node. */
import { concat } from '../base/bytes.ts';
import { KDC_PROXY_MEDIA_TYPE, MAX_KDC_PROXY_MESSAGE } from '../codec/kkdcp.ts';
import type { Network } from './failover.ts';

/** What is asked of `fetch`; the one of browsers, of Node and of others fits. */
export type Fetch = (url: string, request: FetchRequest) => Promise<FetchResponse>;

export interface FetchRequest {
  readonly method: 'POST';
  readonly headers: Record<string, string>;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  readonly redirect: 'error';
  readonly credentials: 'omit';
  readonly cache: 'no-store';
}

export interface FetchResponse {
  readonly status: number;
  readonly body: { getReader(): FetchReader } | null;
}

export interface FetchReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** A network of KDC proxies alone: UDP and TCP are out of a browser's reach. */
export function fetchNetwork(fetch: Fetch): Network {
  return {
    addresses: () => Promise.reject(new Error(ONLY_PROXIES)),
    async exchange({ url }, message, signal) {
      if (url === undefined) throw new Error(ONLY_PROXIES);
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': KDC_PROXY_MEDIA_TYPE },
        body: Uint8Array.from(message),
        signal,
        redirect: 'error',
        credentials: 'omit',
        cache: 'no-store',
      });
      const reader = response.body?.getReader();
      if (response.status !== 200) {
        await reader?.cancel();
        throw new Error(`answers with the HTTP status ${response.status}`);
      }
      return reader === undefined ? new Uint8Array(0) : readAll(reader);
    },
  };
}

const ONLY_PROXIES = 'only KDC proxies (https://…) can be reached from here';

async function readAll(reader: FetchReader): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(...pieces);
    if (value === undefined) continue;
    length += value.length;
    if (length > MAX_KDC_PROXY_MESSAGE) {
      await reader.cancel();
      throw new Error(`answers with more than ${MAX_KDC_PROXY_MESSAGE} bytes`);
    }
    pieces.push(value);
  }
}
