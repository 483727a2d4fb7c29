#!/usr/bin/python3
"""A service that a client with a ticket speaks to, by MIT's GSS-API at both ends, in one process. Says in JSON what the service learned.

  acceptor.py PRINCIPAL KEYTAB        the client's tickets are in $KRB5CCNAME; Debian package: python3-gssapi

`attributes` are those that gss_get_name_attribute gives and calls authenticated."""
import json, sys
import gssapi

principal, keytab = sys.argv[1:]
service = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
krb5 = gssapi.MechType.kerberos
client = gssapi.SecurityContext(name=service, mech=krb5, usage='initiate', flags=gssapi.RequirementFlag.mutual_authentication)
server = gssapi.SecurityContext(creds=gssapi.Credentials(usage='accept', store={'keytab': keytab}), usage='accept')
token = None
while not client.complete:
    token = client.step(token)
    if token and not server.complete: token = server.step(token)
name = server.initiator_name
attributes = {}
for key in name.attributes:
    result = name.attributes[key]
    if result.authenticated: attributes[key.decode()] = [value.decode('utf-8', 'replace') for value in result.values]
json.dump({'client': str(name), 'established': client.complete and server.complete, 'attributes': attributes,
           'sealed': server.unwrap(client.wrap(b'show status', True).message).message.decode()}, sys.stdout)
