'use strict'
// Files: whole, in chunks, with progress, and after an interruption.

const { createHash } = require('node:crypto')
const { assert, test, MegoClient, client, connected, next, failure, post, sleep, Fake, opened } = require('./harness.js')

const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')
const bytes = (n, factor = 31) => new Uint8Array(n).map((_, i) => i * factor + (i >> 8))
const small = { chunkSize: 1000 }

// A Reader is as much of a FileReader as Node lacks.
class Reader extends EventTarget {
  constructor() {
    super()
    this.readyState = 1
    this.result = null
    this.error = null
  }

  ends(result, error = null) {
    Object.assign(this, { readyState: 2, result, error })
    this.dispatchEvent(new Event('loadend'))
  }
}

test('all that is a file', async () => {
  const c = await connected()
  const data = bytes(5000)
  const sum = sha256(data)
  const done = new Reader()
  done.ends(data.buffer)
  const loading = new Reader()
  setTimeout(() => loading.ends(data.buffer), 20)
  const text = new Reader()
  text.ends('tea 茶')
  for (const [file, name, size, want] of [
    [new Blob([data]), '', 5000, sum],
    [new File([data], 'photo.png'), 'photo.png', 5000, sum],
    [data.buffer, '', 5000, sum],
    [data, '', 5000, sum],
    [data.subarray(10, 20), '', 10, sha256(data.subarray(10, 20))],
    [new DataView(data.buffer, 4, 3), '', 3, sha256(data.subarray(4, 7))],
    [new Uint16Array(data.buffer, 4, 3), '', 6, sha256(data.subarray(4, 10))],
    [done, '', 5000, sum],
    [loading, '', 5000, sum],
    [text, '', 7, sha256('tea 茶')],
  ]) {
    for (const how of ['sendFile', 'sendFileChunks']) {
      const { result } = await c.call('Files').send({ a: 1 })[how](file).end()
      assert.deepEqual(result, { files: [['File1', name, size, want]], params: { a: 1 } })
    }
  }
})

test('fields', async () => {
  const c = await connected()
  const one = bytes(1), two = bytes(2), three = bytes(3)
  const { result } = await c.call('Files').sendFile(one).sendFile(two, 'Photos').sendFile(three).sendFiles([one, two], 'Photos').sendFiles(new Set([two])).end()
  assert.deepEqual(result.files.map(([field, , size]) => [field, size]), [['Photos', 2], ['Photos', 1], ['Photos', 2], ['File1', 1], ['File2', 3], ['File3', 2]])
  const list = { length: 2, 0: one, 1: two } // as a FileList is where it cannot be iterated
  assert.equal((await c.call('Files').sendFiles(list).end()).result.files.length, 2)
})

test('what is no file', async () => {
  const c = await connected()
  for (const file of [undefined, null, 'photo.png', 5, {}, [1, 2]]) {
    await failure(c.call('Files').sendFile(file).end(), { kind: 'misuse', message: 'mego: a file is a File, Blob, ArrayBuffer, typed array or FileReader' })
    await failure(c.call('Files').sendFileChunks(file).end(), { kind: 'misuse' })
  }
  await failure(c.call('Files').sendFiles(undefined).end(), { kind: 'misuse', message: 'mego: sendFiles: a list of files is needed' })
  await failure(c.call('Files').sendFiles(5).end(), { kind: 'misuse' })
  await failure(c.call('Files').sendFileChunks(bytes(1)).sendFile(bytes(1)).end(), { kind: 'misuse', message: 'mego: a file in chunks is the only one of its request' })
  await failure(c.call('Files').sendFileChunks(bytes(1)).sendFileChunks(bytes(1)).end(), { kind: 'misuse' })
  assert.throws(() => c.call('Files').progress(), { name: 'TypeError', message: 'mego: progress: a function is needed' })
})

test('a FileReader that fails, and one that never ends', async () => {
  const c = await connected({ uploadTimeout: 50 })
  const failing = new Reader()
  setTimeout(() => failing.ends(null, new Error('no permission')), 10)
  await failure(c.call('Files').sendFile(failing).end(), { kind: 'misuse', message: 'mego: the file cannot be read: no permission' })
  const aborted = new Reader()
  aborted.ends(null)
  await failure(c.call('Files').sendFileChunks(aborted).end(), { kind: 'misuse', message: 'mego: the file cannot be read: it was aborted' })
  await failure(c.call('Files').sendFile(new Reader()).end(), { kind: 'timeout', message: 'mego: the file was not read within 50 ms' })
})

