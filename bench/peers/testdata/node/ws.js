'use strict'
// The package ws of npm as a peer: both of its ends.

const { WebSocket, WebSocketServer } = require('ws')
const { say, obey } = require('./lines.js')

const sockets = new Map() // by ID of the connection
const servers = new Map()

function compression(mode) {
  if (!mode) {
    return false
  }
  const alone = mode === 'alone'
  return { threshold: 0, serverNoContextTakeover: alone, clientNoContextTakeover: alone }
}

function attach(id, socket) {
  sockets.set(id, socket)
  socket.on('message', (data, isBinary) => say(id, isBinary ? 'binary' : 'text', data))
  socket.on('pong', (data) => say(id, 'pong', data))
  socket.on('close', (code, reason) => say(id, 'closed', reason, code))
  socket.on('error', () => {}) // closed comes after it
}

obey({
  dial(c) {
    const socket = new WebSocket(c.URL, c.Protocols || [], { perMessageDeflate: compression(c.Compression) })
    socket.on('open', () => say(c.ID, 'open', socket.protocol))
    attach(c.ID, socket)
  },
  serve(c) {
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      perMessageDeflate: compression(c.Compression),
      handleProtocols: (offered) => (c.Protocols || []).find((p) => offered.has(p)) || false,
    })
    servers.set(c.ID, server)
    server.on('listening', () => say(c.ID, 'listening', `ws://127.0.0.1:${server.address().port}/`))
    server.on('connection', (socket) => {
      attach(c.ID, socket)
      say(c.ID, 'open', socket.protocol)
    })
  },
  send(c) {
    sockets.get(c.ID).send(c.Data[0], { binary: c.Type === 'binary' })
  },
  fragments(c) {
    c.Data.forEach((data, i) => sockets.get(c.ID).send(data, { binary: c.Type === 'binary', fin: i === c.Data.length - 1 }))
  },
  ping(c) {
    sockets.get(c.ID).ping(c.Data[0])
  },
  close(c) {
    sockets.get(c.ID).close(c.Code, c.Reason)
  },
  drop(c) {
    sockets.get(c.ID)?.terminate()
    servers.get(c.ID)?.close()
    sockets.delete(c.ID)
    servers.delete(c.ID)
  },
})
