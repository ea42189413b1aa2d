'use strict'
// The codec.

const vm = require('node:vm')
const { assert, test, codec, connected } = require('./harness.js')
const { encode, decode, Ext } = codec

const hex = bytes => Buffer.from(bytes).toString('hex')
const from = text => new Uint8Array(Buffer.from(text, 'hex'))

// Values and the bytes that they are, both ways.
const both = [
  [null, 'c0'], [false, 'c2'], [true, 'c3'],
  [0, '00'], [127, '7f'], [128, 'cc80'], [255, 'ccff'], [256, 'cd0100'], [65535, 'cdffff'], [65536, 'ce00010000'],
  [2 ** 32 - 1, 'ceffffffff'], [2 ** 32, 'cf0000000100000000'], [2 ** 53, 'cf0020000000000000'],
  [-1, 'ff'], [-32, 'e0'], [-33, 'd0df'], [-128, 'd080'], [-129, 'd1ff7f'], [-32768, 'd18000'], [-32769, 'd2ffff7fff'],
  [-(2 ** 31), 'd280000000'], [-(2 ** 31) - 1, 'd3ffffffff7fffffff'], [-(2 ** 53), 'd3ffe0000000000000'],
  [2n ** 53n + 1n, 'cf0020000000000001'], [2n ** 64n - 1n, 'cfffffffffffffffff'],
  [-(2n ** 53n) - 1n, 'd3ffdfffffffffffff'], [-(2n ** 63n), 'd38000000000000000'],
  [1.5, 'cb3ff8000000000000'], [-0, 'cb8000000000000000'], [NaN, 'cb7ff8000000000000'], [Infinity, 'cb7ff0000000000000'],
  [2 ** 53 + 2, 'cb4340000000000001'],
  ['', 'a0'], ['é', 'a2c3a9'], ['\ufeffa', 'a4efbbbf61'], ['x'.repeat(32), 'd920' + '78'.repeat(32)],
  [new Uint8Array([1, 2]), 'c4020102'],
  [[], '90'], [[1, [2]], '92019102'],
  [{}, '80'], [{ a: 1, b: null }, '82a16101a162c0'],
  [new Map([[1, 'a'], ['b', 2], [null, 3]]), '8301a161a16202c003'],
  [new Date(0), 'd6ff00000000'], [new Date((2 ** 32 - 1) * 1000), 'd6ffffffffff'], [new Date(2 ** 32 * 1000), 'd7ff0000000100000000'],
  [new Date(1), 'd7ff003d090000000000'], [new Date(-1), 'c70cff3b8b87c0ffffffffffffffff'], [new Date(2 ** 34 * 1000), 'c70cff000000000000000400000000'],
  [new Date(8.64e15), 'c70cff00000000000007dba8218000'],
  [new Ext(5, from('01')), 'd40501'], [new Ext(-128, from('0102')), 'd5800102'], [new Ext(0, from('010203')), 'c70300010203'],
  [new Ext(1, new Uint8Array(4)), 'd60100000000'], [new Ext(1, new Uint8Array(8)), 'd7010000000000000000'],
  [new Ext(1, new Uint8Array(16)), 'd801' + '00'.repeat(16)], [new Ext(1, new Uint8Array()), 'c70001'],
]

test('both ways', () => {
  for (const [value, code] of both) {
    assert.equal(hex(encode(value)), code)
    assert.deepEqual(decode(from(code)), value)
  }
})

test('the same at the boundaries of lengths', () => {
  for (const n of [0, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000]) {
    for (const value of ['x'.repeat(n), new Uint8Array(n).fill(7), new Array(n).fill(1), Object.fromEntries(Array.from({ length: n }, (_, i) => ['k' + i, i])), new Ext(3, new Uint8Array(n))]) {
      assert.deepEqual(decode(encode(value)), value)
    }
  }
  assert.equal(hex(encode('x'.repeat(65536)).subarray(0, 5)), 'db00010000')
  assert.equal(hex(encode(new Uint8Array(256)).subarray(0, 3)), 'c50100')
  assert.equal(hex(encode(new Array(16).fill(0)).subarray(0, 3)), 'dc0010')
  assert.equal(hex(encode(new Array(65536).fill(0)).subarray(0, 5)), 'dd00010000')
})

