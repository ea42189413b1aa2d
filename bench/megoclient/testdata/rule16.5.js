'use strict'
// call, and what becomes of it.

const { assert, test, MegoClient, MegoError, codec, client, connected, next, failure, post, sleep, opened } = require('./harness.js')

test('an array, an object, a string of JSON, nothing', async () => {
  const c = await connected()
  for (const [sent, want] of [
    [[1, 'a', null, true], [1, 'a', null, true]],
    [{ a: { b: [1] } }, { a: { b: [1] } }],
    ['[1,2.5,"x"]', [1, 2.5, 'x']],
    ['{"a":1}', { a: 1 }],
    ['7', 7],
    [undefined, undefined], // no parameters: Bind fails
    [new Map([['k', 1]]), { k: 1 }],
    [false, false],
  ]) {
    const ended = c.call('Echo').send(sent).end()
    if (want === undefined) await failure(ended, { code: MegoClient.StatusInvalid })
    else assert.deepEqual((await ended).result, want)
  }
  assert.equal((await c.call('Nothing').end()).result, null)
})

test('methods in any case, and unknown ones', async () => {
  const c = await connected()
  assert.equal(+await c.call('sUM').send([1, 2]).end(), 3)
  await failure(c.call('Unknown').end(), { kind: 'reply', code: MegoClient.StatusUnimplemented })
})

test('a response is its result', async () => {
  const c = await connected()
  const echo = v => c.call('First').send([v]).end()
  const { result, id } = await echo('hi')
  assert.equal(result, 'hi')
  assert.ok(Number.isInteger(id) && id > 0)
  assert.equal(`${await echo(5)}`, '5')
  assert.equal(await echo(5) + 1, 6)
  assert.equal(`${await echo([1, 2])}`, '1,2')
  assert.equal(String(await c.call('Nothing').end()), 'null')
  assert.equal((await c.call('Nothing').end()).valueOf(), null)
  assert.equal(JSON.stringify({ r: await echo({ a: 1 }) }), '{"r":{"a":1}}')
  assert.equal(JSON.stringify(await echo(new Date(0))), '"1970-01-01T00:00:00.000Z"')
  assert.equal(JSON.stringify(await c.call('Nothing').end()), 'null')
  assert.equal(+await echo(new Date(1000)), 1000)
  assert.deepEqual((await c.call('Echo').send([await echo({ a: 1 })]).end()).result, [{ a: 1 }]) // it can be sent on
})

test('errors have code, message and data', async () => {
  const c = await connected()
  const error = await failure(c.call('Fail').send([42, 'no tea', { left: 0 }]).end(), { code: 42, message: 'no tea', data: { left: 0 }, kind: 'reply' })
  assert.ok(error instanceof Error)
  assert.equal(String(error), 'MegoError: no tea')
  await failure(c.call('Fail').send([-1002, 'twice', null]).end(), { code: MegoClient.StatusExists, data: null })
  await failure(c.call('Panic').end(), { code: MegoClient.StatusError, message: 'mego: panic recovered' })
  assert.equal(new MegoError(1, 'x').data, null)
})

test('what cannot be sent', async () => {
  const c = await connected()
  for (const [request, want] of [
    [c.call('Echo').send('{'), /^mego: send: a string is JSON: /],
    [c.call('Echo').send([() => 1]), 'mego: a function cannot be encoded'],
    [c.call('Echo').send({ a: Promise.resolve() }), 'mego: a promise cannot be encoded: await it'],
    [c.call('Echo').send([new Blob(['x'])]), 'mego: a file cannot be encoded: sendFile sends it'],
    [c.call(''), 'mego: a method has a name'],
    [c.call(undefined), 'mego: a method has a name'],
  ]) {
    await failure(request.end(), { kind: 'misuse', code: MegoClient.StatusInvalid, message: want })
  }
  const loop = []
  loop.push(loop)
  await failure(c.call('Echo').send(loop).end(), { kind: 'misuse', message: 'mego: nested deeper than 100' })
  assert.equal(+await c.call('Sum').send([1, 2]).end(), 3)
})

test('a request is sent once', async () => {
  const c = await connected()
  const request = c.call('Sum').send([1, 2])
  assert.equal(+await request.end(), 3)
  await failure(request.end(), { kind: 'misuse', message: 'mego: the request was sent already' })
  await failure(request.notify(), { kind: 'misuse' })
})

