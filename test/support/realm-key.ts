import { writeFileSync } from 'node:fs';
import { openRealm } from '../../src/app/compose/realm.ts';
import { loadConfig } from '../../src/app/config/load.ts';
import { writeKeytab } from '../../src/codec/keytab.ts';
import { NameType } from '../../src/spec/name-types.ts';

/** Writes krbtgt's keys to a new keytab, straight from the store: the command line does not give them away. */
export async function writeRealmKey(configFile: string, path: string): Promise<void> {
  const config = loadConfig(configFile);
  const realm = await openRealm(config, { environment: {}, log: silent });
  try {
    const krbtgt = await realm.store.principals.find(`krbtgt/${config.realm}`);
    if (krbtgt === undefined) throw new Error('the realm has no krbtgt');
    const name = { nameType: NameType.SRV_INST, nameString: ['krbtgt', config.realm] };
    const entries = krbtgt.keys.map(({ kvno, key }) => ({
      realm: config.realm,
      name,
      timestamp: 0,
      kvno,
      key,
    }));
    writeFileSync(path, writeKeytab(entries), { mode: 0o600 });
  } finally {
    await realm.close();
  }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
