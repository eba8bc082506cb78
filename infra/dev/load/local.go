package load

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// LocalMetrics are the /metrics addresses of the realtime containers behind address,
// if the state folder dir belongs to a local stack whose front door that is; else
// none.
func LocalMetrics(dir, address string) []string {
	u, err := url.Parse(address)
	if err != nil || !loopback(u.Hostname()) {
		return nil
	}
	// The holder of the folder notes its process and the address of its front door.
	holder, err := os.ReadFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil
	}
	_, door, _ := strings.Cut(strings.TrimSpace(string(holder)), ", ")
	if d, err := url.Parse(door); err != nil || d.Port() == "" || d.Port() != u.Port() {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "ports.json"))
	if err != nil {
		return nil
	}
	ports := map[string]int{}
	if json.Unmarshal(text, &ports) != nil {
		return nil
	}
	var all []string
	for name, port := range ports {
		if strings.HasPrefix(name, "realtime") && strings.HasSuffix(name, " internal") {
			all = append(all, "http://127.0.0.1:"+strconv.Itoa(port)+"/metrics")
		}
	}
	slices.Sort(all)
	return all
}
