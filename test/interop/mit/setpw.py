"""MIT's krb5_set_password, of the library as it is: no program of Debian's calls it.

setpw.py CLIENT PASSWORD TARGET NEW-PASSWORD

Gets a ticket for kadmin/changepw as CLIENT and sets the password of TARGET. Prints the result code, its name and what the server says.
"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_uint, c_void_p

client_name, password, target_name, new_password = (text.encode() for text in sys.argv[1:])
krb5 = ctypes.CDLL("libkrb5.so.3")


class Data(ctypes.Structure):
    _fields_ = [("magic", c_int), ("length", c_uint), ("data", POINTER(ctypes.c_char))]

    def text(self):
        return ctypes.string_at(self.data, self.length).decode() if self.length else ""


krb5.krb5_get_error_message.restype = c_char_p
context, client, target = c_void_p(), c_void_p(), c_void_p()


def check(code):
    if code:
        sys.exit(f"error: {krb5.krb5_get_error_message(context, code).decode()}")


check(krb5.krb5_init_context(byref(context)))
check(krb5.krb5_parse_name(context, client_name, byref(client)))
check(krb5.krb5_parse_name(context, target_name, byref(target)))
# Room for a krb5_creds, whose inside is the library's own affair.
creds = ctypes.create_string_buffer(1024)
check(
    krb5.krb5_get_init_creds_password(
        context, creds, client, password, None, None, c_int(0), b"kadmin/changepw", None
    )
)
result, name, says = c_int(), Data(), Data()
check(
    krb5.krb5_set_password(context, creds, new_password, target, byref(result), byref(name), byref(says))
)
print(f"{result.value}: {name.text()}: {says.text()}")