test('timeouts', async () => {
  const c = await connected()
  c.options.timeout = 60
  await failure(c.call('Silent').end(), { kind: 'timeout', code: MegoClient.StatusTimeout, message: 'mego: there was no answer within 60 ms' })
})

test('an answer that is late is nobody’s', () => opened({ timeout: 20 }, async (c, fake) => {
  const ended = failure(c.call('Slow').end(), { kind: 'timeout' })
  const { i } = await fake.next()
  await ended
  const second = c.call('Quick').end()
  fake.says({ v: '', r: 'late', e: null, i })
  fake.says({ v: '', r: 'right', e: null, i: (await fake.next()).i })
  assert.equal(String(await second), 'right')
}))

test('a timeout of 0 is none', () => opened({ timeout: 0 }, async (c, fake) => {
  const ended = c.call('Slow').end()
  const { i } = await fake.next()
  await sleep(50)
  fake.says({ i })
  assert.equal((await ended).result, null)
}))

test('a lost connection rejects all that waits, at once', async () => {
  const c = await connected()
  const pending = [c.call('Silent').end(), c.call('Silent').end(), c.call('Silent').sendFile(new Uint8Array(5)).end()]
    .map(p => failure(p, { kind: 'closed', code: MegoClient.StatusError, data: { code: 1006, reason: '' } }))
  await c.call('Nothing').end() // the server has the others
  await post('/cut')
  await Promise.all(pending) // before their timeout
})

test('the server that closes says so', async () => {
  const c = await connected()
  const pending = failure(c.call('Silent').end(), { kind: 'closed' })
  const closed = next(c, 'close')
  await post('/restart')
  await pending
  assert.equal((await closed).code, 1001)
  await c.reconnect()
  assert.equal(+await c.call('Sum').send([1, 2]).end(), 3)
})

test('notify', async () => {
  const c = await connected()
  const name = c.uuid
  await c.call('Note').send([name]).notify()
  for (;;) { // there is no answer to wait for
    const [number, there] = (await c.call('Noted').send([name]).end()).result
    if (there) {
      assert.equal(number, 0)
      break
    }
  }
  await failure(c.call('Echo').send('{').notify(), { kind: 'misuse' })
  await failure(c.call('Files').sendFileChunks(new Uint8Array(5)).notify(), { kind: 'misuse', message: 'mego: notify: a file in chunks needs answers' })
  await c.close()
  await failure(c.call('Note').notify(), { kind: 'closed' })
})

test('notify waits for the connection, and fails with it', async () => {
  const c = client({ autoConnect: false })
  const sent = c.call('Note').send(['early ' + c.uuid]).notify()
  await c.connect()
  await sent
  const other = new MegoClient('ws://127.0.0.1:1', { autoConnect: false })
  const failed = failure(other.call('Note').notify(), { kind: 'closed' })
  other.connect()
  await failed
})

test('calls go out in their order, and answers may overtake each other', async () => {
  const c = await connected()
  const numbers = Array.from({ length: 200 }, (_, i) => i)
  const results = await Promise.all(numbers.map(n => c.call('Echo').send([n]).end()))
  assert.deepEqual(results.map(r => r.result[0]), numbers)
})

test('the original server leaves the error out', () => opened({}, async (c, fake) => {
  const ended = c.call('Old').end()
  const { i, ...rest } = await fake.next()
  assert.deepEqual(rest, { m: 'Old', p: null })
  fake.says({ r: 1, i })
  assert.equal(+await ended, 1)
  const failed = c.call('Old').end()
  fake.says({ e: { c: 3 }, i: (await fake.next()).i })
  await failure(failed, { code: 3, message: '', data: null })
}))

test('bytes and big numbers arrive', async () => {
  const c = await connected()
  const big = new Uint8Array(3 << 20).map((_, i) => i * 7)
  const { result } = await c.call('Echo').send([big, 2n ** 63n, 2 ** 53, -0.5]).end()
  assert.deepEqual(result[0], big)
  assert.deepEqual(result.slice(1), [2n ** 63n, 2 ** 53, -0.5])
  assert.equal(codec.encode(result).length, codec.encode([big, 2n ** 63n, 2 ** 53, -0.5]).length)
})
