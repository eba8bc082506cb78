package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/vegascore/vegascore/services/actions/internal/openapi"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// What this API says about itself. None of it changes while the process runs, and it is the
// same for everybody.

// forAll lets anybody keep the answer, who has to ask whether it still holds.
const forAll = "no-cache"

// openapi answers with the OpenAPI document.
func (a *API) openapi(w http.ResponseWriter, r *http.Request) error {
	writeForAll(w, r, openapi.Document())
	return nil
}

// docs answers with the page of the document.
func (a *API) docs(w http.ResponseWriter, r *http.Request) error {
	h, body := w.Header(), openapi.Page()
	h.Set("Content-Security-Policy", openapi.Policy())
	h.Set("Cache-Control", forAll)
	if web.Unchanged(w, r, body) {
		return nil
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the caller may be gone
	return nil
}

// problems answers with the catalogue of problems.
func (a *API) problems(w http.ResponseWriter, r *http.Request) error {
	text, err := json.Marshal(struct {
		Problems []problem.Entry `json:"problems"`
	}{problem.Catalogue()})
	if err != nil {
		return fmt.Errorf("encode the catalogue: %w", err)
	}
	writeForAll(w, r, text)
	return nil
}

// problem answers with one entry of the catalogue.
func (a *API) problem(w http.ResponseWriter, r *http.Request) error {
	entry, ok := problem.Find(problem.Code(r.PathValue("code")))
	if !ok {
		return problem.Of(problem.NotFound, "There is no such code.")
	}
	text, err := json.Marshal(struct {
		Problem problem.Entry `json:"problem"`
	}{entry})
	if err != nil {
		return fmt.Errorf("encode an entry: %w", err)
	}
	writeForAll(w, r, text)
	return nil
}

// writeForAll answers a GET with JSON under an entity tag.
func writeForAll(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Cache-Control", forAll)
	if !web.Unchanged(w, r, body) {
		web.WriteRaw(w, http.StatusOK, body)
	}
}
