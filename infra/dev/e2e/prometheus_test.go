package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/shared/child"
)

// prometheus is a server of Debian's package that scrapes once a second.
type prometheus struct {
	t   *testing.T
	url string
}

// scrape starts one over these addresses, by the name of the instance.
func scrape(t *testing.T, targets map[string]string) prometheus {
	t.Helper()
	dir := t.TempDir()
	config := &strings.Builder{}
	fmt.Fprintln(config, "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: vegascore\n  static_configs:")
	for name, address := range targets {
		fmt.Fprintf(config, "  - {targets: [%q], labels: {instance: %q}}\n", strings.TrimPrefix(address, "http://"), name)
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	port, err := child.Port()
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	cmd := exec.Command("prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	cmd.Stderr = t.Output()
	process, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatalf("prometheus must be installed: %v", err)
	}
	t.Cleanup(func() {
		if err := process.Kill(); err != nil {
			t.Error(err)
		}
	})
	p := prometheus{t, "http://" + address}
	platform.Await(t, "prometheus is ready", func() bool {
		if process.Ended() {
			t.Fatalf("prometheus has ended: %v", process.Err())
		}
		answer, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return p
}

// get reads the data of an answer of the API into out.
func (p prometheus) get(path string, query url.Values, out any) error {
	answer, err := http.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var body struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return err
	}
	if body.Status != "success" {
		return fmt.Errorf("%s: %s", body.Status, body.Error)
	}
	return json.Unmarshal(body.Data, out)
}

// finite asks for an expression now and returns how many of its series have a number.
func (p prometheus) finite(expr string) (series int, err error) {
	var data struct {
		Result []struct{ Value []any }
	}
	if err := p.get("/api/v1/query", url.Values{"query": {expr}}, &data); err != nil {
		return 0, err
	}
	for _, r := range data.Result {
		text, _ := r.Value[1].(string)
		if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			series++
		}
	}
	return series, nil
}

// series returns the labels of every series.
func (p prometheus) series() []map[string]string {
	p.t.Helper()
	var all []map[string]string
	if err := p.get("/api/v1/series", url.Values{"match[]": {`{__name__=~".+"}`}}, &all); err != nil {
		p.t.Fatal(err)
	}
	return all
}

// jobs stands in for the collector to which the jobs send their last figures.
func jobs(t *testing.T) (address string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ledger_imbalance 0\nrollout_restored_total 0")
	}))
	t.Cleanup(server.Close)
	return server.URL
}
