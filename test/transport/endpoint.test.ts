import t from 'tap';
import { addressBytes, addressGroup } from '../../src/base/address.ts';
import { formatEndpoint, isWildcard, parseEndpoint, sameAddress } from '../../src/transport/endpoint.ts';
import { toHex } from '../../src/base/bytes.ts';

await t.test('reads IPv4 and IPv6 endpoints, and writes them back', async (t) => {
  for (const [text, host, port] of [
    ['127.0.0.1:88', '127.0.0.1', 88],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['[::]:88', '::', 88],
    ['[2001:db8::1]:65535', '2001:db8::1', 65_535],
    ['[fe80::1%eth0]:10088', 'fe80::1%eth0', 10_088],
  ] as const) {
    t.same(parseEndpoint(text), { host, port });
    t.equal(formatEndpoint({ host, port }), text);
  }
});

await t.test('says what is wrong with an endpoint, and how to write it', async (t) => {
  for (const [text, why, hint] of [
    ['', /has no address/, /0\.0\.0\.0:88/],
    ['88', /has no address/, /0\.0\.0\.0:88/],
    [':88', /has no address/, /\[::\]:88/],
    ['[]:88', /has no address/, /0\.0\.0\.0:88/],
    ['127.0.0.1', /has no port/, /127\.0\.0\.1:88/],
    ['127.0.0.1:', /has no port/, /127\.0\.0\.1:88/],
    ['[::1]', /has no port/, /\[::1\]:88/],
    ['[::1]88', /has no port/, /\[::1\]:88/],
    ['::1', /brackets/, /\[::1\]:88/],
    ['::1:88', /brackets/, /\[::1:88\]:88/],
    ['localhost:88', /"localhost" is not an IP address/, /itself/],
    ['300.0.0.1:88', /"300\.0\.0\.1" is not an IP address/, /itself/],
    ['[127.0.0.1]:88', /is not an IP address/, /itself/],
    ['[::1:88', /is not an IP address/, /itself/],
    ['127.0.0.1:kerberos', /"kerberos" is not a port/, /65535/],
    ['127.0.0.1:65536', /"65536" is not a port/, /65535/],
    ['127.0.0.1:088', /"088" is not a port/, /65535/],
    ['127.0.0.1:-1', /"-1" is not a port/, /65535/],
    ['127.0.0.1 :88', /not an IP address/, /itself/],
  ] as const) {
    t.throws(() => parseEndpoint(text), { code: 'bad-endpoint', message: why, hint }, text);
  }
});

await t.test('knows the bytes of an address in every spelling', async (t) => {
  t.equal(toHex(addressBytes('192.0.2.1')), 'c0000201');
  t.equal(toHex(addressBytes('::')), '0'.repeat(32));
  t.equal(toHex(addressBytes('::1')), '0'.repeat(31) + '1');
  t.equal(toHex(addressBytes('2001:db8::')), '20010db8' + '0'.repeat(24));
  t.equal(toHex(addressBytes('fe80::1%eth0')), 'fe80' + '0'.repeat(27) + '1');
  t.equal(toHex(addressBytes('::ffff:192.0.2.1')), '0'.repeat(20) + 'ffffc0000201');
  t.equal(toHex(addressBytes('1:2:3:4:5:6:7:8')), '00010002000300040005000600070008');
  t.ok(isWildcard('0.0.0.0') && isWildcard('::') && isWildcard('0:0::0'));
  t.notOk(isWildcard('0.0.0.1') || isWildcard('::1'));
  t.ok(sameAddress('::1', '0:0:0:0:0:0:0:1'));
  t.notOk(sameAddress('fe80::1%eth0', 'fe80::1%eth1'));
});

await t.test(
  'counts an IPv6 /64 as one client, and an IPv4 address whichever way it is written',
  async (t) => {
    t.equal(addressGroup('2001:db8:0:1::5'), addressGroup('2001:db8:0:1:ffff::'));
    t.not(addressGroup('2001:db8:0:1::5'), addressGroup('2001:db8:0:2::5'));
    t.not(addressGroup('192.0.2.1'), addressGroup('192.0.2.2'));
    t.equal(addressGroup('::ffff:192.0.2.1'), addressGroup('192.0.2.1'));
  },
);
