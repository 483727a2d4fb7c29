#!/usr/bin/python3
"""A client of MIT's GSS-API that somebody else speaks for: a JSON object a line in, one a line out. Debian package: python3-gssapi

  {"begin": NAME, "mech": OID, "mutual": BOOL, "bindings": HEX or null}    a context for HTTP@NAME; gives its first token
  {"step": HEX}                                                            the server's token; gives the next one
  {"mic": HEX}  {"verify": HEX, "mic": HEX}                                a MIC of a message, or whether one of the server's is right"""
import json, sys
import gssapi

context = None
for line in sys.stdin:
    asked, answer = json.loads(line), {}
    try:
        token = None
        if 'begin' in asked:
            bindings = asked['bindings']
            context = gssapi.SecurityContext(
                name=gssapi.Name('HTTP@' + asked['begin'], gssapi.NameType.hostbased_service), usage='initiate',
                mech=gssapi.OID.from_int_seq(asked['mech']),
                flags=gssapi.RequirementFlag.mutual_authentication if asked['mutual'] else gssapi.RequirementFlag.integrity,
                channel_bindings=bindings and gssapi.raw.ChannelBindings(application_data=bytes.fromhex(bindings)))
            token = context.step()
        elif 'step' in asked: token = context.step(bytes.fromhex(asked['step']))
        elif 'verify' in asked: context.verify_signature(bytes.fromhex(asked['verify']), bytes.fromhex(asked['mic']))
        else: answer['mic'] = context.get_signature(bytes.fromhex(asked['mic'])).hex()
        answer.update(token=token and token.hex(), complete=context.complete)
    except gssapi.exceptions.GSSError as error: answer['error'] = str(error)
    print(json.dumps(answer), flush=True)
