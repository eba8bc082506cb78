package takings

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// figures are what is shown of a game.
type figures struct {
	Sums
	Band
}

// column is one figure of every game.
type column struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(figures) float64
}

func counter(name, help string, of func(figures) float64) column {
	return column{prometheus.NewDesc(name, help, []string{"game"}, nil), prometheus.CounterValue, of}
}

func gauge(name, help string, of func(figures) float64) column {
	return column{prometheus.NewDesc(name, help, []string{"game"}, nil), prometheus.GaugeValue, of}
}

// columns begin with the sums, which may be added up over containers and time, and from
// which any other window's RTP and band follow.
var columns = []column{
	counter("game_bets_total", "Rounds settled by this container.", func(f figures) float64 { return float64(f.Bets) }),
	counter("game_stakes_total", "Stakes of these rounds, in minor units.", func(f figures) float64 { return f.Staked }),
	counter("game_payouts_total", "Payouts of these rounds, in minor units.", func(f figures) float64 { return f.Paid }),
	counter("game_payouts_expected_total", "What these rounds would have paid by theory, in minor units.", func(f figures) float64 { return f.Expected }),
	counter("game_payouts_variance_total", "Variance of that by theory, in minor units squared.", func(f figures) float64 { return f.Variance }),
	gauge("game_ggr", "Gross gaming revenue: stakes less payouts since the start, in minor units.", func(f figures) float64 { return f.Staked - f.Paid }),
	gauge("game_rtp", "Share of the stakes that was paid out; NaN without bets.", func(f figures) float64 { return f.RTP }),
	gauge("game_rtp_theory", "Share of these very stakes that the rules promise.", func(f figures) float64 { return f.Theory }),
	gauge("game_rtp_band_low", "Lower end of the band in which chance alone leaves game_rtp.", func(f figures) float64 { return f.Low }),
	gauge("game_rtp_band_high", "Upper end of the band in which chance alone leaves game_rtp.", func(f figures) float64 { return f.High }),
	gauge("game_rtp_out_of_band", "1 if game_rtp is outside of its band, else 0.", func(f figures) float64 {
		if f.Outside {
			return 1
		}
		return 0
	}),
}

// Describe implements prometheus.Collector.
func (b *Book) Describe(to chan<- *prometheus.Desc) {
	for _, c := range columns {
		to <- c.desc
	}
}

// Collect implements prometheus.Collector.
func (b *Book) Collect(to chan<- prometheus.Metric) {
	for _, game := range slices.Sorted(maps.Keys(b.games)) {
		s := b.Sums(game)
		f := figures{s, s.Band()}
		for _, c := range columns {
			to <- prometheus.MustNewConstMetric(c.desc, c.kind, c.of(f), game)
		}
	}
}
