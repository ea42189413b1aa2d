'use strict'
// What the client's codec encodes, npm's @msgpack/msgpack decodes to the same
// value, and the other way round; and they encode to as many bytes.

const theirs = require('@msgpack/msgpack')
const { assert, test, codec } = require('./harness.js')
const { generator } = require('./random.js')

// Their decoder has all integers of 64 bits as BigInt. Their extensions are of a
// class of their own.
const plain = v => {
  if (typeof v === 'bigint') return v >= -(2n ** 53n) && v <= 2n ** 53n ? Number(v) : v
  if (v instanceof theirs.ExtData) return new codec.Ext(v.type, v.data)
  if (Array.isArray(v)) return v.map(plain)
  if (v && Object.getPrototypeOf(v) === Object.prototype) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]))
  return v
}

// foreign is a value as their encoder wants it: it has integers beyond 32 bits as
// BigInt only, and would make floats of numbers.
const foreign = v => {
  if (typeof v === 'number' && Number.isSafeInteger(v) && (v >= 2 ** 32 || v < -(2 ** 31))) return BigInt(v)
  if (v instanceof codec.Ext) return new theirs.ExtData(v.type, v.data)
  if (Array.isArray(v)) return v.map(foreign)
  if (v && Object.getPrototypeOf(v) === Object.prototype) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, foreign(x)]))
  return v
}

const options = { useBigInt64: true }

test('on values by chance', () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const value = generator(seed, codec.Ext).any(0)
    const ours = codec.encode(value)
    assert.deepEqual(plain(theirs.decode(ours, options)), value, `seed ${seed}: they decode ours`)
    const code = theirs.encode(foreign(value), options)
    assert.deepEqual(codec.decode(code), value, `seed ${seed}: we decode theirs`)
    assert.deepEqual(codec.decode(ours), value, `seed ${seed}: we decode ours`)
  }
})

test('to the byte, where there are no BigInts', () => {
  let compared = 0
  for (let seed = 1; seed <= 2000; seed++) {
    const value = generator(seed, codec.Ext).any(0)
    let code
    try {
      code = theirs.encode(foreign(value)) // without BigInts it takes the shortest forms
    } catch {
      continue
    }
    compared++
    assert.ok(Buffer.from(codec.encode(value)).equals(Buffer.from(code)), `seed ${seed}`)
  }
  assert.ok(compared > 1000, `${compared} values`)
})

// What is cut off, and what has more after it, both refuse.
test('on what is malformed', () => {
  let refused = 0
  for (let seed = 1; seed <= 300; seed++) {
    const code = codec.encode(generator(seed, codec.Ext).any(0))
    if (code.length > 300) continue
    for (let n = 0; n < code.length; n++) {
      assert.throws(() => codec.decode(code.subarray(0, n)), RangeError)
      assert.throws(() => theirs.decode(code.subarray(0, n), options))
      refused++
    }
    const more = new Uint8Array([...code, 0xc0])
    assert.throws(() => codec.decode(more), RangeError)
    assert.throws(() => theirs.decode(more, options))
  }
  assert.ok(refused > 1000)
})
