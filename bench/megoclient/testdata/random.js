'use strict'
// Values by chance, the same for the same seed.

// generator returns functions that make them; of is the codec whose class of
// extensions is used.
function generator(seed, Ext) {
  let state = seed * 2654435761 >>> 0 || 1
  const random = () => { // xorshift
    state ^= state << 13; state >>>= 0
    state ^= state >>> 17
    state ^= state << 5; state >>>= 0
    return state / 2 ** 32
  }
  const below = n => Math.floor(random() * n)
  const length = () => {
    switch (below(60)) {
      case 0: return 15 + below(3)
      case 1: return 31 + below(3)
      case 2: return 255 + below(3)
      case 3: return 65535 + below(3)
    }
    return below(5)
  }
  const bytes = (n = length()) => Uint8Array.from({ length: n }, () => below(256))
  const text = () => Array.from({ length: length() }, () => ['a', 'B', '0', ' ', 'é', '日', '😀', '\0'][below(8)]).join('')
  const integer = () => {
    const n = BigInt(below(2 ** 32)) << 32n | BigInt(below(2 ** 32))
    const m = (below(2) ? n : BigInt.asIntN(64, n)) >> BigInt(below(64))
    return m >= -(2n ** 53n) && m <= 2n ** 53n ? Number(m) : m
  }
  const float = () => {
    switch (below(6)) {
      case 0: return below(2) ? Infinity : -Infinity
      case 1: return NaN
      case 2: return new DataView(bytes(8).buffer).getFloat64(0)
    }
    return (random() - 0.5) * 10 ** below(20)
  }
  const date = () => new Date((below(2) ? -1 : 1) * below(2 ** 32) * 10 ** below(6) + below(1000))
  const few = () => Math.min(length(), 40)
  const any = depth => {
    switch (below(depth < 4 ? 12 : 10)) {
      case 0: return null
      case 1: return below(2) === 0
      case 2: case 3: return integer()
      case 4: case 5: return float()
      case 6: return text()
      case 7: return bytes()
      case 8: return date()
      case 9: return new Ext(below(128), bytes())
      case 10: return Array.from({ length: few() }, () => any(depth + 2))
    }
    const object = {}
    for (let i = few(); i > 0; i--) object[text()] = any(depth + 2)
    return object
  }
  return { below, bytes, any }
}

module.exports = { generator }
