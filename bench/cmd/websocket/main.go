// Command websocket measures package ws beside other libraries, and prints
// tables in Markdown; with -json FILE the figures go to a file as well.
//
//	go run ./cmd/websocket -quick
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"

	"github.com/gongular/gongular/bench/websocket"
)

func main() {
	websocket.Child()
	log.SetFlags(0)
	quickly := flag.Bool("quick", false, "measure for less than half a minute, instead of some minutes")
	briefly := flag.Bool("brief", false, "measure for about a minute, as the report does")
	only := flag.String("only", "", "measure only what matches this regular expression, as \"^echo 32 B\"")
	file := flag.String("json", "", "write the figures as JSON to this file")
	flag.Parse()
	names, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	effort := websocket.Full
	switch {
	case *quickly:
		effort = websocket.Quick
	case *briefly:
		effort = websocket.Brief
	}
	results, err := websocket.MeasureOnly(effort, names)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(results.Markdown())
	if *file == "" {
		return
	}
	b, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*file, append(b, '\n'), 0o644); err != nil {
		log.Fatal(err)
	}
}
