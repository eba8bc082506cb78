package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// errNoMetrics says that nobody told where the containers' figures are.
var errNoMetrics = errors.New("no /metrics of realtime containers known")

// cpuSeconds adds up the CPU time that processes have used, by their metrics.
func cpuSeconds(ctx context.Context, client *http.Client, addresses []string) (float64, error) {
	if len(addresses) == 0 {
		return 0, errNoMetrics
	}
	var sum float64
	for _, address := range addresses {
		seconds, err := scrape(ctx, client, address)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", address, err)
		}
		sum += seconds
	}
	return sum, nil
}

func scrape(ctx context.Context, client *http.Client, address string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.Join(lines.Err(), errors.New("no process_cpu_seconds_total"))
}
