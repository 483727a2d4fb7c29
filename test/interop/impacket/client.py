"""impacket's own Kerberos client, unchanged, against a KDC on a port of the test's choosing.

client.py PORT REALM USER PASSWORD SERVICE CCACHE

Gets a TGT, writes it to CCACHE, then asks for a ticket for SERVICE. Prints one fact a line.
"""

import socket
import sys

from impacket.krb5 import constants
from impacket.krb5.ccache import CCache
from impacket.krb5.kerberosv5 import KerberosError, getKerberosTGS, getKerberosTGT
from impacket.krb5.types import Principal

port, realm, user, password, service, ccache_path = sys.argv[1:]

# impacket knows no port but 88; what it sends and how it reads answers stays as it is.
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, _port, *rest: resolve(host, int(port), *rest)

client = Principal(user, type=constants.PrincipalNameType.NT_PRINCIPAL.value)
try:
    getKerberosTGT(client, "wrong", realm, "", "", kdcHost="127.0.0.1")
    print("wrong password: accepted")
except KerberosError as error:
    print("wrong password:", error.getErrorString()[0])

tgt, cipher, client_key, session_key = getKerberosTGT(client, password, realm, "", "", kdcHost="127.0.0.1")
print("tgt etype:", cipher.enctype)

ccache = CCache()
ccache.fromTGT(tgt, client_key, client_key)
ccache.saveFile(ccache_path)
print("ccache: written")

server = Principal(service, type=constants.PrincipalNameType.NT_SRV_INST.value)
try:
    getKerberosTGS(server, realm, "127.0.0.1", tgt, cipher, session_key)
    print("service ticket: issued")
except KerberosError as error:
    print("service ticket:", error.getErrorString()[0])
