module github.com/gongular/gongular/examples/megochat/browser

go 1.26.0

require (
	github.com/gongular/gongular v0.0.0
	github.com/gongular/gongular/examples/devtools v0.0.0
)

require golang.org/x/net v0.62.0 // indirect

replace (
	github.com/gongular/gongular => ../../..
	github.com/gongular/gongular/examples/devtools => ../../devtools
)
