package gongular

import "net/http"

type WebsocketHandler interface{}
type WSRouter struct{ router *Router }

var _ http.Handler
