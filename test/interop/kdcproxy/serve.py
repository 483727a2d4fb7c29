"""Serves kdcproxy (FreeIPA's MS-KKDCP server, a WSGI application) over HTTPS on a port of 127.0.0.1: serve.py PORT CERT KEY"""

import ssl
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import kdcproxy

port, cert, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server = make_server("127.0.0.1", int(port), kdcproxy.Application(), handler_class=WSGIRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
