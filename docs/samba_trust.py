#!/usr/bin/python3
"""The Samba side of a trust with a Kerberos realm: makes, changes, shows and removes the trusted domain object. Run it as root on a domain
controller; samba-tool can only make trusts with other domains of Windows.

  samba_trust.py set REALM --netbios NAME --sid SID [--direction both] [--suffix DNS-NAME ...]
  samba_trust.py show REALM
  samba_trust.py remove REALM

`set` asks for the shared secret, or reads it from standard input where that is no terminal. For a trust that exists it changes the secret: the
domain goes on using the one before it for an hour, and accepts both."""
import argparse, getpass, struct, sys, time
import ldb
from samba import unix2nttime
from samba.auth import system_session
from samba.dcerpc import drsblobs, lsa, security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

# trustDirection, as AD counts: inbound is "they trust us", so that users of AD go there.
DIRECTIONS = {'inbound': lsa.LSA_TRUST_DIRECTION_INBOUND, 'outbound': lsa.LSA_TRUST_DIRECTION_OUTBOUND,
              'both': lsa.LSA_TRUST_DIRECTION_INBOUND | lsa.LSA_TRUST_DIRECTION_OUTBOUND}
FOREST_TRANSITIVE = lsa.LSA_TRUST_ATTRIBUTE_FOREST_TRANSITIVE
# Secrets are given to those alone who ask for them by name.
ATTRIBUTES = ['trustPartner', 'trustDirection', 'msDS-SupportedEncryptionTypes', 'trustAuthIncoming']
AES = security.KERB_ENCTYPE_AES128_CTS_HMAC_SHA1_96 | security.KERB_ENCTYPE_AES256_CTS_HMAC_SHA1_96


def open_directory(smb_conf=None):
    lp = LoadParm()
    lp.load(smb_conf) if smb_conf else lp.load_default()
    return SamDB(url=lp.private_path('sam.ldb'), session_info=system_session(), lp=lp)


def trust_dn(db, realm):
    dn = ldb.Dn(db, 'CN=realm,CN=System,%s' % db.domain_dn())
    dn.set_component(0, 'CN', realm)
    return dn


def find_trust(db, realm):
    try:
        return db.search(base=trust_dn(db, realm), scope=ldb.SCOPE_BASE, attrs=ATTRIBUTES)[0]
    except ldb.LdbError as error:
        if error.args[0] != ldb.ERR_NO_SUCH_OBJECT: raise
        return None


def secret(password, version, changed):
    """AuthenticationInformationArray: the secret in clear text and, unless `version` is None, the number of its keys (kvno)."""
    def information(kind, value):
        entry = drsblobs.AuthenticationInformation()
        entry.LastUpdateTime, entry.AuthType, entry.AuthInfo = unix2nttime(changed), kind, value
        return entry
    clear = drsblobs.AuthInfoClear()
    clear.password = list(password.encode('utf-16-le'))
    clear.size = len(password.encode('utf-16-le'))
    entries = [information(lsa.TRUST_AUTH_TYPE_CLEAR, clear)]
    if version is not None:
        number = drsblobs.AuthInfoVersion()
        number.version = version
        entries.append(information(lsa.TRUST_AUTH_TYPE_VERSION, number))
    array = drsblobs.AuthenticationInformationArray()
    array.count, array.array = len(entries), entries
    return array


def secrets(current, previous):
    """trustAuthIncoming and trustAuthOutgoing; `previous` is what the KDC goes on using in the hour after the change."""
    both = drsblobs.trustAuthInOutBlob()
    both.current, both.previous, both.count = current, previous, current.count
    return ndr_pack(both)


def current_secret(trust):
    """The secret that a trust has, and its number; None and 0 where there is no trust."""
    if trust is None: return None, 0
    array = ndr_unpack(drsblobs.trustAuthInOutBlob, trust['trustAuthIncoming'][0]).current
    version = next((entry.AuthInfo.version for entry in array.array if entry.AuthType == lsa.TRUST_AUTH_TYPE_VERSION), 0)
    return array, version