test('a file that cannot be read, or changes', async () => {
  const c = await connected(small)
  const blob = (size, buffer) => ({ size, name: 'x', slice: () => ({ arrayBuffer: buffer }) })
  await failure(c.call('Files').sendFile(blob(5, () => Promise.reject(new Error('it is gone')))).end(), { kind: 'misuse', message: 'mego: the file cannot be read: it is gone' })
  await failure(c.call('Files').sendFileChunks(blob(5, () => Promise.resolve(new ArrayBuffer(4)))).end(), { kind: 'misuse', message: 'mego: the file has changed' })
})

test('a browser whose Blobs have no arrayBuffer', async () => {
  globalThis.FileReader = class extends Reader {
    readAsArrayBuffer(blob) {
      setTimeout(() => this.ends(blob.content.slice(blob.from, blob.to)), 0)
    }
  }
  try {
    const c = await connected(small)
    const data = bytes(2500)
    const old = { size: 2500, slice: (from, to) => ({ content: data.buffer, from, to }) }
    for (const how of ['sendFile', 'sendFileChunks']) {
      assert.deepEqual((await c.call('Files')[how](old).end()).result.files, [['File1', '', 2500, sha256(data)]])
    }
  } finally {
    delete globalThis.FileReader
  }
})

test('empty files', async () => {
  const c = await connected()
  await failure(c.call('Files').sendFile(new Uint8Array()).end(), { kind: 'reply', code: MegoClient.StatusFileEmpty })
  await failure(c.call('Files').sendFileChunks(new Blob([])).end(), { kind: 'misuse', code: MegoClient.StatusFileEmpty, message: 'mego: the file is empty' })
})

test('files in a notification', async () => {
  const c = await connected()
  await c.call('Nothing').sendFile(bytes(10)).notify()
  await c.call('Nothing').end()
})

test('chunks, and the progress of them', async () => {
  const c = await connected(small)
  for (const size of [1, 999, 1000, 1001, 2000, 123456]) {
    const data = bytes(size)
    const heard = []
    const { result } = await c.call('Files').send(['p', size]).sendFileChunks(new File([data], 'a.b.c'), 'Photos')
      .progress(({ loaded, total }) => { heard.push(loaded); assert.equal(total, size) }).end()
    assert.deepEqual(result, { files: [['Photos', 'a.b.c', size, sha256(data)]], params: ['p', size] })
    const want = []
    for (let at = 0; at < size; at += 1000) want.push(at)
    assert.deepEqual(heard, [...want, size])
  }
})

test('the progress of whole files', async () => {
  const c = await connected()
  const heard = []
  await c.call('Files').sendFile(bytes(10)).sendFile(bytes(20)).progress(p => heard.push(p)).end()
  assert.deepEqual(heard, [{ loaded: 0, total: 30 }, { loaded: 30, total: 30 }])
})

test('a progress function that throws does not stop the file', async () => {
  const c = await connected(small)
  const heard = []
  c.on('error', error => heard.push(error.message))
  const { result } = await c.call('Files').sendFileChunks(bytes(1500)).progress(() => { throw new Error('oh') }).end()
  assert.equal(result.files[0][2], 1500)
  assert.deepEqual(heard, ['oh', 'oh', 'oh'])
})

test('several at the same time', async () => {
  const c = await connected(small)
  const results = await Promise.all([1, 2, 3, 4, 5].map(n => c.call('Files').sendFileChunks(bytes(n * 3000, n)).end()))
  results.forEach(({ result }, i) => assert.equal(result.files[0][3], sha256(bytes((i + 1) * 3000, i + 1))))
})

test('a Blob is never in memory as a whole', async () => {
  const c = await connected({ chunkSize: 1 << 20 })
  const blob = new Blob([new Uint8Array(6 << 20)])
  const real = blob.slice.bind(blob)
  const slices = []
  blob.slice = (from, to) => { slices.push([from >> 20, to >> 20]); return real(from, to) }
  blob.arrayBuffer = () => assert.fail('it was read as a whole')
  assert.equal((await c.call('Files').sendFileChunks(blob).end()).result.files[0][2], 6 << 20)
  assert.deepEqual(slices, [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 6]])
})

test('files that are too large', async () => {
  const c = await connected(small)
  const error = await failure(c.call('Small').sendFile(new File([bytes(11)], 'big')).end(), { code: MegoClient.StatusFileTooLarge })
  assert.deepEqual(error.data, { field: 'File1', name: 'big' })
  await failure(c.call('Small').sendFileChunks(bytes(11)).end(), { code: MegoClient.StatusFileTooLarge })
  const large = await connected({ chunkSize: 3 << 20 })
  await failure(large.call('Files').sendFileChunks(bytes(3 << 20)).end(), { code: MegoClient.StatusFileTooLarge })
})

