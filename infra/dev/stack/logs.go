package stack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// lineWriter takes what a process prints and passes on whole lines: all of them to
// the file, those that matter to the terminal.
type lineWriter struct {
	service string
	file    io.Writer
	screen  *console
	all     bool // also below warning
	raw     bool // as they are

	mu   sync.Mutex
	rest []byte
	tail []string // the last lines, for errors
}

const (
	tailLines = 12
	maxLine   = 64 << 10 // bytes; longer ones are cut into several
)

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 && len(w.rest) < maxLine {
			return len(p), nil
		}
		if end < 0 {
			end = len(w.rest) - 1
		}
		line := string(w.rest[:end+1])
		w.rest = w.rest[end+1:]
		w.line(strings.TrimRight(line, "\n"))
	}
}

func (w *lineWriter) line(text string) {
	// The process must not stop because a disk is full: what it says is lost then.
	_, _ = io.WriteString(w.file, text+"\n")
	if w.tail = append(w.tail, text); len(w.tail) > tailLines {
		w.tail = w.tail[1:]
	}
	if w.raw {
		w.screen.line("%s", text)
		return
	}
	rendered, matters := w.render(text)
	if matters || w.all {
		w.screen.line("%s", rendered)
	}
}

// last is the end of what the process said.
func (w *lineWriter) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(append(slices.Clone(w.tail), string(w.rest)), "\n")
}

// render turns a JSON log line into one for people and says whether it is a warning
// or worse. What is no JSON, a panic for example, always matters.
func (w *lineWriter) render(text string) (string, bool) {
	var fields map[string]any
	if json.Unmarshal([]byte(text), &fields) != nil {
		return fmt.Sprintf("     %-10s  %s", w.service, text), true
	}
	take := func(key string) string {
		v, ok := fields[key]
		if !ok {
			return ""
		}
		delete(fields, key)
		return fmt.Sprint(v)
	}
	level, message, at := take("severity"), take("message"), take("time")
	take("service")
	if i := strings.IndexByte(at, 'T'); i >= 0 && len(at) >= i+13 {
		at = at[i+1 : i+13] // time of day, milliseconds
	}
	short, colour := level, faint
	switch level {
	case "WARNING":
		short, colour = "WARN", yellow
	case "ERROR", "CRITICAL":
		short, colour = "ERROR", red
	}
	var rest strings.Builder
	for _, key := range sortedKeys(fields) {
		value := fields[key]
		if b, err := json.Marshal(value); err == nil && !isText(value) {
			value = string(b)
		}
		fmt.Fprintf(&rest, " %s=%v", w.screen.paint(faint, key), value)
	}
	line := fmt.Sprintf("%s %s %-10s  %s%s", at, w.screen.paint(colour, fmt.Sprintf("%-5s", short)), w.service, message, rest.String())
	return line, colour != faint
}

func isText(v any) bool { _, ok := v.(string); return ok }

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