test('one way: what is encoded as something else', () => {
  const foreign = vm.runInNewContext('[new Uint8Array([1]), new ArrayBuffer(2)]')
  for (const [value, want] of [
    [undefined, null], [[undefined, , 1], [null, null, 1]], [{ a: undefined }, { a: null }],
    [1n, 1], [-5n, -5], [2n ** 53n, 2 ** 53],
    [new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2])],
    [new DataView(new Uint8Array([1, 2, 3]).buffer, 1), new Uint8Array([2, 3])],
    [foreign[0], new Uint8Array([1])], [foreign[1], new Uint8Array(2)],
    [new Map([['a', 1]]), { a: 1 }], [new Map(), {}], [new Set([1, 2]), [1, 2]],
    [new URL('http://a.test/'), 'http://a.test/'], [{ toJSON: () => [1] }, [1]],
    [new Number(1), 1], [new String('a'), 'a'], [new Boolean(false), false],
    ['\ud800', '\ufffd'],
    [Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } }), { own: 2 }],
    [new (class Point { constructor() { this.x = 1 } get y() { return 2 } })(), { x: 1 }],
  ]) {
    assert.deepEqual(decode(encode(value)), want)
  }
})

test('one way: formats that are longer than need be', () => {
  for (const [code, want] of [
    ['cc01', 1], ['cd0001', 1], ['ce00000001', 1], ['cf0000000000000001', 1],
    ['d001', 1], ['d10001', 1], ['d200000001', 1], ['d30000000000000001', 1], ['d3ffffffffffffffff', -1],
    ['ca3fc00000', 1.5], ['caffc00000', NaN], ['d900', ''], ['da000161', 'a'], ['db0000000161', 'a'],
    ['c500017a', from('7a')], ['c6000000017a', from('7a')], ['dc000101', [1]], ['dd0000000101', [1]],
    ['de0001a16101', { a: 1 }], ['df00000001a16101', { a: 1 }], ['c80001057a', new Ext(5, from('7a'))], ['c900000001057a', new Ext(5, from('7a'))],
    ['c704ff00000001', new Date(1000)], ['d3002000000000000' + '0', 2 ** 53],
    ['82a16101a16102', { a: 2 }], // the last one counts
    ['a2ff61', '\ufffda'],
  ]) {
    assert.deepEqual(decode(from(code)), want)
  }
})

test('timestamps that Date cannot hold, or hold in full', () => {
  const far = 'c70cff000000007fffffffffffffff'
  assert.deepEqual(decode(from(far)), new Ext(-1, from('000000007fffffffffffffff')))
  assert.equal(hex(encode(decode(from(far)))), far)
  assert.equal(decode(from('d7ffee6b27fc00000000')).getTime(), 999) // 999 999 999 nanoseconds
  assert.equal(decode(from('c70cff3b9ac9ffffffffffffffffff')).getTime(), -1)
})

test('no key is a pitfall', () => {
  const value = decode(from('83a95f5f70726f746f5f5f81a16101ab636f6e7374727563746f7202a8746f537472696e6703'))
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  assert.deepEqual(Object.keys(value), ['__proto__', 'constructor', 'toString'])
  assert.deepEqual(Object.getOwnPropertyDescriptor(value, '__proto__').value, { a: 1 })
  assert.equal(value.a, undefined)
  assert.equal({}.a, undefined)
  assert.equal(hex(encode(value)), '83a95f5f70726f746f5f5f81a16101ab636f6e7374727563746f7202a8746f537472696e6703')
  const mixed = decode(from('82a95f5f70726f746f5f5f0107c0'))
  assert.deepEqual([...mixed], [['__proto__', 1], [7, null]])
})

test('what is decoded does not depend on the input', () => {
  const input = from('93c40101a161d40502')
  const value = decode(input)
  input.fill(0)
  assert.deepEqual(value, [from('01'), 'a', new Ext(5, from('02'))])
  const inside = new Uint8Array(Buffer.from('ffc4017aff', 'hex')).subarray(1, 4)
  assert.deepEqual(decode(inside), from('7a'))
  assert.deepEqual(decode(from('01').buffer), 1)
})

