package stack

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// console writes lines for people. It may be used concurrently.
type console struct {
	mu     sync.Mutex
	out    io.Writer
	colour bool
	start  time.Time
}

func newConsole(out io.Writer) *console {
	return &console{out: out, colour: colourful(out), start: time.Now()}
}

// colourful says whether out is a terminal whose user did not opt out.
func colourful(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// The colours that are used, as ANSI sequences.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (c *console) paint(code, text string) string {
	if !c.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// step says that something is done and how long it took.
func (c *console) step(what, how string, took time.Duration) {
	c.line("  %s %-12s %s %s", c.paint(green, "ok"), what, how, c.paint(faint, duration(took)))
}

// say reports an event.
func (c *console) say(format string, args ...any) {
	c.line("  %s %s", c.paint(yellow, "--"), fmt.Sprintf(format, args...))
}

func (c *console) line(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.out, format+"\n", args...)
}

func duration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// row is a line of the table of addresses.
type row struct{ name, value, note string }

// widest is the longest value whose note is aligned with the others, in bytes.
const widest = 40

func (c *console) table(title string, rows []row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names, values := 0, 0
	for _, r := range rows {
		names = max(names, len(r.name))
		if r.note != "" && len(r.value) <= widest {
			values = max(values, len(r.value))
		}
	}
	fmt.Fprintf(c.out, "\n%s\n\n", c.paint(bold, title))
	for _, r := range rows {
		line := fmt.Sprintf("  %-*s  %s", names, r.name, c.paint(cyan, r.value))
		if r.note != "" {
			line += strings.Repeat(" ", max(0, values-len(r.value))) + "  " + c.paint(faint, r.note)
		}
		fmt.Fprintln(c.out, line)
	}
	fmt.Fprintln(c.out)
}
