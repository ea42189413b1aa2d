// Command report measures gongular beside its peers and beside code by hand, and
// writes down how they stand to each other: PERFORMANCE.md says what and how.
//
//	go run ./cmd/report           # under four minutes; rewrites results and the tables of PERFORMANCE.md
//	go run ./cmd/report -quick    # under one; prints its tables
//
// It starts itself anew for each measurement:
//
//	report -contender gin -scenario full -n 10000   # prints CPU time, allocations, bytes
//	report -work -contender gin -scenario full      # the same for each number that it reads
//	report -serve -contender gin -scenario full     # serves for the load test
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/gongular/gongular/bench/contenders"
	"github.com/gongular/gongular/bench/results"
	"github.com/gongular/gongular/bench/websocket"
)

func main() {
	websocket.Child()
	if err := command(os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// command does what the arguments say.
func command(args []string, in io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	var (
		isQuick   = flags.Bool("quick", false, "measure for less than a minute")
		out       = flags.String("out", "", "directory for report.json, report.md and chart.svg; without it a whole run writes results and ../PERFORMANCE.md, a quick one nothing")
		only      = flags.String("only", "", "measure these scenarios only, divided by commas, and write nothing unless -out says where")
		contender = flags.String("contender", "", "measure this contender alone, in this process")
		scenario  = flags.String("scenario", "", "the scenario of -contender")
		n         = flags.Int("n", 10_000, "the requests of -contender")
		profile   = flags.String("cpuprofile", "", "file for a CPU profile of -contender")
		who       = flags.String("who", "", "measure these contenders only, divided by commas, beside the baseline")
		isWorker  = flags.Bool("work", false, "measure -contender in this process as often as standard input says")
		isServer  = flags.Bool("serve", false, "serve the scenario by the contender until standard input ends")
		redraw    = flags.Bool("redraw", false, "measure nothing, write the tables and the chart of results/report.json anew")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *isServer:
		return serve(*contender, *scenario, in, stdout)
	case *isWorker:
		k, err := newWorker(*contender, *scenario)
		if err != nil {
			return err
		}
		return k.work(in, stdout)
	case *contender != "":
		return alone(stdout, *contender, *scenario, *n, *profile)
	case *redraw:
		run, err := results.Read(filepath.Join("results", "report.json"))
		if err != nil {
			return err
		}
		return publish(run)
	}
	p := whole
	if *isQuick {
		p = quick
	}
	if *only != "" {
		p.only = strings.Split(*only, ",")
	}
	if *who != "" {
		p.who = strings.Split(*who, ",")
	}
	part := *only != "" || *who != ""
	p.benchmark = p.benchmark && !part
	log := func(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
	run, err := p.run(log)
	if err != nil {
		return err
	}
	run.Quick = *isQuick
	fmt.Fprint(stdout, run.Markdown())
	switch {
	case *out != "":
		return writeAll(run, *out)
	case *isQuick || part:
		return nil
	}
	return publish(run)
}

// run measures everything.
func (p plan) run(log func(string, ...any)) (*results.Run, error) {
	run := &results.Run{
		Date: time.Now().Format(time.DateOnly), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpuName(), CPUs: runtime.NumCPU(), Versions: versions(),
	}
	var err error
	if run.Scenarios, err = p.inProcess(log); err != nil {
		return nil, err
	}
	if run.Load, err = p.underLoad(log); err != nil {
		return nil, err
	}
	if p.benchmark {
		if run.More, err = benchmarks(log); err != nil {
			return nil, err
		}
		log("WebSockets")
		sockets, err := websocket.Measure(websocket.Brief)
		if err != nil {
			return nil, err
		}
		run.WebSocket = &sockets
	}
	return run.Rounded(), nil
}

// alone measures in this process, once it is warm.
func alone(out io.Writer, contender, scenario string, n int, profile string) error {
	k, err := newWorker(contender, scenario)
	if err != nil {
		return err
	}
	if _, err := k.measure(max(n/4, 1)); err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	m, err := k.measure(n)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(m)
}

// publish writes a run to where the repository keeps it.
func publish(run *results.Run) error {
	if err := writeAll(run, "results"); err != nil {
		return err
	}
	file := filepath.Join("..", "PERFORMANCE.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	whole, err := results.Insert(string(text), run)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(whole), 0o666)
}

func writeAll(run *results.Run, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return errors.Join(
		run.Write(filepath.Join(dir, "report.json")),
		os.WriteFile(filepath.Join(dir, "report.md"), []byte(run.Markdown()), 0o666),
		os.WriteFile(filepath.Join(dir, "chart.svg"), []byte(run.SVG()), 0o666),
	)
}

// versions are those of the contenders' modules, as this binary was built.
func versions() map[string]string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	known := map[string]string{}
	for _, m := range info.Deps {
		known[m.Path] = m.Version
	}
	all := map[string]string{}
	for _, c := range contenders.All() {
		for _, path := range c.Modules() {
			if v := known[path]; v != "" && v != "v0.0.0" { // ours is the one beside it
				all[path] = v
			}
		}
	}
	return all
}

// cpuName is what the system calls the processor, or the architecture.
func cpuName() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
