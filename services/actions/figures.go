package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/takings"
)

// keepBook returns the book of this container's rounds, shown by reg.
func keepBook(reg prometheus.Registerer) *takings.Book {
	book := takings.New(games.Names())
	reg.MustRegister(book)
	return book
}
