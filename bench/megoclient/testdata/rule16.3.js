'use strict'
// set, connect, reconnect and close.

const { assert, test, MegoClient, url, client, connected, next, failure, post, sleep, Fake, withFake, opened } = require('./harness.js')

test('the MegoID is a UUID of version 4, and another one each time', () => {
  const ids = new Set()
  for (let i = 0; i < 100; i++) {
    const { uuid } = new MegoClient('h', { autoConnect: false })
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    ids.add(uuid)
  }
  assert.equal(ids.size, 100)
})

test('set is for the next handshake', async () => {
  const c = client({ autoConnect: false })
  assert.equal(c.set({ Name: 'ada', Age: 36 }).set({ Age: 37, MegoID: 'mine' }), c)
  await c.connect()
  const key = async name => (await c.call('Key').send([name]).end()).result
  assert.equal(await key('Name'), 'ada')
  assert.equal(await key('Age'), 37)
  assert.equal(await key('MegoID'), c.uuid)
  c.set({ Name: 'bo' })
  assert.equal(await key('Name'), 'ada')
  await c.reconnect()
  assert.equal(await key('Name'), 'bo')
  assert.equal(await key('Age'), 37)
})

test('keys that cannot be sent', async () => {
  const c = client({ autoConnect: false })
  await failure(c.set({ Name: () => 1 }).connect(), { kind: 'misuse', message: 'mego: a function cannot be encoded' })
})

test('a handshake that is refused', async () => {
  const c = client({ autoConnect: false })
  const told = next(c, 'error')
  const refused = await failure(c.set({ Password: 'wrong' }).connect(), { kind: 'reply', code: MegoClient.StatusNoPermission, message: 'that is not the password' })
  assert.equal(await told, refused)
  assert.equal(c.connected, false)
  await failure(c.call('Sum').end(), { message: 'that is not the password' })
  await c.set({ Password: 'right' }).connect()
  assert.equal(+await c.call('Sum').send([1, 1]).end(), 2)
})

test('a MegoID that is none', async () => {
  const c = client({ autoConnect: false })
  c.uuid = 'nobody'
  await failure(c.connect(), { kind: 'reply', code: MegoClient.StatusInvalid, message: 'mego: no handshake: the MegoID is not a UUID' })
})

test('nobody listens', async () => {
  await failure(new MegoClient('ws://127.0.0.1:1', { autoConnect: false }).connect(), { kind: 'closed', code: MegoClient.StatusError })
})

test('an address that is no URL', async () => {
  await failure(new MegoClient('ws://a b', { autoConnect: false }).connect(), { kind: 'misuse', message: /^mego: there is no connecting to ws:\/\/a b: / })
})

test('a platform that reports nothing', () => withFake({ timeout: 30 }, async c => {
  const connecting = c.connect()
  const told = next(c, 'error')
  const error = await failure(connecting, { kind: 'timeout', code: MegoClient.StatusTimeout, message: 'mego: there was no connection within 30 ms' })
  assert.equal(await told, error)
  assert.equal(Fake.last.readyState, 3)
}))

test('a server that is silent after the upgrade', () => withFake({ timeout: 30 }, async c => {
  const connecting = c.connect()
  Fake.last.open()
  await failure(connecting, { kind: 'timeout' })
}))

test('a platform that reports an error alone', () => withFake({}, async c => {
  const connecting = c.connect()
  Fake.last.onerror({})
  await failure(connecting, { kind: 'closed', data: { code: 1006, reason: '' } })
}))

test('a platform that reports an error and then why', () => withFake({}, async c => {
  const connecting = c.connect()
  Fake.last.onerror({})
  Fake.last.onclose({ code: 1015, reason: 'TLS' })
  await failure(connecting, { kind: 'closed', data: { code: 1015, reason: 'TLS' }, message: 'mego: there is no connection: TLS (1015)' })
}))

test('an error while it is open', () => opened({}, async (c, fake) => {
  const closed = next(c, 'close')
  fake.onerror({})
  assert.deepEqual(await closed, { code: 1006, reason: '' })
}))

test('connecting twice is one attempt', () => withFake({}, async c => {
  const first = c.connect()
  const fake = Fake.last
  assert.equal(c.connect(), first)
  assert.equal(Fake.last, fake)
  fake.open()
  fake.says({ v: '', r: null, e: { c: 0, m: '', d: null }, i: (await fake.next()).i })
  await first
}))

test('promises that nobody keeps are not left rejected', async () => {
  const c = new MegoClient('ws://127.0.0.1:1', { autoConnect: false })
  c.connect()
  c.reconnect()
  c.call('Sum').notify()
  await sleep(100) // unhandledRejection would end the process
  new MegoClient('ws://127.0.0.1:1')
  await sleep(100)
})

