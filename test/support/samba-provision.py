#!/usr/bin/python3
"""Makes and changes the directory of a Samba Active Directory domain controller: what samba-ad.ts asks of it.

  samba-provision.py ACTION DIR < JSON > JSON

DIR is the controller's folder with its smb.conf; the controller may be running, it sees each change at its next request. Nothing outside of
DIR is read or written, and nothing here needs root. Debian packages: samba-ad-provision samba-dsdb-modules python3-samba."""
import json, logging, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs'))
import ldb
from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
import samba.dckeytab                        # gives Net its export_keytab
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB
from samba_trust import secret, write_trust

GROUP_TYPES = {
    'global': dsdb.GTYPE_SECURITY_GLOBAL_GROUP,
    'universal': dsdb.GTYPE_SECURITY_UNIVERSAL_GROUP,
    'local': dsdb.GTYPE_SECURITY_DOMAIN_LOCAL_GROUP,
    'distribution': dsdb.GTYPE_DISTRIBUTION_GLOBAL_GROUP,
}
NEVER = -0x8000000000000000


class Directory:
    def __init__(self, folder):
        self.folder = folder
        self.lp = LoadParm()
        self.lp.load(folder + '/smb.conf')
        self.db = SamDB(url=folder + '/private/sam.ldb', session_info=system_session(), lp=self.lp)

    def account(self, name, *attributes):
        found = self.db.search(base=self.db.domain_dn(), expression='(sAMAccountName=%s)' % ldb.binary_encode(name),
                               attrs=['objectSid', *attributes])
        if not found: raise SystemExit('no account is named ' + name)
        return found[0]

    def sid(self, name):
        return str(ndr_unpack(security.dom_sid, self.account(name)['objectSid'][0]))

    def replace(self, dn, **attributes):
        """Sets attributes to a value; None takes them away."""
        message = ldb.Message(dn if isinstance(dn, ldb.Dn) else ldb.Dn(self.db, dn))
        for name, value in attributes.items():
            name = name.replace('_', '-')
            message[name] = ldb.MessageElement([] if value is None else value, ldb.FLAG_MOD_REPLACE, name)
        self.db.modify(message)


def provision(folder, facts):
    """A new domain with its groups and users; gives their SIDs by name. The smb.conf is for what follows: provisioning writes one of its own."""
    from samba.provision import provision as make
    log = logging.getLogger('provision')
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.WARNING)
    nothing = LoadParm()
    nothing.load('/dev/null')             # else Debian's /etc/samba/smb.conf is read
    make(log, system_session(), smbconf=None, targetdir=folder, realm=facts['realm'], domain=facts['netbios'], hostname='dc1',
         hostip='127.0.0.1', domainsid=security.dom_sid(facts['domainSid']), adminpass=facts['adminPassword'],
         serverrole='active directory domain controller', dom_for_fun_level=dsdb.DS_DOMAIN_FUNCTION_2008_R2, dns_backend='NONE',
         lp=nothing, use_ntvfs=False, batch_mode=True,
         skip_sysvolacl=True)             # what samba-tool cannot leave out: file ownership, and so root
    directory = Directory(folder)
    db = directory.db
    # Passwords of these users grow old with the template of the folder.
    directory.replace(db.domain_dn(), maxPwdAge=str(NEVER))
    for user in facts['users']:
        db.newuser(user['name'], user['password'])
        directory.replace(directory.account(user['name']).dn, userPrincipalName=user['upn'])
        if user.get('service'):           # 8 is aes128, 16 is aes256
            directory.replace(directory.account(user['name']).dn, servicePrincipalName=user['service'],
                              msDS_SupportedEncryptionTypes='24')
        if not user['enabled']: db.disable_account('(sAMAccountName=%s)' % user['name'])
    for group in facts['groups']: db.newgroup(group['name'], grouptype=GROUP_TYPES[group['type']])
    for group in facts['groups']: db.add_remove_group_members(group['name'], group['members'], add_members_operation=True)
    return {account['name']: directory.sid(account['name']) for account in [*facts['users'], *facts['groups']]}


def set_trust(folder, trust):
    """Makes the trusted domain object with this partner anew, as docs/samba_trust.py does for operators, with more liberties."""
    current = secret(trust['password'], trust['kvno'], trust['changed'])
    # Where there is none, LSA writes the present one there, too.
    previous = current if trust['previousPassword'] is None else secret(
        trust['previousPassword'], None if trust['kvno'] is None else trust['kvno'] - 1, trust['changed'])
    write_trust(Directory(folder).db, trust['realm'], trust['netbios'], trust['sid'], trust['direction'], trust['attributes'],
                trust['enctypes'], trust['topLevelNames'], current, previous)


def members(folder, change):
    Directory(folder).db.add_remove_group_members(change['group'], [change['member']], add_members_operation=change['add'])


def enable(folder, change):
    db, who = Directory(folder).db, '(sAMAccountName=%s)' % change['user']
    if change['enabled']: db.enable_account(who)
    else: db.disable_account(who)


def set_password(folder, change):
    Directory(folder).db.setpassword('(sAMAccountName=%s)' % change['user'], change['password'],
                                     force_change_at_next_login=change['mustChange'])


def set_upn(folder, change):
    directory = Directory(folder)
    directory.replace(directory.account(change['user']).dn, userPrincipalName=change['upn'])


def set_lockout(folder, change):
    """Windows' own default is 0: no account is ever locked, and nothing is counted."""
    directory = Directory(folder)
    directory.replace(directory.db.domain_dn(), lockoutThreshold=str(change['threshold']))


def set_password_age(folder, change):
    """How old a password must be before its user may change it, in days."""
    directory = Directory(folder)
    directory.replace(directory.db.domain_dn(), minPwdAge=str(-change['days'] * 864000000000))


def failed_logons(folder, question):
    account = Directory(folder).account(question['user'], 'badPwdCount', 'lockoutTime')
    value = lambda name: int(str(account.get(name, ['0'])[0]))
    return {'count': value('badPwdCount'), 'locked': value('lockoutTime') != 0}


def keytab(folder, request):
    directory = Directory(folder)
    for principal in request['principals']: Net(None, directory.lp).export_keytab(keytab=request['file'], principal=principal)


ACTIONS = {f.__name__: f for f in (provision, set_trust, members, enable, set_password, set_upn, set_lockout, set_password_age, failed_logons, keytab)}
json.dump(ACTIONS[sys.argv[1]](sys.argv[2], json.load(sys.stdin)), sys.stdout)
