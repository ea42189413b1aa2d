module github.com/gongular/gongular/examples/chat/browser

go 1.26.0

require github.com/gongular/gongular v0.0.0

require golang.org/x/net v0.62.0 // indirect

replace github.com/gongular/gongular => ../../..
