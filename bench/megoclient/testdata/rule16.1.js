'use strict'
// One file, no dependency, ES2018; a global, or a module's exports.

const vm = require('node:vm')
const acorn = require('acorn')
const { assert, test, MegoClient, MegoError, url } = require('./harness.js')

const source = fetch(url + '/mego.js').then(response => response.text())

test('its syntax is that of ES2018', async () => {
  const text = await source
  assert.ok(text.length > 10000)
  acorn.parse(text, { ecmaVersion: 2018, sourceType: 'script', allowHashBang: false })
  assert.throws(() => acorn.parse('a?.b', { ecmaVersion: 2018 })) // so that it would be seen
})

// A page has few of the globals of Node.
function page(extra) {
  const names = { TextEncoder, TextDecoder, crypto, setTimeout, clearTimeout, console, WebSocket, ...extra }
  const context = vm.createContext(names, { codeGeneration: { strings: false, wasm: false } })
  context.self = context
  return context
}

test('a script sets the globals, and needs no eval', async () => {
  const context = page()
  vm.runInContext(await source, context)
  assert.equal(typeof context.MegoClient, 'function')
  assert.equal(typeof context.MegoError, 'function')
  assert.equal(context.MegoClient.MegoError, context.MegoError)
  assert.equal(context.module, undefined)
  const c = new context.MegoClient(url + '/mego')
  assert.equal(Number(await c.call('Sum').send([1, 2]).end()), 3)
  await c.close()
})

test('a script of the kind module does too', async () => {
  const context = page()
  vm.runInContext(`"use strict"; (function () { ${await source} }).call(undefined)`, context)
  assert.equal(typeof context.MegoClient, 'function')
})

test('the exports are the client and what it has', () => {
  assert.equal(typeof MegoClient, 'function')
  assert.equal(MegoClient.MegoClient, MegoClient)
  assert.equal(MegoClient.MegoError, MegoError)
  assert.deepEqual(Object.keys(MegoClient.codec), ['encode', 'decode', 'Ext'])
})
