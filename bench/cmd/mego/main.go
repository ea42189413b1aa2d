// Command mego measures calls by package mego beside gRPC-Go and net/rpc, and its
// broadcasts, and prints tables in Markdown; with -json FILE the figures go to a
// file as well.
//
//	go run ./cmd/mego -quick
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/gongular/gongular/bench/mego"
)

func main() {
	mego.Child()
	log.SetFlags(0)
	quickly := flag.Bool("quick", false, "measure for a few seconds, instead of half a minute")
	file := flag.String("json", "", "write the figures as JSON to this file")
	flag.Parse()
	results, err := mego.Measure(*quickly)
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
