package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/takings"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// keepBook returns the book of this container's rounds, shown by reg.
func keepBook(reg prometheus.Registerer) *takings.Book {
	book := takings.New(games.Names())
	reg.MustRegister(book)
	return book
}

// waiting shows what waits in the outbox, of all containers, as read looked last.
func waiting(m *telemetry.Metrics, read func() (rows int64, oldest time.Duration)) {
	m.Read("outbox_depth", "Rows of the outbox, of all containers, that are not sent.", func() float64 {
		rows, _ := read()
		return float64(rows)
	})
	m.Read("outbox_oldest_age_seconds", "Age of the oldest row of the outbox that is not sent; 0 without one.", func() float64 {
		_, oldest := read()
		return oldest.Seconds()
	})
}
