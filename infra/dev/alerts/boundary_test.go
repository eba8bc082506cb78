package alerts

import (
	"strings"
	"testing"
)

// Each change moves a boundary a little to one side; the unit tests must notice.
var moved = []struct{ alert, from, to string }{
	{"HealthCheckFailing", "> 0", ">= 0"},
	{"HealthCheckFailing", "> 0", "> 1"},
	{"HealthCheckFailing", "for: 60s", "for: 0s"},
	{"HealthCheckFailing", "for: 60s", "for: 120s"},
	{"HealthCheckFailing", `="unhealthy"`, `!="healthy"`},
	{"HealthCheckDegraded", "> 0", ">= 0"},
	{"HealthCheckDegraded", "for: 900s", "for: 840s"},
	{"HealthCheckDegraded", "for: 900s", "for: 960s"},
	{"HealthCheckDegraded", `="degraded"`, `!="healthy"`},
	{"HealthCheckSilent", "for: 600s", "for: 540s"},
	{"HealthCheckSilent", "for: 600s", "for: 660s"},
	{"HealthCheckSilent", "absent(", "absent(0 == "},
	{"ContainerStartupSlow", "> 5000", ">= 5000"},
	{"ContainerStartupSlow", "> 5000", "> 5001"},
	{"ContainerStartupSlow", ">= 3600", "> 3600"},
	{"ContainerStartupSlow", ">= 3600", ">= 3540"},
	{"ContainerStartupSlow", "max(", "min("},
	{"SocketIOClusterSmall", "< 2", "<= 2"},
	{"SocketIOClusterSmall", "< 2", "< 1"},
	{"SocketIOClusterSmall", "max(", "min("},
	{"SocketIOClusterSmall", "for: 300s", "for: 240s"},
	{"SocketIOClusterSmall", "for: 300s", "for: 360s"},
	{"RedisDegraded", "> 0", ">= 0"},
	{"RedisDegraded", "max(", "min("},
	{"RedisDegraded", "for: 60s", "for: 0s"},
	{"RedisDegraded", "for: 60s", "for: 120s"},
	{"RecoveryFailing", ">= 20", "> 20"},
	{"RecoveryFailing", ">= 20", ">= 18.9"},
	{"RecoveryFailing", "> 0.1", ">= 0.1"},
	{"RecoveryFailing", "> 0.1", "> 0.103"},
	{"TablesStandStill", ">= 20", "> 20"},
	{"TablesStandStill", ">= 20", ">= 18.9"},
	{"TablesStandStill", "> 0.5", ">= 0.5"},
	{"TablesStandStill", "> 0.5", "> 0.53"},
	{"HighDatabaseLatency", "> 200", ">= 200"},
	{"HighDatabaseLatency", "> 200", "> 201"},
	{"HighDatabaseLatency", "max(", "min("},
	{"HighDatabaseLatency", "for: 300s", "for: 240s"},
	{"HighDatabaseLatency", "for: 300s", "for: 360s"},
	{"OutboxOld", "> 60", ">= 60"},
	{"OutboxOld", "> 60", "> 61"},
	{"OutboxOld", "for: 120s", "for: 60s"},
	{"OutboxOld", "for: 120s", "for: 180s"},
	{"LedgerImbalance", "> 0", ">= 0"},
	{"LedgerImbalance", "> 0", "> 1"},
	{"LedgerImbalance", "[15m]", "[13m]"},
	{"LedgerImbalance", "[15m]", "[17m]"},
	{"LedgerUnverified", "[30m]", "[28m]"},
	{"LedgerUnverified", "[30m]", "[32m]"},
	{"RTPOutOfBand", "> 0", ">= 0"},
	{"RTPOutOfBand", "> 0", "> 1"},
	{"RTPOutOfBand", "by (game) ", ""},
	{"RTPOutOfBand", "for: 1800s", "for: 1740s"},
	{"RTPOutOfBand", "for: 1800s", "for: 1860s"},
	{"RollbackHappened", "increase(rollout_restored_total[15m])) > 0", "increase(rollout_restored_total[15m])) > 9"},
	{"RollbackHappened", "offset 16m) > 0", "offset 16m) >= 0"},
	{"RollbackHappened", "offset 16m) > 0", "offset 16m) > 1"},
	{"RollbackHappened", "unless rollout_restored_total offset 16m", ""},
}

func TestAMovedBoundaryIsNoticed(t *testing.T) {
	t.Parallel()
	all := text(t, rulesFile)
	covered := map[string]bool{}
	for _, m := range moved {
		covered[m.alert] = true
		start := strings.Index(all, "- alert: "+m.alert+"\n")
		if start < 0 {
			t.Errorf("no alert %s", m.alert)
			continue
		}
		head, tail := all[:start], all[start:]
		end := strings.Index(tail[1:], "- alert: ") + 1
		if end == 0 {
			end = len(tail)
		}
		if !strings.Contains(tail[:end], m.from) {
			t.Errorf("%s does not contain %q", m.alert, m.from)
			continue
		}
		changed := head + strings.Replace(tail[:end], m.from, m.to, 1) + tail[end:]
		t.Run(m.alert+" "+m.from+" to "+m.to, func(t *testing.T) {
			t.Parallel()
			out, err := promtool(t, "test", "rules", copied(t, m.alert, changed))
			if err == nil || !strings.Contains(out, "alertname: "+m.alert) {
				t.Errorf("the tests pass all the same: %v\n%s", err, out)
			}
		})
	}
	for _, r := range rules(t) {
		if !covered[r.Alert] {
			t.Errorf("no boundary of %s is moved here", r.Alert)
		}
	}
}