test('a handler that ends early, one that aborts, one that wants more', async () => {
  const c = await connected(small)
  const { result } = await c.call('Early').sendFileChunks(bytes(5000)).end()
  assert.equal(result.files[0][2], 2000)
  await failure(c.call('Abort').sendFileChunks(bytes(5000)).end(), { kind: 'aborted', message: 'mego: the server has aborted the upload' })
  await failure(c.call('More').sendFileChunks(bytes(1500)).end(), { kind: 'aborted', message: 'mego: the server wants more chunks than there are' })
})

// cutAt breaks the connection off when so many bytes are confirmed.
function cutAt(c, request, at) {
  let cut
  const closed = next(c, 'close')
  request.progress(({ loaded }) => { if (loaded >= at && !cut) cut = post('/cut') })
  return closed
}

for (const [path, again] of [['/mego', false], ['/forgetful', true]]) {
  test(`a lost connection: ${again ? 'from the beginning' : 'where it was'}`, async () => {
    const c = await connected(small, path)
    const data = bytes(500000)
    const request = c.call('Files').send({ a: 1 }).sendFileChunks(new Blob([data]))
    const heard = []
    const closed = cutAt(c, request, 100000)
    await failure(request.end(), { kind: 'closed' })
    await closed
    await failure(request.end(), { kind: 'misuse' })
    await failure(request.resume(), { kind: 'closed' }) // there is no connection yet
    await c.reconnect()
    request.progress(({ loaded }) => heard.push(loaded))
    const { result } = await request.resume()
    assert.deepEqual(result, { files: [['File1', '', 500000, sha256(data)]], params: { a: 1 } })
    assert.ok(heard[0] >= 100000)
    assert.equal(heard.includes(1000), again)
    await failure(request.resume(), { kind: 'misuse', message: 'mego: resume: there is no file in chunks that was interrupted' })
  })
}

test('the server was restarted', async () => {
  const c = await connected(small)
  const data = bytes(50000)
  const request = c.call('Files').sendFileChunks(data)
  let restarting
  request.progress(({ loaded }) => { if (loaded === 20000) restarting = restarting || post('/restart') })
  await failure(request.end(), { kind: 'closed' })
  await restarting
  await c.reconnect()
  assert.equal((await request.resume()).result.files[0][3], sha256(data))
})

test('only what was interrupted can be resumed', async () => {
  const c = await connected(small)
  await failure(c.call('Files').sendFileChunks(bytes(5)).resume(), { kind: 'misuse' })
  const refused = c.call('Small').sendFileChunks(bytes(11))
  await failure(refused.end(), { kind: 'reply' })
  await failure(refused.resume(), { kind: 'misuse' })
})

const ok = i => ({ v: '', r: 'done', e: null, i })
const go = i => ({ v: 'MegoChunkNext', r: null, e: null, i })
const retry = (i, data) => ({ v: '', r: null, e: { c: MegoClient.StatusFileRetry, m: 'again', d: data }, i })
const part = m => m.f.File1[0].p

test('the wire: one number, the sum and the parameters with the last chunk', () => opened(small, async (c, fake) => {
  const data = bytes(2500)
  const ended = c.call('Up').send([1]).sendFileChunks(new File([data], 'n')).end()
  const seen = []
  for (let i = 0; i < 3; i++) {
    const m = await fake.next()
    seen.push(m)
    assert.equal(fake.sent.length, 0) // the next one waits
    fake.says(i < 2 ? go(m.i) : ok(m.i))
  }
  assert.equal(String(await ended), 'done')
  assert.deepEqual(new Set(seen.map(m => m.i)).size, 1)
  assert.deepEqual(seen.map(m => m.p), [null, null, [1]])
  const raws = seen.map(m => m.f.File1[0])
  assert.deepEqual(raws.map(r => [r.i, r.p, r.n, r.b.length]), [[1, [3, 1], 'n', 1000], [1, [3, 2], 'n', 1000], [1, [3, 3], 'n', 500]])
  assert.deepEqual(raws.map(r => r.h && Buffer.from(r.h).toString('hex')), [undefined, undefined, sha256(data)])
}))

