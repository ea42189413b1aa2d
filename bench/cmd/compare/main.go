// Command compare says what got worse from one run of the report to another:
//
//	go run ./cmd/compare results/report.json new/report.json
//
// names each scenario of ours whose ratio to hand-written code got worse by more
// than 15 %, and those that allocate more. On a busy machine such a thing may be
// noise, so that it is for a person to judge: the exit status is 0 all the same,
// unless -strict is given.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/gongular/gongular/bench/results"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	strict := flags.Bool("strict", false, "fail if anything got worse")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errors.New("give it two files: the figures that are committed, and the new ones")
	}
	old, err := results.Read(flags.Arg(0))
	if err != nil {
		return err
	}
	now, err := results.Read(flags.Arg(1))
	if err != nil {
		return err
	}
	worse := results.Compare(old, now)
	if len(worse) == 0 {
		fmt.Fprintf(out, "no ratio got worse by more than %.0f %% since %s\n", 100*results.Tolerance, old.Date)
		return nil
	}
	fmt.Fprintf(out, "worse than on %s; look whether it is so:\n", old.Date)
	for _, line := range worse {
		fmt.Fprintln(out, "  "+line)
	}
	for _, s := range now.Scenarios {
		if c, ok := s.Cell(results.Again); ok && (c.Ratio.Median > 1.1 || c.Ratio.Median < 0.9) {
			fmt.Fprintf(out, "  (%s: the baseline itself was at %.2f of itself: the machine was busy)\n", s.Name, c.Ratio.Median)
		}
	}
	if *strict {
		return errors.New("something got worse")
	}
	return nil
}