test('reconnect keeps the MegoID, and is told as reopen', async () => {
  const c = await connected()
  const heard = []
  for (const name of ['open', 'close', 'reopen']) c.on(name, event => heard.push([name, event]))
  const pending = failure(c.call('Silent').end(), { kind: 'closed', data: { code: 1000, reason: '' } })
  const before = (await c.call('Key').send(['MegoID']).end()).result
  await c.reconnect()
  await pending
  assert.equal((await c.call('Key').send(['MegoID']).end()).result, before)
  assert.deepEqual(heard, [['close', { code: 1000, reason: '' }], ['reopen', { event: 'reopen', data: null }]])
})

test('reconnect after the connection was lost', async () => {
  const c = await connected()
  const closed = next(c, 'close')
  await post('/cut')
  assert.equal((await closed).code, 1006)
  assert.equal(c.connected, false)
  await failure(c.call('Sum').end(), { kind: 'closed' })
  const reconnecting = c.reconnect()
  const queued = c.call('Sum').send([1, 2]).end()
  await reconnecting
  assert.equal(+await queued, 3)
})

// Node 20 leaks connections that are closed while they are being made, so that
// these are Fakes.

test('reconnect from the handler of close is one connection in the end', () => opened({}, async (c, first) => {
  let inner, given
  c.on('close', () => {
    c.off('close')
    given = failure(c.reconnect(), { kind: 'closed' })
    inner = Fake.last
  })
  const reconnecting = c.reconnect()
  await given
  assert.equal(first.readyState, 3)
  assert.equal(inner.readyState, 3)
  assert.notEqual(Fake.last, inner)
  Fake.last.open()
  Fake.last.says({ i: (await Fake.last.next()).i })
  await reconnecting
  assert.equal(c.connected, true)
}))

test('reconnect gives an attempt up that takes too long', () => withFake({}, async c => {
  const first = c.connect()
  const stuck = Fake.last
  const second = c.reconnect()
  await failure(first, { kind: 'closed' })
  assert.equal(stuck.readyState, 3)
  const fake = Fake.last
  fake.open()
  fake.says({ v: '', r: null, e: null, i: (await fake.next()).i })
  await second
  stuck.onclose({ code: 1006, reason: 'late' }) // does not concern the new one
  assert.equal(c.connected, true)
}))

test('the server ends the session', async () => {
  const c = await connected()
  const closed = next(c, 'close')
  c.call('Kick').notify()
  assert.deepEqual(await closed, { code: 1000, reason: 'mego: disconnected by the server' })
})

test('another client takes the MegoID', async () => {
  const c = await connected()
  const other = client({ autoConnect: false })
  other.uuid = c.uuid
  const closed = next(c, 'close')
  await other.connect()
  assert.equal((await closed).code, 4409)
  await failure(c.call('Sum').end(), { kind: 'closed', message: /replaced by a newer connection \(4409\)/ })
})

test('close', async () => {
  const c = await connected()
  const heard = []
  c.on('close', event => heard.push(event))
  const pending = [c.call('Silent').end(), c.subscribe('x', 'y')].map(p => failure(p, { kind: 'closed' }))
  const closing = c.close()
  assert.equal(c.connected, false)
  await failure(c.call('Sum').end(), { kind: 'closed' })
  await Promise.all(pending)
  await closing
  await c.close()
  assert.deepEqual(heard, [{ code: 1000, reason: '' }])
  await c.reconnect()
  assert.equal(+await c.call('Sum').send([1, 2]).end(), 3)
})

test('close while connecting', () => withFake({}, async c => {
  const connecting = failure(c.connect(), { kind: 'closed' })
  const heard = []
  for (const name of ['error', 'close']) c.on(name, () => heard.push(name))
  const closing = c.close()
  assert.equal(Fake.last.readyState, 3)
  await connecting
  await closing
  assert.deepEqual(heard, [])
}))

test('close, where the platform says no more than error', () => withFake({}, async c => {
  const connecting = failure(c.connect(), { kind: 'closed' })
  const fake = Fake.last
  fake.close = () => setTimeout(() => fake.onerror({}), 0)
  await c.close()
  await connecting
}))

test('close does not wait for long', () => opened({}, async (c, fake) => {
  fake.close = code => { fake.closedWith = code } // and there is no answer
  await c.close()
  assert.equal(fake.closedWith, 1000)
}))

test('the sessions of clients that were closed are gone', async () => {
  const c = await connected()
  await c.close()
  const other = await connected()
  assert.notEqual((await fetch(url + '/count').then(r => r.text())), '0')
  await other.close()
})
