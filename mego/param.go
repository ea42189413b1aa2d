package mego

import "time"

// A Param is a parameter of a request, or nothing where the request has no such
// parameter. Its getters convert what was sent, and return the zero value where
// that cannot be: numbers are converted to each other, but text is never taken
// for a number.
type Param struct {
	value any
	len   int
}

// Len returns how many parameters the request has.
func (p *Param) Len() int { return p.len }

// Get returns the parameter as it was decoded: see package msgpack for its type.
func (p *Param) Get() (v any) { return p.value }

// GetBool returns the parameter as a bool.
func (p *Param) GetBool() (v bool) { return toBool(p.value) }

// GetDuration returns the parameter as a duration: a number of nanoseconds, or text as "1m30s".
func (p *Param) GetDuration() (v time.Duration) { return toDuration(p.value) }

// GetFloat64 returns the parameter as a float; any number is one.
func (p *Param) GetFloat64() (v float64) { return toFloat64(p.value) }

// GetInt returns the parameter as an integer; a float loses its fraction, and what does not fit is 0.
func (p *Param) GetInt() (v int) { return toInt(p.value) }

// GetMapString returns the parameter as a map of strings, or nil.
func (p *Param) GetMapString() (v map[string]string) { return toMapString(p.value) }

// GetString returns the parameter as text; bytes are text too.
func (p *Param) GetString() (v string) { return toString(p.value) }

// GetStringMap returns the parameter as a map whose keys are strings, or nil.
func (p *Param) GetStringMap() (v map[string]any) { return toStringMap(p.value) }

// GetStringSlice returns the parameter as a list of strings, or nil.
func (p *Param) GetStringSlice() (v []string) { return toStringSlice(p.value) }

// GetTime returns the parameter as a time: a timestamp, text by RFC 3339, or Unix seconds.
func (p *Param) GetTime() (v time.Time) { return toTime(p.value) }
