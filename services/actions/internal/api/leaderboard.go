package api

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/shared/leaderboard"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// leaderboard answers with the best of a day or a week, to anyone, and with the caller's
// own place when there is a token.
func (a *API) leaderboard(w http.ResponseWriter, r *http.Request) error {
	board, limit, err := boardOf(r)
	if err != nil {
		return err
	}
	answer := struct {
		Period  leaderboard.Period  `json:"period"`
		By      leaderboard.Measure `json:"by"`
		Day     string              `json:"day"` // the first of the period
		Asset   money.Asset         `json:"asset"`
		Entries []leaderboard.Entry `json:"entries"`
		Me      *leaderboard.Entry  `json:"me,omitempty"`
	}{Period: board.Period, By: board.By, Day: board.First().Format(time.DateOnly), Asset: board.Asset}
	if r.Header.Get("Authorization") != "" {
		claims, err := a.player(r)
		if err != nil {
			return err
		}
		if answer.Me, err = leaderboard.Place(r.Context(), a.DB, board, claims.Player); err != nil {
			return postgres.Problem(err)
		}
	}
	if answer.Entries, err = leaderboard.Top(r.Context(), a.DB, board, limit); err != nil {
		return postgres.Problem(err)
	}
	return web.WriteTagged(w, r, answer)
}

// boardOf reads the query: period (day if absent), by (net), day (any of the period, UTC,
// 2026-11-22; today) and limit (10).
func boardOf(r *http.Request) (board leaderboard.Board, limit int, err error) {
	query, err := queryOf(r, "period", "by", "day", "limit")
	if err != nil {
		return board, 0, err
	}
	board = leaderboard.Board{
		Period: leaderboard.Period(cmp.Or(query.Get("period"), string(leaderboard.Daily))),
		By:     leaderboard.Measure(cmp.Or(query.Get("by"), string(leaderboard.Net))),
		At:     time.Now(), Asset: money.Play,
	}
	if !board.Valid() {
		return board, 0, problem.Of(problem.ParamsInvalid, "The period is day or week, by is net, wagered or multiplier.")
	}
	if text := query.Get("day"); text != "" {
		if board.At, err = time.Parse(time.DateOnly, text); err != nil {
			return board, 0, problem.Of(problem.ParamsInvalid, "A day looks like 2026-11-22.")
		}
	}
	limit, err = strconv.Atoi(cmp.Or(query.Get("limit"), "10"))
	if err != nil || limit < 1 || limit > leaderboard.MaxLimit {
		return board, 0, problem.Of(problem.ParamsInvalid, "The limit is 1 to %d.", leaderboard.MaxLimit)
	}
	return board, limit, nil
}
