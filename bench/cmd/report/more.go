package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/gongular/gongular/bench/results"
)

// others are the packages of this module whose benchmarks belong into the
// report, and what to ask them for.
var others = []struct{ name, bench, benchtime string }{
	{"validate", "Ratio", "1x"},
}

// benchmarks runs the benchmarks of the other packages that are there.
func benchmarks(log func(string, ...any)) ([]results.Benchmark, error) {
	var all []results.Benchmark
	for _, o := range others {
		if _, err := os.Stat(o.name); err != nil {
			continue
		}
		log("the benchmarks of %s", o.name)
		out, err := exec.Command("go", "test", "-run", "^$", "-bench", o.bench, "-benchtime", o.benchtime, "./"+o.name).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("the benchmarks of %s: %w\n%s", o.name, err, out)
		}
		for line := range bytes.Lines(out) {
			if b, ok := parseBenchmark(string(line)); ok {
				b.Package = o.name
				all = append(all, b)
			}
		}
	}
	return all, nil
}

// parseBenchmark reads a line as go test prints it:
//
//	BenchmarkRatio/typical-2  3  72.67 govalidator/ours  3.722 ours/byhand
func parseBenchmark(line string) (results.Benchmark, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") || len(fields)%2 != 0 {
		return results.Benchmark{}, false
	}
	name := strings.TrimPrefix(fields[0], "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		name = name[:i]
	}
	b := results.Benchmark{Name: name, Metrics: map[string]float64{}}
	for i := 2; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return results.Benchmark{}, false
		}
		b.Metrics[fields[i+1]] = v
	}
	return b, true
}
