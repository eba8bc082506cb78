package frontdoor

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

// probeTimeout bounds one probe of a service; all run at once.
const probeTimeout = 2 * time.Second

// maxProbe bounds the document of a service, in bytes.
const maxProbe = 256 << 10

// probed is what one service answered. body is nil when it did not.
type probed struct {
	name string
	code int
	body map[string]json.RawMessage
}

// ask sends one probe to every service at once and returns their answers in order.
func (d *Door) ask(r *http.Request, path string) []probed {
	all := make([]probed, len(d.services))
	var wg sync.WaitGroup
	for i, s := range d.services {
		all[i].name = s.Name
		wg.Go(func() {
			request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.URL.JoinPath(path).String(), nil)
			if err != nil {
				return
			}
			answer, err := d.probe.Do(request)
			if err != nil {
				return
			}
			defer answer.Body.Close()
			var body map[string]json.RawMessage
			if json.NewDecoder(io.LimitReader(answer.Body, maxProbe)).Decode(&body) == nil {
				all[i].code, all[i].body = answer.StatusCode, body
			}
		})
	}
	wg.Wait()
	return all
}

// ready answers 200 when every service is ready.
func (d *Door) ready(w http.ResponseWriter, r *http.Request) {
	ready := true
	services := map[string]any{}
	for _, p := range d.ask(r, "/ready") {
		if p.body == nil {
			ready = false
			services[p.name] = map[string]any{"ready": false, "reason": "unreachable"}
			continue
		}
		ready = ready && p.code == http.StatusOK
		services[p.name] = p.body
	}
	code := http.StatusOK
	if !ready {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, map[string]any{"ready": ready, "uptime": d.uptime(), "services": services})
}

// rank orders statuses from good to bad; one that nobody knows is bad.
func rank(status string) int {
	switch status {
	case "healthy":
		return 0
	case "degraded":
		return 1
	default:
		return 2
	}
}

// health answers the worst status of all services, per component too, their version
// if it is one, and every service's own document. 503 when any service is unhealthy.
func (d *Door) health(w http.ResponseWriter, r *http.Request) {
	worst := "healthy"
	services, components := map[string]any{}, map[string]json.RawMessage{}
	version, mixed := "", false
	for _, p := range d.ask(r, "/health") {
		status := "unhealthy"
		if p.body == nil {
			services[p.name] = map[string]any{"status": status, "reason": "unreachable"}
		} else {
			services[p.name] = p.body
			status = statusOf(p.body["status"])
			merge(components, p.body["components"])
			its := versionOf(p.body["version"])
			mixed = mixed || version != "" && its != version
			version = its
		}
		if rank(status) > rank(worst) {
			worst = status
		}
	}
	code := http.StatusOK
	if rank(worst) == 2 {
		worst, code = "unhealthy", http.StatusServiceUnavailable
	}
	body := map[string]any{"status": worst, "uptime": d.uptime(), "components": components, "services": services}
	if version != "" && !mixed { // in the middle of a rollout the services' own documents tell
		body["version"] = version
	}
	answer(w, code, body)
}

// versionOf is empty for what is no version.
func versionOf(raw json.RawMessage) (version string) {
	if json.Unmarshal(raw, &version) != nil {
		return ""
	}
	return version
}

func statusOf(raw json.RawMessage) string {
	var status string
	if json.Unmarshal(raw, &status) != nil {
		return "unhealthy"
	}
	return status
}

// merge keeps the worst document of each component.
func merge(into map[string]json.RawMessage, raw json.RawMessage) {
	var components map[string]json.RawMessage
	if json.Unmarshal(raw, &components) != nil {
		return
	}
	status := func(component json.RawMessage) string {
		var c struct {
			Status json.RawMessage `json:"status"`
		}
		if json.Unmarshal(component, &c) != nil {
			return "unhealthy"
		}
		return statusOf(c.Status)
	}
	for name, component := range components {
		known, ok := into[name]
		if !ok || rank(status(component)) > rank(status(known)) {
			into[name] = component
		}
	}
}
