'use strict'
// new MegoClient(url, options): what may be given, and three styles of use.

const { assert, test, MegoClient, url, client, next, failure, withFake, sleep, Fake } = require('./harness.js')

test('addresses', () => {
  for (const [given, want] of [
    ['localhost:5000', 'ws://localhost:5000'],
    ['localhost', 'ws://localhost'],
    ['[::1]:5000/mego?a=b://c', 'ws://[::1]:5000/mego?a=b://c'],
    ['ws://h/p', 'ws://h/p'],
    ['WSS://h/p', 'WSS://h/p'],
    ['http://h:1/p', 'ws://h:1/p'],
    ['https://h', 'wss://h'],
  ]) {
    assert.equal(new MegoClient(given, { autoConnect: false }).url, want)
  }
  assert.throws(() => new MegoClient('ftp://h'), { name: 'TypeError', message: 'mego: ftp://h is neither ws, wss, http nor https' })
  assert.throws(() => new MegoClient('/mego'), { name: 'TypeError', message: 'mego: /mego needs a page that it is on the host of' })
})

test('a slash is the host of the page', () => {
  try {
    globalThis.location = { protocol: 'http:', host: 'shop.test:8080' }
    assert.equal(new MegoClient('/mego', { autoConnect: false }).url, 'ws://shop.test:8080/mego')
    globalThis.location = { protocol: 'https:', host: 'shop.test' }
    assert.equal(new MegoClient('/mego', { autoConnect: false }).url, 'wss://shop.test/mego')
    assert.equal(new MegoClient('//api.test/mego', { autoConnect: false }).url, 'wss://api.test/mego')
  } finally {
    delete globalThis.location
  }
})

test('options', () => {
  const { options } = new MegoClient('h', { timeout: 0, autoConnect: false, chunkSize: undefined })
  assert.deepEqual(options, { timeout: 0, uploadTimeout: 30000, chunkSize: 1 << 20, autoConnect: false })
  for (const [given, want] of [
    [{ timeOut: 1 }, 'TypeError: mego: there is no option timeOut'],
    [{ toString: 1 }, 'TypeError: mego: there is no option toString'],
    [{ timeout: '15s' }, 'TypeError: mego: the option timeout is a number'],
    [{ autoConnect: 1 }, 'TypeError: mego: the option autoConnect is a boolean'],
    [{ timeout: -1 }, 'RangeError: mego: the option timeout is an integer from 0'],
    [{ uploadTimeout: NaN }, 'RangeError: mego: the option uploadTimeout is an integer from 0'],
    [{ timeout: 2 ** 31 }, 'RangeError: mego: the option timeout is an integer from 0'],
    [{ chunkSize: 0 }, 'RangeError: mego: the option chunkSize is an integer from 1'],
    [{ chunkSize: 1.5 }, 'RangeError: mego: the option chunkSize is an integer from 1'],
  ]) {
    assert.throws(() => new MegoClient('h', given), error => String(error) === want)
  }
})

test('with connect', async () => {
  const c = client()
  await c.connect()
  assert.equal(c.connected, true)
  assert.equal(+await c.call('Sum').send([1, 2]).end(), 3)
  await failure(c.connect(), { kind: 'misuse', message: 'mego: there is a connection already' })
  assert.equal(+await c.call('Sum').send([1, 2]).end(), 3) // it is untouched
})

test('without connect', async () => {
  const c = client()
  await next(c, 'open')
  assert.equal(+await c.call('Sum').send([3, 4]).end(), 7)
  await c.connect() // to ask for what there is, once
  await failure(c.connect(), { kind: 'misuse' })
})

test('calls made at once', async () => {
  const c = client()
  const events = []
  c.on('news', ({ data }) => events.push(data))
  const results = Promise.all([
    c.subscribe('news', 'sport'),
    c.call('Emit').send(['news', 'sport', 'goal']).end(),
    ...[1, 2, 3].map(n => c.call('Echo').send(n).end().then(({ result }) => result)),
  ])
  assert.equal(c.connected, false)
  assert.deepEqual((await results).slice(2), [1, 2, 3])
  assert.deepEqual(events, ['goal'])
})

test('without autoConnect calls wait for connect', () => withFake({ timeout: 50 }, async c => {
  await failure(c.call('Late').end(), { kind: 'timeout', code: MegoClient.StatusTimeout })
  assert.equal(Fake.last, null)
  const connecting = c.connect().catch(() => 'given up')
  Fake.last.open()
  assert.equal((await Fake.last.next()).m, '')
  assert.equal(Fake.last.sent.length, 0) // the call that was late is not made
  assert.equal(await connecting, 'given up')
}))

test('close before the next tick', () => withFake({ autoConnect: true }, async c => {
  await c.close()
  await sleep(20)
  assert.equal(Fake.last, null)
}))

test('the calls of a client that cannot connect fail', async () => {
  const c = new MegoClient(url + '/nothing')
  const told = next(c, 'error')
  await failure(c.call('Sum').end(), { kind: 'closed' })
  assert.equal((await told).kind, 'closed')
  await failure(c.call('Sum').end(), { kind: 'closed' }) // at once
})