test('chunks that went wrong are sent again, from where the server says', () => opened(small, async (c, fake) => {
  const data = bytes(4000)
  const loaded = []
  const ended = c.call('Up').sendFileChunks(data).progress(p => loaded.push(p.loaded)).end()
  const says = [m => go(m.i), m => retry(m.i, [4, 1]), m => go(m.i), m => go(m.i), m => retry(m.i, [4, 3]), m => go(m.i), m => ok(m.i)]
  const seen = []
  let last
  for (const answer of says) {
    last = await fake.next()
    seen.push(part(last)[1])
    fake.says(answer(last))
  }
  await ended
  assert.deepEqual(seen, [1, 2, 1, 2, 3, 3, 4])
  assert.deepEqual(loaded, [0, 1000, 0, 1000, 2000, 2000, 3000, 4000])
  assert.equal(Buffer.from(last.f.File1[0].h).toString('hex'), sha256(data)) // each chunk once
}))

test('a server that skips ahead', () => opened(small, async (c, fake) => {
  const data = bytes(4000)
  const ended = c.call('Up').sendFileChunks(data).end()
  fake.says(retry((await fake.next()).i, [4, 4]))
  const last = await fake.next()
  assert.deepEqual(part(last), [4, 4])
  assert.equal(Buffer.from(last.f.File1[0].h).toString('hex'), sha256(data))
  fake.says(ok(last.i))
  await ended
}))

test('three times in a row, without getting on', () => opened(small, async (c, fake) => {
  const ended = failure(c.call('Up').sendFileChunks(bytes(3000)).end(), { code: MegoClient.StatusFileRetry, message: 'again' })
  fake.says(go((await fake.next()).i))
  for (let i = 0; i < 4; i++) { // chunk 1 is confirmed again, which is no progress
    const m = await fake.next()
    assert.deepEqual(part(m), [3, 2])
    fake.says(retry(m.i, [3, i === 1 ? 1 : 2]))
    if (i === 1) fake.says(go((await fake.next()).i))
  }
  await ended
}))

test('a retry that makes no sense is an error', async () => {
  for (const data of [null, [], [3], [2, 1], [3, 0], [3, 4], [3, 1.5], [3, '1'], { 0: 3, 1: 1 }]) {
    await opened(small, async (c, fake) => {
      const ended = failure(c.call('Up').sendFileChunks(bytes(3000)).end(), { code: MegoClient.StatusFileRetry })
      fake.says(retry((await fake.next()).i, data))
      await ended
    })
  }
})

test('an answer that is late, and then resume', () => opened({ ...small, uploadTimeout: 30 }, async (c, fake) => {
  const request = c.call('Up').sendFileChunks(bytes(1500))
  const ended = failure(request.end(), { kind: 'timeout', code: MegoClient.StatusTimeout })
  const first = await fake.next()
  await ended
  c.options.uploadTimeout = 0
  const resumed = request.resume()
  const second = await fake.next()
  assert.deepEqual(part(second), [2, 1])
  assert.deepEqual(second.f.File1[0].i, first.f.File1[0].i)
  assert.notEqual(second.i, first.i)
  fake.says(go(first.i)) // is nobody's
  await sleep(5)
  assert.equal(fake.sent.length, 0)
  fake.says(go(second.i))
  fake.says(ok((await fake.next()).i))
  assert.equal(String(await resumed), 'done')
}))

test('file numbers go on after a reconnect', () => opened(small, async (c, fake) => {
  const numbers = []
  for (let i = 0; i < 2; i++) {
    const ended = c.call('Up').sendFile(bytes(5)).sendFile(bytes(5), 'b').end()
    const m = await fake.next()
    numbers.push(m.f.File1[0].i, m.f.b[0].i)
    fake.says(ok(m.i))
    await ended
    const reconnecting = c.reconnect()
    fake = Fake.last
    fake.open()
    fake.says({ i: (await fake.next()).i })
    await reconnecting
  }
  assert.deepEqual(numbers, [1, 2, 3, 4])
}))

test('a chunk that cannot be encoded, and a field of an odd name', async () => {
  const c = await connected(small)
  await failure(c.call('Files').send([() => 1]).sendFileChunks(bytes(5)).end(), { kind: 'misuse', message: 'mego: a function cannot be encoded' })
  await c.call('Nothing').sendFile(bytes(5), '__proto__').end()
  await c.call('Nothing').sendFileChunks(bytes(5), '__proto__').end()
})

test('files wait for the connection like calls', async () => {
  const c = client(small)
  assert.equal((await c.call('Files').sendFileChunks(bytes(1500)).end()).result.files[0][2], 1500)
})
