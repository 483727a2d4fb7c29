/** Work that is done one after another, with a bound on what waits. */
export interface Queue {
  /** Does `work` when all that came before is done; `undefined` where too much waits already, of this client or of all. */
  run<T>(client: string, work: () => Promise<T>): Promise<T> | undefined;
}

/** Makes a queue in which `waiting` pieces of work have room, `perClient` of each client. */
export function createQueue({ waiting, perClient }: { waiting: number; perClient: number }): Queue {
  const counts = new Map<string, number>();
  let total = 0;
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(client, work) {
      const own = counts.get(client) ?? 0;
      if (total >= waiting || own >= perClient) return undefined;
      total++;
      counts.set(client, own + 1);
      const done = last.then(work).finally(() => {
        total--;
        const left = (counts.get(client) ?? 1) - 1;
        if (left === 0) counts.delete(client);
        else counts.set(client, left);
      });
      last = done.catch(() => undefined);
      return done;
    },
  };
}
