'use strict'
// subscribe and unsubscribe.

const { assert, test, MegoClient, connected, next, failure, post, Fake, opened, withFake } = require('./harness.js')

// emit has the server emit an event, and returns what the client heard of it.
async function emit(c, event, channel) {
  const heard = []
  const fn = ({ data }) => heard.push(data)
  c.on(event, fn)
  try {
    await c.call('Emit').send([event, channel, 'it']).end().catch(error => assert.equal(error.code, MegoClient.StatusNotFound))
  } finally {
    c.off(event, fn)
  }
  return heard
}

test('a channel, all channels, and one without a name', async () => {
  const c = await connected()
  const event = 'tea ' + c.uuid
  await c.subscribe(event, 'green')
  assert.deepEqual(await emit(c, event, 'green'), ['it'])
  assert.deepEqual(await emit(c, event, 'black'), [])
  assert.deepEqual(await emit(c, event, ''), ['it'])
  await c.subscribe(event)
  assert.deepEqual(await emit(c, event, ''), ['it'])
  await c.unsubscribe(event, 'green')
  assert.deepEqual(await emit(c, event, 'green'), [])
  assert.deepEqual(await emit(c, event, ''), ['it'])
  await c.unsubscribe(event)
  assert.deepEqual(await emit(c, event, ''), [])
  await c.unsubscribe(event, 'never')
})

test('refusals', async () => {
  const c = await connected()
  await failure(c.subscribe('secret', 'x'), { kind: 'reply', code: MegoClient.StatusNoPermission, message: 'mego: the event subscription was refused' })
  await c.subscribe('secret', 'x', 'please')
  await failure(c.subscribe(''), { code: MegoClient.StatusInvalid })
  await failure(c.subscribe(7, 'x'), { code: MegoClient.StatusInvalid })
  await failure(c.subscribe('x'.repeat(256)), { code: MegoClient.StatusInvalid })
  await failure(c.subscribe('x', 'y', () => 1), { kind: 'misuse' })
})

test('reconnect subscribes again, with what was given', async () => {
  const c = await connected()
  const event = 'news ' + c.uuid
  await c.subscribe(event, 'sport')
  await c.subscribe(event, 'weather')
  await c.subscribe('secret', c.uuid, 'please')
  await c.unsubscribe(event, 'weather')
  await failure(c.subscribe('secret', 'no'))
  const closed = next(c, 'close')
  await post('/cut')
  await closed
  const queued = []
  const reconnecting = c.reconnect()
  c.on(event, ({ data }) => queued.push(data))
  await Promise.all([c.call('Emit').send([event, 'sport', 'queued']).end(), reconnecting]) // after the subscriptions
  assert.deepEqual(queued, ['queued'])
  assert.deepEqual(await emit(c, event, 'sport'), ['it'])
  assert.deepEqual(await emit(c, event, 'weather'), [])
  assert.deepEqual(await emit(c, 'secret', c.uuid), ['it'])
})

test('the same when the server was restarted', async () => {
  const c = await connected()
  const event = 'news ' + c.uuid
  await c.subscribe(event, 'sport')
  const closed = next(c, 'close')
  await post('/restart')
  assert.equal((await closed).code, 1001)
  await c.reconnect()
  assert.deepEqual(await emit(c, event, 'sport'), ['it'])
})

// greet answers the handshake of the last connection.
async function greet() {
  const fake = Fake.last
  fake.open()
  fake.says({ i: (await fake.next()).i })
  return fake
}

test('reopen comes after the subscriptions; one that is refused is told of', () => opened({}, async (c, first) => {
  for (const channel of ['a', 'b']) {
    const subscribing = c.subscribe('x', channel)
    first.says({ i: (await first.next()).i })
    await subscribing
  }
  const heard = []
  c.on('reopen', () => heard.push('reopen'))
  c.on('error', error => heard.push(error.code))
  const reconnecting = c.reconnect()
  const fake = await greet()
  const a = await fake.next()
  const b = await fake.next()
  assert.deepEqual([a.m, a.p, b.m, b.p], ['MegoSubscribe', ['x', 'a'], 'MegoSubscribe', ['x', 'b']])
  assert.equal(c.connected, true)
  fake.says({ e: { c: MegoClient.StatusFull, m: 'full' }, i: a.i })
  assert.deepEqual(heard, [])
  fake.says({ i: b.i })
  await reconnecting
  assert.deepEqual(heard, [MegoClient.StatusFull, 'reopen'])
}))

test('reconnect that is lost while subscribing', () => opened({}, async (c, first) => {
  const subscribing = c.subscribe('x', 'a')
  first.says({ i: (await first.next()).i })
  await subscribing
  const heard = []
  for (const name of ['reopen', 'error', 'close']) c.on(name, () => heard.push(name))
  const reconnecting = failure(c.reconnect(), { kind: 'closed', data: { code: 1001, reason: 'bye' } })
  const fake = await greet()
  await fake.next()
  fake.onclose({ code: 1001, reason: 'bye' })
  await reconnecting
  assert.deepEqual(heard, ['close', 'close']) // of the first, and of the second
}))

test('what is unsubscribed from while that is under way stays so', () => opened({}, async (c, fake) => {
  const both = Promise.all([c.subscribe('x', 'a'), c.unsubscribe('x', 'a')])
  fake.says({ i: (await fake.next()).i })
  fake.says({ i: (await fake.next()).i })
  await both
  const reconnecting = c.reconnect()
  const again = await greet()
  await reconnecting
  assert.deepEqual(again.sent, [])
}))

test('the same if the second answer is lost', () => opened({}, async (c, fake) => {
  const subscribing = c.subscribe('x', 'a')
  const unsubscribing = failure(c.unsubscribe('x', 'a'), { kind: 'closed' })
  fake.says({ i: (await fake.next()).i })
  await subscribing
  fake.onclose({ code: 1006, reason: '' })
  await unsubscribing
  const reconnecting = c.reconnect()
  const again = await greet()
  await reconnecting
  assert.deepEqual(again.sent, [])
}))

test('subscribing without a connection', () => withFake({}, async c => {
  await c.close()
  await failure(c.subscribe('x', 'a'), { kind: 'closed' })
  await failure(c.unsubscribe('x', 'a'), { kind: 'closed' })
}))
