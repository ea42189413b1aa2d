'use strict'
// The SHA-256 that goes with files, for all lengths around the blocks of it, and
// in pieces of any size.

const { createHash } = require('node:crypto')
const { assert, test, opened } = require('./harness.js')
const { generator } = require('./random.js')

test('whole files and chunks', async () => {
  const g = generator(7)
  for (const chunkSize of [1, 7, 63, 64, 65, 1000]) {
    await opened({ chunkSize }, async (c, fake) => {
      for (const n of [1, 2, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 127, 128, 129, 1000]) {
        const data = g.bytes(n)
        const want = createHash('sha256').update(data).digest('hex')
        for (const how of ['sendFile', 'sendFileChunks']) {
          const ended = c.call('Up')[how](data).end()
          for (;;) {
            const { i, f } = await fake.next()
            const { h, p = [1, 1] } = f.File1[0]
            const last = p[0] === p[1]
            if (last) assert.equal(Buffer.from(h).toString('hex'), want)
            fake.says({ v: last ? '' : 'MegoChunkNext', i })
            if (last) break
          }
          await ended
        }
      }
    })
  }
})
