'use strict'
// What all scenarios use: the client, the server's address, and a WebSocket that
// does what it is told, for platforms and servers that are odd.

const assert = require('node:assert/strict')
const { test, after } = require('node:test')

const MegoClient = require(process.env.MEGO_CLIENT)
const { MegoError, codec } = MegoClient
const url = process.env.MEGO_URL

// No promise may be rejected without anybody who could have heard of it.
process.on('unhandledRejection', error => {
  console.error('an unhandled rejection:', error)
  process.exit(1)
})

const clients = []

// client returns one for the engine, which is closed when the test is over.
function client(options, path = '/mego') {
  const c = new MegoClient(url + path, options)
  clients.push(c)
  return c
}

// connected returns one that is connected.
async function connected(options, path) {
  const c = client({ autoConnect: false, ...options }, path)
  await c.connect()
  return c
}

// In the end no timer may be left.
after(async () => {
  await Promise.all(clients.map(c => c.close()))
  assert.deepEqual(process.getActiveResourcesInfo().filter(name => name === 'Timeout'), [])
})

// next resolves to what is told of a name the next time.
function next(c, name) {
  return new Promise(resolve => {
    const fn = event => {
      c.off(name, fn)
      resolve(event)
    }
    c.on(name, fn)
  })
}

// failure resolves to what a promise is rejected with, and checks parts of it.
async function failure(promise, want = {}) {
  const error = await promise.then(value => assert.fail(`it has succeeded: ${value}`), e => e)
  assert.ok(error instanceof MegoError, String(error.stack))
  for (const name of Object.keys(want)) {
    if (want[name] instanceof RegExp) assert.match(error[name], want[name])
    else assert.deepEqual(error[name], want[name], `${name} of ${error}`)
  }
  return error
}

const post = path => fetch(url + path, { method: 'POST' })
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

// A Fake is a WebSocket without a network. The test is its server.
class Fake {
  constructor(address) {
    Fake.last = this
    this.url = address
    this.readyState = 0
    this.sent = []
    this.waiting = []
  }

  open() {
    this.readyState = 1
    this.onopen({})
  }

  send(bytes) {
    const message = codec.decode(bytes)
    const waiting = this.waiting.shift()
    if (waiting) waiting(message)
    else this.sent.push(message)
  }

  // next resolves to the next message that the client sends.
  next() {
    if (this.sent.length > 0) return Promise.resolve(this.sent.shift())
    return new Promise(resolve => this.waiting.push(resolve))
  }

  raw(data) {
    this.onmessage({ data })
  }

  says(message) {
    const bytes = codec.encode(message)
    this.raw(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  }

  close(code) {
    this.closedWith = code
    if (this.readyState === 3) return
    this.readyState = 3
    setTimeout(() => this.onclose && this.onclose({ code, reason: '' }), 0)
  }
}

// withFake runs f with a client whose connections are Fakes.
async function withFake(options, f) {
  const real = globalThis.WebSocket
  globalThis.WebSocket = Fake
  Fake.last = null
  try {
    const c = new MegoClient('ws://fake.test', { autoConnect: false, ...options })
    await f(c)
    await c.close()
  } finally {
    globalThis.WebSocket = real
  }
}

// opened is withFake with a connection.
function opened(options, f) {
  return withFake(options, async c => {
    const connecting = c.connect()
    const fake = Fake.last
    fake.open()
    const hello = await fake.next()
    fake.says({ v: '', r: null, e: null, i: hello.i })
    await connecting
    await f(c, fake)
  })
}

module.exports = { assert, test, MegoClient, MegoError, codec, url, client, connected, next, failure, post, sleep, Fake, withFake, opened }
