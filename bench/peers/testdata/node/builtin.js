'use strict'
// The WebSocket of Node itself, which is that of browsers, as a peer.

const { say, obey } = require('./lines.js')

const sockets = new Map() // by ID of the connection

obey({
  dial(c) {
    const socket = new WebSocket(c.URL, c.Protocols || [])
    socket.binaryType = 'arraybuffer'
    sockets.set(c.ID, socket)
    socket.addEventListener('open', () => say(c.ID, 'open', socket.protocol))
    socket.addEventListener('message', ({ data }) => {
      say(c.ID, typeof data === 'string' ? 'text' : 'binary', data)
    })
    socket.addEventListener('close', ({ code, reason }) => say(c.ID, 'closed', reason, code))
  },
  send(c) {
    sockets.get(c.ID).send(c.Type === 'binary' ? c.Data[0] : c.Data[0].toString())
  },
  close(c) {
    sockets.get(c.ID).close(c.Code, c.Reason)
  },
  drop(c) {
    sockets.get(c.ID)?.close()
    sockets.delete(c.ID)
  },
})