test('a depth of 100, and not of 101', () => {
  const nested = n => { let v = []; for (let i = 1; i < n; i++) v = i % 2 ? [v] : { a: v }; return v }
  assert.deepEqual(decode(encode(nested(100))), nested(100))
  assert.throws(() => encode(nested(101)), { name: 'RangeError', message: 'mego: nested deeper than 100' })
  assert.throws(() => decode(from('91'.repeat(100) + '90')), { name: 'RangeError', message: 'mego: malformed MessagePack at byte 100: nested deeper than 100' })
  assert.throws(() => decode(new Uint8Array(1e6).fill(0x91)), /nested deeper/)
  assert.throws(() => decode(from('81a161'.repeat(100) + '80')), /nested deeper/)
  const self = {}
  self.toJSON = () => self
  assert.throws(() => encode(self), /nested deeper/)
})

test('what cannot be encoded', () => {
  for (const [value, want] of [
    [() => 1, 'TypeError: mego: a function cannot be encoded'],
    [[Symbol('x')], 'TypeError: mego: a symbol cannot be encoded'],
    [Promise.resolve(), 'TypeError: mego: a promise cannot be encoded: await it'],
    [{ file: new Blob([]) }, 'TypeError: mego: a file cannot be encoded: sendFile sends it'],
    [new Map([[[], 1]]), 'TypeError: mego: an object cannot be the key of a map'],
    [2n ** 64n, 'RangeError: mego: 18446744073709551616 has more than 64 bits'],
    [-(2n ** 63n) - 1n, 'RangeError: mego: -9223372036854775809 has more than 64 bits'],
    [new Date(NaN), 'RangeError: mego: an invalid date cannot be encoded'],
    [new Ext(128, new Uint8Array()), 'RangeError: mego: 128 is no extension type'],
    [new Ext('1', new Uint8Array()), 'RangeError: mego: 1 is no extension type'],
    [new Ext(1, 'x'), 'TypeError: mego: the data of an extension are no bytes'],
  ]) {
    assert.throws(() => encode(value), error => String(error) === want)
  }
})

test('what cannot be decoded says where', () => {
  for (const [code, at, why] of [
    ['', 0, 'it is cut off'], ['c1', 0, '0xc1 is no format'], ['92c0c1', 2, '0xc1 is no format'],
    ['0101', 1, 'there is more after the value'], ['a261', 1, 'it is cut off'], ['cd01', 1, 'it is cut off'], ['cf00', 1, 'it is cut off'], ['cb00', 1, 'it is cut off'],
    ['92c0', 0, 'it has more entries than there are bytes'], ['ddffffffffc0', 0, 'it has more entries than there are bytes'],
    ['81a161', 3, 'it is cut off'], ['82a16101', 0, 'it has more entries than there are bytes'], ['dfffffffffc0c0', 0, 'it has more entries than there are bytes'],
    ['dbffffffff00', 5, 'it is cut off'], ['c6ffffffff00', 5, 'it is cut off'], ['c9ffffffff0500', 6, 'it is cut off'],
    ['8190c0', 1, 'it cannot be the key of a map'], ['8180c0', 1, 'it cannot be the key of a map'], ['81c400c0', 1, 'it cannot be the key of a map'],
    ['81d60500000000c0', 1, 'it cannot be the key of a map'],
    ['d4ff00', 0, 'a timestamp has no 1 bytes'], ['d7ffee6b280000000000', 0, 'a timestamp has too many nanoseconds'],
    ['c70cff3b9aca000000000000000000', 0, 'a timestamp has too many nanoseconds'],
  ]) {
    assert.throws(() => decode(from(code)), { name: 'RangeError', message: `mego: malformed MessagePack at byte ${at}: ${why}` }, code)
  }
  assert.throws(() => decode('a'), { name: 'TypeError', message: 'mego: only bytes can be decoded' })
  assert.throws(() => decode(undefined), TypeError)
})

test('the server has the same values, both ways', async () => {
  const c = await connected()
  for (const [value] of both) {
    if (value instanceof Map) continue // Go has no nil beside integers as keys that it sorts alike
    const { result } = await c.call('Echo').send([value]).end()
    assert.deepEqual(result, [value])
  }
  const { result } = await c.call('Echo').send([new Map([[1, 'a'], [2, 'b']]), { __proto__x: 1, ['__proto__']: 2 }]).end()
  assert.deepEqual(result[0], new Map([[1, 'a'], [2, 'b']]))
  assert.deepEqual(Object.entries(result[1]).sort(), [['__proto__', 2], ['__proto__x', 1]])
})
