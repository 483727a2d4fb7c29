#!/usr/bin/python3
"""Samba's own acceptor, with the machine account of its domain controller: takes a GSS-API token of MIT's client, verifies ticket and PAC as a
Samba server does, and says in JSON whom it takes the client for.

  samba-acceptor.py PRINCIPAL DIR     the client's tickets are in $KRB5CCNAME; DIR is the controller's folder"""
import json, sys
import gssapi
from samba import auth, gensec
from samba.credentials import Credentials
from samba.param import LoadParm

principal, folder = sys.argv[1:]
lp = LoadParm()
lp.load(folder + '/smb.conf')
machine = Credentials()
machine.guess(lp)
machine.set_machine_account(lp)
server = gensec.Security.start_server(settings={'lp_ctx': lp, 'target_hostname': 'dc1'}, auth_context=auth.AuthContext(lp_ctx=lp))
server.set_credentials(machine)
server.start_mech_by_name('gssapi_krb5')
client = gssapi.SecurityContext(name=gssapi.Name(principal, gssapi.NameType.kerberos_principal), mech=gssapi.MechType.kerberos,
                                usage='initiate', flags=gssapi.RequirementFlag.mutual_authentication)
token, finished = client.step(), False
while not finished:
    finished, reply = server.update(token)
    if not client.complete: token = client.step(reply)
session = server.session_info()
json.dump({'established': client.complete, 'sids': [str(sid) for sid in session.security_token.sids]}, sys.stdout)
