'use strict'
// What both programs have in common: commands come from standard input, a JSON
// object in a line each, and reports go to standard output. See process_test.go.

const readline = require('readline')

// say reports an event of the connection.
function say(id, event, data = '', code = 0) {
  const line = { ID: id, Event: event, Data: Buffer.from(data).toString('base64'), Code: code }
  process.stdout.write(JSON.stringify(line) + '\n')
}

// obey calls the function of actions that a command asks for.
function obey(actions) {
  const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity })
  lines.on('line', (line) => {
    const c = JSON.parse(line)
    c.Data = (c.Data || []).map((data) => Buffer.from(data, 'base64'))
    try {
      actions[c.Do](c)
    } catch (err) {
      say(c.ID, 'failed', String(err))
    }
  })
  lines.on('close', () => process.exit(0))
}

module.exports = { say, obey }
