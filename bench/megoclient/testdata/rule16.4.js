'use strict'
// on and off.

const { assert, test, MegoClient, codec, connected, next, failure, opened } = require('./harness.js')

test('events have a name and data', async () => {
  const c = await connected()
  const event = next(c, 'Hello')
  await c.call('EmitToMe').send(['Hello', { to: 'ada' }]).end()
  assert.deepEqual(await event, { event: 'Hello', data: { to: 'ada' } })
})

test('several handlers, in the order of on; off takes one or all', async () => {
  const c = await connected()
  const heard = []
  const a = () => heard.push('a')
  const b = () => heard.push('b')
  const emit = () => c.call('EmitToMe').send(['x', null]).end()
  assert.equal(c.on('x', a).on('x', b).on('x', a), c)
  await emit()
  assert.deepEqual(heard.splice(0), ['a', 'b', 'a'])
  assert.equal(c.off('x', a), c)
  await emit()
  assert.deepEqual(heard.splice(0), ['b'])
  c.on('x', a).off('x').off('never')
  await emit()
  assert.deepEqual(heard, [])
  assert.throws(() => c.on('x'), { name: 'TypeError', message: 'mego: on: a function is needed for x' })
})

test('a handler that throws does not stop the others', async () => {
  const c = await connected()
  const heard = []
  c.on('error', error => heard.push(error.message))
  c.on('error', () => { throw new Error('in error') })
  c.on('x', () => { throw new Error('in x') })
  c.on('x', () => heard.push('second'))
  const logged = []
  const real = console.error
  console.error = error => logged.push(error.message)
  try {
    await c.call('EmitToMe').send(['x', null]).end()
    c.off('error')
    await c.call('EmitToMe').send(['x', null]).end()
  } finally {
    console.error = real
  }
  assert.deepEqual(heard, ['in x', 'second', 'second'])
  assert.deepEqual(logged, ['in error', 'in x'])
})

test('message is any message, before its own handlers', async () => {
  const c = await connected()
  const heard = []
  c.on('message', ({ event, data }) => heard.push(event, codec.decode(data).v))
  c.on('x', () => heard.push('handler'))
  await c.call('EmitToMe').send(['x', 1]).end()
  assert.deepEqual(heard, ['message', 'x', 'handler', 'message', ''])
})

test('a handler may call, close, and change handlers', async () => {
  const c = await connected()
  const sum = new Promise(resolve => c.on('x', async () => {
    c.off('x')
    resolve(+await c.call('Sum').send([1, 2]).end())
  }))
  c.call('EmitToMe').send(['x', 1]).notify()
  assert.equal(await sum, 3)
  c.on('message', () => c.close())
  await failure(c.call('Sum').end(), { kind: 'closed' })
})

test("the client's own names are not for the server to use", () => opened({}, async (c, fake) => {
  const heard = []
  for (const name of ['open', 'close', 'reopen', 'error', 'x']) c.on(name, () => heard.push(name))
  for (const name of ['open', 'close', 'reopen', 'error', 'message', 'x']) fake.says({ v: name, r: null, e: null, i: 0 })
  assert.deepEqual(heard, ['x'])
}))

test('an event with a number, and one without keys', () => opened({}, async (c, fake) => {
  const heard = []
  c.on('x', ({ data }) => heard.push(data))
  fake.says({ v: 'x' })
  fake.says({ v: 'x', i: 7, r: 1 })
  fake.says({ v: null, i: 99 }) // an answer to nobody
  fake.says({}) // nothing
  assert.deepEqual(heard, [null, 1])
}))

test('a server that makes no sense', async () => {
  for (const [data, why] of [
    ['text', /it is text/],
    [Uint8Array.of(0xc1).buffer, /malformed MessagePack at byte 0: 0xc1 is no format/],
    [Uint8Array.of(0x90).buffer, /it is no map/],
    [Uint8Array.of(0xc0).buffer, /it is no map/],
    [Uint8Array.of(0x81, 1, 1).buffer, /it is no map/],
    [Uint8Array.of(0x81, 0xa1, 0x76, 1).buffer, /it is no response/],
    [Uint8Array.of(0x81, 0xa1, 0x69, 0xa1, 0x31).buffer, /it is no response/],
    [Uint8Array.of(0x81, 0xa1, 0x65, 1).buffer, /it is no response/],
    [new ArrayBuffer(0), /at byte 0: it is cut off/],
  ]) {
    await opened({}, async (c, fake) => {
      const pending = failure(c.call('Sum').end(), { kind: 'closed', data: { code: 4007, reason: 'malformed message' } })
      const heard = []
      c.on('error', error => heard.push(error))
      c.on('close', event => heard.push(event))
      fake.raw(data)
      await pending
      assert.equal(heard.length, 2)
      assert.match(heard[0].message, why)
      assert.equal(heard[0].code, MegoClient.StatusError)
      assert.deepEqual(heard[1], { code: 4007, reason: 'malformed message' })
      assert.equal(fake.closedWith, 4007)
    })
  }
})

test('the answer may be followed by an event at once', async () => {
  const c = await connected()
  const after = next(c, 'after')
  await c.call('EmitThen').end()
  assert.deepEqual(await after, { event: 'after', data: null })
})
