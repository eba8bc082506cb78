package health

import "time"

// Document is what /health answers.
type Document struct {
	Status     Status               `json:"status"`
	Version    string               `json:"version,omitempty"`
	Uptime     int64                `json:"uptime"` // whole seconds
	Components map[string]Component `json:"components"`
}

// Component is one entry of a Document.
type Component struct {
	Status  Status         `json:"status"`
	Latency *int64         `json:"latency,omitempty"` // ms of the last run; absent for checks that ask nobody
	Age     int64          `json:"age"`               // ms since the last result
	Reason  string         `json:"reason,omitempty"`  // code, when not healthy
	Error   string         `json:"error,omitempty"`   // internal listener only
	Details map[string]any `json:"details,omitempty"`
}

// readyDocument is what /ready answers.
type readyDocument struct {
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"`
	Uptime int64  `json:"uptime"`
}

// Worst returns the worst of the statuses, and Healthy for none. A status that
// it does not know counts as Unhealthy.
func Worst(all ...Status) Status {
	worst := Healthy
	for _, s := range all {
		if s.rank() > worst.rank() {
			worst = s
		}
	}
	if worst.rank() == Unhealthy.rank() {
		return Unhealthy
	}
	return worst
}

// Document returns the state of all components as last seen, with everything
// that is known: it is not for the public.
func (h *Health) Document() Document {
	d := Document{Status: Healthy, Version: h.options.Version, Uptime: h.uptime(), Components: make(map[string]Component, len(h.components))}
	for _, c := range h.components {
		r := c.snapshot()
		entry := Component{Status: r.status, Reason: r.reason, Details: r.details}
		if !r.at.IsZero() {
			entry.Age = time.Since(r.at).Milliseconds()
		}
		if !c.Local {
			ms := r.latency.Round(time.Millisecond).Milliseconds()
			entry.Latency = &ms
		}
		if r.err != nil {
			entry.Error = r.err.Error()
		}
		d.Components[c.Name] = entry
		d.Status = Worst(d.Status, r.status)
	}
	return d
}

// public returns the document without what strangers need not know: error
// texts, and texts in details, which hold hosts and names.
func (d Document) public() Document {
	open := make(map[string]Component, len(d.Components))
	for name, c := range d.Components {
		c.Error = ""
		c.Details = figures(c.Details)
		open[name] = c
	}
	d.Components = open
	return d
}

// figures keeps numbers and booleans, in nested maps too.
func figures(details map[string]any) map[string]any {
	if details == nil {
		return nil
	}
	kept := make(map[string]any, len(details))
	for name, value := range details {
		switch v := value.(type) {
		case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
			kept[name] = v
		case map[string]any:
			kept[name] = figures(v)
		}
	}
	return kept
}

func (h *Health) uptime() int64 { return int64(time.Since(h.started) / time.Second) }
