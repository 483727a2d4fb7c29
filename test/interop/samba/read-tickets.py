#!/usr/bin/python3
"""Opens tickets and reads their PACs with implementations that are not realmward: impacket decrypts and makes each checksum anew, Samba
decodes. Keys of aes-sha1 alone: impacket knows no others. Standard input and output are JSON arrays: see decoded.test.ts."""
import json, os, struct, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../fixtures/pac'))
from make import expected, open_ticket
from impacket.krb5.crypto import Key, make_checksum

NAMES = {6: 'server', 7: 'kdc', 16: 'ticket', 19: 'full'}
KEY_USAGE = 17                            # KERB_NON_KERB_CKSUM_SALT
LENGTHS = {15: 12, 16: 12}


def signatures(pac, server_key, kdc_key, ticket_bytes):
    """For each signature that is there whether it is right."""
    at = {}
    for i in range(struct.unpack_from('<I', pac, 0)[0]):
        kind, size, offset = struct.unpack_from('<IIQ', pac, 8 + 16 * i)
        if kind in NAMES: at[kind] = (offset + 4, offset + size)
    found = {kind: pac[start:end] for kind, (start, end) in at.items()}

    def zeroed(*kinds):
        copy = bytearray(pac)
        for kind in kinds:
            if kind in at: copy[slice(*at[kind])] = bytes(at[kind][1] - at[kind][0])
        return bytes(copy)

    kind_of = lambda kind: struct.unpack_from('<i', pac, at[kind][0] - 4)[0]
    # Behind the checksum the identifier of a read-only domain controller may stand.
    covered = {6: zeroed(6, 7), 7: found[6][:LENGTHS[kind_of(6)]], 16: ticket_bytes, 19: zeroed(6, 7, 19)}
    result = {}
    for kind in at:
        key = server_key if kind == 6 else kdc_key
        length = LENGTHS[kind_of(kind)]
        result[NAMES[kind]] = None if key is None else make_checksum(kind_of(kind), key, KEY_USAGE, covered[kind]) == found[kind][:length]
    return result


def read(case):
    key = lambda name: case[name] and Key(case[name]['etype'], bytes.fromhex(case[name]['hex']))
    pac, client, ticket_bytes = open_ticket(case)
    return {'client': client, 'expected': expected(pac),
            'signatures': signatures(pac, key('serverKey'), key('kdcKey'), ticket_bytes)}


json.dump([read(case) for case in json.load(sys.stdin)], sys.stdout)
