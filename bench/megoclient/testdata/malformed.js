'use strict'
// Bytes by chance are decoded, or refused with a RangeError that says where:
// never anything else, never for long, and never into more than they can hold.

const { assert, test, codec } = require('./harness.js')
const { generator } = require('./random.js')

// size is how many values there are, and bytes in them.
function size(v) {
  if (typeof v === 'string') return 1 + v.length
  if (v instanceof Uint8Array) return 1 + v.length
  if (v instanceof codec.Ext) return 1 + v.data.length
  if (Array.isArray(v)) return v.reduce((n, x) => n + size(x), 1)
  if (v instanceof Map) return [...v].reduce((n, [k, x]) => n + size(k) + size(x), 1)
  if (v && Object.getPrototypeOf(v) === Object.prototype) return Object.entries(v).reduce((n, [k, x]) => n + size(k) + size(x), 1)
  return 1
}

function check(input) {
  let value
  try {
    value = codec.decode(input)
  } catch (error) {
    assert.ok(error instanceof RangeError, error.stack)
    const at = /^mego: malformed MessagePack at byte (\d+): ./.exec(error.message)
    assert.ok(at && +at[1] <= input.length, error.message)
    return false
  }
  assert.ok(size(value) <= input.length, `${input.length} bytes are a value of ${size(value)}`)
  assert.deepEqual(codec.decode(codec.encode(value)), value)
  return true
}

test('bytes by chance', () => {
  const g = generator(1)
  let good = 0
  for (let i = 0; i < 50000; i++) good += check(g.bytes(g.below(40)))
  assert.ok(good > 300, `${good} were values`)
})

test('values with a byte changed, cut or added', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const g = generator(seed, codec.Ext)
    const code = codec.encode(g.any(0))
    if (code.length > 5000) continue
    for (let i = 0; i < 20; i++) {
      const changed = code.slice()
      changed[g.below(changed.length)] = g.below(256)
      check(changed)
      check(changed.subarray(0, g.below(changed.length)))
    }
  }
})

// Heads of a length that is a lie, one within the other, as many as there can be.
test('lengths that are lies', () => {
  for (const head of ['dd00ffffff', 'ddffffffff', 'dfffffffff', 'df007fffff', 'dbffffffff', 'c6ffffffff', 'c9ffffffff', 'dcffff', 'deffff', '9f', '8f']) {
    const piece = Buffer.from(head, 'hex')
    const input = new Uint8Array(4 << 20)
    for (let at = 0; at + piece.length <= input.length; at += piece.length) input.set(piece, at)
    const before = process.memoryUsage()
    assert.equal(check(input), false)
    const grown = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before.heapUsed - before.arrayBuffers
    assert.ok(grown < 64 << 20, `${head}: ${grown} bytes`)
  }
})