def top_level_names(names):
    """msDS-TrustForestTrustInfo (MS-ADTS 6.1.6.9.3.1): the DNS suffixes whose services this domain refers to the other realm."""
    records = b''
    for name in names:
        record = struct.pack('<IQBI', 0, unix2nttime(int(time.time())), 0, len(name)) + name.encode()
        records += struct.pack('<I', len(record)) + record
    blob = struct.pack('<II', 1, len(names)) + records
    ndr_unpack(drsblobs.ForestTrustInfo, blob)
    return blob


def write_trust(db, realm, netbios, sid, direction, attributes, enctypes, suffixes, current, previous):
    """Makes the trusted domain object, or replaces the one that is there."""
    dn = trust_dn(db, realm)
    message = {
        'dn': dn, 'objectClass': 'trustedDomain', 'trustPartner': realm, 'flatName': netbios,
        # Not TRUST_TYPE_MIT, of which Samba's KDC takes no notice.
        'trustType': str(lsa.LSA_TRUST_TYPE_UPLEVEL), 'trustDirection': str(direction), 'trustAttributes': str(attributes),
        'securityIdentifier': ndr_pack(security.dom_sid(sid)),
        # Incoming: the key of krbtgt/REALM@AD, with which AD's users go there. Outgoing: of krbtgt/AD@REALM.
        'trustAuthIncoming': secrets(current, previous), 'trustAuthOutgoing': secrets(current, previous),
    }
    if enctypes is not None: message['msDS-SupportedEncryptionTypes'] = str(enctypes)
    if suffixes: message['msDS-TrustForestTrustInfo'] = top_level_names(suffixes)
    db.transaction_start()
    try:
        if find_trust(db, realm) is not None: db.delete(dn)
        db.add(message)
    except BaseException:
        db.transaction_cancel()
        raise
    db.transaction_commit()


def set_command(db, options):
    password = getpass.getpass('Shared secret: ') if sys.stdin.isatty() else sys.stdin.readline().rstrip('\n')
    if sys.stdin.isatty() and password != getpass.getpass('Once more: '): sys.exit('The two are not the same; nothing was changed.')
    if not password: sys.exit('There is no secret; nothing was changed.')
    before, version = current_secret(find_trust(db, options.realm))
    current = secret(password, version + 1, int(time.time()))
    suffixes = options.suffix or [options.realm.lower()]
    write_trust(db, options.realm, options.netbios, options.sid, DIRECTIONS[options.direction], FOREST_TRANSITIVE, AES, suffixes,
                current, current if before is None else before)
    show_command(db, options)


def show_command(db, options):
    trust = find_trust(db, options.realm)
    if trust is None: sys.exit('There is no trust with %s. Realm names are case-sensitive.' % options.realm)
    direction = int(str(trust['trustDirection'][0]))
    print('Trust with %s' % trust['trustPartner'][0])
    print('  direction, as this domain counts: %s' % next(name for name, value in DIRECTIONS.items() if value == direction))
    print('  our users go there:   %s' % ('yes' if direction & DIRECTIONS['inbound'] else 'no'))
    print('  their users come here: %s' % ('yes' if direction & DIRECTIONS['outbound'] else 'no'))
    print('  encryption types (8 aes128, 16 aes256): %s' % trust.get('msDS-SupportedEncryptionTypes', ['not set'])[0])
    print('  secret number %d' % current_secret(trust)[1])


def remove_command(db, options):
    if find_trust(db, options.realm) is None: sys.exit('There is no trust with %s.' % options.realm)
    db.delete(trust_dn(db, options.realm))
    print('Removed. Tickets that were issued go on until they end.')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('-s', '--smb-conf', help='smb.conf of the domain controller, where it is not the usual one')
    commands = parser.add_subparsers(dest='command', required=True)
    for name, run in (('set', set_command), ('show', show_command), ('remove', remove_command)):
        command = commands.add_parser(name)
        command.add_argument('realm', help='name of the realm, exactly as it writes it')
        command.set_defaults(run=run)
        if name != 'set': continue
        command.add_argument('--netbios', required=True, help='a short name for the realm, unlike any other here')
        command.add_argument('--sid', required=True, help='SID of the realm')
        command.add_argument('--direction', choices=DIRECTIONS, default='both', help='as this domain counts; default both')
        command.add_argument('--suffix', action='append', help="DNS suffix of the realm's hosts; default its name in lower case")
    options = parser.parse_args()
    options.run(open_directory(options.smb_conf), options)


if __name__ == '__main__': main()
