package mego

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Logger is [LoggerWithWriter] for [DefaultWriter].
func Logger() HandlerFunc { return LoggerWithWriter(DefaultWriter) }

// LoggerWithWriter returns middleware that writes a line for each request, when
// its handlers have returned, and one for each error that they noted:
//
//	[MEGO] 2006/01/02 - 15:04:05 | code | time it took | address | method
//
// The code is that of the response, 0 if there was none. It is coloured if the
// writer is a terminal. What clients have a say in is escaped, so that it stays
// on its line. A line is one call of Write, and calls are made one at a time.
func LoggerWithWriter(out io.Writer) HandlerFunc {
	w := &syncWriter{w: out}
	color := isTerminal(out)
	return func(c *Context) {
		start := time.Now()
		defer func() {
			var b strings.Builder
			fmt.Fprintf(&b, "[MEGO] %s | %s | %v | %s | %s\n", time.Now().Format("2006/01/02 - 15:04:05"),
				coloured(c.reply.code.Load(), color), time.Since(start), c.ClientIP(), printable(c.Method.Name))
			for i, e := range c.Errors {
				fmt.Fprintf(&b, "[MEGO] error #%02d: %s\n", i+1, printable(e.Error()))
			}
			io.WriteString(w, b.String())
		}()
		c.Next()
	}
}

// coloured returns a code, in green if it is success, else in red.
func coloured(code int64, color bool) string {
	text := strconv.FormatInt(code, 10)
	switch {
	case !color:
		return text
	case code == 0:
		return "\x1b[32m" + text + "\x1b[0m"
	default:
		return "\x1b[31m" + text + "\x1b[0m"
	}
}

// isTerminal reports whether the writer is a file that is a device for
// characters.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
