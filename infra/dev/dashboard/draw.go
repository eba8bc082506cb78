package dashboard

import (
	"context"
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Sizes in pixels.
const (
	column, line = 52, 26 // of Grafana's grid
	gap          = 6      // between panels
	head         = 22     // a panel's title
	foot         = 20     // its legend
)

const style = `<style>
text{font:11px system-ui,sans-serif;fill:#24292f}.bg{fill:#fff}.box{fill:#f6f8fa;stroke:#d0d7de}.row{font-weight:600;font-size:13px}
.title{font-weight:600}.big{font-size:30px;text-anchor:middle}.axis{fill:#57606a}.grid{stroke:#d8dee4}.line{fill:none;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bg{fill:#0d1117}.box{fill:#161b22;stroke:#30363d}.axis{fill:#8b949e}.grid{stroke:#21262d}}
</style>`

// colours are those of the lines, which are told apart on light and dark ground.
var colours = []string{"#2f81f7", "#d29922", "#3fb950", "#f85149", "#a371f7", "#db61a2", "#39c5cf", "#8b949e"}

// Draw writes the picture of a board.
func Draw(ctx context.Context, w io.Writer, b Board, s Source) error {
	height := 0
	for _, p := range b.Panels {
		height = max(height, (p.Place.Y+p.Place.H)*line+gap)
	}
	out := &strings.Builder{}
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">%s<rect class="bg" width="100%%" height="100%%"/>`+"\n",
		24*column+gap, height, html.EscapeString("Dashboard "+b.Title), style)
	for _, p := range b.Panels {
		var lines []series
		for _, t := range p.Targets {
			found, err := s.ask(ctx, t)
			if err != nil {
				return fmt.Errorf("draw panel %s: %w", p.Title, err)
			}
			lines = append(lines, found...)
		}
		p.draw(out, lines)
	}
	out.WriteString("</svg>\n")
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write the picture: %w", err)
	}
	return nil
}

// draw writes one panel.
func (p Panel) draw(out *strings.Builder, lines []series) {
	x, y := p.Place.X*column+gap, p.Place.Y*line+gap
	w, h := p.Place.W*column-gap, p.Place.H*line-gap
	if p.Type == "row" {
		fmt.Fprintf(out, `<text class="row" x="%d" y="%d">%s</text>`+"\n", x, y+14, html.EscapeString(p.Title))
		return
	}
	fmt.Fprintf(out, `<g transform="translate(%d %d)"><rect class="box" width="%d" height="%d" rx="4"/><text class="title" x="8" y="15">%s</text>`,
		x, y, w, h, html.EscapeString(p.Title))
	unit := p.Field.Defaults.Unit
	if p.Type == "stat" {
		value := "no data"
		if len(lines) > 0 {
			value = format(last(lines[0].values), unit)
		}
		fmt.Fprintf(out, `<text class="big" x="%d" y="%d">%s</text>`, w/2, (h+head)/2+10, html.EscapeString(value))
	} else {
		chart(out, lines, unit, w, h)
	}
	out.WriteString("</g>\n")
}

// chart writes lines, with the scale at the left and names below.
func chart(out *strings.Builder, lines []series, unit string, w, h int) {
	low, high := 0.0, 0.0
	for _, l := range lines {
		for _, v := range l.values {
			if !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if high == low {
		high = low + 1
	}
	left, top, right, bottom := 62.0, float64(head+6), float64(w-10), float64(h-foot-6)
	at := func(v float64) float64 { return bottom - (v-low)/(high-low)*(bottom-top) }
	for _, v := range []float64{low, (low + high) / 2, high} {
		fmt.Fprintf(out, `<path class="grid" d="M%.0f %.1fH%.0f"/><text class="axis" x="6" y="%.1f">%s</text>`, left, at(v), right, at(v)+4, html.EscapeString(format(v, unit)))
	}
	names, unnamed := left-50, 0
	for i, l := range lines {
		colour := colours[i%len(colours)]
		fmt.Fprintf(out, `<path class="line" stroke="%s" d="%s"/>`, colour, path(l.values, at, left, right))
		width := 24 + 6.2*float64(len(l.name))
		switch {
		case l.name == "":
		case unnamed > 0 || names+width > right-60: // there is "and 1 more" to write
			unnamed++
		default:
			fmt.Fprintf(out, `<rect x="%.0f" y="%d" width="9" height="3" fill="%s"/><text class="axis" x="%.0f" y="%d">%s</text>`,
				names, h-13, colour, names+13, h-8, html.EscapeString(l.name))
			names += width
		}
	}
	if unnamed > 0 {
		fmt.Fprintf(out, `<text class="axis" x="%.0f" y="%d">and %d more</text>`, names, h-8, unnamed)
	}
}

// path is a line with gaps where values are missing.
func path(values []float64, at func(float64) float64, left, right float64) string {
	d, command := &strings.Builder{}, "M"
	for i, v := range values {
		if math.IsNaN(v) {
			command = "M"
			continue
		}
		fmt.Fprintf(d, "%s%.1f %.1f", command, left+float64(i)/float64(len(values)-1)*(right-left), at(v))
		command = "L"
	}
	return d.String()
}

// last is the latest value.
func last(values []float64) float64 {
	for i := len(values) - 1; i >= 0; i-- {
		if !math.IsNaN(values[i]) {
			return values[i]
		}
	}
	return math.NaN()
}

// format writes a value with its unit, in Grafana's names of units.
func format(v float64, unit string) string {
	switch {
	case math.IsNaN(v):
		return "no data"
	case unit == "percentunit":
		return fmt.Sprintf("%.3g %%", v*100)
	case unit == "bytes":
		return fmt.Sprintf("%.3g MiB", v/(1<<20))
	}
	suffix := map[string]string{"s": " s", "ms": " ms", "ops": "/s"}[unit]
	if a := math.Abs(v); a >= 10_000 {
		return fmt.Sprintf("%.3gk%s", v/1000, suffix)
	}
	return fmt.Sprintf("%.3g%s", v, suffix)
}
