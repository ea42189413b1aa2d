'use strict'
// What README shows of the client is run as it stands there.

const { readFileSync } = require('node:fs')
const { assert, test, MegoClient, connected, url } = require('./harness.js')

const AsyncFunction = (async () => {}).constructor

test('the snippet of README', async () => {
  const snippets = [...readFileSync(process.env.README, 'utf8').matchAll(/^```js\n([^]*?)^```$/gm)].map(m => m[1])
  assert.equal(snippets.length, 1)
  assert.match(snippets[0], /new MegoClient\("\/mego"\)/)

  globalThis.location = new URL(url) // the page's host
  let show
  const shown = new Promise(resolve => { show = resolve })
  const bar = {}
  const input = { files: [new File(['a picture'], 'tea.jpeg')] }
  const run = new AsyncFunction('MegoClient', 'show', 'bar', 'input', snippets[0] + '\nreturn { mego, result, reconnect }')
  const { mego, result, reconnect } = await run(MegoClient, show, bar, input)
  assert.equal(result, 3)
  assert.equal(bar.value, 1)

  const other = await connected()
  await other.call('Emit').send(['Said', 'tea', 'at four']).end()
  assert.equal(await shown, 'at four')

  mego.off('close', reconnect)
  await mego.close()
})
