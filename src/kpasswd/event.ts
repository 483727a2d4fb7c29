import type { KpasswdReason } from './reason.ts';

/** What is told about each request: one log line (docs/events.md). No secret is ever part of it. */
export interface KpasswdEvent {
  /** `changed`: somebody's own password; `set`: that of somebody else; `joined`: the key of a new device. */
  readonly outcome: 'changed' | 'set' | 'joined' | 'refused' | 'dropped';
  /** Why nothing was changed. */
  readonly reason: KpasswdReason | undefined;
  /** One sentence more than the reason's own, with the particulars. */
  readonly detail: string | undefined;
  readonly transport: string;
  readonly address: string;
  readonly port: number;
  /** `name@REALM`: who asks, once its ticket was accepted, and whose password it is about, where that is somebody else. */
  readonly client: string | undefined;
  readonly target: string | undefined;
}
