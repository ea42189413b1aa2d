// Package mego is a WebSocket RPC engine: clients call methods, subscribe to
// events and upload files over one connection, in MessagePack.
package mego
