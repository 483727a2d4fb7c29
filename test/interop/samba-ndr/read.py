#!/usr/bin/python3
"""Reads PACs that realmward made with three implementations that are not it: what they say with Samba's NDR decoder, server and KDC
signature and the client's name with MIT's libkrb5, ticket and full signature (aes-sha1 keys alone) with impacket.
Standard input and output are JSON arrays: see samba-ndr.test.ts."""
import ctypes, json, os, struct, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../fixtures/pac'))
from make import expected
from impacket.krb5.crypto import Key, make_checksum

krb5 = ctypes.CDLL('libkrb5.so.3')
krb5.krb5_get_error_message.restype = ctypes.c_char_p


class Keyblock(ctypes.Structure):
    _fields_ = [('magic', ctypes.c_int32), ('enctype', ctypes.c_int32), ('length', ctypes.c_uint), ('contents', ctypes.c_char_p)]


context = ctypes.c_void_p()
if krb5.krb5_init_context(ctypes.byref(context)): sys.exit('no libkrb5')


def keyblock(key):
    raw = bytes.fromhex(key['hex'])
    return ctypes.byref(Keyblock(0, key['etype'], len(raw), raw))


def by_mit(case):
    """'ok', or what libkrb5 says is wrong with the server or the KDC signature, with the client's name or with its time."""
    raw = bytes.fromhex(case['pac']); pac = ctypes.c_void_p(); client = ctypes.c_void_p()
    code = krb5.krb5_parse_name(context, case['client'].encode(), ctypes.byref(client)) \
        or krb5.krb5_pac_parse(context, raw, ctypes.c_size_t(len(raw)), ctypes.byref(pac)) \
        or krb5.krb5_pac_verify(context, pac, ctypes.c_int32(case['authTime']), client, keyblock(case['serverKey']), keyblock(case['kdcKey']))
    if code == 0: return 'ok'
    code = ctypes.c_int32(code).value
    return krb5.krb5_get_error_message(context, code).decode()


LENGTHS = {16: 12, 15: 12}


def by_impacket(case):
    """Whether ticket and full signature are right; None where the keys are not aes-sha1 or there are none."""
    raw = bytearray.fromhex(case['pac'])
    at = {}
    for i in range(struct.unpack_from('<I', raw, 0)[0]):
        kind, size, offset = struct.unpack_from('<IIQ', raw, 8 + 16 * i); at[kind] = (offset, size)
    if 16 not in at or case['kdcKey']['etype'] not in (17, 18): return None
    key = Key(case['kdcKey']['etype'], bytes.fromhex(case['kdcKey']['hex']))
    found = {k: bytes(raw[at[k][0] + 4:at[k][0] + at[k][1]]) for k in (16, 19)}
    kind = struct.unpack_from('<i', raw, at[16][0])[0]
    for k in (6, 7, 19): raw[at[k][0] + 4:at[k][0] + at[k][1]] = bytes(at[k][1] - 4)
    covered = {16: bytes.fromhex(case['ticketBytes']), 19: bytes(raw)}
    return all(make_checksum(kind, key, 17, covered[k])[:LENGTHS[kind]] == found[k] for k in (16, 19))


json.dump([{'expected': expected(bytes.fromhex(c['pac'])), 'mit': by_mit(c), 'impacket': by_impacket(c)} for c in json.load(sys.stdin)],
          sys.stdout)
